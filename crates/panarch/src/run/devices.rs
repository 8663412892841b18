//! The devices of a run: what answers for each during the search, and what its target is.

use panarch_cost::{Cost, CostError, CostSource, DeviceKind, DeviceProfile};
use panarch_graph::{Bytes, ContentHash, Estimate, Latency, Network, Provenance, stream};
use panarch_measure::{CommandDevice, HostDevice, Protocol};
use panarch_predict::{AdditiveLatency, design_of_experiments};
use panarch_space::Genotype;
use panarch_study::{CostRecord, CostSummary, Timestamp};
use panarch_train::TrainedNetwork;

use super::{Setup, Watch};
use crate::device_source::{self, OpenDevice};
use crate::run_file::Targets;
use crate::{Error, lookup};

/// How many networks are measured against each other at once.
const MEASURED_TOGETHER: usize = 8;

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
    Machine(Box<Machine>),
}

struct Machine {
    host: HostDevice,
    table: AdditiveLatency,
    table_hash: ContentHash,
    fixed: Latency,
    /// The networks that the table was fitted from.
    measured: Vec<(Genotype, CostSummary)>,
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
                DeviceKind::Measured(_) => Answer::Machine(Box::new(Machine::open(setup, &profile, watch)?)),
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
            Answer::Machine(machine) => {
                let latency = floored(machine.table.estimate(genotype)?, machine.fixed);
                let mut summary = CostSummary::of_latency(latency, machine.table.provenance());
                summary.fixed = Some(machine.fixed);
                Ok(summary)
            }
        }
    }

    /// What the device itself or its model says of finished networks. A real machine measures them against each other,
    /// once: the same networks again are answered from the study.
    ///
    /// # Errors
    /// When the device cannot run one of them.
    pub fn final_costs(&self, setup: &Setup, finished: &[(&Genotype, &TrainedNetwork)]) -> Result<Vec<Cost>, Error> {
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
            Answer::Machine(machine) => machine.measure_finished(setup, finished),
        }
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

    /// Whether figures of the search were predicted and those of the finalists are measured.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        matches!(self.answer, Answer::Machine(_))
    }

    /// The table of a real machine, and the measurements that it was fitted from.
    #[must_use]
    pub fn table(&self) -> Option<(&AdditiveLatency, &[(Genotype, CostSummary)])> {
        match &self.answer {
            Answer::Model(_) | Answer::Command { .. } => None,
            Answer::Machine(machine) => Some((&machine.table, &machine.measured)),
        }
    }

    /// Identifies, besides the network, everything that [`Device::cost`] depends on.
    pub(super) fn protocol(&self) -> ContentHash {
        match &self.answer {
            Answer::Model(open) => open.hash,
            Answer::Command { protocol, .. } => *protocol,
            Answer::Machine(machine) => machine.table_hash,
        }
    }
}

impl Machine {
    fn open(setup: &Setup, profile: &DeviceProfile, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let settings = &setup.file.measure;
        let rounds = settings.repeats.min(5);
        let protocol = Protocol::new(10, settings.repeats, rounds)?;
        let host = HostDevice::from_profile(profile, protocol)?;
        let device = profile.name();
        watch.step(format!("Measuring {} networks on {device}", settings.samples));
        let mut rng = stream(setup.file.seed, "design of experiments", 0);
        let mut genotypes = design_of_experiments(&setup.space, settings.samples, &mut rng)?;
        if let Some(reference) = setup.target_reference()?
            && !genotypes.contains(&reference)
        {
            genotypes.push(reference);
        }
        let measured = measure(setup, &host, &genotypes, watch)?;
        let (_, first) = measured
            .first()
            .ok_or_else(|| Error::Environment(format!("{device} measured nothing")))?;
        let latencies: Vec<(Genotype, Latency)> = measured
            .iter()
            .map(|(genotype, cost)| (genotype.clone(), cost.latency.value))
            .collect();
        let table = AdditiveLatency::fit(
            &setup.space,
            setup.head,
            setup.resolution,
            &first.provenance,
            &latencies,
        )?;
        watch.done(describe(&table.provenance()));
        let table_hash = table.hash()?;
        let fixed = median(measured.iter().filter_map(|(_, cost)| cost.fixed).collect());
        Ok(Self {
            host,
            table,
            table_hash,
            fixed,
            measured,
        })
    }
}

