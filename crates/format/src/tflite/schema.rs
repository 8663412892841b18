//! Numbers of TFLite's schema: slots of tables, codes of operators, tags of options.

use super::structure::{Element, Fused, OperatorKind, WindowPadding};

/// The four bytes behind the offset of the root table.
pub const IDENTIFIER: &str = "TFL3";
/// The version of the schema that we write.
pub const VERSION: u32 = 3;

/// Slots of `Model`.
pub mod model {
    pub const VERSION: u16 = 0;
    pub const OPERATOR_CODES: u16 = 1;
    pub const GRAPHS: u16 = 2;
    pub const DESCRIPTION: u16 = 3;
    pub const BUFFERS: u16 = 4;
    pub const METADATA: u16 = 6;
    pub const SIGNATURES: u16 = 7;
}

/// Slots of `SignatureDef`, which gives the ends of a graph names.
pub mod signature {
    pub const INPUTS: u16 = 0;
    pub const OUTPUTS: u16 = 1;
    pub const KEY: u16 = 2;
    pub const GRAPH: u16 = 4;
}

/// Slots of `TensorMap`.
pub mod tensor_map {
    pub const NAME: u16 = 0;
    pub const TENSOR: u16 = 1;
}

/// Slots of `OperatorCode`.
pub mod operator_code {
    /// The code in one byte, at most 127; older readers know no other.
    pub const SHORT_CODE: u16 = 0;
    pub const CUSTOM: u16 = 1;
    pub const VERSION: u16 = 2;
    pub const CODE: u16 = 3;
}

/// Slots of `SubGraph`.
pub mod graph {
    pub const TENSORS: u16 = 0;
    pub const INPUTS: u16 = 1;
    pub const OUTPUTS: u16 = 2;
    pub const OPERATORS: u16 = 3;
    pub const NAME: u16 = 4;
}

/// Slots of `Tensor`.
pub mod tensor {
    pub const SHAPE: u16 = 0;
    pub const ELEMENT: u16 = 1;
    pub const BUFFER: u16 = 2;
    pub const NAME: u16 = 3;
    pub const QUANTISATION: u16 = 4;
}

/// Slots of `QuantizationParameters`.
pub mod quantisation {
    pub const SCALES: u16 = 2;
    pub const ZERO_POINTS: u16 = 3;
    pub const AXIS: u16 = 6;
}

/// Slots of `Operator`.
pub mod operator {
    pub const CODE: u16 = 0;
    pub const INPUTS: u16 = 1;
    pub const OUTPUTS: u16 = 2;
    pub const OPTIONS_TAG: u16 = 3;
    pub const OPTIONS: u16 = 4;
}

/// Slots of `Buffer`.
pub mod buffer {
    pub const DATA: u16 = 0;
    /// Where the data lie behind the flat buffer, in files beyond 2 GiB.
    pub const OFFSET: u16 = 1;
    pub const SIZE: u16 = 2;
}

/// Slots of `Metadata`.
pub mod metadata {
    pub const NAME: u16 = 0;
    pub const BUFFER: u16 = 1;
}

/// Slots of the options of operators with a sliding window. The strides come with the width first.
pub struct WindowSlots {
    /// Of two neighbours, dilation over the width first; none for pools.
    pub dilation: Option<u16>,
    /// Of two neighbours, size over the width first; none for convolutions.
    pub size: Option<u16>,
    pub fused: u16,
}

/// Slot of the padding in every option table of a sliding window.
pub const PADDING: u16 = 0;
/// Slot of the stride over the width; that over the height follows.
pub const STRIDE: u16 = 1;
/// Slot of the outputs for each channel in `DepthwiseConv2DOptions`.
pub const MULTIPLIER: u16 = 3;
/// Slots of `Conv2DOptions`.
pub const CONV: WindowSlots = WindowSlots {
    dilation: Some(4),
    size: None,
    fused: 3,
};
/// Slots of `DepthwiseConv2DOptions`.
pub const DEPTHWISE: WindowSlots = WindowSlots {
    dilation: Some(5),
    size: None,
    fused: 4,
};
/// Slots of `Pool2DOptions`.
pub const POOL: WindowSlots = WindowSlots {
    dilation: None,
    size: Some(3),
    fused: 5,
};
/// Slot of the fused activation in the options of ADD, MUL and FULLY_CONNECTED.
pub const FUSED: u16 = 0;
/// Slot of the axis in `ConcatenationOptions`.
pub const CONCATENATION_AXIS: u16 = 0;
/// Slot of `keep_dims` in `ReducerOptions`.
pub const KEEP_AXES: u16 = 0;

