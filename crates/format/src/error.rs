use std::path::PathBuf;

use panarch_graph::{ContentHash, GraphError};

/// What can be wrong with a file or its bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes are not the protocol-buffer message they should be.
    #[error("not an ONNX model: {source}")]
    Decode {
        /// What the decoder met.
        #[from]
        source: prost::DecodeError,
    },
    /// The bytes break the protocol-buffer wire format.
    #[error("not an ONNX model: byte {offset}: {reason}")]
    Wire {
        /// Where, counted from the start of the file.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// Something is larger or more numerous than this reader accepts.
    #[error("{what}: found {found}, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        found: u64,
        /// The largest size accepted.
        limit: u64,
    },
    /// The model as a whole lacks something or has something that is not supported.
    #[error("ONNX model: {reason}")]
    Model {
        /// What is wrong.
        reason: String,
    },
    /// An operator that has no counterpart in a network.
    #[error("node `{node}`: operator `{operator}` is not supported")]
    UnsupportedOperator {
        /// The node.
        node: String,
        /// Its operator, with its domain unless that is the standard one.
        operator: String,
    },
    /// A node's inputs, outputs or use do not fit its operator.
    #[error("node `{node}` ({operator}): {reason}")]
    Node {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong.
        reason: String,
    },
    /// An attribute is absent, of the wrong type, or has a value that is not supported.
    #[error("node `{node}` ({operator}): attribute `{attribute}`: {reason}")]
    Attribute {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// The attribute.
        attribute: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor is not what it says or not what is needed.
    #[error("tensor `{tensor}`: {reason}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// A property of the file's metadata cannot be understood.
    #[error("metadata `{key}`: {reason}")]
    Metadata {
        /// The property.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The file's graph is not the one whose hash the file records: the file was damaged or edited.
    #[error("the file records network {recorded}, its graph is {computed}; it was damaged or edited after export")]
    HashMismatch {
        /// The hash in the metadata.
        recorded: ContentHash,
        /// The hash of the graph in the file.
        computed: ContentHash,
    },
    /// The graph is not a valid network, or the weights do not fit it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {reason}")]
    Safetensors {
        /// What is wrong.
        reason: String,
    },
    /// The header of a safetensors file is not the JSON it should be.
    #[error("safetensors header: {source}")]
    SafetensorsHeader {
        /// What the JSON parser met.
        #[from]
        source: serde_json::Error,
    },
    /// The bytes are not a PyTorch checkpoint, or one that is damaged or has what is not supported.
    #[error("PyTorch checkpoint: {reason}")]
    Torch {
        /// What is wrong.
        reason: String,
    },
    /// The pickle of a PyTorch checkpoint is malformed, or wants more than tensors and plain containers.
    #[error("PyTorch checkpoint: pickle, byte {offset}: {reason}")]
    TorchPickle {
        /// Where: counted from the start of `data.pkl`, or of the file where it is no archive.
        offset: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The pickle of a PyTorch checkpoint names a Python object that is not on the list of allowed ones.
    #[error(
        "PyTorch checkpoint: refuses global `{global}`: a checkpoint may hold only tensors and plain containers; nothing \
         was executed"
    )]
    TorchGlobal {
        /// Its module and name.
        global: String,
    },
    /// The bytes are not a TFLite file, or one that is cut short or damaged.
    #[error("TFLite file: byte {offset}: {reason}")]
    Tflite {
        /// Where, counted from the start of the file.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A layer that TFLite cannot say.
    #[error("node `{node}` ({operator}) cannot be written as TFLite: {reason}")]
    TfliteLayer {
        /// The node.
        node: String,
        /// Its operator.
        operator: &'static str,
        /// Why, and what to do instead.
        reason: String,
    },
    /// There is no file at a path.
    #[error("there is no file {}", path.display())]
    MissingFile {
        /// The path.
        path: PathBuf,
    },
    /// What lies at a path is a folder, a pipe, a socket or a device.
    #[error("{} is {found}, not a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is, with its article.
        found: &'static str,
    },
    /// A file is larger than what is read of its kind.
    #[error("{}: the {kind} has {size} bytes or more, at most {limit} are read", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// What kind of file was expected.
        kind: &'static str,
        /// Its size in bytes, as far as it was looked at.
        size: u64,
        /// The largest size that is read, in bytes.
        limit: u64,
    },
    /// A file is only the pointer that Git LFS leaves in the place of one.
    #[error("{} is a pointer of Git LFS, not the file itself; fetch the file with `git lfs pull`", path.display())]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// A file is not text in UTF-8.
    #[error("{}: {reason}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What it is, or where it is none.
        reason: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}

impl FormatError {
    /// Whether the machine is at fault, such as a full disk, and not what was given.
    #[must_use]
    pub fn is_of_the_machine(&self) -> bool {
        use std::io::ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
        let of_the_path = [InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound];
        matches!(self, Self::Io { source, .. } if !of_the_path.contains(&source.kind()))
    }

    /// Whether the text of this error names a file already.
    #[must_use]
    pub const fn names_file(&self) -> bool {
        matches!(
            self,
            Self::MissingFile { .. }
                | Self::NotAFile { .. }
                | Self::FileTooLarge { .. }
                | Self::LfsPointer { .. }
                | Self::Text { .. }
                | Self::Io { .. }
        )
    }

    pub(crate) fn too_large(what: impl Into<String>, found: u64, limit: u64) -> Self {
        Self::TooLarge {
            what: what.into(),
            found,
            limit,
        }
    }

    pub(crate) fn model(reason: impl Into<String>) -> Self {
        Self::Model { reason: reason.into() }
    }

    pub(crate) fn tensor(tensor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Tensor {
            tensor: tensor.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn safetensors(reason: impl Into<String>) -> Self {
        Self::Safetensors { reason: reason.into() }
    }

    pub(crate) fn torch(reason: impl Into<String>) -> Self {
        Self::Torch { reason: reason.into() }
    }
}
