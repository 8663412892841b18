use crate::pareto::{dominates, pareto_front};

/// Volume of the region that the points dominate, up to `reference`; every objective is minimised.
///
/// A point counts only where it is better than the reference point in every objective; points of another dimension than
/// the reference and points with values that are not numbers count nothing. The unit is the product of the objectives'
/// units. Two objectives are swept exactly in O(n log n); more are sliced by exclusive contributions (While, Bradstreet
/// and Barone 2012, "A fast way of calculating exact hypervolumes", without its special case for three objectives).
#[must_use]
pub fn hypervolume<P: AsRef<[f64]>>(points: &[P], reference: &[f64]) -> f64 {
    let inside: Vec<Vec<f64>> = points
        .iter()
        .map(AsRef::as_ref)
        .filter(|point| point.len() == reference.len())
        .filter(|point| point.iter().zip(reference).all(|(value, limit)| value < limit))
        .map(<[f64]>::to_vec)
        .collect();
    volume(non_dominated(inside), reference)
}

fn volume(mut front: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    match reference.len() {
        0 => 0.0,
        1 => front.iter().map(|point| reference[0] - point[0]).fold(0.0, f64::max),
        2 => sweep(front, reference),
        last => {
            // The order changes the amount of work, never the result: limited by good points, the rest collapses soon.
            front.sort_by(|a, b| b[last - 1].total_cmp(&a[last - 1]));
            (0..front.len())
                .map(|index| exclusive(&front[index], &front[index + 1..], reference))
                .sum()
        }
    }
}

/// The volume that `point` dominates and none of `others` does.
fn exclusive(point: &[f64], others: &[Vec<f64>], reference: &[f64]) -> f64 {
    let own: f64 = point
        .iter()
        .zip(reference)
        .map(|(value, limit)| limit - value)
        .product();
    let limited: Vec<Vec<f64>> = others
        .iter()
        .map(|other| other.iter().zip(point).map(|(x, y)| x.max(*y)).collect())
        .collect();
    own - volume(non_dominated(limited), reference)
}

fn sweep(mut front: Vec<Vec<f64>>, reference: &[f64]) -> f64 {
    front.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut ceiling = reference[1];
    let mut area = 0.0;
    for point in &front {
        if point[1] < ceiling {
            area += (reference[0] - point[0]) * (ceiling - point[1]);
            ceiling = point[1];
        }
    }
    area
}

/// The points that no other dominates, each value once.
fn non_dominated(points: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for index in pareto_front(&points) {
        let point = &points[index];
        if !kept.contains(point) {
            kept.push(point.clone());
        }
    }
    debug_assert!(kept.iter().all(|a| !kept.iter().any(|b| dominates(b, a))));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_known_sets() {
        assert_eq!(hypervolume::<[f64; 2]>(&[], &[1.0, 1.0]), 0.0);
        assert_eq!(hypervolume(&[[0.25]], &[1.0]), 0.75);
        assert_eq!(hypervolume(&[[0.0, 0.5], [0.5, 0.0]], &[1.0, 1.0]), 0.75);
        assert_eq!(hypervolume(&[[0.0, 0.0, 0.0]], &[2.0, 3.0, 4.0]), 24.0);
        // Two boxes of 4 that share 1 x 1 x 1.
        let boxes = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]];
        assert_eq!(hypervolume(&boxes, &[2.0, 2.0, 2.0]), 6.0);
    }

    #[test]
    fn points_beyond_the_reference_count_nothing() {
        let points = [[0.5, 2.0], [1.0, 0.0], [f64::NAN, 0.0], [0.5, 0.5]];
        assert_eq!(hypervolume(&points, &[1.0, 1.0]), 0.25);
    }
}
