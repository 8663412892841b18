//! Classes of layers that the compiler treats alike.

use panarch_cost::Operator;
use panarch_graph::{Layer, Network, Op};

/// The class of a layer: its operator, with dense convolutions told apart by what bounds them.
pub(super) fn operator_class(network: &Network, layer: &Layer) -> &'static str {
    let Some(operator) = Operator::of(network, layer.anchor) else {
        return "input";
    };
    let output = network.shape(layer.anchor);
    match (&network.node(layer.anchor).op, operator) {
        (Op::Conv2d(_), Operator::Conv2d) if output.pixels() == 1 => "conv2d at one position",
        (Op::Conv2d(conv), Operator::Conv2d) if conv.kernel == [1, 1] => "conv2d 1×1",
        (Op::Conv2d(_), Operator::Conv2d) => "conv2d k×k",
        _ => operator.name(),
    }
}
