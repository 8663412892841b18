//! What a compiler chooses for a whole network: the parts of a batch, the chains of fused layers, the order over what does
//! not fit.

use std::borrow::Cow;

use panarch_graph::{Layer, Network};

use super::residency::{Demands, Surroundings, demands, weight_cache};
use super::{Ahead, ChainRoom, Flow, LayerWork, Order, Part, Rates, in_turn, plan};
use crate::layer_time::LayerTime;
use crate::profile::{Accelerator, DataflowChoice};
use crate::{CostError, DeviceProfile, Operator};

/// Powers of four below the most that a chain could need that are tried as its room.
const CHAIN_ROOMS: i32 = 4;

/// A network, the way in which it is run, and how long its layers take.
pub(crate) struct Scheduled {
    pub layers: Vec<Layer>,
    pub operators: Vec<Operator>,
    /// Whether each layer runs here.
    pub here: Vec<bool>,
    pub work: Vec<LayerWork>,
    pub flow: Flow,
    pub times: Vec<LayerTime>,
    /// Images that are taken through each layer together: a batch, or a part of one.
    pub together: u32,
}

/// Schedules that take no more than so many times the fastest one's time are as good; the one with the least traffic is taken.
const AS_GOOD: f64 = 1.0005;

/// What a schedule takes for one image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub cycles: f64,
    /// Bytes across the border of the chip.
    pub traffic: f64,
}

/// The schedule of the least traffic among those that are as good as the fastest; its place in the list.
pub(crate) fn choose(taken: &[Taken]) -> Option<usize> {
    let least = taken.iter().map(|it| it.cycles).fold(f64::INFINITY, f64::min);
    let good = taken.iter().enumerate().filter(|(_, it)| it.cycles <= least * AS_GOOD);
    good.min_by(|(_, a), (_, b)| a.traffic.total_cmp(&b.traffic))
        .map(|(place, _)| place)
}

/// The best of all schedules, each judged by the model that asks.
///
/// A larger batch, memory or buffer has all the schedules of a smaller one, and in none of them is a part of the machine
/// longer at work: that is why more of anything is never slower. Schedules that one part alone would keep busy for longer
/// than the best takes are passed over.
///
/// # Errors
/// The layers that the machine cannot run.
pub(crate) fn fastest(
    profile: &DeviceProfile,
    machine: &Accelerator,
    rates: &Rates,
    network: &Network,
    part: Part,
    mut layer_time: impl FnMut(&LayerWork, Ahead, bool) -> LayerTime,
) -> Result<Scheduled, CostError> {
    let mut taken = Vec::new();
    let mut schedules = Vec::new();
    let mut least = f64::INFINITY;
    let mut operators = None;
    for (machine, together) in ways_to_plan(machine, profile.batch()) {
        let machine = machine.as_ref();
        let planned = plan(profile, machine, together, network, &part, Surroundings::default())?;
        let images = f64::from(together);
        for room in chain_rooms(machine, &planned.demands) {
            let fused;
            let demands = if room.is_none() {
                &planned.demands
            } else {
                let (precision, around) = (profile.precision(), Surroundings::default());
                fused = demands(machine, precision, together, network, &part, around, room);
                &fused
            };
            for (order, cache) in demands.orders(machine, rates, together) {
                let (work, layers) = planned.work(rates, demands, cache, order);
                if at_least(rates, &work) / images > least * AS_GOOD {
                    continue;
                }
                let mut times = Vec::with_capacity(work.len());
                in_turn(rates, &work, Ahead::none(rates), &mut times, &mut layer_time);
                let cycles = times.iter().map(LayerTime::total).sum::<f64>() / images;
                least = least.min(cycles);
                let flow = Flow {
                    layers,
                    peak_bytes: demands.peak_bytes,
                };
                taken.push(Taken {
                    cycles,
                    traffic: flow.traffic_bytes(),
                });
                schedules.push((work, flow, times, together));
            }
        }
        operators = Some(planned.operators);
    }
    let nothing = || CostError::Failed {
        device: profile.name().to_owned(),
        reason: "no part of a batch was planned".to_owned(),
    };
    let chosen = choose(&taken).filter(|place| *place < schedules.len());
    let (work, flow, times, together) = chosen.map(|place| schedules.swap_remove(place)).ok_or_else(nothing)?;
    Ok(Scheduled {
        layers: part.layers,
        operators: operators.ok_or_else(nothing)?,
        here: part.here,
        work,
        flow,
        times,
        together,
    })
}

