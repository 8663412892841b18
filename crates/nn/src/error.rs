use panarch_graph::GraphError;

/// What can go wrong when a network is bound to parameters or executed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A network or its weights are not valid.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A tensor of this name is already in the store.
    #[error("the store already holds a tensor `{name}`")]
    DuplicateTensor {
        /// The name.
        name: String,
    },
    /// The store does not hold a tensor that is asked for.
    #[error("the store holds no tensor `{name}`")]
    MissingTensor {
        /// The name.
        name: String,
    },
    /// A tensor's data do not fill its shape.
    #[error("tensor `{name}` of shape {shape:?} cannot hold {found} values")]
    TensorLength {
        /// The name.
        name: String,
        /// The shape.
        shape: Vec<usize>,
        /// The number of values given.
        found: usize,
    },
    /// The parameters are more than one process should hold.
    #[error(
        "{parameters} parameters are more than the {most} that can be trained here; narrow the space or make the network smaller"
    )]
    TooManyParameters {
        /// How many there are.
        parameters: u64,
        /// How many there may be.
        most: u64,
    },
    /// The system has no room for the values of a pass.
    #[error("there is no room for {bytes} bytes of values; take smaller images, smaller batches or a smaller network")]
    Memory {
        /// How much was asked for.
        bytes: u64,
    },
    /// A view does not fit into its store tensor.
    #[error("tensor `{name}` has shape {stored:?}; a view of shape {wanted:?} does not fit into it")]
    ViewShape {
        /// The name.
        name: String,
        /// The shape in the store.
        stored: Vec<usize>,
        /// The shape that the network needs.
        wanted: Vec<usize>,
    },
    /// A tensor is used as something else than it was stored as.
    #[error("tensor `{name}` is stored as {stored:?} but used as {wanted:?}")]
    Kind {
        /// The name.
        name: String,
        /// The kind in the store.
        stored: crate::TensorKind,
        /// The kind that the network needs.
        wanted: crate::TensorKind,
    },
    /// A slice has another length than the network and the batch ask for.
    #[error("{what} must hold {expected} values, found {found}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// The length that is needed.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A batch is empty, larger than planned, or not a whole number of images.
    #[error("a batch of {found} input values does not hold between 1 and {batch} images of {image} values")]
    Batch {
        /// The planned number of images.
        batch: usize,
        /// The number of values of an image.
        image: usize,
        /// The number of values given.
        found: usize,
    },
    /// An operator has no backward pass.
    #[error("node `{node}` ({operator}) cannot be trained: the operator is for inference and cost only")]
    NotTrained {
        /// The node.
        node: String,
        /// Its operator.
        operator: &'static str,
    },
    /// There is no evaluation to repeat.
    #[error("evaluating again needs an evaluation before it, with no training pass between them")]
    NoEvaluation,
    /// The backward pass or the statistics were asked for without a training forward pass before.
    #[error("{what} needs a training forward pass before it")]
    NoForward {
        /// What was asked for.
        what: &'static str,
    },
    /// Parameters, gradients or statistics belong to another store or network.
    #[error("{what} belongs to another store or network")]
    Mismatch {
        /// What does not belong.
        what: &'static str,
    },
    /// An engine was asked for tensors that it does not hold.
    #[error("the engine does not hold these parameters: another engine made them, or they were removed")]
    NotHeld,
    /// Gradients or momentum were asked for before an optimiser has begun.
    #[error("no optimiser has begun for these parameters")]
    NoOptimiser,
    /// A label is not a class.
    #[error("label {label} of image {image} is not one of {classes} classes")]
    Label {
        /// Position in the batch.
        image: usize,
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
}

impl NnError {
    pub(crate) const fn memory<T>(count: usize) -> Self {
        Self::Memory {
            bytes: (count as u64).saturating_mul(size_of::<T>() as u64),
        }
    }
}
