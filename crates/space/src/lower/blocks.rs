//! The nodes of every operator.

use panarch_graph::{Activation, Conv2d, Linear, Op, Padding, Pool, PoolKind};

use crate::element::edge::Edge;
use crate::element::operator::Operator;
use crate::element::{Block, ChainLink, Residual, Shortcut};
use crate::lower::piece::{Piece, Style};

/// A list of pieces under construction. Names begin with `scope`.
struct Pieces<'a> {
    style: &'a Style,
    block: &'a Block,
    scope: String,
    list: Vec<Piece>,
}

impl<'a> Pieces<'a> {
    /// An empty list of the same block.
    fn branch(&self) -> Pieces<'a> {
        Pieces {
            scope: self.scope.clone(),
            list: Vec::new(),
            ..*self
        }
    }

    fn node(&mut self, name: &str, op: Op) {
        let name = format!("{}{name}", self.scope);
        self.list.push(Piece::Node { name, op });
    }

    fn activation(&mut self, part: &str, activation: Option<Activation>) {
        if let Some(activation) = activation {
            self.node(&format!("{part}act"), Op::Activation(activation));
        }
    }

    /// A convolution with or without bias, and BN unless the block has none.
    fn conv(&mut self, part: &str, conv: Conv2d) {
        let fixed = &self.block.fixed;
        self.node(&format!("{part}conv"), Op::Conv2d(conv.with_bias(fixed.bias)));
        if fixed.batch_norm {
            self.node(&format!("{part}bn"), Op::BatchNorm(self.style.batch_norm));
        }
    }

    /// A convolution and the block's activation.
    fn conv_act(&mut self, part: &str, conv: Conv2d) {
        self.conv(part, conv);
        self.activation(part, self.block.activation);
    }

    /// Global average, 1×1 convolution, ReLU, 1×1 convolution, gate (Hu et al. 2018, as in MobileNetV3).
    fn squeeze_excite(&mut self) {
        let Some(hidden) = self.block.squeeze_excite else {
            return;
        };
        let channels = self.block.inner;
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

    /// The convolutions of an edge chain.
    fn chain(&mut self, links: &[ChainLink]) {
        let mut stride = self.block.fixed.stride;
        for link in links {
            let part = format!("edge{}.", link.edge + 1);
            match link.form {
                Edge::Identity => {}
                Edge::Square(kernel) => self.conv(&part, Conv2d::square(link.width, kernel, stride)),
                Edge::Pair(kernel) => {
                    let line = |kernel: [u32; 2], stride| Conv2d {
                        kernel,
                        stride,
                        padding: Padding::both(kernel.map(|size| size / 2)),
                        ..Conv2d::pointwise(link.width)
                    };
                    let vertical = line([kernel, 1], [stride, 1]).with_bias(self.block.fixed.bias);
                    self.node(&format!("{part}vertical.conv"), Op::Conv2d(vertical));
                    self.conv(&format!("{part}horizontal."), line([1, kernel], [1, stride]));
                }
            }
            self.activation(&part, link.activation);
            stride = 1;
        }
    }

    /// The sum of what has been listed and of the shortcut, and the block's activation.
    fn close_with_shortcut(&mut self) {
        let block = self.block;
        let stride = block.fixed.stride;
        let mut shortcut = self.branch();
        if stride != 1 || block.input != block.output {
            let pool = block.fixed.shortcut == Shortcut::PoolConv && stride != 1;
            if pool {
                let pool = Pool {
                    kind: PoolKind::Average,
                    kernel: [stride; 2],
                    stride: [stride; 2],
                    padding: Padding::NONE,
                    ceil: true,
                    count_padding: true,
                };
                shortcut.node("shortcut.pool", Op::Pool(pool));
            }
            shortcut.conv(
                "shortcut.",
                Conv2d::square(block.output, 1, if pool { 1 } else { stride }),
            );
        }
        self.list = vec![Piece::Residual {
            name: format!("{}add", self.scope),
            shortcut: shortcut.list,
            body: std::mem::take(&mut self.list),
        }];
        self.activation("", block.activation);
    }
}

