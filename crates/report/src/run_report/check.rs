//! Whether lengths, indices and numbers of a report agree.

use panarch_graph::{Accuracy, Estimate, Latency};

use super::{DeviceLatency, ProvenanceIndex, RunReport};
use crate::ReportError;

/// Ends with an error that names the place.
fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), ReportError> {
    if holds {
        Ok(())
    } else {
        Err(ReportError::Inconsistent(what()))
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
    /// Checks what drawing relies on: one entry a device, indices that exist, latencies that are
    /// finite and positive, accuracies from 0 to 1, values within their interval.
    ///
    /// # Errors
    /// [`ReportError::Inconsistent`] naming the first place that is wrong.
    pub fn check(&self) -> Result<(), ReportError> {
        for device in &self.devices {
            require(
                device.target.seconds().is_finite() && device.target.seconds() > 0.0,
                || format!("target of device {}", device.name),
            )?;
            if let Some(quality) = &device.quality {
                require(positive(&quality.anchor_latency) && quality.spread.is_finite(), || {
                    format!("the anchor of device {}", device.name)
                })?;
            }
        }
        for network in &self.networks {
            require(share(&network.accuracy), || format!("accuracy of {}", network.genotype))?;
            self.check_latencies(&network.latency, &network.genotype)?;
        }
        for finalist in &self.finalists {
            require(!finalist.roles.is_empty(), || {
                format!("finalist {} without a role", finalist.genotype)
            })?;
            require(share(&finalist.test_accuracy), || {
                format!("accuracy of {}", finalist.label())
            })?;
            self.check_latencies(&finalist.latency, &finalist.label())?;
        }
        if let Some(chosen) = self.chosen {
            require((chosen as usize) < self.finalists.len(), || {
                format!("chosen finalist {chosen} of {}", self.finalists.len())
            })?;
        }
        if let Some(fairness) = &self.fairness {
            let devices = self.devices.len();
            let square = fairness.kendall.len() == devices && fairness.kendall.iter().all(|row| row.len() == devices);
            require(square, || {
                "the matrix of Kendall's τ is not one row and column a device".into()
            })?;
        }
        for layers in &self.layers {
            self.check_device(&layers.device, "layers")?;
            self.check_provenance(layers.provenance)?;
        }
        for check in &self.predictions {
            self.check_device(&check.device, "predictions")?;
            self.check_provenance(check.predicted)?;
            self.check_provenance(check.measured)?;
            for pair in &check.pairs {
                require(positive(&pair.predicted) && positive(&pair.measured), || {
                    format!("predicted or measured latency of {}", pair.genotype)
                })?;
            }
        }
        for search in &self.searches {
            let indices = search
                .trials
                .iter()
                .filter_map(|trial| trial.network)
                .chain(search.winner);
            for index in indices {
                require((index as usize) < self.networks.len(), || {
                    format!("network {index} of search {}", search.name)
                })?;
            }
        }
        for repeat in &self.repeats {
            for outcome in &repeat.outcomes {
                require(outcome.ratios.len() == self.devices.len(), || {
                    format!("ratios of {} under seed {}", outcome.role, repeat.seed)
                })?;
            }
        }
        Ok(())
    }

    fn check_latencies(&self, latencies: &[DeviceLatency], of: &str) -> Result<(), ReportError> {
        require(latencies.len() == self.devices.len(), || {
            format!(
                "{} latencies of {of} for {} devices",
                latencies.len(),
                self.devices.len()
            )
        })?;
        for (on, device) in latencies.iter().zip(&self.devices) {
            require(positive(&on.latency), || format!("latency of {of} on {}", device.name))?;
            self.check_provenance(on.provenance)?;
        }
        Ok(())
    }

    fn check_provenance(&self, index: ProvenanceIndex) -> Result<(), ReportError> {
        require((index.0 as usize) < self.provenances.len(), || {
            format!("provenance {}", index.0)
        })
    }

    fn check_device(&self, name: &str, place: &str) -> Result<(), ReportError> {
        let known = self.devices.iter().any(|device| device.name == name);
        require(known, || format!("{place} of an unknown device {name}"))
    }
}
