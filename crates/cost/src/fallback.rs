//! Layers that a device cannot run, run by another one beside it.
//!
//! Every layer goes to the first device of the chain that can run it: the device itself, its fallback, the fallback of that
//! one. A convolution whose activation is not supported stays, and the activation goes. What a layer reads and another
//! device has made is carried over the link of the one nearer to the start of the chain: to a device once, however many of
//! its layers read it, and never hidden behind anything. An accelerator that is entered again is called again. The image
//! lies with whoever runs the first layer and with the last device of the chain, its host; the result stays where it is made.

mod placement;

use panarch_graph::{Bytes, ContentHash, Energy, Estimate, Latency, Network};
use rayon::prelude::*;

use crate::plan::Part;
use crate::profile::Support;
use crate::{
    AnalyticModel, Bound, Cost, CostError, CostSource, CycleSimulator, DeviceKind, DeviceProfile, EnergyParts,
    LayerCost, LevelTraffic, MappedModel, Model,
};
use crate::{analytic, mapper, simulator};

use placement::Placement;

/// The number of networks from which starting threads pays off.
const PARALLEL: usize = 4;

/// A device with a fallback: a model of each device of the chain, and what passes between them.
pub struct FallbackModel {
    own: Member,
    others: Vec<Member>,
}

/// A device of the chain.
struct Member {
    profile: DeviceProfile,
    support: Support,
    model: PartModel,
    /// Bytes a second between this device and those further down the chain.
    link: f64,
    /// What a call of the device takes.
    call: Latency,
    /// Power that it draws while others work, in watts.
    static_w: f64,
}

/// A model that answers for a part of a network.
enum PartModel {
    Analytic(Box<AnalyticModel>),
    Cycle(Box<CycleSimulator>),
    Mapped(Box<MappedModel>),
}

impl PartModel {
    const fn revision(&self) -> &'static str {
        match self {
            Self::Analytic(_) => analytic::REVISION,
            Self::Cycle(_) => simulator::REVISION,
            Self::Mapped(_) => mapper::REVISION,
        }
    }
}

impl Member {
    fn new(profile: &DeviceProfile, model: Model) -> Result<Self, CostError> {
        if let DeviceKind::Hierarchy(hierarchy) = profile.kind() {
            // The main memory's widest port; a hierarchy names no other way out.
            let main = hierarchy.memories.last();
            let widest = main.and_then(|memory| memory.ports.iter().map(|port| port.bits_per_cycle.value).max());
            return Ok(Self {
                support: hierarchy.support.clone(),
                model: PartModel::Mapped(Box::new(MappedModel::new(profile.clone())?)),
                link: f64::from(widest.unwrap_or(8)) / 8.0 * hierarchy.clock_hz.value,
                call: Latency::ZERO,
                static_w: 0.0,
                profile: profile.clone(),
            });
        }
        let machine = profile.described()?;
        let memory = &machine.memory;
        let link = memory
            .host_link_bytes_per_s
            .as_ref()
            .unwrap_or(&memory.off_chip_bytes_per_s);
        Ok(Self {
            support: machine.support.clone(),
            link: link.value,
            call: Latency::from_seconds(machine.overhead.inference_s.value),
            static_w: machine.energy.as_ref().map_or(0.0, |energy| energy.static_w.value),
            model: match model {
                Model::Analytic => PartModel::Analytic(Box::new(AnalyticModel::new(profile.clone())?)),
                Model::Cycle => PartModel::Cycle(Box::new(CycleSimulator::new(profile.clone())?)),
            },
            profile: profile.clone(),
        })
    }

    fn cost_of(&self, network: &Network, part: Part) -> Result<Cost, CostError> {
        match &self.model {
            PartModel::Analytic(model) => model.cost_of(network, part),
            PartModel::Cycle(model) => model.cost_of(network, part),
            PartModel::Mapped(model) => model.cost_of(network, part),
        }
    }
}

impl FallbackModel {
    /// The model of a profile and of all that it falls back on.
    ///
    /// # Errors
    /// When one of them is not described by its parts.
    pub fn new(profile: &DeviceProfile, model: Model) -> Result<Self, CostError> {
        let own = Member::new(profile, model)?;
        let mut others = Vec::new();
        let mut next = profile.fallback();
        while let Some(profile) = next {
            others.push(Member::new(profile, model)?);
            next = profile.fallback();
        }
        Ok(Self { own, others })
    }

