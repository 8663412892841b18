use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{ContentHash, GraphError, Network, NodeId, Op};

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ParameterRole {
    /// Kernel of a convolution, matrix of a linear layer, scale of a batch normalisation.
    Weight,
    /// Bias of a convolution or linear layer, shift of a batch normalisation.
    Bias,
    /// Running mean of a batch normalisation; a buffer, not trained.
    RunningMean,
    /// Running variance of a batch normalisation; a buffer, not trained.
    RunningVar,
}

impl ParameterRole {
    /// True for what gradients reach.
    #[must_use]
    pub const fn is_trainable(self) -> bool {
        matches!(self, Self::Weight | Self::Bias)
    }

    /// What a tensor of this name is for, if the name says that it is a buffer of batch normalisation.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::RunningMean, Self::RunningVar]
            .into_iter()
            .find(|role| name.rsplit('.').next() == Some(role.suffix()))
    }

    /// The last part of the parameter's name, PyTorch's.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::RunningMean => "running_mean",
            Self::RunningVar => "running_var",
        }
    }
}

/// One parameter or buffer that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The node that reads it.
    pub node: NodeId,
    /// Node name, a dot and the role, such as `stem.conv.weight`.
    pub name: String,
    /// What it is for.
    pub role: ParameterRole,
    /// PyTorch's layout: convolution `[O, I/groups, kh, kw]`, linear `[O, I]`, vectors `[C]`.
    pub shape: Vec<usize>,
}

impl ParameterSpec {
    /// Number of values.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|axis| *axis as u64).product()
    }
}

pub(crate) fn of_node(network: &Network, id: NodeId) -> Vec<ParameterSpec> {
    let node = network.node(id);
    let parameters = node.op.parameters(network.first_shape(id).channels).into_iter();
    let spec = |(role, shape): (ParameterRole, Vec<usize>)| ParameterSpec {
        node: id,
        name: format!("{}.{}", node.name, role.suffix()),
        role,
        shape,
    };
    parameters.map(spec).collect()
}

/// A dense f32 array in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axis lengths.
    pub shape: Vec<usize>,
    /// The values, the last axis contiguous.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of this shape with these values.
    ///
    /// # Errors
    /// When the number of values is not the product of the axes.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, GraphError> {
        let elements = shape
            .iter()
            .try_fold(1_usize, |product, axis| product.checked_mul(*axis));
        if elements != Some(data.len()) {
            return Err(GraphError::TensorLength {
                shape,
                found: data.len(),
            });
        }
        Ok(Self { shape, data })
    }

    /// Checks that every value is a finite number, and none below zero where `role` is a variance.
    ///
    /// # Errors
    /// The first value that is not, with its place and `name`.
    pub fn check_numbers(&self, name: &str, role: Option<ParameterRole>) -> Result<(), GraphError> {
        let variance = role == Some(ParameterRole::RunningVar);
        let wrong = |value: &f32| !value.is_finite() || (variance && *value < 0.0);
        let Some((at, value)) = self.data.iter().enumerate().find(|(_, value)| wrong(value)) else {
            return Ok(());
        };
        let (name, index, value) = (name.to_owned(), self.place(at), *value);
        Err(if value.is_finite() {
            GraphError::NegativeVariance { name, index, value }
        } else {
            GraphError::NotFinite { name, index, value }
        })
    }

    /// The place of the value at `at` in the data, one number an axis.
    fn place(&self, mut at: usize) -> Vec<usize> {
        let mut index: Vec<usize> = Vec::with_capacity(self.shape.len());
        for axis in self.shape.iter().rev() {
            index.push(at % (*axis).max(1));
            at /= (*axis).max(1);
        }
        index.reverse();
        index
    }

    /// The values of images [batch, channels, height, width] in the order batch, height, width, channels; of any other
    /// tensor as they are.
    #[must_use]
    pub fn channels_last(&self) -> Vec<f32> {
        let &[_, channels, height, width] = &self.shape[..] else {
            return self.data.clone();
        };
        let pixels = height * width;
        let mut turned = Vec::with_capacity(self.data.len());
        for image in self.data.chunks_exact((channels * pixels).max(1)) {
            for pixel in 0..pixels {
                turned.extend((0..channels).map(|channel| image[channel * pixels + pixel]));
            }
        }
        turned
    }

    /// A tensor that holds one value everywhere.
    #[must_use]
    pub fn filled(shape: Vec<usize>, value: f32) -> Self {
        let elements = shape.iter().product();
        Self {
            shape,
            data: vec![value; elements],
        }
    }
}

