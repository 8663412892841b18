//! What published tables have a key for, recognised in the nodes of a block.

use panarch_graph::{Activation, Conv2d, Network, NodeId, Op, Shape};

/// A part of a block that a published table lists by its sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// A dense square convolution and its activation.
    Convolution {
        input: Shape,
        output: Shape,
        kernel: u32,
        stride: u32,
        activation: Option<Activation>,
    },
    /// Expansion (absent where inner and input width agree), depthwise convolution, squeeze-and-excite, projection, sum.
    InvertedBottleneck(InvertedBottleneck),
    /// The average over all positions.
    GlobalAverage { input: Shape },
    /// A fully connected layer.
    Linear { input: u64, output: u32 },
}

/// The sizes of an inverted bottleneck.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InvertedBottleneck {
    pub input: Shape,
    pub output: Shape,
    pub inner: u32,
    pub kernel: u32,
    pub stride: u32,
    pub residual: bool,
    /// The hidden width.
    pub squeeze_excite: Option<u32>,
    pub activation: Activation,
}

/// The parts of a block whose batch normalisation is folded, in order; none when it has something else in it.
pub(super) fn parts(block: &Network) -> Option<Vec<Part>> {
    let mut walk = Walk {
        block,
        ids: block.ids().collect(),
        at: 1,
        last: block.ids().next()?,
    };
    let mut parts = Vec::new();
    while walk.at < walk.ids.len() {
        let bottleneck = walk.attempt(Walk::inverted_bottleneck);
        let part = match bottleneck {
            Some(part) => part,
            None => walk.attempt(Walk::single)?,
        };
        parts.push(part);
    }
    (walk.last == block.output()).then_some(parts)
}

/// Where the reading of a block stands.
#[derive(Clone)]
struct Walk<'b> {
    block: &'b Network,
    ids: Vec<NodeId>,
    at: usize,
    last: NodeId,
}

impl Walk<'_> {
    /// What `read` makes of the next nodes; nothing has been read when it makes nothing of them.
    fn attempt(&mut self, read: impl FnOnce(&mut Self) -> Option<Part>) -> Option<Part> {
        let (at, last) = (self.at, self.last);
        let part = read(self);
        if part.is_none() {
            (self.at, self.last) = (at, last);
        }
        part
    }

    fn here(&self) -> Shape {
        self.block.shape(self.last)
    }

    /// The next node, if it reads these values in this order and `wanted` makes something of it.
    fn take<T>(&mut self, inputs: &[NodeId], wanted: impl Fn(&Op) -> Option<T>) -> Option<T> {
        let id = *self.ids.get(self.at)?;
        let node = self.block.node(id);
        let found = (node.inputs == inputs).then(|| wanted(&node.op)).flatten()?;
        self.at += 1;
        self.last = id;
        Some(found)
    }

    fn next<T>(&mut self, wanted: impl Fn(&Op) -> Option<T>) -> Option<T> {
        self.take(&[self.last], wanted)
    }

    fn convolution(&mut self) -> Option<Conv2d> {
        self.next(|op| match op {
            Op::Conv2d(conv) if is_square(conv) => Some(*conv),
            _ => None,
        })
    }

    fn pointwise(&mut self) -> Option<Conv2d> {
        self.convolution().filter(Conv2d::is_pointwise)
    }

    fn activation(&mut self) -> Option<Activation> {
        self.next(|op| match op {
            Op::Activation(activation) => Some(*activation),
            _ => None,
        })
    }

    fn inverted_bottleneck(&mut self) -> Option<Part> {
        let start = self.last;
        let input = self.here();
        let mut expansion = None;
        let depthwise = |conv: &Conv2d, width: u32| conv.is_depthwise(width);
        let mut conv = self.convolution()?;
        if !depthwise(&conv, input.channels) {
            if !conv.is_pointwise() {
                return None;
            }
            expansion = Some(self.activation()?);
            let width = self.here().channels;
            conv = self.convolution()?;
            if !depthwise(&conv, width) {
                return None;
            }
        }
        let inner = self.here().channels;
        let activation = self.activation()?;
        if expansion.is_some_and(|expansion| expansion != activation) {
            return None;
        }
        let squeeze_excite = match self.block.node(*self.ids.get(self.at)?).op {
            Op::GlobalAvgPool => Some(self.squeeze_excite(inner)?),
            _ => None,
        };
        self.pointwise()?;
        let output = self.here();
        let body = self.last;
        let sum = |op: &Op| matches!(op, Op::Add).then_some(());
        let residual = self
            .take(&[start, body], sum)
            .or_else(|| self.take(&[body, start], sum));
        Some(Part::InvertedBottleneck(InvertedBottleneck {
            input,
            output,
            inner,
            kernel: conv.kernel[0],
            stride: conv.stride[0],
            residual: residual.is_some(),
            squeeze_excite,
            activation,
        }))
    }

    /// The hidden width of a squeeze-and-excite as in MobileNetV3: ReLU inside, a hard sigmoid as gate.
    fn squeeze_excite(&mut self, width: u32) -> Option<u32> {
        let gated = self.last;
        self.next(|op| matches!(op, Op::GlobalAvgPool).then_some(()))?;
        let hidden = self.pointwise()?.out;
        (self.activation()? == Activation::Relu).then_some(())?;
        (self.pointwise()?.out == width).then_some(())?;
        (self.activation()? == Activation::HardSigmoid).then_some(())?;
        let gate = self.last;
        self.take(&[gated, gate], |op| matches!(op, Op::Mul).then_some(hidden))
    }

    fn single(&mut self) -> Option<Part> {
        let input = self.here();
        if let Some(conv) = self.convolution() {
            if conv.groups != 1 {
                return None;
            }
            let activation = self.activation();
            return Some(Part::Convolution {
                input,
                output: self.here(),
                kernel: conv.kernel[0],
                stride: conv.stride[0],
                activation,
            });
        }
        if self.next(|op| matches!(op, Op::GlobalAvgPool).then_some(())).is_some() {
            return Some(Part::GlobalAverage { input });
        }
        let output = self.next(|op| match op {
            Op::Linear(linear) => Some(linear.out),
            _ => None,
        })?;
        Some(Part::Linear {
            input: input.elements(),
            output,
        })
    }
}

/// One kernel, stride and padding for both axes, as the published networks have them.
fn is_square(conv: &Conv2d) -> bool {
    let plain = Conv2d {
        groups: conv.groups,
        bias: conv.bias,
        ..Conv2d::square(conv.out, conv.kernel[0], conv.stride[0])
    };
    *conv == plain
}
