use serde::{Deserialize, Serialize};

use crate::Padding;

mod activation;
mod border;
mod facts;
mod normalisation;
mod resize;
mod slice;

pub use activation::{Activation, Slope};
pub use border::{Border, BorderFill};
pub use normalisation::{Affine, Factor, LayerNorm, NormOver};
pub use resize::{Coordinates, Interpolation, Resize, ResizeTap, ResizeTo};
pub use slice::{ImageAxis, Slice};

/// The operators of this field: one closed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// The image. Exactly one, the first node.
    Input,
    /// Convolution; dense, pointwise, grouped or depthwise.
    Conv2d(Conv2d),
    /// Batch normalisation over channels (Ioffe & Szegedy 2015).
    BatchNorm(BatchNorm),
    /// An element-wise activation.
    Activation(Activation),
    /// Sum of two equal shapes.
    Add,
    /// Product of two shapes, or of a shape with a gate of (C, 1, 1) as the second input (squeeze-and-excite).
    Mul,
    /// Concatenation along channels, two inputs or more.
    Concat,
    /// Maximum or average pooling.
    Pool(Pool),
    /// Average over all positions; (C, H, W) becomes (C, 1, 1).
    GlobalAvgPool,
    /// (C, H, W) becomes (C·H·W, 1, 1), in C, H, W order.
    Flatten,
    /// Fully connected layer on a vector.
    Linear(Linear),
    /// A part of an image along one axis.
    Slice(Slice),
    /// Shuffles the channels of groups: channel k·groups + g is channel g·(C/groups) + k of the input (Zhang et al. 2018).
    Shuffle {
        /// Number of groups; it divides the channels.
        groups: u32,
    },
    /// Another height and width.
    Resize(Resize),
    /// A border around an image.
    Pad(Border),
    /// Normalisation with the statistics of the image itself.
    LayerNorm(LayerNorm),
    /// A scale and a shift, of one number or of one a channel.
    Affine(Affine),
}

impl Op {
    /// The operator's name, as people and tables write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv2d(_) => "conv2d",
            Self::BatchNorm(_) => "batch_norm",
            Self::Activation(_) => "activation",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Concat => "concat",
            Self::Pool(Pool {
                kind: PoolKind::Max, ..
            }) => "max_pool",
            Self::Pool(Pool {
                kind: PoolKind::Average,
                ..
            }) => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::Linear(_) => "linear",
            Self::Slice(_) => "slice",
            Self::Shuffle { .. } => "shuffle",
            Self::Resize(_) => "resize",
            Self::Pad(_) => "pad",
            Self::LayerNorm(_) => "layer_norm",
            Self::Affine(_) => "affine",
        }
    }
}

/// A two-dimensional convolution. Pairs are (height, width).
///
/// H_out = ⌊(H + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conv2d {
    /// Output channels.
    pub out: u32,
    /// Kernel size.
    pub kernel: [u32; 2],
    /// Stride.
    pub stride: [u32; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// Dilation.
    pub dilation: [u32; 2],
    /// Groups; equal to input and output channels for a depthwise convolution.
    pub groups: u32,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// A dense square convolution with padding ⌊k/2⌋ and no bias.
    #[must_use]
    pub const fn square(out: u32, kernel: u32, stride: u32) -> Self {
        Self {
            out,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::both([kernel / 2; 2]),
            dilation: [1; 2],
            groups: 1,
            bias: false,
        }
    }

    /// A 1×1 convolution of stride 1 without bias.
    #[must_use]
    pub const fn pointwise(out: u32) -> Self {
        Self::square(out, 1, 1)
    }

    /// A depthwise convolution of `channels` channels with padding ⌊k/2⌋ and no bias.
    #[must_use]
    pub const fn depthwise(channels: u32, kernel: u32, stride: u32) -> Self {
        Self {
            groups: channels,
            ..Self::square(channels, kernel, stride)
        }
    }

    /// The same convolution in `groups` groups.
    #[must_use]
    pub const fn with_groups(self, groups: u32) -> Self {
        Self { groups, ..self }
    }

    /// The same convolution with or without bias.
    #[must_use]
    pub const fn with_bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// True for a 1×1 convolution of stride 1 without padding and groups: a matrix product over positions.
    #[must_use]
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == Padding::NONE && self.groups == 1
    }

    /// True when each channel is convolved alone (groups = inputs = outputs), given the input channels.
    #[must_use]
    pub const fn is_depthwise(&self, input_channels: u32) -> bool {
        self.groups > 1 && self.groups == input_channels && self.out == input_channels
    }
}

/// Batch normalisation. `momentum` is PyTorch's: running ← (1 − momentum)·running + momentum·batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Added to the variance before the square root.
    pub eps: f32,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f32,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self {
            eps: 1e-5,
            momentum: 0.1,
        }
    }
}

/// What a pooling window yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PoolKind {
    /// The largest value; padding never wins.
    Max,
    /// The mean over the window; [`Pool::count_padding`] says over which of its positions.
    Average,
}

/// Pooling. Pairs are (height, width); the output size follows the convolution's formula, rounded up if `ceil`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// Maximum or average.
    pub kind: PoolKind,
    /// Window size.
    pub kernel: [u32; 2],
    /// Stride.
    pub stride: [u32; 2],
    /// What surrounds the image, at most half the window on each side.
    pub padding: Padding,
    /// Whether the output size is rounded up, so that the last window may hang over the padded image (PyTorch's
    /// `ceil_mode`). A last window that would begin behind the image and its padding before it is left out. Positions
    /// outside the padded image count in no average.
    pub ceil: bool,
    /// Whether an average counts the zeros of the padding (PyTorch's and ONNX's `count_include_pad`). Where this makes
    /// no difference, for a maximum and without padding, [`NetworkBuilder`](crate::NetworkBuilder) sets it to true.
    pub count_padding: bool,
}

/// A fully connected layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Linear {
    /// Number of outputs.
    pub out: u32,
    /// Whether a bias is added.
    pub bias: bool,
}
