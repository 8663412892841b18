use panarch_graph::{
    Activation, ElementOperations, Elements, Layer, LayerNorm, Macs, Network, NodeId, Op, fused_layers,
};

use super::{Breakdown, MatrixWork, Part};
use crate::Operator;

/// The unit that depthwise convolutions are counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DepthwiseUnit {
    /// The vector unit, an operation a tap, as on machines whose matrix unit has no use for them: no matrix work.
    #[default]
    Vector,
    /// The matrix unit, by their MACs.
    Matrix,
}

/// The raw matrix work of a network, layer by layer, for one image.
///
/// A layer is an operator with the batch normalisation and activation fused behind it ([`fused_layers`]). Counted are:
///
/// - W: the MACs of dense and grouped convolutions and of linear layers;
/// - V: for each element that leaves the layer, 1 for ReLU and ReLU6, 2 for a leaky ReLU, 3 for h-sigmoid, 4 for h-swish, 8
///   for sigmoid, 9 for swish and 10 for GELU; 4 for a bilinear resize and 5 for a layer normalisation; 1 for each summand beyond the first and for a product; the window for pooling, global pooling included, and
///   for a depthwise convolution on the vector unit; nothing for batch normalisation behind a convolution or linear layer,
///   which is folded, and 1 anywhere else;
/// - D: elements of all inputs and of the output. A change of shape moves nothing.
///
/// Our definition (see [the module](super)); the numbers for each activation are those of our cube machines, whose vector
/// units know sums, products and clamps. Not in it: weights, tile padding, and what a machine keeps close by.
#[must_use]
pub fn raw(network: &Network, depthwise: DepthwiseUnit) -> Breakdown<MatrixWork> {
    let layers = fused_layers(network).into_iter().filter_map(|layer| {
        let operator = Operator::of(network, layer.anchor)?;
        Some(Part {
            amount: of_layer(network, &layer, operator, depthwise),
            operator: operator.name().to_owned(),
            layer: layer.name,
            block: layer.block,
        })
    });
    Breakdown {
        layers: layers.collect(),
    }
}

fn of_layer(network: &Network, layer: &Layer, operator: Operator, depthwise: DepthwiseUnit) -> MatrixWork {
    let anchor = network.node(layer.anchor);
    let inputs = || anchor.inputs.iter().map(|input| network.shape(*input));
    let output = network.shape(layer.anchor).elements();
    if operator == Operator::Flatten {
        return MatrixWork::default();
    }
    let mut matrix = network.node_macs(layer.anchor);
    let mut vector = vector_operations(network, layer.anchor);
    if let (Op::Conv2d(conv), Operator::DepthwiseConv2d, DepthwiseUnit::Vector) = (&anchor.op, operator, depthwise) {
        matrix = Macs(0);
        vector = output.saturating_mul(u64::from(conv.kernel[0]) * u64::from(conv.kernel[1]));
    }
    for (position, id) in layer.nodes.iter().enumerate().skip(1) {
        let folded =
            anchor.op.has_kernel() && position == 1 && matches!(network.node(*id).op, Op::BatchNorm(_) | Op::Affine(_));
        if !folded {
            vector = vector.saturating_add(vector_operations(network, *id));
        }
    }
    let moved = inputs().map(|shape| shape.elements()).fold(output, u64::saturating_add);
    MatrixWork {
        matrix,
        vector: ElementOperations(vector),
        moved: Elements(moved),
    }
}

/// Element operations of a node on a vector unit.
fn vector_operations(network: &Network, id: NodeId) -> u64 {
    let node = network.node(id);
    let output = network.shape(id).elements();
    match &node.op {
        Op::Input | Op::Conv2d(_) | Op::Linear(_) | Op::Flatten | Op::Concat => 0,
        Op::Slice(_) | Op::Shuffle { .. } | Op::Pad(_) => 0,
        Op::BatchNorm(_) | Op::Affine(_) | Op::Mul => output,
        Op::Resize(resize) if resize.interpolation.is_nearest() => 0,
        Op::Resize(_) => output.saturating_mul(4),
        Op::LayerNorm(_) => output.saturating_mul(LayerNorm::OPERATIONS),
        Op::Activation(activation) => output.saturating_mul(operations(*activation)),
        Op::Add => output.saturating_mul(node.inputs.len().saturating_sub(1) as u64),
        Op::Pool(pool) => output.saturating_mul(u64::from(pool.kernel[0]) * u64::from(pool.kernel[1])),
        Op::GlobalAvgPool => node.inputs.iter().map(|input| network.shape(*input).elements()).sum(),
    }
}

/// Element operations of an activation for each element.
const fn operations(activation: Activation) -> u64 {
    match activation {
        Activation::Relu | Activation::Relu6 => 1,
        Activation::LeakyRelu(_) => 2,
        Activation::HardSigmoid => 3,
        Activation::HardSwish => 4,
        Activation::Sigmoid => 8,
        Activation::Swish => 9,
        Activation::Gelu | Activation::GeluTanh => 10,
    }
}
