use panarch_graph::{Activation, Conv2d, Network, NodeId, Op, PoolKind};
use serde::{Deserialize, Serialize};

/// Declares the operators once: the enum, its lists and its names.
macro_rules! operators {
    (
        layers { $($(#[$doc:meta])* $layer:ident $name:literal,)+ }
        activations { $($(#[$activation_doc:meta])* $activation:ident $activation_name:literal,)+ }
    ) => {
        /// What a device may or may not be able to run. Finer than [`Op`]: convolutions by their grouping, activations by
        /// kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Operator {
            $($(#[$doc])* $layer,)+
            $($(#[$activation_doc])* $activation,)+
        }

        impl Operator {
            /// Every operator, in the order of the enum.
            pub const ALL: [Self; [$($name,)+ $($activation_name,)+].len()] =
                [$(Self::$layer,)+ $(Self::$activation,)+];

            /// The operators that are activations.
            pub const ACTIVATIONS: [Self; [$($activation_name,)+].len()] = [$(Self::$activation,)+];

            /// The name used in profiles, tables and errors.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$layer => $name,)+
                    $(Self::$activation => $activation_name,)+
                }
            }
        }
    };
}

operators! {
    layers {
    /// Convolution with one group.
    Conv2d "conv2d",
    /// Convolution in groups of more than one channel.
    GroupedConv2d "grouped_conv2d",
    /// Convolution of each channel alone.
    DepthwiseConv2d "depthwise_conv2d",
    /// Fully connected layer.
    Linear "linear",
    /// Batch normalisation that could not be folded into a convolution.
    BatchNorm "batch_norm",
    /// Sum.
    Add "add",
    /// Product, as of squeeze-and-excite.
    Mul "mul",
    /// Concatenation along channels.
    Concat "concat",
    /// Maximum pooling.
    MaxPool "max_pool",
    /// Average pooling.
    AvgPool "avg_pool",
    /// Average over all positions.
    GlobalAvgPool "global_avg_pool",
    /// Change of shape only.
    Flatten "flatten",
    /// A part of an image.
    Slice "slice",
    /// Shuffle of the channels of groups.
    Shuffle "shuffle",
    /// Another height and width.
    Resize "resize",
    /// A border around an image.
    Pad "pad",
    /// Normalisation with the statistics of the image itself.
    LayerNorm "layer_norm",
    }
    activations {
    /// max(x, 0).
    Relu "relu",
    /// min(max(x, 0), 6).
    Relu6 "relu6",
    /// Hard swish.
    HardSwish "hard_swish",
    /// Hard sigmoid.
    HardSigmoid "hard_sigmoid",
    /// Sigmoid.
    Sigmoid "sigmoid",
    /// Swish.
    Swish "swish",
    /// Leaky ReLU.
    LeakyRelu "leaky_relu",
    /// GELU, exact or approximated by tanh.
    Gelu "gelu",
    }
}

impl Operator {
    /// The operator of a node; `None` for the input, which nobody has to run.
    #[must_use]
    pub fn of(network: &Network, id: NodeId) -> Option<Self> {
        let node = network.node(id);
        Some(match &node.op {
            Op::Input => return None,
            Op::Conv2d(conv) => {
                let channels = node.inputs.first().map_or(0, |input| network.shape(*input).channels);
                Self::of_convolution(conv, channels)
            }
            // Both are a scale and a shift.
            Op::BatchNorm(_) | Op::Affine(_) => Self::BatchNorm,
            Op::Slice(_) => Self::Slice,
            Op::Shuffle { .. } => Self::Shuffle,
            Op::Resize(_) => Self::Resize,
            Op::Pad(_) => Self::Pad,
            Op::LayerNorm(_) => Self::LayerNorm,
            Op::Activation(activation) => Self::of_activation(*activation),
            Op::Add => Self::Add,
            Op::Mul => Self::Mul,
            Op::Concat => Self::Concat,
            Op::Pool(pool) => match pool.kind {
                PoolKind::Max => Self::MaxPool,
                PoolKind::Average => Self::AvgPool,
            },
            Op::GlobalAvgPool => Self::GlobalAvgPool,
            Op::Flatten => Self::Flatten,
            Op::Linear(_) => Self::Linear,
        })
    }

    /// The operator of an activation.
    #[must_use]
    pub const fn of_activation(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::Relu,
            Activation::Relu6 => Self::Relu6,
            Activation::HardSwish => Self::HardSwish,
            Activation::HardSigmoid => Self::HardSigmoid,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Swish => Self::Swish,
            Activation::LeakyRelu(_) => Self::LeakyRelu,
            Activation::Gelu | Activation::GeluTanh => Self::Gelu,
        }
    }

    /// The operator that stands for this one in profiles that list the one and not the other: those that were written
    /// before there was this one. What joins parts of values also takes them out and moves them; what clamps at 0 and 6 has
    /// the parts of a leaky ReLU; what has an exponential for swish has one for GELU; and what normalises by itself is a
    /// programmable machine.
    #[must_use]
    pub const fn stands_in(self) -> Option<Self> {
        match self {
            Self::Slice | Self::Shuffle | Self::Resize | Self::Pad => Some(Self::Concat),
            Self::LayerNorm => Some(Self::BatchNorm),
            Self::LeakyRelu => Some(Self::Relu6),
            Self::Gelu => Some(Self::Swish),
            Self::Conv2d
            | Self::GroupedConv2d
            | Self::DepthwiseConv2d
            | Self::Linear
            | Self::BatchNorm
            | Self::Add
            | Self::Mul
            | Self::Concat
            | Self::MaxPool
            | Self::AvgPool
            | Self::GlobalAvgPool
            | Self::Flatten
            | Self::Relu
            | Self::Relu6
            | Self::HardSwish
            | Self::HardSigmoid
            | Self::Sigmoid
            | Self::Swish => None,
        }
    }

    fn of_convolution(conv: &Conv2d, input_channels: u32) -> Self {
        if conv.groups == 1 {
            Self::Conv2d
        } else if conv.is_depthwise(input_channels) {
            Self::DepthwiseConv2d
        } else {
            Self::GroupedConv2d
        }
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
