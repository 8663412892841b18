//! The small networks that tell what one block takes.

use panarch_cost::Cost;
use panarch_graph::{Activation, GraphError, Latency, Network, NetworkBuilder, NodeId, Op, ProvenanceKind};
use panarch_predict::{TableEntry, normal_quantile};
use panarch_space::IsolatedBlock;

/// How a device is asked for a block alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By the layers of the block, between guards: for a device that knows its layers.
    Layers,
    /// By the difference with and without the block: for a device that knows only the whole.
    Difference,
}

impl Way {
    /// What an entry is, for the header of a table.
    pub(super) const fn note(self) -> &'static str {
        match self {
            Self::Layers => {
                "each entry is one block alone: the times of its layers between a ReLU and a global average; fusion across the borders of blocks is left out"
            }
            Self::Difference => {
                "each entry is one block alone: the difference between a ReLU with and without the block behind it; fusion across the borders of blocks is left out"
            }
        }
    }
}

/// The block of what is not the block itself.
const GUARD: &str = "guard";

/// A block among guards, so that it neither reads the image nor makes the result unless it does so in its network.
///
/// A device that knows its layers is asked for guard, block, guard, and the block's layers count. One that knows only the
/// whole is asked for the guard with and without the block: the fixed time of an inference and the way of the image onto
/// the device cancel. What the result's way off the device takes does not, but in a sum over a whole network these
/// differences cancel too, up to the first and the last block's, which are asked for without guard there.
pub(super) struct Isolation {
    way: Way,
    /// Guard and block, and another guard where layers are known.
    with: Network,
    /// The guard alone; none for a block that reads the image, or where layers are known.
    without: Option<Network>,
}

impl Isolation {
    pub(super) fn of(block: &IsolatedBlock, way: Way) -> Result<Self, GraphError> {
        let (before, layers) = (!block.first, way == Way::Layers);
        let alone = before && !layers;
        Ok(Self {
            way,
            with: surrounded(&block.network, before, layers && !block.last)?,
            without: alone.then(|| guard_alone(&block.network)).transpose()?,
        })
    }

    /// The networks to ask for, in the order in which [`Isolation::latency`] takes their costs.
    pub(super) fn networks(&self) -> impl Iterator<Item = &Network> {
        std::iter::once(&self.with).chain(&self.without)
    }

    /// What the block takes and the standard deviation of that, from the costs of the networks; none when costs are missing.
    pub(super) fn latency(&self, costs: &[Cost]) -> Option<(Latency, Latency)> {
        let (with, rest) = costs.split_first()?;
        if self.way == Way::Layers {
            let own = with.per_layer.iter().filter(|layer| layer.block != GUARD);
            return Some((own.map(|layer| layer.latency).sum(), Latency::ZERO));
        }
        let without = match (&self.without, rest) {
            (Some(_), [without]) => Some(without),
            (None, []) => None,
            _ => return None,
        };
        let before = without.map_or(with.fixed, |without| without.latency.value);
        let variance = deviation(with).powi(2) + without.map_or(0.0, |without| deviation(without).powi(2));
        let deviation = Latency::from_seconds(variance.sqrt());
        Some((with.latency.value - before, deviation))
    }
}

/// One standard deviation of a measured cost, by its interval; a model's error is the same for all blocks and not here.
fn deviation(cost: &Cost) -> f64 {
    if cost.provenance.kind != ProvenanceKind::Measured {
        return 0.0;
    }
    let width = (cost.latency.high - cost.latency.low).seconds();
    let deviations = normal_quantile(0.5 + 0.5 * cost.latency.level.clamp(0.0, 0.9999));
    (0.5 * width / deviations).max(0.0)
}

/// The entry of a block from some answers: their mean and standard deviation, which is at least what their own intervals
/// leave of it; a single answer's own, by its interval.
pub(super) fn entry(answers: &[(Latency, Latency)]) -> Option<TableEntry> {
    let count = answers.len();
    let mean = answers.iter().map(|(value, _)| value.seconds()).sum::<f64>() / count as f64;
    let deviation = match answers {
        [] => return None,
        [(_, own)] => own.seconds(),
        more => {
            let squares = more.iter().map(|(value, _)| (value.seconds() - mean).powi(2));
            let own = more.iter().map(|(_, own)| own.seconds()).sum::<f64>() / count as f64;
            let between = (squares.sum::<f64>() / (count as f64 - 1.0)).sqrt();
            between.max(own / (count as f64).sqrt())
        }
    };
    Some(TableEntry {
        mean: Latency::from_seconds(mean),
        standard_deviation: Latency::from_seconds(deviation),
        count: u32::try_from(count).ok(),
    })
}

