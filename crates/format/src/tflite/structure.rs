//! What a TFLite file says about its graphs, without the values of its constants.

use std::collections::BTreeMap;

use panarch_graph::ContentHash;

/// The entry of [`Structure::metadata`] that holds the content hash of the network, as text.
pub const CONTENT_HASH_KEY: &str = "panarch.content_hash";

/// A TFLite file without the values of its constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Version of the schema; 3 in every file of today.
    pub version: u32,
    /// What the file's maker wrote about it.
    pub description: String,
    /// The graphs; the first is the one that runs.
    pub graphs: Vec<Graph>,
    /// Further entries by name.
    pub metadata: BTreeMap<String, Vec<u8>>,
}

impl Structure {
    /// The content hash of the network that a file of ours was written from.
    #[must_use]
    pub fn content_hash(&self) -> Option<ContentHash> {
        let text = self.metadata.get(CONTENT_HASH_KEY)?;
        std::str::from_utf8(text).ok()?.parse().ok()
    }
}

/// Operators in the order in which they run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Its name, often empty.
    pub name: String,
    /// Values and constants.
    pub tensors: Vec<Tensor>,
    /// Operators in the order in which they run.
    pub operators: Vec<Operator>,
    /// Numbers of the tensors that come in.
    pub inputs: Vec<usize>,
    /// Numbers of the tensors that go out.
    pub outputs: Vec<usize>,
    /// What the file's signature calls them, in their order; empty where it has none.
    pub output_names: Vec<String>,
}

/// A value or a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name; see [`write`](super::write) for what the names in files of ours mean.
    pub name: String,
    /// Axis lengths; batch, height, width, channels for images.
    pub shape: Vec<u32>,
    /// What its elements are.
    pub element: Element,
    /// How whole numbers stand for real ones; none for indices and floats.
    pub quantisation: Option<Quantisation>,
    /// How many bytes the file holds for it; none for a value that is computed.
    pub constant_bytes: Option<u64>,
}

/// Real value = scale · (whole number − zero point).
#[derive(Debug, Clone, PartialEq)]
pub struct Quantisation {
    /// One for the whole tensor, or one for each index of `axis`.
    pub scales: Vec<f32>,
    /// As many as scales.
    pub zero_points: Vec<i64>,
    /// The axis along which scales differ.
    pub axis: u32,
}

/// The kind of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// 32-bit floating point.
    Float32,
    /// 32-bit whole numbers: biases, shapes, paddings.
    Int32,
    /// 64-bit whole numbers.
    Int64,
    /// 16-bit whole numbers.
    Int16,
    /// 8-bit whole numbers.
    Int8,
    /// 8-bit whole numbers without sign.
    UInt8,
    /// Another kind, by its number in the schema.
    Other(i8),
}

impl Element {
    /// Bytes of one element, for the kinds that have a name here.
    #[must_use]
    pub const fn bytes(self) -> Option<u64> {
        match self {
            Self::Float32 | Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::Int16 => Some(2),
            Self::Int8 | Self::UInt8 => Some(1),
            Self::Other(_) => None,
        }
    }
}

/// One step of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Operator {
    /// What it computes.
    pub kind: OperatorKind,
    /// Numbers of the tensors it reads; none where an optional one is left out.
    pub inputs: Vec<Option<usize>>,
    /// Numbers of the tensors it makes.
    pub outputs: Vec<usize>,
}

/// What an operator computes; the names are TFLite's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OperatorKind {
    /// ADD.
    Add(Fused),
    /// AVERAGE_POOL_2D; padding counts in no average.
    AveragePool2d(Window, Fused),
    /// CONCATENATION along an axis.
    Concatenation(i32),
    /// CONV_2D; in groups where the kernel has fewer channels than the image.
    Conv2d(Window, Fused),
    /// DEPTHWISE_CONV_2D, with the number of outputs for each input channel.
    DepthwiseConv2d(Window, u32, Fused),
    /// FULLY_CONNECTED.
    FullyConnected(Fused),
    /// HARD_SWISH.
    HardSwish,
    /// LOGISTIC: 1 / (1 + e^−x).
    Logistic,
    /// MAX_POOL_2D.
    MaxPool2d(Window, Fused),
    /// MEAN, and whether reduced axes stay with length 1.
    Mean(bool),
    /// MUL.
    Mul(Fused),
    /// PAD with zeros.
    Pad,
    /// PADV2: with a value of choice.
    PadV2,
    /// QUANTIZE: from one quantisation to another, or from floats.
    Quantize,
    /// RELU.
    Relu,
    /// RELU6.
    Relu6,
    /// RESHAPE.
    Reshape,
    /// TRANSPOSE.
    Transpose,
    /// Any other, by its number in the schema and, for a custom operator, its name.
    Other(i32, Option<String>),
}

/// The sliding window of a convolution or pool. Pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// What surrounds the image.
    pub padding: WindowPadding,
    /// Stride.
    pub stride: [u32; 2],
    /// Dilation; 1 for pools.
    pub dilation: [u32; 2],
    /// Size of a pool's window; 0 for convolutions, whose kernel tensor has it.
    pub size: [u32; 2],
}

/// What TFLite can say of padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowPadding {
    /// ⌈size / stride⌉ outputs; of the padding that this needs, the smaller half comes first.
    Same,
    /// None.
    Valid,
}

/// What an operator does to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fused {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// Another, by its number in the schema.
    Other(i8),
}
