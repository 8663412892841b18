//! The devices of a run: what answers for each during the search, and what its target is.

use panarch_cost::{Cost, CostSource, DeviceKind, DeviceProfile};
use panarch_graph::{ContentHash, Estimate, Latency, Network};
use panarch_predict::{AdditiveLatency, Predictor as _};
use panarch_report::run_report::MeasurementQuality;
use panarch_space::Genotype;
use panarch_study::{CostRecord, CostSummary, Timestamp};
use panarch_train::TrainedNetwork;

use super::machine::{Machine, whole};
use super::{Setup, Watch};
use crate::run_file::Target;
use crate::{Error, device_source, lookup};

/// A device and what answers for it.
pub struct Device {
    /// Its profile.
    pub profile: DeviceProfile,
    /// The latency that counts as r = 1 while searching.
    pub target: Latency,
    /// Identifies, besides the network, everything that [`Device::cost`] depends on.
    protocol: ContentHash,
    answer: Answer,
}

enum Answer {
    /// A model, a table or a program: asked for every network.
    Source(Box<dyn CostSource>),
    /// A real machine: a table, fitted from measurements, answers while searching; the machine itself at the end.
    Machine(Box<Machine>),
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
            let (answer, protocol) = match profile.kind() {
                DeviceKind::Measured(_) => {
                    let machine = Box::new(Machine::open(setup, &profile, watch)?);
                    let protocol = machine.protocol()?;
                    (Answer::Machine(machine), protocol)
                }
                _ => {
                    let source = device_source::open_with(&profile, setup.file.devices.model)?;
                    let protocol = source.protocol()?;
                    (Answer::Source(source), protocol)
                }
            };
            devices.push(Device {
                profile,
                target: Latency::ZERO,
                protocol,
                answer,
            });
        }
        let reference = setup.target_reference()?;
        for (index, device) in devices.iter_mut().enumerate() {
            device.target = match (setup.file.devices.targets.own.get(index), &reference) {
                (Some(Target::Latency(latency)), _) => *latency,
                (Some(Target::Share(share)), Some(genotype)) => {
                    device.cost(genotype, &setup.network(genotype)?)?.latency.value * *share
                }
                (_, _) => return Err(Error::Input(format!("device {} has no target", device.name()))),
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
            Answer::Source(source) => Ok(CostSummary::from(&device_source::ask(source.as_ref(), network, None)?)),
            Answer::Machine(machine) => machine.cost(genotype),
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
            Answer::Source(source) => {
                let networks: Vec<_> = finished
                    .iter()
                    .map(|(_, trained)| (&trained.network, &trained.weights))
                    .collect();
                let answers = source.estimate_with_weights(&networks).into_iter();
                answers.map(|answer| Ok(answer?)).collect()
            }
            Answer::Machine(machine) => machine.measure_finished(setup, finished, watch),
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

    /// Lets a program answer for several networks at once; it stores the answers, so that [`Device::cost`] has them at hand.
    /// What it cannot answer now is asked again, and then reported, there.
    pub fn prefetch(&self, networks: &[Network]) {
        if let Answer::Source(source) = &self.answer
            && source.takes_time()
        {
            let _ = source.estimate(networks);
        }
    }

    /// Whether a program is run for every network, which takes much longer than a model.
    #[must_use]
    pub fn takes_time(&self) -> bool {
        matches!(&self.answer, Answer::Source(source) if source.takes_time())
    }

    /// The model, table or program that answers; none for a machine that was measured.
    pub(super) fn source(&self) -> Option<&dyn CostSource> {
        match &self.answer {
            Answer::Source(source) => Some(source.as_ref()),
            Answer::Machine(_) => None,
        }
    }

    fn machine(&self) -> Option<&Machine> {
        match &self.answer {
            Answer::Source(_) => None,
            Answer::Machine(machine) => Some(machine),
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
        let predicted = self.machine().map(|machine| machine.predict_one(genotype));
        Ok(predicted.transpose()?)
    }

    /// What the measurements of a real machine are worth.
    #[must_use]
    pub fn quality(&self) -> Option<&MeasurementQuality> {
        self.machine().map(Machine::quality)
    }

    /// Identifies, besides the network, everything that [`Device::cost`] depends on.
    pub(super) const fn protocol(&self) -> ContentHash {
        self.protocol
    }
}