/// The dataflows and parts of a batch that are planned. Where each layer may have the best of the dataflows, networks are also
/// planned with each of them throughout: a layer's choice does not see what its neighbours hide.
pub(crate) fn ways_to_plan(machine: &Accelerator, batch: u32) -> Vec<(Cow<'_, Accelerator>, u32)> {
    let mut machines = vec![Cow::Borrowed(machine)];
    if let Some(systolic) = machine.array.systolic.as_ref()
        && systolic.dataflow.value == DataflowChoice::Best
    {
        for dataflow in systolic.dataflow.value.dataflows() {
            let mut fixed = machine.clone();
            if let Some(systolic) = &mut fixed.array.systolic {
                systolic.dataflow.value = DataflowChoice::Fixed(dataflow);
            }
            machines.push(Cow::Owned(fixed));
        }
    }
    let parts = parts_of_batch(batch);
    machines
        .into_iter()
        .flat_map(|machine| parts.iter().map(move |together| (machine.clone(), *together)))
        .collect()
}

/// The images that a batch may be taken in together: all numbers up to it with at most two binary digits that count. Costs
/// are of one image of many such parts.
fn parts_of_batch(batch: u32) -> Vec<u32> {
    let powers = (0..=batch.max(1).ilog2()).map(|exponent| 1_u32 << exponent);
    let mut parts: Vec<u32> = powers
        .flat_map(|power| [power, power / 2 * 3])
        .filter(|part| (1..=batch.max(1)).contains(part))
        .collect();
    parts.sort_unstable();
    parts.dedup();
    parts.reverse();
    parts
}

/// What chains of layers may hold, where layers may be chained at all; none first.
fn chain_rooms(machine: &Accelerator, demands: &Demands) -> Vec<Option<ChainRoom>> {
    let mut rooms = vec![None];
    let memory = &machine.memory;
    let weights: f64 = demands.layers.iter().map(|demand| demand.weights).sum();
    if memory.chain_fusion.value && weights > 0.0 {
        let steps = |most: f64, room: f64| {
            let highest = (most.max(1.0).log2() / 2.0).ceil() as i32;
            let within = (room.log2() / 2.0).floor().min(500.0) as i32;
            (highest - CHAIN_ROOMS..=highest)
                .filter(move |exponent| *exponent <= within)
                .map(|exponent| 4_f64.powi(exponent))
        };
        for weights in steps(weights, memory.weight_buffer_bytes.value) {
            for stripes in steps(demands.peak_bytes as f64, memory.activation_bytes.value) {
                rooms.push(Some(ChainRoom { weights, stripes }));
            }
        }
    }
    rooms
}

impl Demands {
    /// The orders worth trying, each with the bytes of weights that stay on chip.
    fn orders(&self, machine: &Accelerator, rates: &Rates, together: u32) -> Vec<(Order, f64)> {
        let weights: f64 = self.layers.iter().map(|demand| demand.weights).sum();
        let largest = self.layers.iter().map(|demand| demand.weights).fold(0.0, f64::max);
        let cache = weight_cache(&machine.memory, self.peak_bytes as f64 * f64::from(together));
        let spills = self
            .layers
            .iter()
            .any(|demand| demand.spilled + demand.image_again > 0.0);
        let orders = Order::all(rates.weight_buffer, spills && weights > cache, largest);
        orders.into_iter().map(|order| (order, cache)).collect()
    }
}

/// Cycles that every schedule of this work takes at least: those of the busiest part of each layer, or of the way of weights.
fn at_least(rates: &Rates, work: &[LayerWork]) -> f64 {
    let (mut layers, mut way) = (0.0, 0.0);
    for layer in work {
        let busiest = layer.matrix.max(layer.vector).max(layer.feed + layer.drain);
        layers += layer.issue + busiest.max(layer.outside(rates));
        way += layer.on_the_way_of_weights(rates);
    }
    f64::max(layers, way)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_batch_has_the_parts_of_a_smaller_one() {
        assert_eq!(parts_of_batch(1), [1]);
        assert_eq!(parts_of_batch(17), [16, 12, 8, 6, 4, 3, 2, 1]);
        for batch in 1..300 {
            let more = parts_of_batch(batch + 1);
            assert!(parts_of_batch(batch).iter().all(|part| more.contains(part)), "{batch}");
        }
    }
}
