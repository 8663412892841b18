//! Everything that a report shows, as plain data with a versioned file form.

mod architecture;
mod check;
mod device;
mod device_layers;
mod drawable;
mod file;
mod finalist;
mod network;
mod prediction;
mod quality;
mod run_facts;
mod search;

pub use architecture::{BlockFacts, blocks_of, merge_repeats};
pub use device::{AgreementVerdict, DeviceAgreement, DeviceFacts};
pub use device_layers::DeviceLayers;
pub use file::VERSION;
pub use finalist::{ExportCheck, ExportFacts, Finalist, Role};
pub use network::{DeviceLatency, EvaluatedNetwork, ProvenanceIndex};
pub use prediction::{PredictionCheck, PredictionPair};
pub use quality::MeasurementQuality;
pub use run_facts::{AccuracyBasis, DatasetFacts, Fact, RunFacts, Seed, SpaceFacts};
pub use search::{Outcome, ProofFacts, ProvedLimit, Repeat, Requirement, SearchFacts, SearchTrial};

use panarch_cost::Cost;
use panarch_graph::Provenance;
use serde::{Deserialize, Serialize};

/// One run, as its report shows it. The facade fills it in; nothing here computes or reads anything.
///
/// Wherever a list has "one entry a device", the order is that of [`RunReport::devices`].
/// [`RunReport::inconsistencies`] tells whether lengths, indices and numbers agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Version of this file form; [`VERSION`].
    pub version: u32,
    /// What checks at the end of the run found wrong, in sentences; they stand at the head of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The run: name, time, software, machine, run file and command.
    pub run: RunFacts,
    /// The images.
    pub dataset: DatasetFacts,
    /// The search space.
    pub space: SpaceFacts,
    /// How the supernet and the finalists were trained, as label and text.
    pub training: Vec<Fact>,
    /// The devices.
    pub devices: Vec<DeviceFacts>,
    /// Whether the devices disagree enough to be worth a joint search.
    #[serde(rename = "fairness")]
    pub agreement: Option<DeviceAgreement>,
    /// Every provenance that a number below refers to, by index.
    pub provenances: Vec<Provenance>,
    /// What the accuracy of [`RunReport::networks`] was taken on.
    pub search_accuracy: AccuracyBasis,
    /// What the accuracy of [`RunReport::finalists`] was taken on.
    pub test_accuracy: AccuracyBasis,
    /// Every network that was evaluated.
    pub networks: Vec<EvaluatedNetwork>,
    /// The winners and the reference, tuned, measured and exported.
    pub finalists: Vec<Finalist>,
    /// Index in [`RunReport::finalists`] of the network that the run recommends.
    pub chosen: Option<u32>,
    /// Per-layer cost of the chosen network; devices without a breakdown are left out.
    pub layers: Vec<DeviceLayers>,
    /// Predicted against measured latency.
    pub predictions: Vec<PredictionCheck>,
    /// Every search with its trials.
    pub searches: Vec<SearchFacts>,
    /// The outcome under several search seeds, this run's own included; empty for a single seed.
    pub repeats: Vec<Repeat>,
}

impl RunReport {
    /// The index of `provenance`, which is added if it is new.
    pub fn provenance(&mut self, provenance: &Provenance) -> ProvenanceIndex {
        let known = self.provenances.iter().position(|known| known == provenance);
        let index = known.unwrap_or_else(|| {
            self.provenances.push(provenance.clone());
            self.provenances.len() - 1
        });
        ProvenanceIndex(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// A latency as this report keeps it.
    pub fn device_latency(&mut self, cost: &Cost) -> DeviceLatency {
        DeviceLatency {
            latency: cost.latency,
            provenance: self.provenance(&cost.provenance),
        }
    }

    /// A breakdown as this report keeps it; `None` if the source knows only the whole.
    pub fn device_layers(&mut self, device: &str, cost: &Cost) -> Option<DeviceLayers> {
        (!cost.per_layer.is_empty()).then(|| DeviceLayers {
            device: device.to_owned(),
            provenance: self.provenance(&cost.provenance),
            fixed: cost.fixed,
            layers: cost.per_layer.clone(),
        })
    }

    /// The chosen finalist.
    pub fn chosen(&self) -> Option<&Finalist> {
        self.finalists.get(self.chosen? as usize)
    }

    /// Whether a finalist is the chosen one.
    pub fn is_chosen(&self, finalist: &Finalist) -> bool {
        self.chosen().is_some_and(|chosen| chosen.hash == finalist.hash)
    }

    /// Every finalist once, in the order of [`RunReport::roles`].
    pub fn finalists_by_role(&self) -> Vec<&Finalist> {
        let mut finalists: Vec<&Finalist> = Vec::new();
        for (_, finalist) in self.roles() {
            if !finalists.iter().any(|known| std::ptr::eq(*known, finalist)) {
                finalists.push(finalist);
            }
        }
        finalists
    }

    /// The finalist that has a role.
    pub fn finalist(&self, role: &Role) -> Option<&Finalist> {
        self.finalists.iter().find(|finalist| finalist.roles.contains(role))
    }

    /// r = latency / target of a finalist, one a device.
    pub fn ratios(&self, finalist: &Finalist) -> Vec<f64> {
        self.devices
            .iter()
            .zip(&finalist.latency)
            .map(|(device, on)| on.latency.value / device.target)
            .collect()
    }

    /// This run's own line of [`RunReport::repeats`].
    pub fn outcome(&self, seed: u64) -> Repeat {
        let outcomes = self.roles().map(|(role, finalist)| Outcome {
            role: role.clone(),
            test_accuracy: finalist.test_accuracy.value,
            ratios: self.ratios(finalist),
            macs: finalist.macs,
            parameters: finalist.parameters,
        });
        Repeat {
            seed,
            outcomes: outcomes.collect(),
        }
    }

    /// Every role with its finalist: devices in their order, average, worst case, others, references.
    pub fn roles(&self) -> impl Iterator<Item = (&Role, &Finalist)> {
        let mut roles: Vec<(&Role, &Finalist)> = self
            .finalists
            .iter()
            .flat_map(|finalist| finalist.roles.iter().map(move |role| (role, finalist)))
            .collect();
        roles.sort_by_key(|(role, _)| match role {
            Role::Device { name } => {
                let known = self.devices.iter().position(|device| device.name == *name);
                known.unwrap_or(self.devices.len())
            }
            Role::Average => self.devices.len() + 1,
            Role::WorstCase => self.devices.len() + 2,
            Role::Other { .. } => self.devices.len() + 3,
            Role::Reference { .. } => self.devices.len() + 4,
        });
        roles.into_iter()
    }
}