impl Machine {
    /// Finished networks with their own weights, measured against each other.
    fn measure_finished(&self, setup: &Setup, finished: &[(&Genotype, &TrainedNetwork)]) -> Result<Vec<Cost>, Error> {
        let mut together = self.host.protocol_hash().to_string();
        for (genotype, trained) in finished {
            let (network, weights) = (trained.network.content_hash(), trained.weights.content_hash());
            together += &format!(" {genotype} {network} {weights}");
        }
        let protocol = ContentHash::of("panarch finalists measured together v2", together.as_bytes());
        let device = self.host.device();
        let known: Vec<Option<CostRecord>> = finished
            .iter()
            .map(|(genotype, _)| setup.study.cost(genotype, device, protocol))
            .collect::<Result<_, _>>()?;
        if let Some(known) = known
            .into_iter()
            .map(|record| record.map(|record| whole(record.summary)))
            .collect()
        {
            return Ok(known);
        }
        let networks: Vec<_> = finished
            .iter()
            .map(|(_, trained)| (&trained.network, &trained.weights))
            .collect();
        let costs: Vec<Cost> = self.host.measure(&networks).into_iter().collect::<Result<_, _>>()?;
        let records: Vec<CostRecord> = finished
            .iter()
            .zip(&costs)
            .map(|((genotype, _), cost)| CostRecord {
                genotype: (*genotype).clone(),
                device: device.to_owned(),
                protocol,
                summary: CostSummary::from(cost),
                created: Timestamp::now(),
            })
            .collect();
        setup.study.add_costs(&records)?;
        Ok(costs)
    }
}

/// The cost of a network that was measured as a whole, from what a study keeps of it.
fn whole(summary: CostSummary) -> Cost {
    Cost {
        latency: summary.latency,
        fixed: summary.fixed.unwrap_or(Latency::ZERO),
        energy: summary.energy,
        peak_memory: summary.peak_memory.unwrap_or(Bytes(0)),
        traffic: summary.traffic.unwrap_or(Bytes(0)),
        utilisation: summary.utilisation.unwrap_or(0.0),
        per_layer: Vec::new(),
        provenance: summary.provenance,
    }
}

/// Measures genotypes on a machine, a few at a time, keeping each in the study.
fn measure(
    setup: &Setup,
    host: &HostDevice,
    genotypes: &[Genotype],
    watch: &mut Watch<'_>,
) -> Result<Vec<(Genotype, CostSummary)>, Error> {
    let protocol = setup.cost_key(host.protocol_hash());
    let mut measured: Vec<(Genotype, CostSummary)> = Vec::new();
    let mut missing: Vec<Genotype> = Vec::new();
    for genotype in genotypes {
        match setup.study.cost(genotype, host.device(), protocol)? {
            Some(record) => measured.push((genotype.clone(), record.summary)),
            None => missing.push(genotype.clone()),
        }
    }
    for together in missing.chunks(MEASURED_TOGETHER) {
        watch.check()?;
        let networks: Vec<Network> = together
            .iter()
            .map(|genotype| setup.network(genotype))
            .collect::<Result<_, _>>()?;
        let mut records = Vec::new();
        for (genotype, cost) in together.iter().zip(host.estimate(&networks)) {
            let summary = CostSummary::from(&cost?);
            records.push(CostRecord {
                genotype: genotype.clone(),
                device: host.device().to_owned(),
                protocol,
                summary: summary.clone(),
                created: Timestamp::now(),
            });
            measured.push((genotype.clone(), summary));
        }
        setup.study.add_costs(&records)?;
        watch.progress(measured.len() as u64, genotypes.len() as u64, "networks", "");
    }
    Ok(measured)
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

/// No network is faster than what none can avoid; a table that extrapolates may say otherwise.
fn floored(latency: Estimate<Latency>, fixed: Latency) -> Estimate<Latency> {
    latency.map(|value| value.max(fixed))
}

fn median(mut values: Vec<Latency>) -> Latency {
    values.sort_by(|a, b| a.seconds().total_cmp(&b.seconds()));
    values.get(values.len() / 2).copied().unwrap_or(Latency::ZERO)
}

fn describe(provenance: &Provenance) -> String {
    let note = provenance.note.as_deref().unwrap_or_default();
    format!("{}; {note}", provenance.tool)
}
