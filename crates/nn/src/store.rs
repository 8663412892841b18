use std::collections::HashMap;

use panarch_graph::{Network, Op, ParameterRole, ParameterSpec, Tensor, Weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Layout, NnError, kernel_matrices};

/// What a stored tensor is; decides its initial value and whether weight decay touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TensorKind {
    /// Kernel of a dense or grouped convolution, `[out, in / groups, height, width]`.
    ConvWeight,
    /// Kernel of a depthwise convolution, `[channels, 1, height, width]`.
    DepthwiseWeight,
    /// Matrix of a linear layer, `[out, in]`.
    LinearWeight,
    /// Bias of a convolution or linear layer, `[out]`.
    Bias,
    /// Scale of a batch normalisation, `[channels]`.
    BnWeight,
    /// Shift of a batch normalisation, `[channels]`.
    BnBias,
    /// Running mean of a batch normalisation, `[channels]`; a buffer.
    RunningMean,
    /// Running variance of a batch normalisation, `[channels]`; a buffer.
    RunningVar,
    /// Matrix that makes a smaller depthwise kernel of the centre of a larger one, `[k·k, k·k]`.
    KernelMatrix,
    /// A smaller depthwise kernel as it was last made, `[channels, 1, k, k]`. It takes the place of a
    /// [`TensorKind::DepthwiseWeight`]; gradients reach it, and have to be handed on to what it is made of.
    DerivedKernel,
}

impl TensorKind {
    /// The kind of a network's parameter.
    #[must_use]
    pub fn of(network: &Network, spec: &ParameterSpec) -> Self {
        let node = network.node(spec.node);
        let [weight, bias] = match &node.op {
            Op::Conv2d(conv) => {
                let inputs = node.inputs.first().map(|id| network.shape(*id).channels);
                if inputs.is_some_and(|inputs| conv.is_depthwise(inputs)) {
                    [Self::DepthwiseWeight, Self::Bias]
                } else {
                    [Self::ConvWeight, Self::Bias]
                }
            }
            // What trains a scaling alone would treat it so.
            Op::BatchNorm(_) | Op::Affine(_) => [Self::BnWeight, Self::BnBias],
            Op::Linear(_)
            // These have no parameters.
            | Op::Input
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten => [Self::LinearWeight, Self::Bias],
        };
        match spec.role {
            ParameterRole::Weight => weight,
            ParameterRole::Bias => bias,
            ParameterRole::RunningMean => Self::RunningMean,
            ParameterRole::RunningVar => Self::RunningVar,
        }
    }

    /// True for what gradients reach; false for running statistics.
    #[must_use]
    pub const fn is_trainable(self) -> bool {
        !matches!(self, Self::RunningMean | Self::RunningVar)
    }

    /// True for kernels and matrices; false for batch normalisation and biases.
    #[must_use]
    pub const fn decays(self) -> bool {
        matches!(
            self,
            Self::ConvWeight | Self::DepthwiseWeight | Self::LinearWeight | Self::KernelMatrix
        )
    }

    /// True for what is made of other tensors, so that it need not be kept.
    #[must_use]
    pub const fn is_derived(self) -> bool {
        matches!(self, Self::DerivedKernel)
    }

    /// Whether a tensor of this kind serves where `wanted` is asked for.
    pub(crate) const fn serves_as(self, wanted: Self) -> bool {
        self as u8 == wanted as u8 || matches!((self, wanted), (Self::DerivedKernel, Self::DepthwiseWeight))
    }

    const fn initial(self) -> f32 {
        match self {
            Self::BnWeight | Self::RunningVar => 1.0,
            _ => 0.0,
        }
    }
}

/// The number of a tensor in its [`Store`]: its position in the order of insertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(u32);

impl TensorId {
    /// The position of the tensor in [`Store::tensors`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTensor {
    name: String,
    kind: TensorKind,
    shape: Vec<usize>,
    /// The values, row-major in PyTorch's layout.
    pub(crate) data: Vec<f32>,
}

impl StoredTensor {
    /// The parameter's name, such as `stem.conv.weight`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the tensor is.
    #[must_use]
    pub const fn kind(&self) -> TensorKind {
        self.kind
    }

    /// Its shape in PyTorch's layout.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its values, row-major.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Its values for writing.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

/// Named tensors, each as large as the largest network that shares it needs.
///
/// A supernet is a store whose tensors are larger than one network asks for; a stand-alone network is a store with exact
/// shapes. The order is that of insertion and never changes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Store {
    tensors: Vec<StoredTensor>,
    by_name: HashMap<String, TensorId>,
}

impl Store {
    /// A store without tensors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Most parameters of a store: 4 GiB of numbers, of which a training needs three times as much.
    pub const MOST_PARAMETERS: u64 = 1 << 30;

