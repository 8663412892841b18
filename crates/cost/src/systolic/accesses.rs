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
//! Of the results written, the last M · N are finished. The others are partial sums, which wait in accumulators below the
//! columns until the next fold along the rows reads them again; SCALE-Sim does not count that reading.

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
    /// Of a product in so many folds, when the moving operand is cut into blocks and the stationary one loaded for each.
    pub fn of(dataflow: Dataflow, gemm: Gemm, [row_folds, column_folds]: [u64; 2], blocks: f64) -> Self {
        let [m, n, k] = [gemm.m(), gemm.n(), gemm.k()].map(|size| size as f64);
        let (rows, columns) = (row_folds as f64, column_folds as f64);
        let (of_inputs, of_weights, of_sums) = match dataflow {
            Dataflow::OutputStationary => (columns, rows, 0.0),
            Dataflow::WeightStationary => (columns, blocks, rows - 1.0),
            Dataflow::InputStationary => (blocks, columns, rows - 1.0),
        };
        Self {
            inputs: m * k * of_inputs,
            weights: n * k * of_weights,
            results: m * n,
            sums: m * n * of_sums,
        }
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systolic::SystolicArray;

    #[test]
    fn one_block_moves_what_the_folds_move() {
        for (_, dataflow) in Dataflow::NAMES {
            for (m, n, k) in [(1, 1, 1), (50, 7, 33), (9, 64, 8)] {
                let gemm = Gemm::new(m, n, k).unwrap();
                let mapping = SystolicArray::new(8, 5, dataflow).unwrap().map(gemm).unwrap();
                let folds = [mapping.row_folds(), mapping.column_folds()];
                let ours = ArrayAccesses::of(dataflow, gemm, folds, 1.0);
                let counted = mapping.accesses();
                let found = [ours.inputs, ours.weights, ours.results + ours.sums].map(|it| it as u64);
                assert_eq!(found, [counted.ifmap_reads, counted.filter_reads, counted.ofmap_writes]);
                assert_eq!(ours.times(2.0).inputs, 2.0 * ours.inputs);
            }
        }
    }
}
