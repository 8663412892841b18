//! How often a product on an array reads and writes the on-chip memories.
//!
//! With Fr folds along the rows and Fc along the columns ([`super`] says what lies where), summed over all folds:
//!
//! | stationary | inputs read | weights read | results written |
//! |---|---|---|---|
//! | outputs | M · K · Fc | N · K · Fr | M · N |
//! | weights | M · K · Fc | N · K | M · N · Fr |
//! | inputs | M · K | N · K · Fc | M · N · Fr |
//!
//! Idle rows and columns of edge folds are not counted. Source: the counts of SCALE-Sim 3.0.0's `DETAILED_ACCESS_REPORT`,
//! matched to the element; inputs are those after im2col, zeros of the padding included.
//!
//! Of the results written, the last M · N are finished. The others are partial sums, which the next fold along the rows
//! reads again; SCALE-Sim does not count that reading. They wait in the accumulators below the columns. Where these are
//! too small for all T sums of a column, positions (or filters) are taken in blocks that fit, and the stationary operand is
//! loaded once for each block.

use super::{Dataflow, FoldMapping, Gemm};

/// Elements read and written of the three on-chip memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SramAccesses {
    /// Elements of the input read.
    pub ifmap_reads: u64,
    /// Weights read.
    pub filter_reads: u64,
    /// Results written; partial sums too where the reduction is folded.
    pub ofmap_writes: u64,
}

/// Elements that a product moves between the array and each of its memories.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ArrayAccesses {
    /// Inputs read.
    pub inputs: f64,
    /// Weights read.
    pub weights: f64,
    /// Finished results written.
    pub results: f64,
    /// Partial sums written to the accumulators, and as many read from there.
    pub sums: f64,
}

impl ArrayAccesses {
    /// As many of each as so many such products move.
    pub fn times(self, factor: f64) -> Self {
        Self {
            inputs: self.inputs * factor,
            weights: self.weights * factor,
            results: self.results * factor,
            sums: self.sums * factor,
        }
    }
}

/// The closed forms of the table above; `None` where a count does not fit 64 bits.
pub(super) fn sram(dataflow: Dataflow, gemm: Gemm, row_folds: u64, column_folds: u64) -> Option<SramAccesses> {
    // Products of two dimensions fit, because that of all three does.
    let (inputs, weights, results) = (gemm.m() * gemm.k(), gemm.n() * gemm.k(), gemm.m() * gemm.n());
    let (of_inputs, of_weights, of_results) = match dataflow {
        Dataflow::OutputStationary => (column_folds, row_folds, 1),
        Dataflow::WeightStationary => (column_folds, 1, row_folds),
        Dataflow::InputStationary => (1, column_folds, row_folds),
    };
    Some(SramAccesses {
        ifmap_reads: inputs.checked_mul(of_inputs)?,
        filter_reads: weights.checked_mul(of_weights)?,
        ofmap_writes: results.checked_mul(of_results)?,
    })
}

impl FoldMapping {
    /// The accesses as SCALE-Sim 3.0.0 reports them: with stationary outputs it counts R + C more writes for each fold,
    /// which no memory sees.
    #[must_use]
    pub fn reported_accesses(&self) -> SramAccesses {
        let added = match self.array().dataflow() {
            Dataflow::OutputStationary => self.fold_count() * (self.array().rows() + self.array().columns()),
            Dataflow::WeightStationary | Dataflow::InputStationary => 0,
        };
        let accesses = self.accesses();
        SramAccesses {
            ofmap_writes: accesses.ofmap_writes.saturating_add(added),
            ..accesses
        }
    }

    /// Blocks in which a fold's results are taken, when so many partial sums fit below each column.
    fn blocks(&self, sums_a_column: u64) -> u64 {
        let summed = self.array().dataflow() != Dataflow::OutputStationary && self.row_folds() > 1;
        if summed {
            self.in_time().div_ceil(sums_a_column.max(1))
        } else {
            1
        }
    }

    /// What all folds move, when so many partial sums fit below each column.
    pub(crate) fn array_accesses(&self, sums_a_column: u64) -> ArrayAccesses {
        let SramAccesses {
            ifmap_reads,
            filter_reads,
            ofmap_writes,
        } = self.accesses();
        let results = (self.gemm().m() * self.gemm().n()) as f64;
        let blocks = self.blocks(sums_a_column) as f64;
        let (for_inputs, for_weights) = match self.array().dataflow() {
            Dataflow::OutputStationary => (1.0, 1.0),
            Dataflow::WeightStationary => (1.0, blocks),
            Dataflow::InputStationary => (blocks, 1.0),
        };
        ArrayAccesses {
            inputs: ifmap_reads as f64 * for_inputs,
            weights: filter_reads as f64 * for_weights,
            results,
            sums: ofmap_writes as f64 - results,
        }
    }

    /// Cycles beyond [`Self::occupied`] for loading the stationary operand once for each block. With overlapped folds a
    /// block takes no less than its loading, max(T / blocks, R).
    pub(crate) fn reload_cycles(&self, sums_a_column: u64) -> f64 {
        let (folds, blocks) = (self.fold_count() as f64, self.blocks(sums_a_column) as f64);
        let (rows, time) = (self.array().rows() as f64, self.in_time() as f64);
        if self.array().fold_overlap() {
            folds * (time.max(rows * blocks) - time.max(rows))
        } else {
            folds * (blocks - 1.0) * (self.interval().0 as f64 - time)
        }
    }
}
