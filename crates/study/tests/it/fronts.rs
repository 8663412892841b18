use panarch_space::Genotype;
use panarch_study::{
    Amount, Direction, History, Limit, ObjectiveValue, Observation, dominates, hypervolume, pareto_front,
};
use proptest::prelude::*;

/// Points on a small grid, so that ties and equal points are frequent.
fn points(dimensions: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let point = prop::collection::vec((0..6u8).prop_map(f64::from), dimensions);
    prop::collection::vec(point, 0..14)
}

fn with_dimensions() -> impl Strategy<Value = (usize, Vec<Vec<f64>>)> {
    (1..=6usize).prop_flat_map(|dimensions| (Just(dimensions), points(dimensions)))
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

    /// The front of a history is that of its feasible trials, each objective in its own direction.
    #[test]
    fn a_history_has_the_front_of_its_feasible_trials(
        (dimensions, points) in with_dimensions(),
        directions in prop::collection::vec(prop::sample::select(&Direction::ALL[..]), 6),
        fates in prop::collection::vec(0..4u8, 14),
    ) {
        let limit = Limit::of_network(Amount::Parameters(1)).unwrap();
        let mut history = History::new();
        for ((number, point), fate) in (0..).zip(&points).zip(&fates) {
            let objectives = (0..dimensions).map(|axis| ObjectiveValue {
                name: format!("objective {axis}"),
                direction: directions[axis],
                value: Amount::Score(point[axis]),
                standard_error: None,
            });
            let mut observation = Observation::rewarded(number, Genotype::new(vec![0]), 0.0);
            observation.objectives = objectives.collect();
            match fate {
                0 => observation.objectives.clear(),
                1 => observation.violations.extend(limit.violation(Amount::Parameters(2)).unwrap()),
                _ => {}
            }
            history.push(observation).unwrap();
        }
        let better = |a: &Observation, b: &Observation| {
            let pairs = || a.objectives.iter().zip(&b.objectives).map(|(a, b)| match a.direction {
                Direction::Maximise => a.value.number() - b.value.number(),
                Direction::Minimise => b.value.number() - a.value.number(),
            });
            pairs().all(|by| by >= 0.0) && pairs().any(|by| by > 0.0)
        };
        let feasible: Vec<&Observation> = history.observations().iter().filter(|it| it.is_feasible()).collect();
        prop_assert_eq!(feasible.len(), points.iter().zip(&fates).filter(|(_, fate)| **fate > 1).count());
        let expected = feasible.iter().copied().filter(|it| !feasible.iter().any(|other| better(other, it)));
        let expected: Vec<u64> = expected.map(|it| it.number).collect();
        let front: Vec<u64> = history.front().iter().map(|it| it.number).collect();
        prop_assert_eq!(front, expected);
    }

    #[test]
    fn the_hypervolume_counts_dominated_cells((dimensions, points) in with_dimensions(), side in 1..6u32) {
        // Counting cells one by one is slow where there are many dimensions.
        let side = if dimensions > 4 { side.min(3) } else { side };
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
