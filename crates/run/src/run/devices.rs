//! The devices of a run: what answers for each during the search, and what its target is.

use panarch_cost::{Cost, CostError, CostSource, DeviceKind, DeviceProfile};
use panarch_graph::{ContentHash, Estimate, Latency, Network};
use panarch_measure::CommandDevice;
use panarch_predict::AdditiveLatency;
use panarch_report::run_report::MeasurementQuality;
use panarch_space::Genotype;
use panarch_study::{CostRecord, CostSummary, Timestamp};
use panarch_train::TrainedNetwork;

use super::machine::{Machine, whole};
use super::{Setup, Watch};
use crate::device_source::{self, OpenDevice};
use crate::run_file::Targets;
use crate::{Error, lookup};

/// A device and what answers for it.
pub struct Device {
    /// Its profile.
    pub profile: DeviceProfile,
    /// The latency that counts as r = 1 while searching.
    pub target: Latency,
    answer: Answer,
}

enum Answer {
    /// A model or a table: asked for every network.
    Model(OpenDevice),
    /// A program: asked for every network; it keeps its answers.
    Command {
        device: Box<CommandDevice>,
        protocol: ContentHash,
    },
    /// A real machine: a table, fitted from measurements, answers while searching; the machine itself at the end.
    Machine { machine: Box<Machine>, hash: ContentHash },
}

/// All devices of a run, in the order of the run file.
pub struct Devices(Vec<Device>);

impl Devices {
    /// Opens every device; measures and fits the tables of real machines, going on from what the study holds.
    ///
    /// # Errors
    /// When a device cannot be used, or cannot run the reference that sets the targets.
    pub fn open(setup: &Setup, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let mut devices = Vec::new();
        for name in &setup.file.devices.names {
            let profile = lookup::device(name)?;
            let answer = match profile.kind() {
                DeviceKind::Measured(_) => {
                    let machine = Box::new(Machine::open(setup, &profile, watch)?);
                    let hash = machine.hash()?;
                    Answer::Machine { machine, hash }
                }
                DeviceKind::Command(_) => {
                    let device = Box::new(CommandDevice::from_profile(&profile)?);
                    let protocol = device.protocol_hash()?;
                    Answer::Command { device, protocol }
                }
                _ => Answer::Model(device_source::open_with(&profile, setup.file.devices.model)?),
            };
            devices.push(Device {
                profile,
                target: Latency::ZERO,
                answer,
            });
        }
        let reference = setup.target_reference()?;
        for (index, device) in devices.iter_mut().enumerate() {
            device.target = match (&setup.file.devices.targets, &reference) {
                (Targets::Latencies(latencies), _) => latencies.get(index).copied().unwrap_or(Latency::ZERO),
                (Targets::Reference(_), Some(genotype)) => {
                    device.cost(genotype, &setup.network(genotype)?)?.latency.value
                }
                (Targets::Reference(name), None) => return Err(Error::Input(format!("there is no reference {name}"))),
            };
            if device.target <= Latency::ZERO {
                return Err(Error::Input(format!(
                    "the target of device {} is not above zero",
                    device.name()
                )));
            }
        }
        Ok(Self(devices))
    }

    /// The devices.
    pub fn iter(&self) -> std::slice::Iter<'_, Device> {
        self.0.iter()
    }

    /// The cost of a genotype on every device, from the study or else computed and kept there.
    ///
    /// # Errors
    /// When a device cannot run the network, or the study cannot be used.
    pub fn costs(&self, setup: &Setup, genotype: &Genotype) -> Result<Vec<CostSummary>, Error> {
        let known = setup.study.storage().costs(Some(genotype))?;
        let mut network = None;
        let mut summaries = Vec::new();
        let mut fresh = Vec::new();
        for device in self.iter() {
            let protocol = setup.cost_key(device.protocol());
            let stored = known
                .iter()
                .find(|cost| cost.device == device.name() && cost.protocol == protocol);
            if let Some(cost) = stored {
                summaries.push(cost.summary.clone());
                continue;
            }
            let network = match &network {
                Some(network) => network,
                None => network.insert(setup.network(genotype)?),
            };
            let summary = device.cost(genotype, network)?;
            fresh.push(CostRecord {
                genotype: genotype.clone(),
                device: device.name().to_owned(),
                protocol,
                summary: summary.clone(),
                created: Timestamp::now(),
            });
            summaries.push(summary);
        }
        if !fresh.is_empty() {
            setup.study.add_costs(&fresh)?;
        }
        Ok(summaries)
    }
}