    /// Whether a network's parameters may fill a store.
    ///
    /// # Errors
    /// [`NnError::TooManyParameters`] when there are more than [`Store::MOST_PARAMETERS`].
    pub fn check_size(network: &Network) -> Result<(), NnError> {
        Self::check_count(network.parameter_count())
    }

    const fn check_count(parameters: u64) -> Result<(), NnError> {
        if parameters <= Self::MOST_PARAMETERS {
            return Ok(());
        }
        let most = Self::MOST_PARAMETERS;
        Err(NnError::TooManyParameters { parameters, most })
    }

    /// A store whose tensors are just large enough for every given network; parameters of the same name are shared.
    ///
    /// Kernels, matrices and biases are 0, batch normalisation is the identity; see [`Store::initialise`].
    ///
    /// # Errors
    /// When a name has different kinds or ranks in two networks, or there are more parameters than
    /// [`Store::MOST_PARAMETERS`].
    pub fn covering<'a>(networks: impl IntoIterator<Item = &'a Network>) -> Result<Self, NnError> {
        let mut store = Self::new();
        for network in networks {
            for spec in network.parameters() {
                let kind = TensorKind::of(network, &spec);
                let Some(id) = store.id(&spec.name) else {
                    store.push(spec.name, kind, spec.shape, Vec::new());
                    continue;
                };
                let tensor = &mut store.tensors[id.index()];
                if tensor.kind != kind {
                    return Err(NnError::Kind {
                        name: spec.name,
                        stored: tensor.kind,
                        wanted: kind,
                    });
                }
                if tensor.shape.len() != spec.shape.len() {
                    return Err(NnError::ViewShape {
                        name: spec.name,
                        stored: tensor.shape.clone(),
                        wanted: spec.shape,
                    });
                }
                for (have, want) in tensor.shape.iter_mut().zip(&spec.shape) {
                    *have = (*have).max(*want);
                }
            }
        }
        let elements = |shape: &[usize]| shape.iter().fold(1_u64, |all, axis| all.saturating_mul(*axis as u64));
        let counts = store.tensors.iter().map(|tensor| elements(&tensor.shape));
        Self::check_count(counts.fold(0, u64::saturating_add))?;
        for tensor in &mut store.tensors {
            tensor.data = vec![tensor.kind.initial(); tensor.shape.iter().product()];
        }
        Ok(store)
    }

    /// A store that holds exactly a network's weights.
    ///
    /// # Errors
    /// When a parameter of the network is absent from the weights or has another shape.
    pub fn from_weights(network: &Network, weights: &Weights) -> Result<Self, NnError> {
        let mut store = Self::new();
        for spec in network.parameters() {
            let tensor = weights.require(&spec.name, &spec.shape)?;
            let kind = TensorKind::of(network, &spec);
            store.insert(spec.name, kind, spec.shape, tensor.data.clone())?;
        }
        Ok(store)
    }

    /// Gives every tensor its initial value: He normal with fan-out for convolutions (He et al. 2015), normal with
    /// σ = 0.01 for linear layers, the identity for batch normalisation, 0 for biases.
    ///
    /// The fan-out is that of the stored, largest tensor; the tensors draw from `rng` in the store's order.
    pub fn initialise(&mut self, rng: &mut ChaCha8Rng) {
        for tensor in &mut self.tensors {
            let window: usize = tensor.shape.iter().skip(2).product();
            let deviation = match tensor.kind {
                TensorKind::ConvWeight => (2.0 / (window * tensor.shape[0]) as f32).sqrt(),
                TensorKind::DepthwiseWeight => (2.0 / window as f32).sqrt(),
                TensorKind::LinearWeight => 0.01,
                // An identity, or made of others.
                TensorKind::KernelMatrix | TensorKind::DerivedKernel => continue,
                kind => {
                    tensor.data.fill(kind.initial());
                    continue;
                }
            };
            fill_normal(&mut tensor.data, deviation, rng);
        }
    }

    /// Adds a tensor.
    ///
    /// # Errors
    /// When the name is taken or the data do not fill the shape.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        kind: TensorKind,
        shape: Vec<usize>,
        data: Vec<f32>,
    ) -> Result<TensorId, NnError> {
        let name = name.into();
        if self.by_name.contains_key(&name) {
            return Err(NnError::DuplicateTensor { name });
        }
        let elements = shape.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis));
        if elements != Some(data.len()) {
            let found = data.len();
            return Err(NnError::TensorLength { name, shape, found });
        }
        Ok(self.push(name, kind, shape, data))
    }

    fn push(&mut self, name: String, kind: TensorKind, shape: Vec<usize>, data: Vec<f32>) -> TensorId {
        let id = TensorId(self.tensors.len() as u32);
        self.by_name.insert(name.clone(), id);
        self.tensors.push(StoredTensor {
            name,
            kind,
            shape,
            data,
        });
        id
    }

    /// What the tensors are, without their values.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(self)
    }

    /// The values of all tensors that are not made of others, by name.
    #[must_use]
    pub fn weights(&self) -> Weights {
        let own = self.tensors.iter().filter(|tensor| !tensor.kind.is_derived());
        let named = own.map(|tensor| {
            let (shape, data) = (tensor.shape.clone(), tensor.data.clone());
            (tensor.name.clone(), Tensor { shape, data })
        });
        named.collect()
    }

    /// Overwrites the tensors that `weights` names, and makes anew what is made of them; others stay.
    ///
    /// # Errors
    /// When a name is unknown or a shape another; nothing has changed then.
    pub fn load(&mut self, weights: &Weights) -> Result<(), NnError> {
        for (id, tensor) in self.places(weights)? {
            if let Some(stored) = self.tensors.get_mut(id.index()) {
                stored.data.copy_from_slice(&tensor.data);
            }
        }
        kernel_matrices::refresh_all(self);
        Ok(())
    }

    /// Moves every trainable value towards that of another store of the same tensors: w ← w + share·(other − w). What is made
    /// of others is made anew.
    ///
    /// # Errors
    /// When the stores have not the same tensors; nothing has changed then.
    pub fn blend(&mut self, other: &Self, share: f32) -> Result<(), NnError> {
        let alike = |one: &StoredTensor, two: &StoredTensor| {
            one.name == two.name && one.kind == two.kind && one.shape == two.shape
        };
        let count = self.tensors.len();
        let mut both = self.tensors.iter().zip(&other.tensors);
        if count != other.tensors.len() || !both.all(|(one, two)| alike(one, two)) {
            let what = "what a moving average follows";
            return Err(NnError::Mismatch { what });
        }
        let trained = |tensor: &StoredTensor| tensor.kind.is_trainable() && !tensor.kind.is_derived();
        for (tensor, new) in self.tensors.iter_mut().zip(&other.tensors) {
            if trained(tensor) {
                for (value, new) in tensor.data.iter_mut().zip(&new.data) {
                    *value += share * (new - *value);
                }
            }
        }
        kernel_matrices::refresh_all(self);
        Ok(())
    }

    /// The places of named tensors, all of them with the right shapes.
    pub(crate) fn places<'a>(&self, weights: &'a Weights) -> Result<Vec<(TensorId, &'a Tensor)>, NnError> {
        let place = |(name, tensor): (&str, &'a Tensor)| {
            let missing = || NnError::MissingTensor { name: name.to_owned() };
            let id = self.id(name).ok_or_else(missing)?;
            let stored = self.tensors.get(id.index()).ok_or_else(missing)?;
            if stored.kind.is_derived() {
                return Err(missing());
            }
            if stored.shape != tensor.shape || stored.data.len() != tensor.data.len() {
                return Err(NnError::ViewShape {
                    name: name.to_owned(),
                    stored: stored.shape.clone(),
                    wanted: tensor.shape.clone(),
                });
            }
            Ok((id, tensor))
        };
        weights.iter().map(place).collect()
    }

    /// The number of the tensor of this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<TensorId> {
        self.by_name.get(name).copied()
    }

    /// The tensor of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StoredTensor> {
        self.id(name).and_then(|id| self.tensors.get(id.index()))
    }

    /// The tensor of this name, for writing.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut StoredTensor> {
        self.id(name).and_then(|id| self.tensors.get_mut(id.index()))
    }

    /// All tensors in order of insertion.
    #[must_use]
    pub fn tensors(&self) -> &[StoredTensor] {
        &self.tensors
    }

    /// All tensors for writing.
    pub fn tensors_mut(&mut self) -> &mut [StoredTensor] {
        &mut self.tensors
    }

    /// Number of trainable values; what is made of others does not count.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        let own = |kind: TensorKind| kind.is_trainable() && !kind.is_derived();
        let trainable = self.tensors.iter().filter(|tensor| own(tensor.kind));
        trainable.map(|tensor| tensor.data.len()).sum()
    }
}

/// Normal values by the Box–Muller transform.
fn fill_normal(data: &mut [f32], deviation: f32, rng: &mut ChaCha8Rng) {
    for pair in data.chunks_mut(2) {
        // 1 − u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt() * deviation;
        let (sine, cosine) = (std::f32::consts::TAU * rng.random::<f32>()).sin_cos();
        pair[0] = radius * cosine;
        if let Some(second) = pair.get_mut(1) {
            *second = radius * sine;
        }
    }
}
