//! Whether lengths, indices and numbers of a report agree.

use panarch_graph::{Accuracy, Estimate, Latency};

use super::{DeviceLatency, ProvenanceIndex, RunReport};

/// What is wrong, at most [`MOST`] of it.
#[derive(Default)]
struct Found {
    named: Vec<String>,
    more: usize,
}

/// The inconsistencies that are named; the others are counted.
const MOST: usize = 20;

impl Found {
    fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if holds {
            return;
        }
        if self.named.len() < MOST {
            self.named.push(what());
        } else {
            self.more += 1;
        }
    }
}

fn positive(estimate: &Estimate<Latency>) -> bool {
    let Estimate { value, low, high, .. } = estimate;
    let finite = [value, low, high].iter().all(|latency| latency.seconds().is_finite());
    finite && value.seconds() > 0.0 && low <= value && value <= high
}

fn share(estimate: &Estimate<Accuracy>) -> bool {
    let Estimate { value, low, high, .. } = estimate;
    low <= value && value <= high && low.share() >= 0.0 && high.share() <= 1.0
}

impl RunReport {
    /// Where parts of the report do not agree or numbers cannot be: one entry a device, indices that exist, latencies that
    /// are finite and positive, accuracies from 0 to 1, values within their interval. Empty when all is well.
    ///
    /// A report is written and drawn all the same, with this at its head: what it took to find it out is not thrown away.
    #[must_use]
    pub fn inconsistencies(&self) -> Vec<String> {
        let mut found = Found::default();
        self.look(&mut found);
        if found.more > 0 {
            found.named.push(format!("and {} more", found.more));
        }
        found.named
    }

    fn look(&self, found: &mut Found) {
        for device in &self.devices {
            found.require(
                device.target.seconds().is_finite() && device.target.seconds() > 0.0,
                || format!("target of device {}", device.name),
            );
            if let Some(quality) = &device.quality {
                found.require(positive(&quality.anchor_latency) && quality.spread.is_finite(), || {
                    format!("the anchor of device {}", device.name)
                });
            }
        }
        for network in &self.networks {
            found.require(share(&network.accuracy), || format!("accuracy of {}", network.genotype));
            self.check_latencies(&network.latency, &network.genotype, found);
        }
        for finalist in &self.finalists {
            found.require(!finalist.roles.is_empty(), || {
                format!("finalist {} without a role", finalist.genotype)
            });
            found.require(share(&finalist.test_accuracy), || {
                format!("accuracy of {}", finalist.label())
            });
            self.check_latencies(&finalist.latency, &finalist.label(), found);
        }
        if let Some(chosen) = self.chosen {
            found.require((chosen as usize) < self.finalists.len(), || {
                format!("chosen finalist {chosen} of {}", self.finalists.len())
            });
        }
        if let Some(agreement) = &self.agreement {
            let devices = self.devices.len();
            let square = agreement.kendall.len() == devices && agreement.kendall.iter().all(|row| row.len() == devices);
            found.require(square, || {
                "the matrix of Kendall's τ is not one row and column a device".into()
            });
        }
        for layers in &self.layers {
            self.check_device(&layers.device, "layers", found);
            self.check_provenance(layers.provenance, found);
        }
        for check in &self.predictions {
            self.check_device(&check.device, "predictions", found);
            self.check_provenance(check.predicted, found);
            self.check_provenance(check.measured, found);
            for pair in &check.pairs {
                found.require(positive(&pair.predicted) && positive(&pair.measured), || {
                    format!("predicted or measured latency of {}", pair.genotype)
                });
            }
        }
        for search in &self.searches {
            for requirement in &search.requirements {
                found.require(requirement.ratio.is_finite() && requirement.ratio > 0.0, || {
                    format!("the {} of the winner of search {}", requirement.quantity, search.name)
                });
            }
            let indices = search
                .trials
                .iter()
                .filter_map(|trial| trial.network)
                .chain(search.winner);
            for index in indices {
                found.require((index as usize) < self.networks.len(), || {
                    format!("network {index} of search {}", search.name)
                });
            }
        }
        for repeat in &self.repeats {
            for outcome in &repeat.outcomes {
                found.require(outcome.ratios.len() == self.devices.len(), || {
                    format!("ratios of {} under seed {}", outcome.role, repeat.seed)
                });
            }
        }
    }

    fn check_latencies(&self, latencies: &[DeviceLatency], of: &str, found: &mut Found) {
        found.require(latencies.len() == self.devices.len(), || {
            format!(
                "{} latencies of {of} for {} devices",
                latencies.len(),
                self.devices.len()
            )
        });
        for (on, device) in latencies.iter().zip(&self.devices) {
            found.require(positive(&on.latency), || format!("latency of {of} on {}", device.name));
            self.check_provenance(on.provenance, found);
        }
    }

    fn check_provenance(&self, index: ProvenanceIndex, found: &mut Found) {
        found.require((index.0 as usize) < self.provenances.len(), || {
            format!("provenance {}", index.0)
        });
    }

    fn check_device(&self, name: &str, place: &str, found: &mut Found) {
        let known = self.devices.iter().any(|device| device.name == name);
        found.require(known, || format!("{place} of an unknown device {name}"));
    }
}
