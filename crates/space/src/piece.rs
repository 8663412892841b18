//! The nodes of one block, as a short list of pieces in series.
//!
//! Lowering turns pieces into nodes, counting compares them: both see the same thing.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, GraphError, Linear, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind,
};

use crate::element::{Block, SqueezeExcite};
use crate::operator::Operator;

/// A part of a network with one way in and one way out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// One node. The name is what follows the place's prefix.
    Node { name: String, op: Op },
    /// The sum of what comes in and of a branch.
    Residual { name: String, body: Vec<Piece> },
    /// What comes in, multiplied by the value of a branch.
    Gate { name: String, branch: Vec<Piece> },
}

impl Piece {
    /// Adds the piece after `input`; the result is the node that the next piece reads.
    pub(crate) fn add(&self, builder: &mut NetworkBuilder, prefix: &str, input: NodeId) -> Result<NodeId, GraphError> {
        match self {
            Self::Node { name, op } => builder.add(format!("{prefix}.{name}"), op.clone(), &[input]),
            Self::Residual { name, body } => {
                let result = add_all(body, builder, prefix, input)?;
                builder.add(format!("{prefix}.{name}"), Op::Add, &[input, result])
            }
            Self::Gate { name, branch } => {
                let gate = add_all(branch, builder, prefix, input)?;
                builder.add(format!("{prefix}.{name}"), Op::Mul, &[input, gate])
            }
        }
    }

    /// A text that is equal for two pieces exactly when they lower to equal nodes, whatever their names.
    pub(crate) fn signature(&self) -> String {
        let all = |pieces: &[Self]| -> String { pieces.iter().map(Self::signature).collect() };
        match self {
            Self::Node { op, .. } => format!("{op:?};"),
            Self::Residual { body, .. } => format!("+({})", all(body)),
            Self::Gate { branch, .. } => format!("*({})", all(branch)),
        }
    }
}

pub(crate) fn add_all(
    pieces: &[Piece],
    builder: &mut NetworkBuilder,
    prefix: &str,
    input: NodeId,
) -> Result<NodeId, GraphError> {
    pieces
        .iter()
        .try_fold(input, |input, piece| piece.add(builder, prefix, input))
}

/// What a space's blocks have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub batch_norm: BatchNorm,
    pub squeeze_excite: SqueezeExcite,
}

/// A list of pieces under construction. Names begin with `scope`.
struct Pieces<'a> {
    style: &'a Style,
    scope: String,
    list: Vec<Piece>,
}

impl Pieces<'_> {
    fn node(&mut self, name: &str, op: Op) {
        let name = format!("{}{name}", self.scope);
        self.list.push(Piece::Node { name, op });
    }

    fn conv(&mut self, part: &str, conv: Conv2d) {
        self.node(&format!("{part}conv"), Op::Conv2d(conv));
    }

    fn norm(&mut self, part: &str) {
        self.node(&format!("{part}bn"), Op::BatchNorm(self.style.batch_norm));
    }

    fn activation(&mut self, part: &str, activation: Option<Activation>) {
        if let Some(activation) = activation {
            self.node(&format!("{part}act"), Op::Activation(activation));
        }
    }

    fn conv_norm(&mut self, part: &str, conv: Conv2d) {
        self.conv(part, conv);
        self.norm(part);
    }

    /// Global average, 1×1 convolution, ReLU, 1×1 convolution, gate (Hu et al. 2018, as in MobileNetV3).
    fn squeeze_excite(&mut self, channels: u32, hidden: u32) {
        let convolution = |width| Op::Conv2d(Conv2d::pointwise(width).with_bias(true));
        let ops = [
            ("pool", Op::GlobalAvgPool),
            ("reduce", convolution(hidden)),
            ("act", Op::Activation(Activation::Relu)),
            ("expand", convolution(channels)),
            ("gate", Op::Activation(self.style.squeeze_excite.gate)),
        ];
        let node = |(name, op)| Piece::Node {
            name: format!("{}se.{name}", self.scope),
            op,
        };
        self.list.push(Piece::Gate {
            name: format!("{}se.mul", self.scope),
            branch: ops.into_iter().map(node).collect(),
        });
    }
}

/// The pieces of a block; `classes` is the width of a classifier.
pub(crate) fn pieces(block: &Block, style: &Style, classes: u32) -> Vec<Piece> {
    let scope = match block.operator {
        Operator::Skip | Operator::Separable | Operator::InvertedBottleneck | Operator::FusedInvertedBottleneck => {
            format!("{}.", block.operator.short())
        }
        _ => String::new(),
    };
    let mut made = Pieces {
        style,
        scope,
        list: Vec::new(),
    };
    let (kernel, stride) = (block.kernel, block.stride);
    match block.operator {
        Operator::Skip => {
            if stride != 1 || block.input != block.output {
                made.conv_norm("", Conv2d::square(block.output, 1, stride));
            }
        }
        Operator::Conv => {
            let conv = Conv2d::square(block.output, kernel, stride).with_bias(block.bias);
            made.conv("", conv);
            if block.batch_norm {
                made.norm("");
            }
            made.activation("", block.activation);
        }
        Operator::Separable => {
            made.conv_norm("depthwise.", Conv2d::depthwise(block.input, kernel, stride));
            made.activation("depthwise.", block.activation);
            made.conv_norm("project.", Conv2d::pointwise(block.output));
        }
        Operator::InvertedBottleneck => {
            if block.expands {
                made.conv_norm("expand.", Conv2d::pointwise(block.inner));
                made.activation("expand.", block.activation);
            }
            made.conv_norm("depthwise.", Conv2d::depthwise(block.inner, kernel, stride));
            made.activation("depthwise.", block.activation);
            if let Some(hidden) = block.squeeze_excite {
                made.squeeze_excite(block.inner, hidden);
            }
            made.conv_norm("project.", Conv2d::pointwise(block.output));
        }
        Operator::FusedInvertedBottleneck => {
            made.conv_norm("expand.", Conv2d::square(block.inner, kernel, stride));
            made.activation("expand.", block.activation);
            if let Some(hidden) = block.squeeze_excite {
                made.squeeze_excite(block.inner, hidden);
            }
            made.conv_norm("project.", Conv2d::pointwise(block.output));
        }
        Operator::MaxPool | Operator::AveragePool => {
            let kind = match block.operator {
                Operator::MaxPool => PoolKind::Max,
                _ => PoolKind::Average,
            };
            let pool = Pool {
                kind,
                kernel: [kernel; 2],
                stride: [stride; 2],
                padding: Padding::both([kernel / 2; 2]),
                ceil: false,
                count_padding: true,
            };
            made.node("pool", Op::Pool(pool));
        }
        Operator::GlobalAveragePool => made.node("pool", Op::GlobalAvgPool),
        Operator::Linear => {
            let linear = Linear {
                out: block.output,
                bias: block.bias,
            };
            made.node("linear", Op::Linear(linear));
            made.activation("linear.", block.activation);
        }
        Operator::Classifier => {
            let linear = Linear {
                out: classes,
                bias: block.bias,
            };
            made.node("classifier", Op::Linear(linear));
        }
    }
    if block.residual && !made.list.is_empty() {
        return vec![Piece::Residual {
            name: format!("{}add", made.scope),
            body: made.list,
        }];
    }
    made.list
}
