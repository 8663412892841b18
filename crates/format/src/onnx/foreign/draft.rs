use std::collections::HashMap;

use panarch_graph::{Activation, Affine, BatchNorm, Conv2d, Linear, Node, Op, Padding, Shape, Tensor};

use super::super::limits;
use crate::FormatError;

/// What a node of a draft computes: the operators of a network with their weights, and some that a network has not.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An operator without parameters.
    Plain(Op),
    /// A convolution; its bias is there if `Conv2d::bias` says so.
    Convolution(Conv2d, Tensor, Option<Vec<f32>>),
    /// A linear layer, likewise.
    Linear(Linear, Tensor, Option<Vec<f32>>),
    /// Batch normalisation with scale, shift, mean and variance.
    BatchNorm(BatchNorm, [Vec<f32>; 4]),
    /// scale·x + shift; one pair for all channels or one for each.
    Affine(Vec<f64>, Vec<f64>),
    /// x + shift with one number a channel, directly behind a layer that has no bias.
    Bias(Vec<f64>),
    /// min(max(x, low), high).
    Clip(f64, f64),
    /// A border around the image: of zeros, or of values that no maximum takes.
    Pad(Padding, Border),
    /// What became of a scaling that no layer takes: its parameters, where it has some.
    Scaling(Affine, Option<Vec<f32>>, Option<Vec<f32>>),
    /// The error function, a part of GELU.
    Erf,
    /// The hyperbolic tangent, a part of an approximation of GELU.
    Tanh,
    /// A power, a part of that approximation and of a layer normalisation.
    Power(f64),
    /// The mean over the channels, a part of a layer normalisation.
    ChannelMean,
    /// A value less its mean over the channels, likewise.
    Centred,
}

/// What a border is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    Zero,
    Lowest,
}

impl Step {
    /// The operator of a network that this is, or one with the same shapes.
    pub fn op(&self) -> Op {
        match self {
            Self::Plain(op) => op.clone(),
            Self::Convolution(conv, ..) => Op::Conv2d(*conv),
            Self::Linear(linear, ..) => Op::Linear(*linear),
            Self::BatchNorm(bn, _) => Op::BatchNorm(*bn),
            Self::Affine(..) | Self::Bias(_) => Op::BatchNorm(BatchNorm::default()),
            Self::Scaling(affine, ..) => Op::Affine(*affine),
            Self::Clip(..)
            | Self::Pad(..)
            | Self::Erf
            | Self::Tanh
            | Self::Power(_)
            | Self::ChannelMean
            | Self::Centred => Op::Activation(Activation::Relu),
        }
    }
}

/// One node of a draft.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftNode {
    /// Unique in the draft.
    pub name: String,
    pub step: Step,
    /// Numbers of earlier nodes.
    pub inputs: Vec<usize>,
    pub shape: Shape,
}

/// A graph on its way to a network: nodes in topological order, the first the input. Nodes that nothing reads are
/// allowed; they are left out in the end.
#[derive(Debug)]
pub struct Draft {
    pub nodes: Vec<DraftNode>,
    /// Names that are taken, with the number that the next of the same name gets.
    names: HashMap<String, u64>,
}

impl Draft {
    /// A draft that has only its input.
    pub fn new(name: &str, shape: Shape) -> Self {
        let input = DraftNode {
            name: name.to_owned(),
            step: Step::Plain(Op::Input),
            inputs: Vec::new(),
            shape,
        };
        Self {
            nodes: vec![input],
            names: HashMap::from([(name.to_owned(), 2)]),
        }
    }

    /// Adds a node under this name, or under one made from it if it is taken.
    pub fn push(&mut self, name: &str, step: Step, inputs: Vec<usize>) -> Result<usize, FormatError> {
        let name = self.unique(name);
        let shapes: Vec<Shape> = inputs.iter().map(|input| self.nodes[*input].shape).collect();
        let node = Node {
            name: name.clone(),
            op: step.op(),
            inputs: Vec::new(),
            block: String::new(),
        };
        let mut shape = node.infer_shape(&shapes)?;
        if let Step::Pad(padding, _) = &step {
            let side = |axis: usize| padding.before[axis].saturating_add(padding.after[axis]);
            shape.height = shape.height.saturating_add(side(0));
            shape.width = shape.width.saturating_add(side(1));
        }
        if step == Step::ChannelMean {
            shape.channels = 1;
        }
        let largest = i64::from(shape.height.max(shape.width));
        if largest > limits::PIXELS {
            let what = format!("height or width of node `{name}`");
            return Err(FormatError::too_large(what, largest as u64, limits::PIXELS as u64));
        }
        self.nodes.push(DraftNode {
            name,
            step,
            inputs,
            shape,
        });
        Ok(self.nodes.len() - 1)
    }

