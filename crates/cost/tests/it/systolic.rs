//! The arithmetic of systolic arrays: by hand, and as properties.

use panarch_cost::CostError;
use panarch_cost::systolic::{Dataflow, FoldMapping, Gemm, SramAccesses, SystolicArray};
use proptest::prelude::*;

fn mapping(array: (u32, u32, Dataflow), m: u64, n: u64, k: u64) -> FoldMapping {
    let array = SystolicArray::new(array.0, array.1, array.2).unwrap();
    array.map(Gemm::new(m, n, k).unwrap()).unwrap()
}

#[test]
fn products_by_hand() {
    use Dataflow::{InputStationary as Is, OutputStationary as Os, WeightStationary as Ws};
    for (array, (m, n, k), folds, cycles) in [
        // 4 + 4 + 4 − 2 − 1: the case over which SCALE-Sim's program and paper differ.
        ((4, 4, Os), (4, 4, 4), 1, 9),
        ((4, 4, Ws), (4, 4, 4), 1, 13),
        ((4, 4, Is), (4, 4, 4), 1, 13),
        // ⌈5/4⌉ · ⌈9/8⌉ folds of 3 + 4 + 8 − 2.
        ((4, 8, Os), (5, 9, 3), 4, 51),
        // ⌈3/4⌉ · ⌈9/8⌉ folds of 8 + 8 + 5 − 2.
        ((4, 8, Ws), (5, 9, 3), 2, 37),
        // ⌈3/4⌉ · ⌈5/8⌉ folds of 8 + 8 + 9 − 2.
        ((4, 8, Is), (5, 9, 3), 1, 22),
        ((1, 1, Os), (1, 1, 1), 1, 0),
    ] {
        let mapping = mapping(array, m, n, k);
        assert_eq!(
            (mapping.fold_count(), mapping.cycles().0),
            (folds, cycles),
            "{array:?} {m} {n} {k}"
        );
        assert_eq!(mapping.occupied().0, cycles + 1);
        assert_eq!(mapping.overall_utilisation_percent().is_none(), cycles == 0);
    }
}

#[test]
fn overlapped_folds_by_hand() {
    // Two folds of 8 + 8 + 5 − 2 = 19 cycles, the second one max(5, 4) cycles after the first.
    let array = SystolicArray::new(4, 8, Dataflow::WeightStationary)
        .unwrap()
        .with_fold_overlap(true);
    let mapping = array.map(Gemm::new(5, 9, 3).unwrap()).unwrap();
    assert_eq!((mapping.interval().0, mapping.occupied().0), (5, 24));
    let folds: Vec<_> = mapping.folds().collect();
    assert_eq!(folds.len(), 2);
    assert_eq!((folds[1].start, folds[1].columns_used, folds[1].rows_used), (5, 1, 3));
    assert_eq!((folds[1].load, folds[1].stream, folds[1].drain), (4, 5, 10));
}

#[test]
fn hostile_dimensions_are_errors() {
    let most = u64::MAX;
    assert!(matches!(Gemm::new(0, 1, 1), Err(CostError::EmptyGemm { .. })));
    assert!(matches!(Gemm::new(most, 2, 1), Err(CostError::HugeGemm { .. })));
    assert!(matches!(
        Gemm::new(1 << 32, 1 << 31, 2),
        Err(CostError::HugeGemm { .. })
    ));
    assert!(matches!(
        SystolicArray::new(0, 4, Dataflow::OutputStationary),
        Err(CostError::EmptyArray { .. })
    ));
    for (_, dataflow) in Dataflow::NAMES {
        for (rows, columns) in [(1, 1), (u32::MAX, 1), (1, u32::MAX), (u32::MAX, u32::MAX)] {
            for overlap in [false, true] {
                let array = SystolicArray::new(rows, columns, dataflow)
                    .unwrap()
                    .with_fold_overlap(overlap);
                for (m, n, k) in [(most, 1, 1), (1, most, 1), (1, 1, most), (1 << 21, 1 << 21, 1 << 21)] {
                    match array.map(Gemm::new(m, n, k).unwrap()) {
                        Ok(mapping) => {
                            let first = mapping.folds().next().unwrap();
                            assert!(first.rows_used >= 1 && first.columns_used >= 1);
                            assert!(mapping.mapping_efficiency_percent() <= 100.0);
                        }
                        Err(error) => assert!(matches!(error, CostError::HugeGemm { .. }), "{error}"),
                    }
                }
            }
        }
    }
}

fn arrays() -> impl Strategy<Value = (u32, u32, Dataflow)> {
    (1..24_u32, 1..24_u32, 0..3_usize).prop_map(|(rows, columns, flow)| (rows, columns, Dataflow::NAMES[flow].1))
}

proptest! {
    #[test]
    fn overlap_never_costs_cycles(array in arrays(), m in 1..300_u64, n in 1..300_u64, k in 1..300_u64) {
        let plain = mapping(array, m, n, k);
        let gemm = Gemm::new(m, n, k).unwrap();
        let overlapped = plain.array().with_fold_overlap(true).map(gemm).unwrap();
        prop_assert!(overlapped.occupied() <= plain.occupied());
        prop_assert_eq!(overlapped.occupied() == plain.occupied(), plain.fold_count() == 1
            || plain.interval() == overlapped.interval());
        for mapping in [plain, overlapped] {
            // The number of the last cycle is one less than their count, which a single element can reach.
            prop_assert!(mapping.occupied().0 >= gemm.macs().0.div_ceil(mapping.array().elements()));
            if mapping.array().elements() > 1 {
                prop_assert!(mapping.cycles().0 >= gemm.macs().0.div_ceil(mapping.array().elements()));
                prop_assert!(mapping.overall_utilisation_percent().unwrap() <= 100.0);
            }
        }
    }

    #[test]
    fn folds_tile_the_product(array in arrays(), overlap: bool, m in 1..80_u64, n in 1..80_u64, k in 1..80_u64) {
        let gemm = Gemm::new(m, n, k).unwrap();
        let mapping = mapping(array, m, n, k).array().with_fold_overlap(overlap).map(gemm).unwrap();
        let folds: Vec<_> = mapping.folds().collect();
        prop_assert_eq!(folds.len() as u64, mapping.fold_count());
        prop_assert_eq!(mapping.fold_count(), mapping.row_folds() * mapping.column_folds());
        let macs: u64 = folds.iter().map(|fold| fold.rows_used * fold.columns_used * fold.stream).sum();
        prop_assert_eq!(macs, gemm.macs().0);
        let used: f64 = folds.iter().map(|fold| (fold.rows_used * fold.columns_used) as f64).sum();
        let mean = 100.0 * used / folds.len() as f64 / mapping.array().elements() as f64;
        prop_assert!((mean - mapping.mapping_efficiency_percent()).abs() < 1e-9);
        let mut sums = SramAccesses::default();
        for fold in &folds {
            sums.ifmap_reads += fold.accesses.ifmap_reads;
            sums.filter_reads += fold.accesses.filter_reads;
            sums.ofmap_writes += fold.accesses.ofmap_writes;
        }
        prop_assert_eq!(sums, mapping.accesses());
        for pair in folds.windows(2) {
            prop_assert_eq!(pair[1].start - pair[0].start, mapping.interval().0);
            // Neither loads nor streams of neighbours collide.
            prop_assert!(pair[1].start >= pair[0].start + pair[0].load);
            prop_assert!(pair[1].start + pair[1].load >= pair[0].start + pair[0].load + pair[0].stream);
        }
        let last = folds.last().unwrap();
        prop_assert_eq!(last.start + last.load + last.stream + last.drain, mapping.occupied().0);
    }
}
