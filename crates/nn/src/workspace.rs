use crate::NnError;
use crate::arena::Arena;
use crate::plan::lines;

/// Memory that executors pass on to each other, so that planning a new sub-network neither allocates nor touches new
/// pages once the largest network has been seen.
#[derive(Debug)]
pub struct Workspace {
    floats: Arena,
    doubles: Vec<f64>,
    shares: usize,
    storage: ActivationStorage,
}

/// How training keeps the values of a network's layers for the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ActivationStorage {
    /// As f32.
    #[default]
    F32,
    /// As bf16, rounded to nearest, ties to even: half the memory and traffic for three decimal digits.
    ///
    /// Covers the value of every convolution, sum, product, pooling and so on that is a map of more than one position,
    /// before its batch normalisation, whose statistics are those of the rounded values. The input, vectors
    /// (squeeze-and-excite, the logits), parameters and all gradients stay f32, and all arithmetic is in f32.
    /// Evaluation keeps nothing and does not round.
    Bf16,
}

impl Default for Workspace {
    /// Eight shares.
    fn default() -> Self {
        Self::with_shares(8)
    }
}

impl Workspace {
    /// A workspace for batches that are cut into `shares` parts (at least one).
    ///
    /// At most this many threads work at once. Sums are made part by part, so that results depend on the number of
    /// shares but not on the number of threads.
    #[must_use]
    pub fn with_shares(shares: usize) -> Self {
        Self {
            floats: Arena::new(),
            doubles: Vec::new(),
            shares: shares.max(1),
            storage: ActivationStorage::F32,
        }
    }

    /// The same workspace with another way to keep values, for the executors that are planned with it from now on.
    #[must_use]
    pub fn with_storage(self, storage: ActivationStorage) -> Self {
        Self { storage, ..self }
    }

    /// How values are kept for the backward pass.
    #[must_use]
    pub const fn storage(&self) -> ActivationStorage {
        self.storage
    }

    /// Number of parts that a batch is cut into.
    #[must_use]
    pub const fn shares(&self) -> usize {
        self.shares
    }

    /// Bytes held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.floats.len() * size_of::<f32>() + self.doubles.len() * size_of::<f64>()
    }

    /// Room for at least this many values; what was there before may be lost.
    ///
    /// # Errors
    /// [`NnError::Memory`] when the system has no room.
    pub(crate) fn reserve(&mut self, floats: usize, doubles: usize) -> Result<(), NnError> {
        let floats = lines(floats);
        if self.floats.len() < floats {
            // Free before asking for more.
            self.floats = Arena::new();
            self.floats = Arena::zeroed(floats).ok_or(NnError::memory::<f32>(floats))?;
        }
        if self.doubles.len() < doubles {
            self.doubles = zeroed(doubles)?;
        }
        Ok(())
    }

    /// A stretch of the floats.
    pub(crate) fn slice(&self, start: usize, length: usize) -> &[f32] {
        &self.floats.as_slice()[start..start + length]
    }

    pub(crate) const fn floats(&mut self) -> *mut f32 {
        self.floats.start()
    }

    pub(crate) const fn doubles(&mut self) -> *mut f64 {
        self.doubles.as_mut_ptr()
    }
}

/// So many zeros.
///
/// # Errors
/// [`NnError::Memory`] when the system has no room.
pub(crate) fn zeroed<T: Clone + Default>(count: usize) -> Result<Vec<T>, NnError> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(|_| NnError::memory::<T>(count))?;
    values.resize(count, T::default());
    Ok(values)
}
