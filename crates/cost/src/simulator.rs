mod job;
mod streamed_weights;
mod timeline;

use panarch_graph::{Network, ProvenanceKind};
use rayon::prelude::*;

use crate::assemble::{Tool, assemble};
use crate::layer_time::LayerTime;
use crate::plan::{LayerWork, Part, Rates, Surroundings, plan_part};
use crate::profile::Accelerator;
use crate::{Cost, CostError, CostSource, DeviceProfile};

pub use job::{Job, Task, Unit};

use timeline::Timeline;

/// From how many networks on threads are worth their start.
const PARALLEL: usize = 4;

/// A simulator of an accelerator profile: tile by tile, to the cycle.
///
/// Matrix unit, vector unit, the port of the on-chip memory, the way to main memory, the way of streamed weights and the
/// link to the host each serve one [`Job`] at a time, in program order. A tile's jobs wait for what they need: input
/// loaded if it was spilled, fed from on-chip memory, the weights of its block there, room in the two buffers before and
/// behind the matrix unit. Weights are fetched ahead, over the border of layers too, as far as their buffer goes. A layer
/// begins when the one before has ended, because any of its positions may need any of theirs; only inside a chain that
/// the profile fuses does it follow tile by tile.
///
/// Because every part serves in program order, the event that frees a part is always the one that the next job waits for:
/// the events are worked off in that order, without a queue, and the time of each is the exact one. For the same reason
/// nothing that gets faster can make the whole slower. How far ahead weights are fetched is chosen for each network.
///
/// What a layer is cut into, and what stays on chip, is the plan that [`crate::AnalyticModel`] uses too.
#[derive(Debug, Clone)]
pub struct CycleSimulator {
    profile: DeviceProfile,
    machine: Accelerator,
    rates: Rates,
}

impl CycleSimulator {
    /// The simulator of an accelerator profile.
    ///
    /// # Errors
    /// When the profile describes no accelerator.
    pub fn new(profile: DeviceProfile) -> Result<Self, CostError> {
        let machine = profile.described()?.clone();
        Ok(Self {
            rates: Rates::new(&machine, profile.batch()),
            machine,
            profile,
        })
    }

    /// The same machine with memories that never make anything wait.
    #[must_use]
    pub fn with_ideal_memory(self) -> Self {
        Self {
            rates: self.rates.ideal(),
            ..self
        }
    }

    /// The profile that is simulated.
    #[must_use]
    pub const fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// The cost of one network.
    ///
    /// # Errors
    /// The layers that the device cannot run.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        self.simulate(network, Part::whole(network), None)
    }

    /// The cost of the layers of a network that run on this device.
    pub(crate) fn cost_of(&self, network: &Network, part: Part) -> Result<Cost, CostError> {
        self.simulate(network, part, None)
    }

    /// The cost of one network, and every job that a part of the machine did for it, in program order.
    ///
    /// # Errors
    /// The layers that the device cannot run.
    pub fn trace(&self, network: &Network) -> Result<(Cost, Vec<Job>), CostError> {
        let mut jobs = Vec::new();
        Ok((self.simulate(network, Part::whole(network), Some(&mut jobs))?, jobs))
    }

    fn simulate(&self, network: &Network, part: Part, jobs: Option<&mut Vec<Job>>) -> Result<Cost, CostError> {
        let plan = plan_part(
            &self.profile,
            &self.machine,
            &self.rates,
            network,
            part,
            &Surroundings::default(),
        )?;
        let times = schedule(&self.rates, &plan.work, jobs);
        let tool = Tool {
            kind: ProvenanceKind::Simulated,
            name: "cycle simulator",
        };
        Ok(assemble(&self.profile, &self.machine, network, plan, &times, tool))
    }
}

/// Runs a planned network with the weights fetched ahead as far as is best.
///
/// Where weights share the way of activations, fetching far ahead can keep a layer's own loads waiting. A compiler would
/// choose the depth: every power of two up to the buffer is run, and the fastest is taken. A larger buffer has all the
/// depths of a smaller one, so that it is never slower.
fn schedule(rates: &Rates, work: &[LayerWork], jobs: Option<&mut Vec<Job>>) -> Vec<LayerTime> {
    let contended = rates.weights_share && work.iter().any(|layer| layer.uses_off_chip(rates));
    let streamed: f64 = work.iter().map(|layer| layer.weight_bytes).sum();
    if !contended || streamed == 0.0 {
        return Timeline::new(rates, work, jobs).run();
    }
    let smallest = work.iter().filter(|layer| layer.weight_bytes > 0.0);
    let smallest = smallest.map(|layer| layer.weight_bytes / f64::from(layer.blocks.max(1)));
    let smallest = smallest.fold(f64::INFINITY, f64::min);
    let mut best: Option<(f64, f64, Vec<LayerTime>)> = None;
    let mut held = Vec::with_capacity(work.len());
    // Below the smallest block, all depths are alike; above all weights, too.
    let mut depth = 2_f64.powi(smallest.max(1.0).log2().floor() as i32);
    loop {
        let at = Rates {
            weight_buffer: depth,
            ..*rates
        };
        held.clear();
        held.extend(work.iter().map(|layer| layer.holding(depth)));
        let times = Timeline::new(&at, &held, None).run();
        let total = times.iter().map(LayerTime::total).sum();
        if best.as_ref().is_none_or(|(least, ..)| total < *least) {
            best = Some((total, depth, times));
        }
        depth *= 2.0;
        if depth > rates.weight_buffer || depth >= 2.0 * streamed {
            break;
        }
    }
    let Some((_, depth, times)) = best else {
        return Vec::new();
    };
    if jobs.is_some() {
        held.clear();
        held.extend(work.iter().map(|layer| layer.holding(depth)));
        let at = Rates {
            weight_buffer: depth,
            ..*rates
        };
        return Timeline::new(&at, &held, jobs).run();
    }
    times
}

impl CostSource for CycleSimulator {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks.par_iter().map(|network| self.cost(network)).collect()
        }
    }
}
