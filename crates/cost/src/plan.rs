//! What a network asks of a machine, layer by layer: the one lowering that the analytic model and the simulator share.
//!
//! [`arithmetic`] deals a layer to matrix and vector unit, [`residency`] decides what stays on chip and counts bytes,
//! [`work`] puts both into cycles of each part of the machine and cuts the layer into tiles. What the two models then do
//! differently is only how they put the parts' times together.

mod arithmetic;
mod blocking;
mod residency;
mod work;

use panarch_graph::{Layer, Network, fused_layers};

use crate::profile::Accelerator;
use crate::{CostError, DeviceProfile, Operator};

pub(crate) use residency::{Flow, Moved, Surroundings, weight_cache};
pub(crate) use work::{LayerWork, Rates};

/// A network on a machine, for a whole batch.
pub(crate) struct NetworkPlan {
    pub layers: Vec<Layer>,
    pub operators: Vec<Operator>,
    /// One entry a layer.
    pub work: Vec<LayerWork>,
    pub flow: Flow,
}

/// Plans a network, or a part of one.
///
/// # Errors
/// The first operator that the machine cannot run.
pub(crate) fn plan(
    profile: &DeviceProfile,
    machine: &Accelerator,
    rates: &Rates,
    network: &Network,
    surroundings: &Surroundings,
) -> Result<NetworkPlan, CostError> {
    let layers = fused_layers(network);
    let mut operators = Vec::with_capacity(layers.len());
    for layer in &layers {
        machine.support.check(profile.name(), network, layer)?;
        operators.push(Operator::of(network, layer.anchor).unwrap_or(Operator::Flatten));
    }
    let mut flow = residency::flow(
        machine,
        profile.precision(),
        profile.batch(),
        network,
        &layers,
        surroundings,
    );
    let mut work = Vec::with_capacity(layers.len());
    for ((layer, operator), moved) in layers.iter().zip(&operators).zip(&mut flow.layers) {
        let mut arithmetic = arithmetic::of_layer(machine, profile.batch(), network, layer, *operator)?;
        if let Some(accesses) = &arithmetic.accesses {
            let kernel = residency::kernel_elements(network, layer) as f64 / f64::from(profile.batch());
            *moved = moved.on_array(accesses, kernel, profile.precision());
            if let Some(rate) = &machine.memory.accumulator_bytes_per_s {
                // Sums go to the accumulators and back while operands stream.
                let cycles = 2.0 * moved.sums / (rate.value / machine.clock_hz.value);
                arithmetic.matrix = arithmetic.matrix.max(cycles - arithmetic.fill);
            }
        }
        work.push(LayerWork::new(rates, profile.batch(), &arithmetic, moved, *operator));
    }
    Ok(NetworkPlan {
        layers,
        operators,
        work,
        flow,
    })
}
