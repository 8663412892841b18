/// Whether `a` is at least as good as `b` in every objective and better in one; every objective is minimised.
///
/// Points that hold a value that is not a number neither dominate nor are dominated.
#[must_use]
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x <= y) && a.iter().zip(b).any(|(x, y)| x < y)
}

/// Indices of the points that no other point dominates, in ascending order of index; every objective is minimised.
///
/// To maximise accuracy, give the error `1 - accuracy`. Equal points on the front are all returned. Points that hold a
/// value that is not a number are never on the front.
#[must_use]
pub fn pareto_front<P: AsRef<[f64]>>(points: &[P]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len())
        .filter(|&index| !points[index].as_ref().iter().any(|value| value.is_nan()))
        .collect();
    // In lexicographic order no point is dominated by a later one, and dominance is transitive, so that it suffices to
    // look at the points already found to be on the front.
    order.sort_by(|&a, &b| lexicographic(points[a].as_ref(), points[b].as_ref()));
    let mut front: Vec<usize> = Vec::new();
    for index in order {
        let point = points[index].as_ref();
        if !front.iter().any(|&kept| dominates(points[kept].as_ref(), point)) {
            front.push(index);
        }
    }
    front.sort_unstable();
    front
}

fn lexicographic(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    a.iter()
        .zip(b)
        .filter_map(|(x, y)| x.partial_cmp(y))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_of_known_sets() {
        let table: [(&[[f64; 2]], &[usize]); 6] = [
            (&[], &[]),
            (&[[1.0, 2.0]], &[0]),
            (&[[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]], &[0, 1]),
            (&[[1.0, 1.0], [1.0, 1.0]], &[0, 1]),
            (&[[1.0, 2.0], [1.0, 1.0]], &[1]),
            (&[[f64::NAN, 0.0], [3.0, f64::INFINITY]], &[1]),
        ];
        for (points, front) in table {
            assert_eq!(pareto_front(points), front, "{points:?}");
        }
    }

    #[test]
    fn signed_zeros_are_equal() {
        assert_eq!(pareto_front(&[[0.0, 1.0], [-0.0, 0.5]]), [1]);
        assert_eq!(pareto_front(&[[-0.0, 1.0], [0.0, 0.5]]), [1]);
    }
}