    /// The cost of one network.
    ///
    /// # Errors
    /// The layers that no device of the chain can run.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        let placement = self.placement(network)?;
        let mut own = self.own.cost_of(network, placement.part(0))?;
        if placement.device.iter().all(|device| *device == 0) {
            for row in &mut own.per_layer {
                row.device = Some(self.own.profile.name().to_owned());
            }
            return Ok(own);
        }
        let mut others = Vec::with_capacity(self.others.len());
        for (index, member) in self.others.iter().enumerate() {
            let part = placement.part(index + 1);
            let is_used = part.here.contains(&true);
            others.push(is_used.then(|| member.cost_of(network, part)).transpose()?);
        }
        Ok(self.together(&placement, own, &others))
    }

    fn placement(&self, network: &Network) -> Result<Placement, CostError> {
        let chain: Vec<(&str, &Support)> = self
            .chain()
            .map(|member| (member.profile.name(), &member.support))
            .collect();
        Placement::new(&chain, network)
    }

    fn chain(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.own).chain(&self.others)
    }

    fn member(&self, device: usize) -> &Member {
        let further = device.checked_sub(1).and_then(|index| self.others.get(index));
        further.unwrap_or(&self.own)
    }

    /// The answers of all devices as one.
    fn together(&self, placement: &Placement, own: Cost, others: &[Option<Cost>]) -> Cost {
        let answer = |device: usize| match device.checked_sub(1) {
            None => Some(&own),
            Some(index) => others.get(index).and_then(Option::as_ref),
        };
        let carrying = self.carrying(placement);
        let mut rows: Vec<LayerCost> = Vec::with_capacity(placement.layers.len());
        let mut times = vec![Latency::ZERO; others.len() + 1];
        let mut entered = vec![0_u32; others.len() + 1];
        for (index, device) in placement.device.iter().enumerate() {
            let Some(mut row) = answer(*device).and_then(|cost| cost.per_layer.get(index)).cloned() else {
                continue;
            };
            add(&mut times, *device, row.latency);
            let before = row.latency;
            // The first call is what every network pays.
            let is_entered = index == 0 || placement.device.get(index - 1) != Some(device);
            if is_entered && let Some(calls) = entered.get_mut(*device) {
                *calls += 1;
                if *calls > 1 && *device == 0 {
                    row.latency += self.own.call;
                    row.attribution.issue += self.own.call;
                    add(&mut times, 0, self.own.call);
                }
            }
            let carried = carrying.get(index).copied().unwrap_or_default();
            let own_time = if *device == 0 { before } else { Latency::ZERO };
            row.latency += carried.time;
            row.movement += carried.time;
            row.attribution.activations += carried.time;
            add(&mut times, 0, carried.time);
            if carried.time > Latency::ZERO && row.movement > row.compute {
                row.bound = Bound::Movement;
            }
            // The device draws its power while others work and while values are carried.
            let waiting = (row.latency - own_time) * self.own.static_w;
            wait(&mut row, waiting);
            if carried.bytes > 0 {
                row.memory.push(LevelTraffic::carried(Bytes(carried.bytes)));
            }
            row.device = Some(self.member(*device).profile.name().to_owned());
            rows.push(row);
        }
        let fixed = if entered.first().is_some_and(|calls| *calls > 0) {
            own.fixed
        } else {
            Latency::ZERO
        };
        add(&mut times, 0, fixed);
        let total: Latency = times.iter().copied().sum();
        let asked = || std::iter::once(&own).chain(others.iter().flatten());
        let moved: u64 = carrying.iter().map(|carried| carried.bytes).sum();
        let latency = self.interval(&times, answer, total);
        let others_work = total - own.latency.value;
        let energy = energy(asked(), others_work.max(Latency::ZERO), self.own.static_w);
        let of_layers = EnergyParts::sum(rows.iter().filter_map(|row| row.energy_parts));
        let fixed_energy = energy.map(|it| Energy::from_joules(it.value.joules() - of_layers.total().joules()));
        let energy_parts = fixed_energy.map(|fixed| EnergyParts {
            leakage: Energy::from_joules(of_layers.leakage.joules() + fixed.joules()),
            ..of_layers
        });
        Cost {
            energy,
            energy_parts,
            fixed_energy,
            memory: LevelTraffic::sum(rows.iter().flat_map(|row| &row.memory)),
            traffic: Bytes(asked().map(|cost| cost.traffic.0).sum::<u64>() + moved),
            utilisation: share(own.utilisation * own.latency.value.seconds(), total.seconds()),
            fixed,
            latency,
            provenance: self.provenance(placement, &own, &carrying),
            per_layer: rows,
            ..own
        }
    }

    /// What is carried for each layer.
    fn carrying(&self, placement: &Placement) -> Vec<Carried> {
        let mut carrying = vec![Carried::default(); placement.layers.len()];
        for transfer in &placement.transfers {
            let nearer = self.member(transfer.from.min(transfer.to));
            let bytes = transfer.elements * nearer.profile.precision().bytes();
            if let Some(carried) = carrying.get_mut(transfer.layer) {
                carried.bytes += bytes;
                carried.values += 1;
                carried.time += Latency::from_seconds(bytes as f64 / nearer.link);
            }
        }
        carrying
    }

    /// Every device's share of the time has that device's interval.
    fn interval<'a>(
        &self,
        times: &[Latency],
        answer: impl Fn(usize) -> Option<&'a Cost>,
        total: Latency,
    ) -> Estimate<Latency> {
        let (mut low, mut high, mut level) = (Latency::ZERO, Latency::ZERO, 1.0_f64);
        for (device, time) in times.iter().enumerate() {
            let Some(of) = answer(device).map(|cost| cost.latency) else {
                continue;
            };
            let ratio = |end: Latency| if of.value > Latency::ZERO { end / of.value } else { 1.0 };
            low += *time * ratio(of.low);
            high += *time * ratio(of.high);
            level = level.min(of.level);
        }
        Estimate::around(total, low, high, level)
    }

    fn provenance(&self, placement: &Placement, own: &Cost, carrying: &[Carried]) -> panarch_graph::Provenance {
        let mut provenance = own.provenance.clone();
        let all = placement.layers.len();
        let elsewhere: Vec<String> = (self.others.iter().enumerate())
            .filter_map(|(index, member)| {
                let count = placement.device.iter().filter(|device| **device == index + 1).count();
                (count > 0).then(|| format!("{count} of {all} layers run on its fallback {}", member.profile.name()))
            })
            .collect();
        if elsewhere.is_empty() {
            return provenance;
        }
        let operators: Vec<&str> = placement.sent.iter().map(|operator| operator.name()).collect();
        let values: u32 = carrying.iter().map(|carried| carried.values).sum();
        let bytes = Bytes(carrying.iter().map(|carried| carried.bytes).sum());
        let time: Latency = carrying.iter().map(|carried| carried.time).sum();
        let note = format!(
            "{} ({}); {values} transfers between them carry {bytes} in {time}",
            elsewhere.join(", "),
            operators.join(", ")
        );
        provenance.note = Some(match provenance.note {
            Some(before) => format!("{before}; {note}"),
            None => note,
        });
        provenance
    }
}