/// Code of ADD, which is the default of the code's slot.
pub const ADD: i32 = 0;
/// Code of AVERAGE_POOL_2D.
pub const AVERAGE_POOL_2D: i32 = 1;
/// Code of CONCATENATION.
pub const CONCATENATION: i32 = 2;
/// Code of CONV_2D.
pub const CONV_2D: i32 = 3;
/// Code of DEPTHWISE_CONV_2D.
pub const DEPTHWISE_CONV_2D: i32 = 4;
/// Code of FULLY_CONNECTED.
pub const FULLY_CONNECTED: i32 = 9;
/// Code of LOGISTIC.
pub const LOGISTIC: i32 = 14;
/// Code of MAX_POOL_2D.
pub const MAX_POOL_2D: i32 = 17;
/// Code of MUL.
pub const MUL: i32 = 18;
/// Code of RELU.
pub const RELU: i32 = 19;
/// Code of RELU6.
pub const RELU6: i32 = 21;
/// Code of RESHAPE.
pub const RESHAPE: i32 = 22;
/// Code of PAD.
pub const PAD: i32 = 34;
/// Code of TRANSPOSE.
pub const TRANSPOSE: i32 = 39;
/// Code of MEAN.
pub const MEAN: i32 = 40;
/// Code of PADV2.
pub const PADV2: i32 = 60;
/// Code of QUANTIZE.
pub const QUANTIZE: i32 = 114;
/// Code of HARD_SWISH.
pub const HARD_SWISH: i32 = 117;
/// The largest code that fits the one-byte slot; there it means that the other slot has the code.
pub const SHORT_CODE_LIMIT: i32 = 127;

/// Code, version for int8 operands, and tag of the options (0: none) of an operator.
pub const fn numbers(kind: &OperatorKind) -> (i32, i32, u8) {
    match kind {
        OperatorKind::Add(_) => (ADD, 2, 11),
        OperatorKind::AveragePool2d(..) => (AVERAGE_POOL_2D, 2, 5),
        OperatorKind::Concatenation(_) => (CONCATENATION, 2, 10),
        OperatorKind::Conv2d(..) => (CONV_2D, 3, 1),
        OperatorKind::DepthwiseConv2d(..) => (DEPTHWISE_CONV_2D, 3, 2),
        OperatorKind::FullyConnected(_) => (FULLY_CONNECTED, 4, 8),
        OperatorKind::HardSwish => (HARD_SWISH, 1, 91),
        OperatorKind::Logistic => (LOGISTIC, 2, 0),
        OperatorKind::MaxPool2d(..) => (MAX_POOL_2D, 2, 5),
        OperatorKind::Mean(_) => (MEAN, 2, 27),
        OperatorKind::Mul(_) => (MUL, 2, 21),
        OperatorKind::Pad => (PAD, 2, 22),
        OperatorKind::PadV2 => (PADV2, 2, 43),
        OperatorKind::Quantize => (QUANTIZE, 2, 89),
        OperatorKind::Relu => (RELU, 2, 0),
        OperatorKind::Relu6 => (RELU6, 2, 0),
        OperatorKind::Reshape => (RESHAPE, 1, 17),
        OperatorKind::Transpose => (TRANSPOSE, 2, 26),
        OperatorKind::Other(code, _) => (*code, 1, 0),
    }
}

/// Tag of the options that belong to a code, for the operators whose options are read.
pub const fn options_tag(code: i32) -> Option<u8> {
    Some(match code {
        ADD => 11,
        AVERAGE_POOL_2D | MAX_POOL_2D => 5,
        CONCATENATION => 10,
        CONV_2D => 1,
        DEPTHWISE_CONV_2D => 2,
        FULLY_CONNECTED => 8,
        MEAN => 27,
        MUL => 21,
        _ => return None,
    })
}

impl Element {
    /// The number in the schema.
    pub(super) const fn code(self) -> i8 {
        match self {
            Self::Float32 => 0,
            Self::Int32 => 2,
            Self::UInt8 => 3,
            Self::Int64 => 4,
            Self::Int16 => 7,
            Self::Int8 => 9,
            Self::Other(code) => code,
        }
    }

    /// The kind with this number.
    pub(super) const fn from_code(code: i8) -> Self {
        match code {
            0 => Self::Float32,
            2 => Self::Int32,
            3 => Self::UInt8,
            4 => Self::Int64,
            7 => Self::Int16,
            9 => Self::Int8,
            _ => Self::Other(code),
        }
    }
}

impl Fused {
    /// The number in the schema.
    pub(super) const fn code(self) -> i8 {
        match self {
            Self::None => 0,
            Self::Relu => 1,
            Self::Relu6 => 3,
            Self::Other(code) => code,
        }
    }

    /// The activation with this number.
    pub(super) const fn from_code(code: i8) -> Self {
        match code {
            0 => Self::None,
            1 => Self::Relu,
            3 => Self::Relu6,
            _ => Self::Other(code),
        }
    }
}

impl WindowPadding {
    /// The number in the schema.
    pub(super) const fn code(self) -> i8 {
        match self {
            Self::Same => 0,
            Self::Valid => 1,
        }
    }
}
