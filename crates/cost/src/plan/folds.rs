//! How a matrix product runs on one systolic array: on which part of it, and in how many blocks of partial sums.

use super::work::MOST_TILES;
use crate::CostError;
use crate::profile::Systolic;
use crate::systolic::{ArrayAccesses, Dataflow, Gemm, SystolicArray};

/// Bytes of a partial sum: of 8-bit products and of short floats alike.
pub(super) const PARTIAL_SUM_BYTES: f64 = 4.0;

/// Cycles of a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folded {
    /// From the first load to the last result, counted as SCALE-Sim does.
    pub cycles: f64,
    /// Those in which operands stream.
    pub streaming: f64,
    /// What it reads and writes on chip.
    pub accesses: ArrayAccesses,
}

/// The ways between an array and its memories.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnChip {
    /// Cycles for an element of inputs, weights or results.
    pub element: f64,
    /// Cycles for a partial sum.
    pub sum: f64,
}

impl Folded {
    /// Cycles by which parts and dataflows are compared: of the array or of the way to it, whichever is busy for longer, and
    /// of the way again for the first of its tiles.
    pub fn judged(&self, on_chip: &OnChip) -> f64 {
        let ArrayAccesses {
            inputs,
            weights,
            results,
            ..
        } = self.accesses;
        let feed = (inputs + weights) * on_chip.element;
        self.cycles.max(feed + results * on_chip.element) + feed / f64::from(MOST_TILES)
    }
}

/// A product with one dataflow: Sr, Sc, T, and what limits it.
struct Product<'a> {
    systolic: &'a Systolic,
    dataflow: Dataflow,
    gemm: Gemm,
    on_chip: &'a OnChip,
    along_rows: u64,
    along_columns: u64,
    in_time: u64,
    /// How many partial sums may wait; no limit where results stay in their cells.
    waiting: f64,
    /// Whether loading takes a cycle a row.
    loads: bool,
}

/// The fewest cycles of a product on a part of an array, with the best of its dataflows.
///
/// A part of R′ rows and C′ columns takes ⌈Sr / R′⌉ · ⌈Sc / C′⌉ folds, each charged for the part alone, so that an array with
/// more rows or columns is never slower. Where the reduction is folded and the partial sums of T × C′ results do not fit,
/// T is cut into blocks, and every fold runs once a block.
///
/// # Errors
/// Products of which the cycles on the whole array do not fit 64 bits.
pub(super) fn fewest_cycles(
    systolic: &Systolic,
    rows: u32,
    columns: u32,
    accumulator_bytes: f64,
    on_chip: &OnChip,
    gemm: Gemm,
) -> Result<Folded, CostError> {
    let mut best: Option<Folded> = None;
    for dataflow in systolic.dataflow.value.dataflows() {
        // The whole array refuses what cannot be counted.
        let array = SystolicArray::new(rows, columns, dataflow)?.with_fold_overlap(systolic.fold_overlap.value);
        array.map(gemm)?;
        let (m, n, k) = (gemm.m(), gemm.n(), gemm.k());
        let (along_rows, along_columns, in_time) = match dataflow {
            Dataflow::OutputStationary => (m, n, k),
            Dataflow::WeightStationary => (k, n, m),
            Dataflow::InputStationary => (k, m, n),
        };
        let stays = dataflow == Dataflow::OutputStationary;
        let product = Product {
            systolic,
            dataflow,
            gemm,
            on_chip,
            along_rows,
            along_columns,
            in_time,
            waiting: if stays {
                f64::INFINITY
            } else {
                (accumulator_bytes / PARTIAL_SUM_BYTES).floor()
            },
            loads: !stays,
        };
        let found = if systolic.partial.value {
            product.on_the_best_part(u64::from(rows), u64::from(columns))
        } else {
            product.on(u64::from(rows), u64::from(columns))
        };
        if best.is_none_or(|best| found.judged(on_chip) < best.judged(on_chip)) {
            best = Some(found);
        }
    }
    best.ok_or(CostError::EmptyArray { rows, columns })
}

impl Product<'_> {
    /// On an array of which every fold fills all rows and columns.
    fn on(&self, rows: u64, columns: u64) -> Folded {
        let row_folds = self.along_rows.div_ceil(rows);
        let column_folds = self.along_columns.div_ceil(columns);
        let folds = (row_folds * column_folds) as f64;
        let time = self.in_time as f64;
        let blocks = if row_folds > 1 {
            let held = columns.min(self.along_columns) as f64;
            (time / (self.waiting / held).floor().max(1.0)).ceil().max(1.0)
        } else {
            1.0
        };
        let load = if self.loads { rows as f64 } else { 0.0 };
        let beside = load + (rows + columns - 2) as f64;
        let cycles = if self.systolic.fold_overlap.value {
            let rows = rows as f64;
            folds * time.max(blocks * rows) + beside - (rows - time / blocks).max(0.0)
        } else {
            folds * (time + blocks * beside)
        };
        let streaming = folds * time;
        let accesses = ArrayAccesses::of(self.dataflow, self.gemm, [row_folds, column_folds], blocks);
        Folded {
            // Sums go to the accumulators and back while operands stream.
            cycles: (cycles - 1.0)
                .max(streaming)
                .max(2.0 * accesses.sums * self.on_chip.sum),
            streaming,
            accesses,
        }
    }

    /// Goes through all parts that differ in folds, until more folds cannot be faster any more.
    fn on_the_best_part(&self, rows: u64, columns: u64) -> Folded {
        let largest = [rows.min(self.along_rows), columns.min(self.along_columns)];
        let mut best = self.on(largest[0], largest[1]);
        let mut least = best.judged(self.on_chip);
        let fewest_row_folds = self.along_rows.div_ceil(largest[0]);
        let mut column_folds = self.along_columns.div_ceil(largest[1]);
        loop {
            let columns = self.along_columns.div_ceil(column_folds);
            if self.at_least(fewest_row_folds, column_folds, 1) >= least {
                break;
            }
            let mut row_folds = fewest_row_folds;
            loop {
                if self.at_least(row_folds, column_folds, columns) >= least {
                    break;
                }
                let rows = self.along_rows.div_ceil(row_folds);
                let found = self.on(rows, columns);
                if found.judged(self.on_chip) < least {
                    best = found;
                    least = best.judged(self.on_chip);
                }
                if rows == 1 {
                    break;
                }
                row_folds = self.along_rows.div_ceil(rows - 1);
            }
            if columns == 1 {
                break;
            }
            column_folds = self.along_columns.div_ceil(columns - 1);
        }
        best
    }

    /// Cycles below which so many folds cannot come on parts of at least so many columns.
    fn at_least(&self, row_folds: u64, column_folds: u64, columns: u64) -> f64 {
        let [row_folds, column_folds, columns] = [row_folds, column_folds, columns].map(|it| it as f64);
        let (time, along_rows) = (self.in_time as f64, self.along_rows as f64);
        let least = if self.systolic.fold_overlap.value {
            (row_folds * time).max(along_rows)
        } else {
            let passes = if self.loads { 2.0 } else { 1.0 };
            row_folds * (time + columns - 2.0) + passes * along_rows
        };
        // Overlapped folds end up to two cycles below.
        column_folds * least - 2.0
    }
}