    fn unique(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        if let Some(mut number) = self.names.get(name).copied() {
            while self.names.contains_key(&candidate) {
                candidate = format!("{name}_{number}");
                number += 1;
            }
            self.names.insert(name.to_owned(), number);
        }
        self.names.insert(candidate.clone(), 2);
        candidate
    }

    /// How many times each node is read; an output counts as one more.
    pub fn readers(&self, outputs: &[usize]) -> Vec<usize> {
        let mut readers = vec![0; self.nodes.len()];
        for output in outputs {
            readers[*output] += 1;
        }
        let needed = self.needed(outputs);
        for (node, needed) in self.nodes.iter().zip(needed) {
            if needed {
                for input in &node.inputs {
                    readers[*input] += 1;
                }
            }
        }
        readers
    }

    /// Which nodes the outputs depend on.
    pub fn needed(&self, outputs: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for output in outputs {
            needed[*output] = true;
        }
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if needed[index] {
                for input in &node.inputs {
                    needed[*input] = true;
                }
            }
        }
        needed
    }

    /// ε, if the one node is a value less its mean over the channels and the other √(the mean of its square + ε).
    pub fn normaliser(&self, centred: usize, root: usize) -> Option<f32> {
        let node = |id: usize| self.nodes.get(id);
        let alone = |id: usize| match node(id)?.inputs[..] {
            [input] => Some(input),
            _ => None,
        };
        if node(centred)?.step != Step::Centred || node(root)?.step != Step::Power(0.5) {
            return None;
        }
        let raised = alone(root)?;
        let (mean, eps) = match &node(raised)?.step {
            Step::Affine(scale, shift) if scale[..] == [1.0] && shift.len() == 1 => (alone(raised)?, shift[0]),
            _ => (raised, 0.0),
        };
        let square = alone(mean).filter(|_| node(mean).is_some_and(|node| node.step == Step::ChannelMean))?;
        let found = node(square)?;
        let of_centred = found.inputs.iter().all(|input| *input == centred);
        let squares = found.step == Step::Power(2.0) || found.step == Step::Plain(Op::Mul);
        (of_centred && squares).then_some(eps as f32)
    }

    /// For each node, whether none of its values is below 0.
    pub fn is_non_negative(&self, id: usize) -> bool {
        // A value is looked at through a few nodes; chains of additions and concatenations are not followed for ever.
        self.non_negative_within(id, 16)
    }

    fn non_negative_within(&self, id: usize, depth: u32) -> bool {
        let node = &self.nodes[id];
        let of_inputs = || {
            depth > 0
                && node
                    .inputs
                    .iter()
                    .take(8)
                    .all(|input| self.non_negative_within(*input, depth - 1))
                && node.inputs.len() <= 8
        };
        match &node.step {
            Step::Clip(low, _) => *low >= 0.0,
            Step::Plain(Op::Activation(activation)) => match activation {
                Activation::Relu | Activation::Relu6 | Activation::HardSigmoid | Activation::Sigmoid => true,
                Activation::HardSwish
                | Activation::Swish
                | Activation::LeakyRelu(_)
                | Activation::Gelu
                | Activation::GeluTanh => false,
            },
            Step::Pad(_, Border::Zero) => of_inputs(),
            Step::Affine(scale, shift) => scale.iter().chain(shift).all(|factor| *factor >= 0.0) && of_inputs(),
            Step::Plain(Op::Add | Op::Mul | Op::Concat) => node.inputs.len() <= 8 && depth > 12 && of_inputs(),
            Step::Plain(
                Op::Pool(_)
                | Op::GlobalAvgPool
                | Op::Flatten
                | Op::Slice(_)
                | Op::Shuffle { .. }
                | Op::Resize(_)
                | Op::Pad(_),
            ) => of_inputs(),
            _ => false,
        }
    }
}