/// The pieces of a block; `classes` is the width of a classifier.
pub(crate) fn pieces(block: &Block, style: &Style, classes: u32) -> Vec<Piece> {
    let mut made = Pieces {
        style,
        block,
        scope: scope(block.operator),
        list: Vec::new(),
    };
    let (kernel, stride, inner) = (block.kernel, block.fixed.stride, block.inner);
    // What is concatenated stands beside the block's own output.
    let output = match block.residual {
        Residual::Concat => block.output.saturating_sub(block.input),
        Residual::None | Residual::Add => block.output,
    };
    match block.operator {
        Operator::Skip => {
            if stride != 1 || block.input != output {
                made.conv("", Conv2d::square(output, 1, stride));
            }
        }
        Operator::Conv => {
            let conv = Conv2d {
                padding: Padding::both([block.fixed.padding.unwrap_or(kernel / 2); 2]),
                ..Conv2d::square(output, kernel, stride).with_groups(block.groups)
            };
            made.conv_act("", conv);
        }
        Operator::Separable => {
            made.conv_act("depthwise.", Conv2d::depthwise(block.input, kernel, stride));
            made.conv("project.", Conv2d::pointwise(output));
            made.activation("project.", block.last_activation);
        }
        Operator::InvertedBottleneck => {
            if block.expands {
                made.conv_act("expand.", Conv2d::pointwise(inner));
            }
            made.conv_act("depthwise.", Conv2d::depthwise(inner, kernel, stride));
            made.squeeze_excite();
            made.conv("project.", Conv2d::pointwise(output));
        }
        Operator::FusedInvertedBottleneck => {
            made.conv_act(
                "expand.",
                Conv2d::square(inner, kernel, stride).with_groups(block.groups),
            );
            made.squeeze_excite();
            made.conv("project.", Conv2d::pointwise(output));
        }
        Operator::Bottleneck => {
            let [first, middle] = if block.fixed.stride_in_first {
                [stride, 1]
            } else {
                [1, stride]
            };
            made.conv_act("reduce.", Conv2d::square(inner, 1, first));
            made.conv_act(
                "middle.",
                Conv2d::square(inner, kernel, middle).with_groups(block.groups),
            );
            made.conv("expand.", Conv2d::pointwise(output));
            made.close_with_shortcut();
        }
        Operator::Basic => {
            made.conv_act("first.", Conv2d::square(output, kernel, stride));
            made.conv("second.", Conv2d::square(output, kernel, 1));
            made.close_with_shortcut();
        }
        Operator::Fire => {
            made.conv_act("squeeze.", Conv2d::square(inner, 1, stride));
            let mut small = made.branch();
            small.conv_act("small.", Conv2d::pointwise(output / 2));
            let mut large = made.branch();
            large.conv_act("large.", Conv2d::square(output - output / 2, kernel, 1));
            made.list.push(Piece::Concat {
                name: format!("{}concat", made.scope),
                branches: vec![small.list, large.list],
            });
        }
        Operator::EdgeChain => {
            if block.links.is_empty() && (stride != 1 || block.input != output) {
                made.conv("skip.", Conv2d::square(output, 1, stride));
            }
            made.chain(&block.links);
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
                padding: Padding::both([block.fixed.padding.unwrap_or((kernel - 1) / 2); 2]),
                ceil: block.fixed.ceil,
                count_padding: true,
            };
            made.node("pool", Op::Pool(pool));
        }
        Operator::GlobalAveragePool => made.node("pool", Op::GlobalAvgPool),
        Operator::Flatten => made.node("flatten", Op::Flatten),
        Operator::Linear => {
            let linear = Linear {
                out: output,
                bias: block.fixed.bias,
            };
            made.node("linear", Op::Linear(linear));
            made.activation("linear.", block.activation);
        }
        Operator::Classifier => {
            let linear = Linear {
                out: classes,
                bias: block.fixed.bias,
            };
            made.node("classifier", Op::Linear(linear));
        }
        Operator::ConvolutionClassifier => {
            let conv = Conv2d::pointwise(classes).with_bias(block.fixed.bias);
            made.node("classifier", Op::Conv2d(conv));
            made.activation("classifier.", block.activation);
            made.node("pool", Op::GlobalAvgPool);
        }
    }
    close_with_residual(made)
}

/// What node names of an operator begin with, so that a parameter means the same in every member of a space.
fn scope(operator: Operator) -> String {
    match operator.is_scoped() {
        true => format!("{}.", operator.short()),
        false => String::new(),
    }
}

fn close_with_residual(made: Pieces<'_>) -> Vec<Piece> {
    let Pieces { block, scope, list, .. } = made;
    match block.residual {
        _ if list.is_empty() => list,
        Residual::None => list,
        Residual::Add => vec![Piece::Residual {
            name: format!("{scope}add"),
            shortcut: Vec::new(),
            body: list,
        }],
        Residual::Concat => vec![Piece::Concat {
            name: format!("{scope}concat"),
            branches: vec![Vec::new(), list],
        }],
    }
}
