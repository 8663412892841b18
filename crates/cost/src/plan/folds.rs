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

/// The ways between arrays and their memories: cycles for all that arrays at work at once move, by element of one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnChip {
    pub input: f64,
    pub weight: f64,
    pub result: f64,
    /// Between arrays and accumulators.
    pub sum: f64,
}

impl Folded {
    /// Cycles by which parts and dataflows are compared: of the array or of the way to it and back, whichever is busy for
    /// longer, and of the other for the first and the last of its tiles.
    pub fn judged(&self, on_chip: &OnChip) -> f64 {
        let ArrayAccesses {
            inputs,
            weights,
            results,
            ..
        } = self.accesses;
        let feed = inputs * on_chip.input + weights * on_chip.weight;
        let way = feed + results * on_chip.result;
        let tiles = f64::from(MOST_TILES);
        (self.cycles + way / tiles).max(way + self.cycles / tiles)
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
        let folds = row_folds as f64 * column_folds as f64;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{DataflowChoice, Origin, Sourced};

    fn sourced<T>(value: T) -> Sourced<T> {
        Sourced {
            value,
            origin: Origin::Assumption("a test".to_owned()),
        }
    }

    fn systolic(dataflow: DataflowChoice, fold_overlap: bool, partial: bool) -> Systolic {
        Systolic {
            dataflow: sourced(dataflow),
            fold_overlap: sourced(fold_overlap),
            partial: sourced(partial),
            accumulator_bytes: None,
        }
    }

    fn cycles(of: &Systolic, array: [u32; 2], accumulators: f64, (m, n, k): (u64, u64, u64)) -> f64 {
        let gemm = Gemm::new(m, n, k).unwrap();
        // A memory that never makes the array wait.
        let on_chip = OnChip {
            input: 0.0,
            weight: 0.0,
            result: 0.0,
            sum: 0.0,
        };
        fewest_cycles(of, array[0], array[1], accumulators, &on_chip, gemm)
            .unwrap()
            .cycles
    }

    #[test]
    fn products_by_hand() {
        let weights = DataflowChoice::Fixed(Dataflow::WeightStationary);
        let product = (5, 9, 3);
        // 2 folds of 8 + 8 + 5 − 2 on all of it; 2 of 6 + 5 + 5 − 2 on 3 rows and 5 columns.
        let no_limit = f64::INFINITY;
        assert_eq!(
            cycles(&systolic(weights, false, false), [4, 8], no_limit, product),
            37.0
        );
        assert_eq!(cycles(&systolic(weights, false, true), [4, 8], no_limit, product), 27.0);
        // Outputs stay: 5 × 9 results on 4 × 8 in 4 folds of 3 + 3 + 5 − 2 on 3 rows and 5 columns.
        assert_eq!(
            cycles(
                &systolic(DataflowChoice::NAMES[0].1, false, true),
                [4, 8],
                no_limit,
                product
            ),
            35.0
        );
        // Inputs stay: 1 fold of 6 + 5 + 9 − 2.
        assert_eq!(
            cycles(&systolic(DataflowChoice::Best, false, true), [4, 8], no_limit, product),
            17.0
        );
        // The stem of ResNet-50 on 64 × 64: 3 folds of the reduction, of which 12,544 × 64 partial sums of 4 bytes are 3 MiB.
        // In 1 MiB they are worked off in 4 blocks; 49 of the 64 rows do.
        let stem = (12_544, 64, 147);
        let fold = |blocks: f64, rows: f64| 3.0 * (12_544.0 + blocks * (2.0 * rows + 64.0 - 2.0)) - 1.0;
        assert_eq!(
            cycles(&systolic(weights, false, false), [64, 64], no_limit, stem),
            fold(1.0, 64.0)
        );
        assert_eq!(
            cycles(&systolic(weights, false, false), [64, 64], 1048576.0, stem),
            fold(4.0, 64.0)
        );
        assert_eq!(
            cycles(&systolic(weights, false, true), [64, 64], 1048576.0, stem),
            fold(4.0, 49.0)
        );
    }

    #[test]
    fn the_best_part_is_the_best_of_all_parts() {
        let mut seed = 1_u64;
        let mut draw = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % most + 1
        };
        for _ in 0..400 {
            let choice = DataflowChoice::NAMES[draw(3) as usize - 1].1;
            let overlap = draw(2) == 1;
            let array = [draw(12) as u32, draw(12) as u32];
            let product = (draw(60), draw(60), draw(60));
            let accumulators = if draw(2) == 1 { f64::INFINITY } else { draw(400) as f64 };
            let found = cycles(&systolic(choice, overlap, true), array, accumulators, product);
            let whole = systolic(choice, overlap, false);
            let parts = (1..=array[0]).flat_map(|rows| (1..=array[1]).map(move |columns| [rows, columns]));
            let least = parts
                .map(|part| cycles(&whole, part, accumulators, product))
                .fold(f64::INFINITY, f64::min);
            assert_eq!(
                found, least,
                "{choice:?}, {overlap}, {array:?}, {product:?}, {accumulators}"
            );
        }
    }
}
