use std::collections::HashMap;

use crate::{Store, TensorId, TensorKind};

/// What a tensor is, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name, such as `stem.conv.weight`.
    pub name: String,
    /// What it is for.
    pub kind: TensorKind,
    /// Its shape in PyTorch's layout.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// The number of its values.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The tensors of a [`Store`] without their values: all that is needed to say where a network's parameters lie, wherever the
/// values are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    tensors: Vec<TensorSpec>,
    by_name: HashMap<String, TensorId>,
}

impl Layout {
    pub(crate) fn of(store: &Store) -> Self {
        let spec = |tensor: &crate::StoredTensor| TensorSpec {
            name: tensor.name().to_owned(),
            kind: tensor.kind(),
            shape: tensor.shape().to_vec(),
        };
        let tensors: Vec<TensorSpec> = store.tensors().iter().map(spec).collect();
        let named = tensors
            .iter()
            .filter_map(|tensor| Some((tensor.name.clone(), store.id(&tensor.name)?)));
        Self {
            by_name: named.collect(),
            tensors,
        }
    }

    /// The number of the tensor of this name.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<TensorId> {
        self.by_name.get(name).copied()
    }

    /// The tensor of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&TensorSpec> {
        self.tensors.get(self.id(name)?.index())
    }

    /// All tensors in the store's order.
    #[must_use]
    pub fn tensors(&self) -> &[TensorSpec] {
        &self.tensors
    }
}
