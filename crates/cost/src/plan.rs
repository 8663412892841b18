//! What a network asks of a machine, layer by layer: the one lowering that the analytic model and the simulator share.
//!
//! [`arithmetic`] deals a layer to matrix and vector unit, [`values`] and [`residency`] decide what stays on chip and count
//! bytes, [`order`] says how often a layer goes over what does not fit, [`work`] puts all that into cycles of each part of the
//! machine and cuts the layer into tiles, [`ahead`] fetches weights over the borders of layers. [`schedule`] chooses among
//! what a compiler could choose from. What the two models then do differently is only how long a layer takes whose work is
//! known.

mod ahead;
mod arithmetic;
mod blocking;
mod deal;
mod folds;
mod order;
mod part;
mod residency;
mod schedule;
mod values;
mod work;

use panarch_graph::Network;

use crate::profile::Accelerator;
use crate::{CostError, DeviceProfile, Operator};

pub(crate) use ahead::{Ahead, in_turn};
use arithmetic::Arithmetic;
pub(crate) use order::Order;
pub(crate) use part::Part;
pub(crate) use residency::{Demands, Surroundings, parameters, weight_cache};
pub(crate) use schedule::{Scheduled, Taken, choose, fastest, ways_to_plan};
use values::ChainRoom;
pub(crate) use work::{LayerWork, Moved, Rates, Run};

/// A network on a machine.
#[derive(Debug, Clone)]
pub(crate) struct NetworkPlan {
    pub operators: Vec<Operator>,
    /// Whether each layer runs here; what it takes is nothing where it does not.
    pub here: Vec<bool>,
    /// One entry a layer.
    pub arithmetic: Vec<Arithmetic>,
    pub demands: Demands,
    /// Images that are taken through each layer together.
    pub together: u32,
}

/// What the layers of a network move.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flow {
    /// One entry a layer.
    pub layers: Vec<Moved>,
    /// Largest amount of activations of one image alive at once.
    pub peak_bytes: u64,
}

impl Flow {
    /// Bytes that cross the border of the chip.
    pub fn traffic_bytes(&self) -> f64 {
        self.layers.iter().map(Moved::across_the_border).sum()
    }
}

/// Plans the layers of a network that run here, without chains of fused ones.
///
/// # Errors
/// Those among them that the machine cannot run.
pub(crate) fn plan(
    profile: &DeviceProfile,
    machine: &Accelerator,
    together: u32,
    network: &Network,
    part: &Part,
    surroundings: Surroundings,
) -> Result<NetworkPlan, CostError> {
    machine.support.check(profile.name(), network, part.own())?;
    let mut operators = Vec::with_capacity(part.layers.len());
    let mut arithmetic = Vec::with_capacity(part.layers.len());
    for (layer, here) in part.layers.iter().zip(&part.here) {
        let operator = Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten);
        arithmetic.push(if *here {
            let precision = profile.precision();
            arithmetic::of_layer(machine, precision, together, network, layer, operator)?
        } else {
            Arithmetic::default()
        });
        operators.push(operator);
    }
    let demands = residency::demands(
        machine,
        profile.precision(),
        together,
        network,
        part,
        surroundings,
        None,
    );
    Ok(NetworkPlan {
        operators,
        here: part.here.clone(),
        arithmetic,
        demands,
        together,
    })
}

impl NetworkPlan {
    /// The operator of each layer; a change of shape, which takes nothing, for those that run elsewhere.
    pub fn issued(&self) -> impl Iterator<Item = Operator> {
        let operators = self.operators.iter().zip(&self.here);
        operators.map(|(operator, here)| if *here { *operator } else { Operator::Flatten })
    }

    /// The work of its layers when so many bytes of weights stay on chip, in the order of the layers; the layer at the border
    /// is kept in part.
    fn work(&self, rates: &Rates, demands: &Demands, cache: f64, order: Order) -> (Vec<LayerWork>, Vec<Moved>) {
        let mut left = cache;
        let planned = demands.layers.iter().zip(&self.arithmetic).zip(self.issued());
        planned
            .map(|((demand, arithmetic), operator)| {
                let kept = demand.weights.min(left);
                left -= kept;
                let run = Run {
                    together: f64::from(self.together),
                    kept,
                    entering: demands.input_spilled,
                    leaving: demands.output_spilled,
                    order,
                };
                LayerWork::new(rates, arithmetic, demand, operator, &run)
            })
            .unzip()
    }
}
