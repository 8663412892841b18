//! ONNX in both directions.

mod attributes;
mod data_files;
mod foreign;
mod limits;
mod messages;
mod metadata;
mod note;
mod pieces;
mod pooling;
mod read;
mod read_node;
mod read_operator;
#[cfg(test)]
mod refusals;
mod tensor;
mod wire;
mod write;
mod write_node;

pub use metadata::{BatchNormExport, OnnxMetadata};
pub(crate) use pooling::WrittenPool;
pub use read::{OnnxModel, OnnxReadOptions, read_onnx, read_onnx_file, read_onnx_with};
pub use write::{OnnxOptions, write_onnx};

/// The operator set of files that Panarch writes; 17 is the oldest that every current runtime and converter reads well.
pub const ONNX_OPSET: i64 = 17;
/// The name of the input: f32, [batch, channels, height, width].
pub const ONNX_INPUT: &str = "input";
/// The name of the output of a network that does not name it: f32, [batch, classes], or four axes when the result is not a
/// vector.
pub const ONNX_OUTPUT: &str = panarch_graph::Output::DEFAULT;

/// The file format version that belongs to [`ONNX_OPSET`].
const IR_VERSION: i64 = 8;
/// The symbolic first axis.
const BATCH: &str = "batch";

/// The constants shared by nodes, and what they hold.
mod constant {
    /// 0, lower bound of ReLU6.
    pub const ZERO: &str = "constant:zero";
    /// 6, upper bound of ReLU6.
    pub const SIX: &str = "constant:six";
    /// [2, 3], the axes that make an image of one position out of a vector.
    pub const AXES: &str = "constant:axes";
}