impl Device {
    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.profile.name()
    }

    /// What the search goes by: the model's answer, or the table's.
    ///
    /// # Errors
    /// When the device cannot run the network.
    pub fn cost(&self, genotype: &Genotype, network: &Network) -> Result<CostSummary, Error> {
        match &self.answer {
            Answer::Model(open) => Ok(CostSummary::from(&ask(open.source.as_ref(), network)?)),
            Answer::Command { device, .. } => Ok(CostSummary::from(&ask(device.as_ref(), network)?)),
            Answer::Machine { machine, .. } => machine.cost(genotype),
        }
    }

    /// What the device itself or its model says of finished networks. A real machine measures them against each other,
    /// once: the same networks again are answered from the study.
    ///
    /// # Errors
    /// When the device cannot run one of them.
    pub fn final_costs(
        &self,
        setup: &Setup,
        finished: &[(&Genotype, &TrainedNetwork)],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Cost>, Error> {
        match &self.answer {
            Answer::Model(OpenDevice { source, .. }) => {
                let networks: Vec<Network> = finished.iter().map(|(_, trained)| trained.network.clone()).collect();
                source
                    .estimate(&networks)
                    .into_iter()
                    .map(|answer| Ok(answer?))
                    .collect()
            }
            Answer::Command { device, .. } => {
                let networks: Vec<_> = finished
                    .iter()
                    .map(|(_, trained)| (&trained.network, &trained.weights))
                    .collect();
                device
                    .measure(&networks)
                    .into_iter()
                    .map(|answer| Ok(answer?))
                    .collect()
            }
            Answer::Machine { machine, .. } => machine.measure_finished(setup, finished, watch),
        }
    }

    /// What the search knew of finished networks, for when the device itself says nothing at the end.
    ///
    /// # Errors
    /// When the device cannot run one of them.
    pub fn search_costs(&self, finished: &[(&Genotype, &TrainedNetwork)]) -> Result<Vec<Cost>, Error> {
        finished
            .iter()
            .map(|(genotype, trained)| Ok(whole(self.cost(genotype, &trained.network)?)))
            .collect()
    }

    /// Lets a program answer for several networks at once; it keeps the answers, so that [`Device::cost`] has them at hand.
    /// What it cannot answer now is asked again, and then reported, there.
    pub fn ask_ahead(&self, networks: &[Network]) {
        if let Answer::Command { device, .. } = &self.answer {
            let _ = device.estimate(networks);
        }
    }

    /// Whether a program is run for every network, which takes much longer than a model.
    #[must_use]
    pub const fn is_command(&self) -> bool {
        matches!(self.answer, Answer::Command { .. })
    }

    fn machine(&self) -> Option<&Machine> {
        match &self.answer {
            Answer::Model(_) | Answer::Command { .. } => None,
            Answer::Machine { machine, .. } => Some(machine),
        }
    }

    /// The table of a real machine, and the measurements that it was fitted from.
    #[must_use]
    pub fn table(&self) -> Option<(&AdditiveLatency, &[(Genotype, CostSummary)])> {
        let machine = self.machine()?;
        Some((machine.table(), machine.measured()))
    }

    /// What the table of a real machine says of a genotype; none for other devices.
    ///
    /// # Errors
    /// When the genotype is not of the table's space.
    pub fn predicted(&self, genotype: &Genotype) -> Result<Option<Estimate<Latency>>, Error> {
        self.machine().map(|machine| machine.predicted(genotype)).transpose()
    }

    /// What the measurements of a real machine are worth.
    #[must_use]
    pub fn quality(&self) -> Option<&MeasurementQuality> {
        self.machine().map(Machine::quality)
    }

    /// Identifies, besides the network, everything that [`Device::cost`] depends on.
    pub(super) fn protocol(&self) -> ContentHash {
        match &self.answer {
            Answer::Model(open) => open.hash,
            Answer::Command { protocol, .. } => *protocol,
            Answer::Machine { hash, .. } => *hash,
        }
    }
}

fn ask(source: &dyn CostSource, network: &Network) -> Result<Cost, CostError> {
    let missing = || CostError::Failed {
        device: source.device().to_owned(),
        reason: "no answer".to_owned(),
    };
    source
        .estimate(std::slice::from_ref(network))
        .pop()
        .unwrap_or_else(|| Err(missing()))
}
