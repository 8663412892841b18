//! What the lowered network does, stage by stage, as numbers: layers, multiply-accumulates, traffic.

use std::collections::HashMap;
use std::sync::Mutex;

use panarch_graph::{Network, NodeId, Op, Shape, fused_layers};
use panarch_space::{Genotype, Head, Place, Space};

use super::{Columns, Kind, name};
use crate::Member;

/// Layers, MACs of dense and of grouped convolutions, values that leave a layer, parameters, products (of which every
/// squeeze-and-excite has one) and the values that leave these.
const KINDS: usize = 7;

/// Which of them are curves too: dense MACs and values, of which a machine does the first little in no time, or at other
/// speeds than the rest.
const CURVES: [usize; 2] = [1, 3];

/// Distance and width of a curve's bumps, in octaves.
const SPACING: f64 = 0.25;
const WIDTH: f64 = 0.35;

/// The ends of a network; costs were measured with ones that the rows do not name.
const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

/// Counts what the networks of a space do, in units of its largest network. What stands at a place is lowered once.
#[derive(Debug)]
pub(super) struct Counts {
    largest: [f64; KINDS],
    places: Vec<(u64, Place)>,
    known: Mutex<HashMap<Key, Placed>>,
}

/// The counts of one stage, by its number.
type Stage = (u64, [f64; KINDS]);

/// A place by its position, the choices there, and the shape and channels that enter it.
type Key = (usize, Vec<u8>, Shape, u32);

/// The counts of what stands at a place, and the shape and channels that leave it.
type Placed = ([f64; KINDS], Shape, u32);

impl Counts {
    /// None for a space whose networks are only known from a table.
    pub(super) fn of(space: &Space) -> Option<Self> {
        let stage = |place: &Place| place.name.split('.').next().map_or(0, hash);
        let places = space.places().into_iter().map(|place| (stage(&place), place));
        let mut counts = Self {
            largest: [1.0; KINDS],
            places: places.collect(),
            known: Mutex::default(),
        };
        let largest = space.largest();
        space.lower(&largest, HEAD, space.default_resolution()).ok()?;
        let sums = total(&counts.stages(space, &largest, None)?);
        counts.largest = sums.map(|count| if count > 0.0 { count } else { 1.0 });
        Some(counts)
    }

    /// Three groups: the sums over the network, those of each stage, and the curves. Empty for a network that cannot be
    /// lowered at its resolution.
    pub(super) fn groups(&self, space: &Space, member: &Member) -> [Columns; 3] {
        let Some(stages) = self.stages(space, &member.genotype, member.resolution) else {
            return [Columns::new(), Columns::new(), Columns::new()];
        };
        let share = |counts: [f64; KINDS]| {
            let shares = counts.into_iter().zip(self.largest);
            (0_u64..).zip(shares.map(|(count, largest)| count / largest))
        };
        let sums = total(&stages);
        let of_stage = |(stage, counts): &Stage| {
            let stage = *stage;
            share(*counts).map(move |(kind, share)| (name(Kind::StageSum, &[stage, kind]), share))
        };
        let curves = CURVES.into_iter().flat_map(|kind| bumps(kind as u64, sums[kind]));
        [
            share(sums)
                .map(|(kind, share)| (name(Kind::Sum, &[kind]), share))
                .collect(),
            stages.iter().flat_map(of_stage).collect(),
            curves.collect(),
        ]
    }

    /// The counts of every stage: places whose names begin alike. None for a network that cannot be built.
    fn stages(&self, space: &Space, genotype: &Genotype, resolution: Option<u32>) -> Option<Vec<Stage>> {
        let resolution = resolution.unwrap_or_else(|| space.default_resolution());
        let mut shape = Shape::new(HEAD.input_channels, resolution, resolution);
        let mut width = HEAD.input_channels;
        let mut stages: Vec<Stage> = Vec::new();
        for (position, (stage, place)) in self.places.iter().enumerate() {
            let choices = place.decisions.iter().map(|decision| genotype.choice(*decision));
            let key = (position, choices.collect(), shape, width);
            let known = self.known.lock().ok()?.get(&key).copied();
            let (counts, output, channels) = match known {
                Some(placed) => placed,
                None => {
                    let block = space.block_at(place, genotype, HEAD, shape, width).ok()?;
                    let counts = block.network.as_ref().map_or([0.0; KINDS], counted_in);
                    let placed = (counts, block.output, block.width);
                    self.known.lock().ok()?.insert(key, placed);
                    placed
                }
            };
            (shape, width) = (output, channels);
            match stages.last_mut().filter(|(last, _)| last == stage) {
                Some((_, sums)) => sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count),
                None => stages.push((*stage, counts)),
            }
        }
        Some(stages)
    }
}

/// A count as the heights of overlapping bumps along the octaves, so that a sum of them is a smooth curve.
fn bumps(kind: u64, count: f64) -> Columns {
    let place = count.max(1.0).log2() / SPACING;
    let reach = (3.0 * WIDTH / SPACING).ceil();
    let first = (place - reach).floor() as i64;
    let last = (place + reach).ceil() as i64;
    let height = |at: i64| (-0.5 * ((place - at as f64) * SPACING / WIDTH).powi(2)).exp();
    (first..=last)
        .map(|at| (name(Kind::Curve, &[kind, at as u64]), height(at)))
        .collect()
}

fn total(stages: &[Stage]) -> [f64; KINDS] {
    let mut sums = [0.0; KINDS];
    for (_, counts) in stages {
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    sums
}

/// The counts of a block.
fn counted_in(block: &Network) -> [f64; KINDS] {
    let mut sums = [0.0; KINDS];
    for layer in fused_layers(block) {
        let values = block.shape(layer.output).elements() as f64;
        let counts = counted(block, layer.anchor, values);
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let parameters = layer.nodes.iter().flat_map(|node| block.node_parameters(*node));
        sums[4] += parameters.map(|parameter| parameter.elements() as f64).sum::<f64>();
    }
    sums
}

/// A layer's counts but for its parameters.
fn counted(network: &Network, anchor: NodeId, values: f64) -> [f64; KINDS] {
    let macs = network.node_macs(anchor).0 as f64;
    match &network.node(anchor).op {
        Op::Conv2d(conv) if conv.groups > 1 => [1.0, 0.0, macs, values, 0.0, 0.0, 0.0],
        Op::Mul => [1.0, 0.0, 0.0, values, 0.0, 1.0, values],
        _ => [1.0, macs, 0.0, values, 0.0, 0.0, 0.0],
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0, |hash, byte| super::mix(hash ^ u64::from(byte)))
}
