use panarch_study::{dominates, hypervolume, pareto_front};
use proptest::prelude::*;

/// Points on a small grid, so that ties and equal points are frequent.
fn points(dimensions: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let point = prop::collection::vec((0..6u8).prop_map(f64::from), dimensions);
    prop::collection::vec(point, 0..14)
}

fn with_dimensions() -> impl Strategy<Value = (usize, Vec<Vec<f64>>)> {
    (1..=4usize).prop_flat_map(|dimensions| (Just(dimensions), points(dimensions)))
}

/// The number of unit cells below `side` in every direction that some point dominates.
fn cells(points: &[Vec<f64>], dimensions: usize, side: u32) -> f64 {
    let all = 0..side.pow(dimensions as u32);
    all.filter(|&cell| {
        let corner = |axis: usize| f64::from(cell / side.pow(axis as u32) % side);
        points
            .iter()
            .any(|point| (0..dimensions).all(|axis| point[axis] <= corner(axis)))
    })
    .count() as f64
}

proptest! {
    #[test]
    fn the_front_is_what_nothing_dominates((_, points) in with_dimensions()) {
        let front = pareto_front(&points);
        let expected: Vec<usize> = (0..points.len())
            .filter(|&index| !points.iter().any(|other| dominates(other, &points[index])))
            .collect();
        prop_assert_eq!(front, expected);
    }

    #[test]
    fn the_hypervolume_counts_dominated_cells((dimensions, points) in with_dimensions(), side in 1..6u32) {
        let reference = vec![f64::from(side); dimensions];
        let volume = hypervolume(&points, &reference);
        prop_assert_eq!(volume, cells(&points, dimensions, side));
    }

    #[test]
    fn the_hypervolume_of_real_numbers_is_the_sum_over_inclusions(
        points in prop::collection::vec(prop::collection::vec(0.0..1.2f64, 3), 0..7),
    ) {
        // Inclusion and exclusion over all subsets: the volume of an intersection is that of the worst corner.
        let mut expected = 0.0;
        for subset in 1..1u32 << points.len() {
            let chosen = points.iter().enumerate().filter(|(index, _)| subset >> index & 1 == 1);
            let corner = chosen.fold([0.0f64; 3], |corner, (_, point)| {
                std::array::from_fn(|axis| corner[axis].max(point[axis]))
            });
            let volume: f64 = corner.iter().map(|value| (1.0 - value).max(0.0)).product();
            expected += if subset.count_ones() % 2 == 1 { volume } else { -volume };
        }
        prop_assert!((hypervolume(&points, &[1.0; 3]) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_point_more_never_lessens_the_hypervolume(points in points(3)) {
        let volumes: Vec<f64> =
            (0..=points.len()).map(|count| hypervolume(&points[..count], &[5.0; 3])).collect();
        prop_assert!(volumes.is_sorted(), "{volumes:?}");
    }
}
