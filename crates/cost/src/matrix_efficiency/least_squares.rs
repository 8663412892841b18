/// Coefficients c ≥ 0 with the smallest Σ (y − Σ c·x)² over rows of x, without an intercept.
///
/// Every subset of the columns is solved by itself, and the best one whose coefficients are all at least 0 is taken: exact,
/// and cheap for the few columns that there are. `None` when no subset has such a solution.
pub(super) fn non_negative(rows: &[Vec<f64>], targets: &[f64]) -> Option<Vec<f64>> {
    let columns = rows.first()?.len();
    let mut best: Option<(f64, Vec<f64>)> = None;
    for subset in 1_u32..1 << columns.min(16) {
        let taken: Vec<usize> = (0..columns).filter(|column| subset >> column & 1 == 1).collect();
        let Some(found) = solve(rows, targets, &taken).filter(|it| it.iter().all(|c| *c >= 0.0)) else {
            continue;
        };
        let mut coefficients = vec![0.0; columns];
        for (column, value) in taken.iter().zip(found) {
            coefficients[*column] = value;
        }
        let error: f64 = rows
            .iter()
            .zip(targets)
            .map(|(row, target)| (target - dot(row, &coefficients)).powi(2))
            .sum();
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, coefficients));
        }
    }
    best.map(|(_, coefficients)| coefficients)
}

/// Σ a·b.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The normal equations over some columns, each scaled to length 1, by elimination with pivots.
fn solve(rows: &[Vec<f64>], targets: &[f64], taken: &[usize]) -> Option<Vec<f64>> {
    let column = |index: usize| rows.iter().map(|row| row[index]).collect::<Vec<f64>>();
    let mut scaled: Vec<Vec<f64>> = taken.iter().map(|index| column(*index)).collect();
    let mut lengths = Vec::new();
    for values in &mut scaled {
        let length = dot(values, values).sqrt();
        if length.is_nan() || length <= 0.0 {
            return None;
        }
        values.iter_mut().for_each(|value| *value /= length);
        lengths.push(length);
    }
    let size = taken.len();
    let mut system: Vec<Vec<f64>> = scaled
        .iter()
        .map(|a| scaled.iter().map(|b| dot(a, b)).chain([dot(a, targets)]).collect())
        .collect();
    for pivot in 0..size {
        let largest = (pivot..size).max_by(|a, b| system[*a][pivot].abs().total_cmp(&system[*b][pivot].abs()))?;
        system.swap(pivot, largest);
        // Columns of length 1 that nearly coincide tell nothing apart.
        if system[pivot][pivot].abs() < 1e-10 {
            return None;
        }
        let row = system[pivot].clone();
        for (index, other) in system.iter_mut().enumerate() {
            if index != pivot {
                let factor = other[pivot] / row[pivot];
                other
                    .iter_mut()
                    .zip(&row)
                    .for_each(|(value, above)| *value -= factor * above);
            }
        }
    }
    let values = (0..size).map(|index| system[index][size] / system[index][index] / lengths[index]);
    Some(values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_law_is_found() {
        let rows: Vec<Vec<f64>> = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]].map(Vec::from).to_vec();
        let targets: Vec<f64> = rows.iter().map(|row| 3.0 * row[0] + 0.5 * row[1]).collect();
        let found = non_negative(&rows, &targets).unwrap();
        assert!(
            (found[0] - 3.0).abs() < 1e-12 && (found[1] - 0.5).abs() < 1e-12,
            "{found:?}"
        );
    }

    #[test]
    fn what_would_be_negative_is_left_out() {
        let rows: Vec<Vec<f64>> = [[1.0, 1.0], [2.0, 1.0], [3.0, 2.0]].map(Vec::from).to_vec();
        // 2·x₀ − x₁
        let found = non_negative(&rows, &[1.0, 3.0, 4.0]).unwrap();
        // Σ x₀·y / Σ x₀² = 19 / 14
        assert!((found[0] - 19.0 / 14.0).abs() < 1e-12 && found[1] == 0.0, "{found:?}");
    }

    #[test]
    fn equal_columns_share_one_coefficient() {
        let rows: Vec<Vec<f64>> = [[1.0, 1.0], [2.0, 2.0]].map(Vec::from).to_vec();
        let found = non_negative(&rows, &[2.0, 4.0]).unwrap();
        assert!((found.iter().sum::<f64>() - 2.0).abs() < 1e-12, "{found:?}");
        assert!(non_negative(&[], &[]).is_none());
    }
}
