//! Networks as int8 TFLite files, with ranges from the engine.

use std::collections::HashMap;

use panarch_format::tflite::{Ranges, Values, write};
use panarch_graph::{
    Conv2d, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape, Tensor, Weights, stream,
};
use panarch_nn::{Executor, Store, Views};
use panarch_train::TrainError;
use rand::RngExt;

use super::{Exported, Exporter, Outgoing};
use crate::{Error, memory};

/// Random images from which ranges are taken when there are no others.
const RANDOM_IMAGES: usize = 8;

pub(super) const EXPORTER: Exporter = Exporter {
    extension: "tflite",
    summary: "the network with int8 weights",
    export,
};

/// With weights, ranges are taken from the engine's forward pass over random images; without, kernels are drawn from the seed
/// and ranges are plausible ones, which is enough for questions of cost.
fn export(outgoing: &Outgoing<'_>) -> Result<Exported, Error> {
    let Outgoing { network, seed, .. } = *outgoing;
    memory::check_engine(network, RANDOM_IMAGES)?;
    let exported = |bytes: Vec<u8>, note: String| Exported {
        bytes,
        notes: vec![note],
        check: None,
    };
    let Some(weights) = outgoing.weights else {
        return Ok(exported(
            write(network, Values::Seeded(seed), &Ranges::plausible())?,
            format!("random kernels of seed {seed} and plausible ranges: good for questions of cost, not for answers"),
        ));
    };
    let Shape {
        channels,
        height,
        width,
    } = network.input_shape();
    let count = RANDOM_IMAGES
        * [channels, height, width]
            .iter()
            .map(|axis| *axis as usize)
            .product::<usize>();
    let mut rng = stream(seed, "panarch tflite images", 0);
    let images: Vec<f32> = (0..count).map(|_| rng.random::<f32>().mul_add(4.0, -2.0)).collect();
    let ranges = calibrate(network, weights, &images)?;
    Ok(exported(
        write(network, Values::Given(weights), &ranges)?,
        format!("ranges from {RANDOM_IMAGES} random images of seed {seed}: check the accuracy before it is shipped"),
    ))
}

/// The ranges that a file needs ([`Ranges::needed`]), over images [batch, height, width, channels], in one forward pass.
///
/// # Errors
/// When the weights do not fit the network, there is no image, or a value of the network is no finite number.
pub fn calibrate(network: &Network, weights: &Weights, images: &[f32]) -> Result<Ranges, Error> {
    let elements = network.input_shape().elements() as usize;
    let batch = images.len() / elements.max(1);
    if batch == 0 || images.len() != batch * elements {
        return Err(Error::Input(format!(
            "{} values are not images of {}: ranges need at least one image",
            images.len(),
            network.input_shape()
        )));
    }
    weights.check(network)?;
    let Tapped {
        network: tapped,
        weights,
        taps,
    } = tap(network, weights)?;
    memory::check_engine(&tapped, batch)?;
    let store = Store::from_weights(&tapped, &weights).map_err(TrainError::from)?;
    let run = || -> Result<_, TrainError> {
        let views = Views::resolve(&tapped, &store)?;
        Ok(Executor::new(&tapped, batch)?
            .evaluate(&store, &views, None, images)?
            .to_vec())
    };
    let extremes_of_all = run()?;
    let width = extremes_of_all.len() / batch;
    let mut ranges = Ranges::plausible();
    for id in Ranges::needed(network) {
        let name = &network.node(id).name;
        let (low, high) = match taps.get(&id) {
            Some(Tap {
                start,
                channels,
                negated,
            }) => {
                let of = |start: usize| {
                    let rows = extremes_of_all.chunks_exact(width.max(1));
                    extremes(rows.flat_map(move |row| &row[start..start + channels]))
                };
                let (low, high) = of(*start);
                // The largest of −x, where it stands apart, is minus the smallest of x.
                match negated {
                    Some(negated) => ((-of(*negated).1).min(0.0), high),
                    None => (low, high),
                }
            }
            None => extremes(images),
        };
        if !(low.is_finite() && high.is_finite()) {
            return Err(Error::CheckFailed(format!(
                "node `{name}` gives values that are no finite numbers for images within −2 to 2; its weights are no good"
            )));
        }
        ranges.insert(name, low, high)?;
    }
    Ok(ranges)
}

/// A network whose result is the largest and smallest values of another's nodes, side by side.
struct Tapped {
    network: Network,
    weights: Weights,
    /// Where the values of each node stand; the input has none.
    taps: HashMap<NodeId, Tap>,
}

/// Where the extremes of a node's channels stand in the result.
struct Tap {
    start: usize,
    channels: usize,
    /// Where the largest of the negated values stand; none for a vector, whose values stand there themselves.
    negated: Option<usize>,
}

/// Adds to a network a maximum over each map whose range is needed, and one over minus the map.
fn tap(network: &Network, weights: &Weights) -> Result<Tapped, Error> {
    let mut builder = NetworkBuilder::new(network.name(), network.input_shape());
    let mut place = Vec::with_capacity(network.nodes().len());
    for node in network.nodes() {
        let mut node = node.clone();
        for input in &mut node.inputs {
            *input = place[input.index()];
        }
        place.push(builder.push(node)?);
    }
    let mut wanted = Ranges::needed(network);
    // A network may have no node that feeds nothing.
    for output in network.outputs() {
        if !wanted.contains(&output.node) {
            wanted.push(output.node);
        }
    }
    wanted.retain(|id| !matches!(network.node(*id).op, Op::Input));
    let (mut weights, mut taps) = (weights.clone(), HashMap::new());
    let (mut ends, mut width) = (Vec::new(), 0);
    for id in wanted {
        let (at, shape) = (place[id.index()], network.shape(id));
        let channels = shape.channels as usize;
        let mut end = |node: NodeId| {
            ends.push(node);
            width += channels;
            width - channels
        };
        let tap = if shape.is_vector() {
            Tap {
                start: end(at),
                channels,
                negated: None,
            }
        } else {
            let largest = Op::Pool(Pool {
                kind: PoolKind::Max,
                kernel: [shape.height, shape.width],
                stride: [shape.height, shape.width],
                padding: Padding::NONE,
                ceil: false,
                count_padding: true,
            });
            let name = |what: &str| format!("calibration/{}/{what}", id.index());
            let minus = Conv2d {
                groups: shape.channels,
                ..Conv2d::pointwise(shape.channels)
            };
            weights.insert(name("minus.weight"), Tensor::filled(vec![channels, 1, 1, 1], -1.0));
            let minus = builder.add(name("minus"), Op::Conv2d(minus), &[at])?;
            let start = end(builder.add(name("largest"), largest.clone(), &[at])?);
            let negated = Some(end(builder.add(name("smallest"), largest, &[minus])?));
            Tap {
                start,
                channels,
                negated,
            }
        };
        taps.insert(id, tap);
    }
    let result = match ends[..] {
        [only] => only,
        _ => builder.add("calibration/all", Op::Concat, &ends)?,
    };
    let network = builder.finish(result)?;
    Ok(Tapped { network, weights, taps })
}

/// The smallest and largest of some values and 0; NaN if one of them is.
fn extremes<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f32, f32) {
    values.into_iter().fold((0.0, 0.0), |(low, high), value| {
        if value.is_nan() {
            (f32::NAN, f32::NAN)
        } else {
            (
                if *value < low { *value } else { low },
                if *value > high { *value } else { high },
            )
        }
    })
}
