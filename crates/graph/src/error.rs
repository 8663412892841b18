use crate::{ContentHash, Shape};

/// What can be wrong with a network or its weights.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Two nodes have the same name.
    #[error("two nodes are named `{name}`; node names must be unique")]
    DuplicateName {
        /// The name that occurs twice.
        name: String,
    },
    /// A node refers to an input that does not precede it.
    #[error("node `{node}` reads node number {input}, which does not exist before it")]
    UnknownInput {
        /// The reading node.
        node: String,
        /// The number it reads.
        input: usize,
    },
    /// An operator has the wrong number of inputs.
    #[error("node `{node}` ({operator}) takes {expected} input(s), found {found}")]
    Arity {
        /// The node.
        node: String,
        /// Its operator.
        operator: &'static str,
        /// How many inputs the operator takes.
        expected: &'static str,
        /// How many it was given.
        found: usize,
    },
    /// Input shapes do not fit the operator.
    #[error("node `{node}` ({operator}): {reason}; input shapes {shapes:?}")]
    Shape {
        /// The node.
        node: String,
        /// Its operator.
        operator: &'static str,
        /// What does not fit.
        reason: String,
        /// The shapes of its inputs.
        shapes: Vec<Shape>,
    },
    /// An attribute is out of its range.
    #[error("node `{node}` ({operator}): {reason}")]
    Attribute {
        /// The node.
        node: String,
        /// Its operator.
        operator: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A node feeds nothing and is no output.
    #[error("node `{node}` is never used; remove it or make it an output")]
    Unused {
        /// The node.
        node: String,
    },
    /// A network without a result.
    #[error("a network needs an output; finish it with the node whose value is its result")]
    NoOutput,
    /// An output that cannot be, or cannot be told from another.
    #[error("output `{name}`: {reason}")]
    Output {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A network with several outputs where one is asked for.
    #[error("network `{network}` has {} outputs (`{}`), one is needed here; cut it to the one that is meant", names.len(), names.join("`, `"))]
    SeveralOutputs {
        /// The network's name.
        network: String,
        /// The names of its outputs.
        names: Vec<String>,
    },
    /// The network has no input node or more than one.
    #[error("a network needs exactly one input node, as its first node")]
    Input,
    /// A parameter that the network needs is absent.
    #[error("the weights hold no tensor `{name}`")]
    MissingParameter {
        /// The name of the tensor.
        name: String,
    },
    /// A parameter has another shape than the network needs.
    #[error("tensor `{name}` has shape {found:?}, the network needs {expected:?}")]
    ParameterShape {
        /// The name of the tensor.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },
    /// A tensor's data do not fill its shape.
    #[error("a tensor of shape {shape:?} cannot hold {found} values")]
    TensorLength {
        /// The shape.
        shape: Vec<usize>,
        /// The number of values given.
        found: usize,
    },
    /// A value of a tensor is not a finite number.
    #[error("tensor `{name}`: the value at {index:?} is {value}; weights must be finite numbers")]
    NotFinite {
        /// The name of the tensor.
        name: String,
        /// The place of the first such value, one number an axis.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// A variance is below zero.
    #[error("tensor `{name}`: the variance at {index:?} is {value}; a variance is not negative")]
    NegativeVariance {
        /// The name of the tensor.
        name: String,
        /// The place of the first such value, one number an axis.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// A network is another than the one that was expected.
    #[error("expected network {expected}, found {found}")]
    OtherNetwork {
        /// The expected content hash.
        expected: ContentHash,
        /// The content hash found.
        found: ContentHash,
    },
}
