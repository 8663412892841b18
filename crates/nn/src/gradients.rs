use crate::{NnError, Store, TensorId};

/// One value per trainable value of a [`Store`]: gradients, or an optimiser's momentum.
///
/// Buffers (running statistics) have an empty slice. Backward passes add, so that several sub-networks of one step
/// accumulate; call [`Gradients::zero`] before the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    tensors: Vec<Vec<f32>>,
}

impl Gradients {
    /// Zeros in the layout of a store.
    #[must_use]
    pub fn zeros(store: &Store) -> Self {
        let length = |tensor: &crate::StoredTensor| {
            if tensor.kind().is_trainable() {
                tensor.data().len()
            } else {
                0
            }
        };
        Self {
            tensors: store.tensors().iter().map(|tensor| vec![0.0; length(tensor)]).collect(),
        }
    }

    /// Sets every value to 0.
    pub fn zero(&mut self) {
        for tensor in &mut self.tensors {
            tensor.fill(0.0);
        }
    }

    /// The values of one tensor; empty for a buffer or a tensor of another store.
    #[must_use]
    pub fn get(&self, id: TensorId) -> &[f32] {
        self.tensors.get(id.index()).map_or(&[], Vec::as_slice)
    }

    /// The values of one tensor, for writing.
    pub fn get_mut(&mut self, id: TensorId) -> &mut [f32] {
        self.tensors.get_mut(id.index()).map_or(&mut [], Vec::as_mut_slice)
    }

    /// The values of all tensors, in the store's order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.tensors.iter().map(Vec::as_slice)
    }

    /// The Euclidean norm over all values, summed in f64.
    #[must_use]
    pub fn global_norm(&self) -> f64 {
        let squares = self.tensors.iter().flatten().map(|value| f64::from(*value).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// Multiplies every value.
    pub fn scale(&mut self, factor: f32) {
        for value in self.tensors.iter_mut().flatten() {
            *value *= factor;
        }
    }

    /// Scales all values so that the global norm is at most `limit`; returns the norm before.
    ///
    /// The factor is limit / (norm + 1e-6), as PyTorch's `clip_grad_norm_` has it.
    pub fn clip(&mut self, limit: f64) -> f64 {
        let norm = self.global_norm();
        let factor = limit / (norm + 1e-6);
        if factor < 1.0 {
            self.scale(factor as f32);
        }
        norm
    }

    pub(crate) fn at(&self, index: usize) -> &[f32] {
        &self.tensors[index]
    }

    pub(crate) fn at_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.tensors[index]
    }

    /// Fails when the layout is not that of `store`.
    pub(crate) fn check(&self, store: &Store) -> Result<(), NnError> {
        let same = self.tensors.len() == store.tensors().len()
            && self
                .tensors
                .iter()
                .zip(store.tensors())
                .all(|(values, tensor)| !tensor.kind().is_trainable() || values.len() == tensor.data().len());
        if same {
            Ok(())
        } else {
            Err(NnError::Mismatch {
                what: "the gradient buffer",
            })
        }
    }
}
