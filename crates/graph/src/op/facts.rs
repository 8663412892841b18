//! What is true of an operator whatever the network around it: the one place where counts and classes are decided.
//!
//! Every match names every operator. A new one does not compile before all of these questions have an answer.

use super::{Conv2d, Factor, Op};
use crate::{Macs, ParameterRole, Shape};

impl Op {
    /// True for what multiplies its input with a kernel or a matrix. Only such an operator does multiply-accumulates, can
    /// take a batch normalisation that follows into its weights, and is work for a matrix unit.
    #[must_use]
    pub const fn has_kernel(&self) -> bool {
        match self {
            Self::Conv2d(_) | Self::Linear(_) => true,
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Affine(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Flatten => false,
        }
    }

    /// True for what joins the layer before it when nothing else reads that layer's value.
    #[must_use]
    pub const fn joins_layer_before(&self) -> bool {
        match self {
            Self::BatchNorm(_) | Self::Activation(_) | Self::Affine(_) => true,
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Conv2d(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Flatten
            | Self::Linear(_) => false,
        }
    }

    /// True for what can write its value over its first input's.
    #[must_use]
    pub const fn works_in_place(&self) -> bool {
        match self {
            Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Flatten
            | Self::Mul
            | Self::LayerNorm(_)
            | Self::Affine(_) => true,
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::Conv2d(_)
            | Self::Add
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Linear(_) => false,
        }
    }

    /// True for what changes a value's shape only: nothing is computed and nothing moves.
    #[must_use]
    pub const fn only_reshapes(&self) -> bool {
        match self {
            Self::Flatten => true,
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Affine(_)
            | Self::Conv2d(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Linear(_) => false,
        }
    }

    /// Multiply-accumulates for one image, given the shapes of the first input and of the output.
    ///
    /// A convolution counts C_in·C_out·kh·kw·H_out·W_out / groups, a linear layer C_in·C_out;
    /// biases, normalisation, activations, pooling, resizing and sums count nothing.
    #[must_use]
    pub fn macs(&self, input: Shape, output: Shape) -> Macs {
        Macs(match self {
            Self::Conv2d(conv) => {
                let [high, wide] = conv.kernel.map(u64::from);
                output.elements() * u64::from(conv.channels_of_group(input.channels)) * high * wide
            }
            Self::Linear(_) => input.elements() * output.elements(),
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Affine(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Flatten => 0,
        })
    }

    /// The parameters and buffers of the operator, in PyTorch's layout, given the channels of its first input.
    #[must_use]
    pub fn parameters(&self, channels: u32) -> Vec<(ParameterRole, Vec<usize>)> {
        let size = |axis: u32| axis as usize;
        let with_bias = |kernel: Vec<usize>, bias: bool| {
            let shift = bias.then(|| (ParameterRole::Bias, kernel[..1].to_vec()));
            std::iter::once((ParameterRole::Weight, kernel)).chain(shift).collect()
        };
        match self {
            Self::Conv2d(conv) => {
                let [high, wide] = conv.kernel.map(size);
                let inputs = size(conv.channels_of_group(channels));
                with_bias(vec![size(conv.out), inputs, high, wide], conv.bias)
            }
            Self::Linear(linear) => with_bias(vec![size(linear.out), size(channels)], linear.bias),
            Self::BatchNorm(_) => [
                ParameterRole::Weight,
                ParameterRole::Bias,
                ParameterRole::RunningMean,
                ParameterRole::RunningVar,
            ]
            .map(|role| (role, vec![size(channels)]))
            .to_vec(),
            Self::Affine(affine) => [
                (affine.scale, ParameterRole::Weight),
                (affine.shift, ParameterRole::Bias),
            ]
            .into_iter()
            .filter(|(factor, _)| *factor == Factor::Channels)
            .map(|(_, role)| (role, vec![size(channels)]))
            .collect(),
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Activation(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Flatten => Vec::new(),
        }
    }

    /// Whether the operator adds a bias; `None` for what cannot.
    #[must_use]
    pub const fn bias_mut(&mut self) -> Option<&mut bool> {
        match self {
            Self::Conv2d(conv) => Some(&mut conv.bias),
            Self::Linear(linear) => Some(&mut linear.bias),
            Self::Input
            | Self::Slice(_)
            | Self::Shuffle { .. }
            | Self::Resize(_)
            | Self::Pad(_)
            | Self::LayerNorm(_)
            | Self::Affine(_)
            | Self::BatchNorm(_)
            | Self::Activation(_)
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::Pool(_)
            | Self::GlobalAvgPool
            | Self::Flatten => None,
        }
    }
}

impl Conv2d {
    /// Input channels that one group reads.
    const fn channels_of_group(&self, channels: u32) -> u32 {
        match channels.checked_div(self.groups) {
            Some(channels) => channels,
            None => 0,
        }
    }
}
