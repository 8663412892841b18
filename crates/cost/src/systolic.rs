//! The arithmetic of a systolic array: how a matrix product folds onto rows × columns of processing elements.
//!
//! A product (M, N, K) has two dimensions in space and one in time. With R rows and C columns:
//!
//! | stationary | Sr, along rows | Sc, along columns | T, in time | cycles of a fold |
//! |---|---|---|---|---|
//! | outputs | M | N | K | T + R + C − 2 |
//! | weights | K | N | M | 2R + C + T − 2 |
//! | inputs | K | M | N | 2R + C + T − 2 |
//!
//! There are F = ⌈Sr / R⌉ · ⌈Sc / C⌉ folds, and every one is charged for the whole array, as SCALE-Sim does: it reports
//! F · cycles − 1. Source: the behaviour of SCALE-Sim 3.0.0, matched to the cycle. The paper (Samajdar et al., ISPASS
//! 2020) charges 2R + C + T − 2 for stationary outputs too, and its formula has no −1; the program decides here.
//!
//! Real arrays overlap folds: a second register in each element takes the next stationary operand, or holds the last
//! results, while operands stream. [`SystolicArray::with_fold_overlap`] models that: a fold starts max(T, R) cycles after
//! the one before it, because operands need T cycles to enter and a row-by-row load or drain needs R. The array is then
//! occupied for (F − 1) · max(T, R) + one fold, which is never more than F folds.
//!
//! ```
//! use panarch_cost::systolic::{Dataflow, Gemm, SystolicArray};
//!
//! let array = SystolicArray::new(4, 4, Dataflow::OutputStationary)?;
//! let mapping = array.map(Gemm::new(4, 4, 4)?)?;
//! assert_eq!(mapping.cycles().0, 9);
//! assert_eq!(mapping.folds().count(), 1);
//! # Ok::<(), panarch_cost::CostError>(())
//! ```

mod accesses;
mod fold;
mod gemm;
mod mapping;

pub(crate) use accesses::ArrayAccesses;
pub use accesses::SramAccesses;
pub use fold::Fold;
pub use gemm::Gemm;
pub use mapping::FoldMapping;

use crate::CostError;

/// Which operand stays in the processing elements while the others pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataflow {
    /// Outputs accumulate in place.
    OutputStationary,
    /// Weights are loaded, inputs stream by.
    WeightStationary,
    /// Inputs are loaded, weights stream by.
    InputStationary,
}

impl Dataflow {
    /// Every dataflow with SCALE-Sim's name of it.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("os", Self::OutputStationary),
        ("ws", Self::WeightStationary),
        ("is", Self::InputStationary),
    ];

    /// The short name: `os`, `ws` or `is`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutputStationary => "os",
            Self::WeightStationary => "ws",
            Self::InputStationary => "is",
        }
    }
}

impl std::fmt::Display for Dataflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A grid of processing elements, each with one multiply-accumulate a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystolicArray {
    rows: u32,
    columns: u32,
    dataflow: Dataflow,
    fold_overlap: bool,
}

impl SystolicArray {
    /// An array whose folds run one after the other, as in SCALE-Sim.
    ///
    /// # Errors
    /// An array without rows or columns.
    pub const fn new(rows: u32, columns: u32, dataflow: Dataflow) -> Result<Self, CostError> {
        if rows == 0 || columns == 0 {
            return Err(CostError::EmptyArray { rows, columns });
        }
        Ok(Self {
            rows,
            columns,
            dataflow,
            fold_overlap: false,
        })
    }

    /// The same array, with loading and draining of neighbouring folds overlapped or not.
    #[must_use]
    pub const fn with_fold_overlap(self, fold_overlap: bool) -> Self {
        Self { fold_overlap, ..self }
    }

    /// Rows, R.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows as u64
    }

    /// Columns, C.
    #[must_use]
    pub const fn columns(&self) -> u64 {
        self.columns as u64
    }

    /// Processing elements, R · C.
    #[must_use]
    pub const fn elements(&self) -> u64 {
        self.rows() * self.columns()
    }

    /// What stays in place.
    #[must_use]
    pub const fn dataflow(&self) -> Dataflow {
        self.dataflow
    }

    /// Whether neighbouring folds overlap.
    #[must_use]
    pub const fn fold_overlap(&self) -> bool {
        self.fold_overlap
    }

    /// Lays a product out on the array.
    ///
    /// # Errors
    /// Products of which the cycles or memory accesses do not fit 64 bits.
    pub fn map(&self, gemm: Gemm) -> Result<FoldMapping, CostError> {
        FoldMapping::new(*self, gemm)
    }

    /// Cycles of loading the stationary operand: R, or 0 for outputs, which begin as zeros.
    const fn load_cycles(&self) -> u64 {
        match self.dataflow {
            Dataflow::OutputStationary => 0,
            Dataflow::WeightStationary | Dataflow::InputStationary => self.rows(),
        }
    }

    /// Cycles that the last element lags behind the first: R + C − 2.
    const fn skew_cycles(&self) -> u64 {
        self.rows() + self.columns() - 2
    }
}
