//! What of an inconsistent report can be drawn.

use panarch_graph::{Estimate, Latency};

use super::{DeviceLatency, ProvenanceIndex, RunReport};

impl RunReport {
    /// A copy that names every inconsistency among its problems, and of which every index exists and every list that needs it has one entry a device: a latency that is missing is
    /// no number, what refers to nothing is left out. Numbers stay as they are. A consistent report is its own copy.
    pub(crate) fn drawn(&self) -> Self {
        let mut copy = self.clone();
        for found in self.inconsistencies() {
            // A run that has found it out itself says so in a sentence around it.
            if !copy.problems.iter().any(|known| known.contains(&found)) {
                copy.problems.push(found);
            }
        }
        let (devices, networks) = (copy.devices.len(), copy.networks.len());
        let missing = DeviceLatency {
            latency: Estimate::exact(Latency::from_seconds(f64::NAN)),
            provenance: ProvenanceIndex(u32::MAX),
        };
        for network in &mut copy.networks {
            network.latency.resize(devices, missing);
        }
        for finalist in &mut copy.finalists {
            finalist.latency.resize(devices, missing);
        }
        let exists = |index: &u32| (*index as usize) < networks;
        for search in &mut copy.searches {
            search.winner = search.winner.filter(exists);
            for trial in &mut search.trials {
                trial.network = trial.network.filter(exists);
            }
        }
        let finalists = copy.finalists.len();
        copy.chosen = copy.chosen.filter(|chosen| (*chosen as usize) < finalists);
        copy.agreement = copy.agreement.filter(|agreement| {
            agreement.kendall.len() == devices && agreement.kendall.iter().all(|row| row.len() == devices)
        });
        let known = |name: &str| self.devices.iter().any(|device| device.name == name);
        copy.layers.retain(|layers| known(&layers.device));
        copy.predictions.retain(|check| known(&check.device));
        for repeat in &mut copy.repeats {
            repeat.outcomes.retain(|outcome| outcome.ratios.len() == devices);
        }
        copy
    }
}