fn surrounded(block: &Network, before: bool, after: bool) -> Result<Network, GraphError> {
    let mut builder = NetworkBuilder::new(block.name(), block.input_shape());
    let mut entry = builder.input();
    if before {
        entry = guard(&mut builder, "guard.before", Op::Activation(Activation::Relu), entry)?;
    }
    let mut renamed: Vec<NodeId> = vec![entry];
    for node in block.nodes().iter().skip(1) {
        let mut node = node.clone();
        for input in &mut node.inputs {
            *input = renamed.get(input.index()).copied().unwrap_or(entry);
        }
        renamed.push(builder.push(node)?);
    }
    let mut end = renamed.get(block.output().index()).copied().unwrap_or(entry);
    if after {
        end = guard(&mut builder, "guard.after", Op::GlobalAvgPool, end)?;
    }
    builder.finish(end)
}

fn guard_alone(block: &Network) -> Result<Network, GraphError> {
    let mut builder = NetworkBuilder::new(GUARD, block.input_shape());
    let input = builder.input();
    let end = guard(&mut builder, "guard.before", Op::Activation(Activation::Relu), input)?;
    builder.finish(end)
}

fn guard(builder: &mut NetworkBuilder, name: &str, op: Op, input: NodeId) -> Result<NodeId, GraphError> {
    builder.scope(GUARD).add(name, op, &[input])
}

#[cfg(test)]
mod tests {
    use panarch_cost::{AnalyticModel, CostSource, DeviceProfile};
    use panarch_space::{Head, Space};
    use panarch_testkit::FakeDevice;

    use super::*;

    fn blocks() -> Vec<IsolatedBlock> {
        let head = Head {
            classes: 10,
            input_channels: 1,
        };
        let space = Space::preset("multi-hardware-small").unwrap();
        space.isolated_blocks(head, 28).unwrap()
    }

    fn latency(block: &IsolatedBlock, way: Way, source: &dyn CostSource) -> f64 {
        let isolation = Isolation::of(block, way).unwrap();
        let networks: Vec<Network> = isolation.networks().cloned().collect();
        let costs: Vec<Cost> = source.estimate(&networks).into_iter().map(Result::unwrap).collect();
        isolation.latency(&costs).unwrap().0.seconds()
    }

    /// The fixed time of an inference is in no block.
    #[test]
    fn a_difference_is_the_block_alone() {
        let device = FakeDevice::new("fake");
        for block in blocks() {
            let expected = (device.per_mac * block.network.macs().0 as f64).seconds();
            let found = latency(&block, Way::Difference, &device);
            assert!((found - expected).abs() < 1e-12, "{}: {found} {expected}", block.name);
        }
    }

    /// Guards keep image and result away from a block in the middle, whose layers then take what they take in a network.
    #[test]
    fn layers_take_what_they_take_in_a_whole_network() {
        let model = AnalyticModel::new(DeviceProfile::preset("cube-16").unwrap()).unwrap();
        let space = Space::preset("multi-hardware-small").unwrap();
        let head = Head {
            classes: 10,
            input_channels: 1,
        };
        for block in blocks().iter().step_by(7) {
            let whole = model.cost(&space.lower(&block.member, head, 28).unwrap()).unwrap();
            let own = whole.per_layer.iter().filter(|layer| layer.block == block.name);
            let expected: f64 = own.map(|layer| layer.latency.seconds()).sum();
            let found = latency(block, Way::Layers, &model);
            assert!(
                (found / expected - 1.0).abs() < 1e-9,
                "{}: {found} {expected}",
                block.name
            );
        }
    }

    #[test]
    fn several_answers_have_a_spread_and_one_has_its_own() {
        let at = |seconds: f64| (Latency::from_seconds(seconds), Latency::from_seconds(0.5));
        assert_eq!(entry(&[]), None);
        let one = entry(&[at(2.0)]).unwrap();
        assert_eq!(
            (one.mean.seconds(), one.standard_deviation.seconds(), one.count),
            (2.0, 0.5, Some(1))
        );
        let three = entry(&[at(1.0), at(2.0), at(3.0)]).unwrap();
        assert_eq!(
            (three.mean.seconds(), three.standard_deviation.seconds(), three.count),
            (2.0, 1.0, Some(3))
        );
    }
}
