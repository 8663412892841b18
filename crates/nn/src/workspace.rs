use crate::plan::LINE;

/// Memory that executors pass on to each other, so that planning a new sub-network neither allocates nor touches new
/// pages once the largest network has been seen.
#[derive(Debug)]
pub struct Workspace {
    lines: Vec<CacheLine>,
    doubles: Vec<f64>,
    shares: usize,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct CacheLine {
    _floats: [f32; LINE],
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
            lines: Vec::new(),
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
        self.lines.len() * size_of::<CacheLine>() + self.doubles.len() * size_of::<f64>()
    }

    /// Room for at least this many values; what was there before may be lost.
    pub(crate) fn reserve(&mut self, floats: usize, doubles: usize) {
        let lines = floats.div_ceil(LINE);
        if self.lines.len() < lines {
            // Free before asking for more.
            self.lines = Vec::new();
            self.lines = zeroed(lines);
        }
        if self.doubles.len() < doubles {
            self.doubles = vec![0.0; doubles];
        }
    }

    /// A stretch of the floats.
    pub(crate) fn slice(&self, start: usize, length: usize) -> &[f32] {
        let floats = self.lines.len() * LINE;
        assert!(start + length <= floats, "a vector within the workspace");
        // SAFETY: checked above; the lines are arrays of f32.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast::<f32>().add(start), length) }
    }

    pub(crate) const fn floats(&mut self) -> *mut f32 {
        self.lines.as_mut_ptr().cast()
    }

    pub(crate) const fn doubles(&mut self) -> *mut f64 {
        self.doubles.as_mut_ptr()
    }
}

fn zeroed(lines: usize) -> Vec<CacheLine> {
    vec![CacheLine { _floats: [0.0; LINE] }; lines]
}
