//! Networks as int8 TFLite files, with ranges from the engine.

use panarch_format::tflite::{Ranges, Values, write};
use panarch_graph::{Network, NetworkBuilder, NodeId, Op, Shape, Weights, stream};
use panarch_nn::{Executor, Store, Views};
use panarch_train::TrainError;
use rand::RngExt;

use crate::Error;
use crate::lookup::NamedNetwork;

/// Random images from which ranges are taken when there are no others.
const RANDOM_IMAGES: usize = 8;

/// A TFLite file, and what its numbers are worth.
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where weights and ranges come from, in words.
    pub note: String,
}

/// An int8 TFLite file of a network.
///
/// With weights, ranges are taken from the engine's forward pass over random images; without, kernels are drawn from `seed`
/// and ranges are plausible ones, which is enough for questions of cost.
///
/// # Errors
/// When TFLite cannot say what a layer computes, or the engine cannot run the network.
pub fn export(named: &NamedNetwork, seed: u64) -> Result<Exported, Error> {
    let network = &named.network;
    let Some(weights) = &named.weights else {
        return Ok(Exported {
            bytes: write(network, Values::Seeded(seed), &Ranges::plausible())?,
            note: format!(
                "random kernels of seed {seed} and plausible ranges: good for questions of cost, not for answers"
            ),
        });
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
    Ok(Exported {
        bytes: write(network, Values::Given(weights), &ranges)?,
        note: format!(
            "ranges from {RANDOM_IMAGES} random images of seed {seed}: check the accuracy before it is shipped"
        ),
    })
}

/// The ranges that a file needs ([`Ranges::needed`]), over images [batch, height, width, channels].
///
/// The engine keeps no values but the last; each node is computed as the result of the part of the network before it,
/// which costs as much as half of the network for each node.
///
/// # Errors
/// When the weights do not fit the network, or there is no image.
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
    let store = Store::from_weights(network, weights).map_err(TrainError::from)?;
    let mut ranges = Ranges::plausible();
    for id in Ranges::needed(network) {
        let name = &network.node(id).name;
        let (low, high) = if matches!(network.node(id).op, Op::Input) {
            extremes(images)
        } else {
            let part = before(network, id)?;
            let run = || -> Result<_, TrainError> {
                let views = Views::resolve(&part, &store)?;
                let mut executor = Executor::new(&part, batch)?;
                Ok(extremes(executor.evaluate(&store, &views, None, images)?))
            };
            run()?
        };
        ranges.insert(name, low, high)?;
    }
    Ok(ranges)
}

/// The part of a network that a node's value depends on, with that value as its result.
fn before(network: &Network, result: NodeId) -> Result<Network, Error> {
    let mut needed = vec![false; network.nodes().len()];
    let mut place = vec![NodeId::default(); network.nodes().len()];
    for id in network.ids().rev() {
        needed[id.index()] |= id == result || matches!(network.node(id).op, Op::Input);
        if needed[id.index()] {
            for input in &network.node(id).inputs {
                needed[input.index()] = true;
            }
        }
    }
    let mut builder = NetworkBuilder::new(network.name(), network.input_shape());
    for id in network.ids().filter(|id| needed[id.index()]) {
        let mut node = network.node(id).clone();
        for input in &mut node.inputs {
            *input = place[input.index()];
        }
        place[id.index()] = builder.push(node)?;
    }
    Ok(builder.finish(place[result.index()])?)
}

fn extremes(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((0.0, 0.0), |(low, high), value| (low.min(*value), high.max(*value)))
}