/// The parameters and buffers of a network by name, in PyTorch's names and layouts.
///
/// The seam between the training engine, checkpoints, exporters and runtimes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weights(BTreeMap<String, Tensor>);

impl Weights {
    /// No tensors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// He initialisation (He et al. 2015, normal, fan-out) of a network's kernels; linear layers normal with σ = 0.01;
    /// batch normalisation starts as the identity and biases at 0.
    #[must_use]
    pub fn random(network: &Network, rng: &mut ChaCha8Rng) -> Self {
        let mut weights = Self::new();
        for spec in network.parameters() {
            let value = match spec.role {
                ParameterRole::Weight => weight(&network.node(spec.node).op, &spec.shape, rng),
                ParameterRole::RunningVar => Tensor::filled(spec.shape.clone(), 1.0),
                ParameterRole::Bias | ParameterRole::RunningMean => Tensor::filled(spec.shape.clone(), 0.0),
            };
            weights.insert(spec.name, value);
        }
        weights
    }

    /// The hash of all names, shapes and values, down to the last bit.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let mut values = Vec::new();
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (name, tensor) in self.iter() {
            values.clear();
            values.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
            let shape = tensor.shape.iter().flat_map(|axis| (*axis as u64).to_le_bytes());
            let content = ContentHash::of("panarch tensor v1", &values);
            parts.extend([name.as_bytes().to_vec(), shape.collect(), content.as_bytes().to_vec()]);
        }
        ContentHash::of_parts("panarch weights v1", parts.iter().map(Vec::as_slice))
    }

    /// The tensor of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// The tensor of this name and shape.
    ///
    /// # Errors
    /// When it is absent or has another shape.
    pub fn require(&self, name: &str, shape: &[usize]) -> Result<&Tensor, GraphError> {
        let tensor = self
            .get(name)
            .ok_or_else(|| GraphError::MissingParameter { name: name.to_owned() })?;
        if tensor.shape != shape {
            return Err(GraphError::ParameterShape {
                name: name.to_owned(),
                expected: shape.to_vec(),
                found: tensor.shape.clone(),
            });
        }
        Ok(tensor)
    }

    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.0.insert(name.into(), tensor)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.0.remove(name)
    }

    /// All tensors in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Number of tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no tensor.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that every parameter of a network is there in its shape, holds finite numbers, and no negative variances.
    /// Surplus tensors are allowed.
    ///
    /// # Errors
    /// The first that is absent or has another shape or such a value.
    pub fn check(&self, network: &Network) -> Result<(), GraphError> {
        network.parameters().iter().try_for_each(|spec| {
            let tensor = self.require(&spec.name, &spec.shape)?;
            tensor.check_numbers(&spec.name, Some(spec.role))
        })
    }

    /// Checks that all tensors hold finite numbers, and no negative variances, which are known by their names.
    ///
    /// # Errors
    /// The first tensor with another value, and its place.
    pub fn check_numbers(&self) -> Result<(), GraphError> {
        self.iter()
            .try_for_each(|(name, tensor)| tensor.check_numbers(name, ParameterRole::of_name(name)))
    }
}

impl FromIterator<(String, Tensor)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(tensors: I) -> Self {
        Self(tensors.into_iter().collect())
    }
}

/// Where a kernel, a matrix or a scale starts.
fn weight(op: &Op, shape: &[usize], rng: &mut ChaCha8Rng) -> Tensor {
    match op {
        Op::Conv2d(conv) => {
            let elements: usize = shape.iter().product();
            let per_input = shape.get(1).copied().unwrap_or(1).max(1);
            let fan_out = elements / per_input / conv.groups.max(1) as usize;
            normal(shape, (2.0 / fan_out.max(1) as f32).sqrt(), rng)
        }
        Op::Linear(_) => normal(shape, 0.01, rng),
        Op::BatchNorm(_)
        | Op::Affine(_)
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
        | Op::Flatten => Tensor::filled(shape.to_vec(), 1.0),
    }
}

/// Normal values by the Box–Muller transform.
fn normal(shape: &[usize], deviation: f32, rng: &mut ChaCha8Rng) -> Tensor {
    let elements = shape.iter().product();
    let mut data = Vec::with_capacity(elements);
    while data.len() < elements {
        // 1 − u lies in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt() * deviation;
        let (sine, cosine) = (std::f32::consts::TAU * rng.random::<f32>()).sin_cos();
        data.push(radius * cosine);
        if data.len() < elements {
            data.push(radius * sine);
        }
    }
    Tensor {
        shape: shape.to_vec(),
        data,
    }
}
