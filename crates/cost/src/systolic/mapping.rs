use panarch_graph::{Cycles, Macs};

use super::{Dataflow, Fold, Gemm, SramAccesses, SystolicArray, accesses};
use crate::CostError;

/// A product laid out on an array, fold by fold; made by [`SystolicArray::map`].
///
/// Every count has been checked to fit 64 bits, so that no method fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldMapping {
    gemm: Gemm,
    array: SystolicArray,
    /// Sr: what lies along the array's rows.
    along_rows: u64,
    /// Sc: what lies along its columns.
    along_columns: u64,
    /// T: what passes in time.
    in_time: u64,
    row_folds: u64,
    column_folds: u64,
    lines: u64,
    accesses: SramAccesses,
}

impl FoldMapping {
    pub(super) fn new(array: SystolicArray, gemm: Gemm) -> Result<Self, CostError> {
        let (m, n, k) = (gemm.m(), gemm.n(), gemm.k());
        let (along_rows, along_columns, in_time) = match array.dataflow() {
            Dataflow::OutputStationary => (m, n, k),
            Dataflow::WeightStationary => (k, n, m),
            Dataflow::InputStationary => (k, m, n),
        };
        let row_folds = along_rows.div_ceil(array.rows());
        let column_folds = along_columns.div_ceil(array.columns());
        let huge = CostError::HugeGemm { m, n, k };
        let lines = lines(array, row_folds, column_folds, in_time).ok_or_else(|| huge.clone())?;
        let accesses = accesses::sram(array.dataflow(), gemm, row_folds, column_folds).ok_or(huge)?;
        Ok(Self {
            gemm,
            array,
            along_rows,
            along_columns,
            in_time,
            row_folds,
            column_folds,
            lines,
            accesses,
        })
    }

    /// The product.
    #[must_use]
    pub const fn gemm(&self) -> Gemm {
        self.gemm
    }

    /// The array.
    #[must_use]
    pub const fn array(&self) -> SystolicArray {
        self.array
    }

    /// Folds along the array's rows, ⌈Sr / R⌉.
    #[must_use]
    pub const fn row_folds(&self) -> u64 {
        self.row_folds
    }

    /// Folds along the array's columns, ⌈Sc / C⌉.
    #[must_use]
    pub const fn column_folds(&self) -> u64 {
        self.column_folds
    }

    /// All folds, F.
    #[must_use]
    pub const fn fold_count(&self) -> u64 {
        self.row_folds * self.column_folds
    }

    /// Cycles from one fold's start to the next one's: those of a whole fold, or max(T, R) where folds overlap.
    #[must_use]
    pub fn interval(&self) -> Cycles {
        Cycles(interval(self.array, self.in_time))
    }

    /// Cycles in which the array is occupied, first load to last result: (F − 1) · interval + one fold.
    #[must_use]
    pub const fn occupied(&self) -> Cycles {
        Cycles(self.lines)
    }

    /// Compute cycles as SCALE-Sim counts them: the number of the last cycle, where the first is 0. One less than
    /// [`Self::occupied`], and so 0 for a single product on a single stationary output.
    #[must_use]
    pub const fn cycles(&self) -> Cycles {
        Cycles(self.lines - 1)
    }

    /// Cycles in which operands stream, F · T; the rest of [`Self::cycles`] fills and drains.
    #[must_use]
    pub const fn streaming(&self) -> Cycles {
        // Part of `lines`, which has been checked to fit, unless folds overlap; then T counts once a fold still.
        Cycles(self.fold_count().saturating_mul(self.in_time))
    }

    /// Multiply-accumulates of the product.
    #[must_use]
    pub const fn macs(&self) -> Macs {
        self.gemm.macs()
    }

    /// 100 · MACs / (cycles · R · C), in per cent; `None` when [`Self::cycles`] is 0.
    #[must_use]
    pub fn overall_utilisation_percent(&self) -> Option<f64> {
        let cycles = self.cycles().0;
        (cycles > 0).then(|| self.macs().0 as f64 * 100.0 / (cycles as f64 * self.array.elements() as f64))
    }

    /// Share of the processing elements that hold something, mean over all folds, in per cent.
    ///
    /// The folds tile Sr × Sc exactly, so that the mean is Sr · Sc / (F · R · C).
    #[must_use]
    pub fn mapping_efficiency_percent(&self) -> f64 {
        let used = self.along_rows as f64 * self.along_columns as f64;
        used * 100.0 / (self.fold_count() as f64 * self.array.elements() as f64)
    }

    /// Reads and writes of the on-chip memories by all folds.
    ///
    /// [`Self::reported_accesses`] is what SCALE-Sim 3.0.0 makes of them.
    #[must_use]
    pub const fn accesses(&self) -> SramAccesses {
        self.accesses
    }

    /// The folds in the order in which they run: all along the rows, then the next along the columns.
    ///
    /// A hostile product has up to 2⁶⁴ of them; ask [`Self::fold_count`] before collecting.
    pub fn folds(&self) -> impl Iterator<Item = Fold> + use<> {
        let mapping = *self;
        (0..mapping.column_folds).flat_map(move |column_fold| {
            (0..mapping.row_folds).map(move |row_fold| mapping.fold(row_fold, column_fold))
        })
    }

    fn fold(&self, row_fold: u64, column_fold: u64) -> Fold {
        let (rows, columns) = (self.array.rows(), self.array.columns());
        let rows_used = rows.min(self.along_rows - row_fold * rows);
        let columns_used = columns.min(self.along_columns - column_fold * columns);
        let time = self.in_time;
        let (ifmap_reads, filter_reads, ofmap_writes) = match self.array.dataflow() {
            Dataflow::OutputStationary => (rows_used * time, columns_used * time, rows_used * columns_used),
            Dataflow::WeightStationary => (rows_used * time, rows_used * columns_used, columns_used * time),
            Dataflow::InputStationary => (rows_used * columns_used, rows_used * time, columns_used * time),
        };
        Fold {
            row_fold,
            column_fold,
            rows_used,
            columns_used,
            start: (column_fold * self.row_folds + row_fold) * interval(self.array, time),
            load: self.array.load_cycles(),
            stream: time,
            drain: self.array.skew_cycles(),
            accesses: SramAccesses {
                ifmap_reads,
                filter_reads,
                ofmap_writes,
            },
        }
    }
}

fn interval(array: SystolicArray, in_time: u64) -> u64 {
    if array.fold_overlap() {
        in_time.max(array.rows())
    } else {
        in_time + array.load_cycles() + array.skew_cycles()
    }
}

/// (F − 1) · interval + load + T + skew.
fn lines(array: SystolicArray, row_folds: u64, column_folds: u64, in_time: u64) -> Option<u64> {
    let fold = in_time.checked_add(array.load_cycles() + array.skew_cycles())?;
    let folds = row_folds.checked_mul(column_folds)?;
    // What runs without overlap must fit too: then no variant of a mapping that exists fails.
    folds.checked_mul(fold)?;
    (folds - 1).checked_mul(interval(array, in_time))?.checked_add(fold)
}
