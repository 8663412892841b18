use crate::arena::Arena;
use crate::plan::lines;

/// Memory that executors pass on to each other, so that planning a new sub-network neither allocates nor touches new
/// pages once the largest network has been seen.
#[derive(Debug)]
pub struct Workspace {
    floats: Arena,
    doubles: Vec<f64>,
    shares: usize,
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
        }
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
    pub(crate) fn reserve(&mut self, floats: usize, doubles: usize) {
        let floats = lines(floats);
        if self.floats.len() < floats {
            // Free before asking for more.
            self.floats = Arena::new();
            self.floats = Arena::zeroed(floats);
        }
        if self.doubles.len() < doubles {
            self.doubles = vec![0.0; doubles];
        }
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