/// Adds what a device draws while it waits for others.
fn wait(row: &mut LayerCost, watt_seconds: Latency) {
    if let Some(parts) = &mut row.energy_parts {
        parts.leakage = Energy::from_joules(parts.leakage.joules() + watt_seconds.seconds());
        row.energy = Some(parts.total());
    }
}

/// What is carried for a layer.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    values: u32,
    bytes: u64,
    time: Latency,
}

fn add(times: &mut [Latency], device: usize, time: Latency) {
    if let Some(of_device) = times.get_mut(device) {
        *of_device += time;
    }
}

/// The energy of all devices, where all of them know theirs; what the device draws while others work is added.
fn energy<'a>(asked: impl Iterator<Item = &'a Cost>, others_work: Latency, static_w: f64) -> Option<Estimate<Energy>> {
    let all: Vec<Estimate<Energy>> = asked.map(|cost| cost.energy).collect::<Option<_>>()?;
    let waiting = others_work.seconds() * static_w;
    let sum = |end: fn(&Estimate<Energy>) -> Energy| -> f64 { all.iter().map(|energy| end(energy).joules()).sum() };
    let level = all.iter().map(|energy| energy.level).fold(1.0, f64::min);
    let joules = |joules: f64| Energy::from_joules(joules + waiting);
    Some(Estimate {
        value: joules(sum(|energy| energy.value)),
        low: joules(sum(|energy| energy.low)),
        high: joules(sum(|energy| energy.high)),
        level,
    })
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl CostSource for FallbackModel {
    fn device(&self) -> &str {
        self.own.profile.name()
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        let own = self.own.model.revision();
        let others = self.others.iter().map(|member| member.model.revision());
        let differing: Vec<&str> = others.filter(|revision| *revision != own).collect();
        Ok(self.own.profile.protocol(own, &differing.join("\n")))
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        self.placement(network).map(|_| ())
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks.par_iter().map(|network| self.cost(network)).collect()
        }
    }
}
