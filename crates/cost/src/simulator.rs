mod fetched_ahead;
mod job;
mod timeline;
mod units;
mod weights;

use panarch_graph::{ContentHash, Network, ProvenanceKind};
use rayon::prelude::*;

use crate::assemble::{Tool, assemble};
use crate::layer_time::LayerTime;
use crate::plan::{Ahead, Part, Rates, Scheduled, fastest, in_turn};
use crate::profile::{Accelerator, Figure, Origin};
use crate::{Cost, CostError, CostSource, DeviceProfile};

pub use job::{Job, Task, Unit};

use fetched_ahead::{FetchedAhead, add_fetched_ahead};
use timeline::{Trace, layer_time, traced};

/// Identifies what this model says of a profile; raised whenever that changes.
pub(crate) const REVISION: &str = "panarch simulator of a profile v2";
/// The number of networks from which starting threads pays off.
const PARALLEL: usize = 4;

/// A simulator of an accelerator profile: tile by tile, to the cycle.
///
/// Matrix unit, vector unit, the port of the on-chip memory, the way to main memory, the way of streamed weights and the
/// link to the host each serve one [`Job`] at a time, in program order. A tile's jobs wait for what they need: input
/// loaded if it was spilled, fed from on-chip memory, the weights of its block there, room in the two buffers before and
/// behind the matrix unit. A layer begins when the one before has ended, because any of its positions may need any of
/// theirs; only inside a chain that the profile fuses does it follow tile by tile. Weights of later layers are fetched while
/// their way is idle, as far as their buffer goes.
///
/// Because every part serves in program order, the event that frees a part is always the one that the next job waits for:
/// the events are worked off in that order, without a queue, and the time of each is the exact one. For the same reason
/// nothing that gets faster can make a layer slower. Among what a compiler may choose, the fastest is taken for each network.
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
            rates: Rates::new(&machine),
            machine,
            profile,
        })
    }

    /// The same machine with memories that never make anything wait.
    #[must_use]
    pub fn with_ideal_memory(mut self) -> Self {
        self.rates = self.rates.ideal();
        if let Some(systolic) = &mut self.machine.array.systolic {
            systolic.accumulator_bytes = Some(Figure {
                value: f64::INFINITY,
                origin: Origin::Assumption("memories that never make anything wait".to_owned()),
            });
        }
        self
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
        let rates = &self.rates;
        let scheduled = fastest(
            &self.profile,
            &self.machine,
            rates,
            network,
            part,
            |layer, ahead, next_is_chained| layer_time(rates, layer, ahead, next_is_chained),
        )?;
        if let Some(jobs) = jobs {
            jobs.extend(self.jobs(&scheduled));
        }
        let tool = Tool {
            kind: ProvenanceKind::Simulated,
            name: "cycle simulator",
        };
        Ok(assemble(&self.profile, &self.machine, network, scheduled, tool))
    }

    /// Runs a schedule once more and writes down what every part does.
    fn jobs(&self, scheduled: &Scheduled) -> Vec<Job> {
        let rates = &self.rates;
        let mut timed = Vec::new();
        let mut fetched = Vec::new();
        let mut begins = Vec::with_capacity(scheduled.times.len());
        let mut now = 0.0;
        for (position, (layer, time)) in scheduled.work.iter().zip(&scheduled.times).enumerate() {
            if !layer.is_empty() {
                begins.push((position, now + time.issue));
            }
            now += time.total();
        }
        let mut begins = begins.into_iter();
        let mut again: Vec<LayerTime> = Vec::with_capacity(scheduled.times.len());
        in_turn(
            rates,
            &scheduled.work,
            Ahead::none(rates),
            &mut again,
            |layer, ahead, next_is_chained| {
                let (position, begin) = begins.next().unwrap_or_default();
                fetched.push(FetchedAhead {
                    layer: position,
                    begin,
                    block: layer.weights / f64::from(layer.blocks),
                    cycles: ahead.fetched(rates, layer),
                });
                let trace = Trace {
                    layer: position,
                    begin,
                    jobs: &mut timed,
                };
                traced(rates, layer, ahead, next_is_chained, trace)
            },
        );
        let unit = if rates.weights_share {
            Unit::OffChip
        } else {
            Unit::Weights
        };
        add_fetched_ahead(&mut timed, unit, &fetched);
        timed.into_iter().filter_map(|job| job.rounded()).collect()
    }
}

impl CostSource for CycleSimulator {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.profile.protocol(REVISION, ""))
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks.par_iter().map(|network| self.cost(network)).collect()
        }
    }
}
