//! What a network asks of a machine, layer by layer: the one lowering that the analytic model and the simulator share.
//!
//! [`arithmetic`] deals a layer to matrix and vector unit, [`residency`] decides what stays on chip and counts bytes,
//! [`work`] puts both into cycles of each part of the machine and cuts the layer into tiles. What the two models then do
//! differently is only how they put the parts' times together.

mod arithmetic;
mod blocking;
mod part;
mod residency;
mod work;

use panarch_graph::{Layer, Network};

use crate::profile::Accelerator;
use crate::{CostError, DeviceProfile, Operator};

pub(crate) use part::Part;
pub(crate) use residency::{Flow, Surroundings, weight_cache};
pub(crate) use work::{LayerWork, Rates};

/// A network on a machine, for a whole batch.
pub(crate) struct NetworkPlan {
    pub layers: Vec<Layer>,
    pub operators: Vec<Operator>,
    /// Whether each layer runs here; what it takes is nothing where it does not.
    pub here: Vec<bool>,
    /// One entry a layer.
    pub work: Vec<LayerWork>,
    pub flow: Flow,
}

/// Plans a network, or a part of one.
///
/// # Errors
/// The layers that the machine cannot run.
pub(crate) fn plan(
    profile: &DeviceProfile,
    machine: &Accelerator,
    rates: &Rates,
    network: &Network,
    surroundings: &Surroundings,
) -> Result<NetworkPlan, CostError> {
    plan_part(profile, machine, rates, network, Part::whole(network), surroundings)
}

/// Plans the layers of a network that run here.
///
/// # Errors
/// Those among them that the machine cannot run.
pub(crate) fn plan_part(
    profile: &DeviceProfile,
    machine: &Accelerator,
    rates: &Rates,
    network: &Network,
    part: Part,
    surroundings: &Surroundings,
) -> Result<NetworkPlan, CostError> {
    machine.support.check(profile.name(), network, part.own())?;
    let Part { layers, here } = part;
    let mut operators = Vec::with_capacity(layers.len());
    for layer in &layers {
        operators.push(Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten));
    }
    let flow = residency::flow(
        machine,
        profile.precision(),
        profile.batch(),
        network,
        (&layers, &here),
        surroundings,
    );
    let mut work = Vec::with_capacity(layers.len());
    for (((layer, operator), moved), here) in layers.iter().zip(&operators).zip(&flow.layers).zip(&here) {
        if !here {
            let nothing = arithmetic::Arithmetic::default();
            work.push(LayerWork::new(
                rates,
                profile.batch(),
                &nothing,
                moved,
                Operator::Flatten,
            ));
            continue;
        }
        let arithmetic = arithmetic::of_layer(machine, profile.batch(), network, layer, *operator)?;
        work.push(LayerWork::new(rates, profile.batch(), &arithmetic, moved, *operator));
    }
    Ok(NetworkPlan {
        layers,
        operators,
        here,
        work,
        flow,
    })
}
