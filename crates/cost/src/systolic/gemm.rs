use panarch_graph::Macs;

use crate::CostError;

/// A matrix product: (m × k) times (k × n), accumulated into (m × n).
///
/// A convolution is one after im2col: m output positions, n filters, k = kernel height · width · input channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gemm {
    m: u64,
    n: u64,
    k: u64,
}

impl Gemm {
    /// A product of these dimensions.
    ///
    /// # Errors
    /// A dimension of 0, and products of which the multiply-accumulates do not fit 64 bits.
    pub fn new(m: u64, n: u64, k: u64) -> Result<Self, CostError> {
        if m == 0 || n == 0 || k == 0 {
            return Err(CostError::EmptyGemm { m, n, k });
        }
        let macs = m.checked_mul(n).and_then(|area| area.checked_mul(k));
        macs.map(|_| Self { m, n, k }).ok_or(CostError::HugeGemm { m, n, k })
    }

    /// Rows of the first operand: output positions.
    #[must_use]
    pub const fn m(&self) -> u64 {
        self.m
    }

    /// Columns of the second operand: filters.
    #[must_use]
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// The dimension that is summed over.
    #[must_use]
    pub const fn k(&self) -> u64 {
        self.k
    }

    /// m · n · k.
    #[must_use]
    pub const fn macs(&self) -> Macs {
        // `new` has checked that this fits.
        Macs(self.m * self.n * self.k)
    }
}
