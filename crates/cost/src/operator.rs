use panarch_graph::{Activation, Conv2d, Network, NodeId, Op, PoolKind};
use serde::{Deserialize, Serialize};

/// What a device may or may not be able to run. Finer than [`Op`]: convolutions by their grouping, activations by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Convolution with one group.
    Conv2d,
    /// Convolution in groups of more than one channel.
    GroupedConv2d,
    /// Convolution of each channel alone.
    DepthwiseConv2d,
    /// Fully connected layer.
    Linear,
    /// Batch normalisation that could not be folded into a convolution.
    BatchNorm,
    /// Sum.
    Add,
    /// Product, as of squeeze-and-excite.
    Mul,
    /// Concatenation along channels.
    Concat,
    /// Maximum pooling.
    MaxPool,
    /// Average pooling.
    AvgPool,
    /// Average over all positions.
    GlobalAvgPool,
    /// Change of shape only.
    Flatten,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// Hard swish.
    HardSwish,
    /// Hard sigmoid.
    HardSigmoid,
    /// Sigmoid.
    Sigmoid,
    /// Swish.
    Swish,
}

impl Operator {
    /// Every operator, in the order of the enum.
    pub const ALL: [Self; 18] = [
        Self::Conv2d,
        Self::GroupedConv2d,
        Self::DepthwiseConv2d,
        Self::Linear,
        Self::BatchNorm,
        Self::Add,
        Self::Mul,
        Self::Concat,
        Self::MaxPool,
        Self::AvgPool,
        Self::GlobalAvgPool,
        Self::Flatten,
        Self::Relu,
        Self::Relu6,
        Self::HardSwish,
        Self::HardSigmoid,
        Self::Sigmoid,
        Self::Swish,
    ];

    /// The operators that are activations.
    pub const ACTIVATIONS: [Self; 6] = [
        Self::Relu,
        Self::Relu6,
        Self::HardSwish,
        Self::HardSigmoid,
        Self::Sigmoid,
        Self::Swish,
    ];

    /// The name used in profiles, tables and errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::GroupedConv2d => "grouped_conv2d",
            Self::DepthwiseConv2d => "depthwise_conv2d",
            Self::Linear => "linear",
            Self::BatchNorm => "batch_norm",
            Self::Add => "add",
            Self::Mul => "mul",
            Self::Concat => "concat",
            Self::MaxPool => "max_pool",
            Self::AvgPool => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::HardSwish => "hard_swish",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Sigmoid => "sigmoid",
            Self::Swish => "swish",
        }
    }

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
            Op::BatchNorm(_) => Self::BatchNorm,
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
