//! Small dense symmetric positive definite systems.

/// The lower triangle L of A = L·Lᵀ, by rows in one packed vector: row i has i + 1 entries.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    size: usize,
    lower: Vec<f64>,
}

/// Where row `i`, column `j ≤ i` of a packed lower triangle is.
pub(crate) const fn packed(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

impl Cholesky {
    /// Factors A + `ridge`·I, where `matrix` is A's packed lower triangle; none if that is not positive definite.
    pub(crate) fn new(matrix: &[f64], size: usize, ridge: f64) -> Option<Self> {
        let mut lower = matrix.to_vec();
        for i in 0..size {
            lower[packed(i, i)] += ridge;
            for j in 0..=i {
                let (row_i, row_j) = (packed(i, 0), packed(j, 0));
                let dot = dot(&lower[row_i..row_i + j], &lower[row_j..row_j + j]);
                let rest = lower[row_i + j] - dot;
                if i == j {
                    if !(rest.is_finite() && rest > 0.0) {
                        return None;
                    }
                    lower[row_i + j] = rest.sqrt();
                } else {
                    lower[row_i + j] = rest / lower[packed(j, j)];
                }
            }
        }
        Some(Self { size, lower })
    }

    /// The logarithm of A's determinant.
    pub(crate) fn log_determinant(&self) -> f64 {
        (0..self.size).map(|i| 2.0 * self.lower[packed(i, i)].ln()).sum()
    }

    /// x with A·x = b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..self.size {
            let row = &self.lower[packed(i, 0)..packed(i, 0) + i];
            x[i] = (x[i] - dot(row, &x[..i])) / self.lower[packed(i, i)];
        }
        for i in (0..self.size).rev() {
            let value = x[i] / self.lower[packed(i, i)];
            x[i] = value;
            let row = &self.lower[packed(i, 0)..packed(i, 0) + i];
            x[..i].iter_mut().zip(row).for_each(|(x, entry)| *x -= entry * value);
        }
        x
    }

    /// The diagonal of A's inverse.
    pub(crate) fn inverse_diagonal(&self) -> Vec<f64> {
        // Rows of L⁻¹, each from those before it; A⁻¹ = L⁻ᵀ·L⁻¹.
        let mut inverse: Vec<f64> = vec![0.0; packed(self.size, 0)];
        let mut diagonal = vec![0.0; self.size];
        for i in 0..self.size {
            let (done, rest) = inverse.split_at_mut(packed(i, 0));
            let row = &mut rest[..=i];
            for k in 0..i {
                let factor = self.lower[packed(i, k)];
                let earlier = &done[packed(k, 0)..=packed(k, k)];
                row.iter_mut().zip(earlier).for_each(|(x, entry)| *x -= factor * entry);
            }
            row[i] = 1.0;
            let pivot = self.lower[packed(i, i)];
            row.iter_mut().for_each(|x| *x /= pivot);
            diagonal.iter_mut().zip(row.iter()).for_each(|(sum, x)| *sum += x * x);
        }
        diagonal
    }

    /// The packed lower triangle of A's inverse: L⁻ᵀ·L⁻¹.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        // L⁻¹ row by row: every step adds a multiple of one row to another.
        let mut rows = vec![0.0; packed(self.size, 0)];
        for i in 0..self.size {
            let (before, rest) = rows.split_at_mut(packed(i, 0));
            let pivot = self.lower[packed(i, i)];
            for k in 0..i {
                add(
                    &mut rest[..=k],
                    -self.lower[packed(i, k)] / pivot,
                    &before[packed(k, 0)..=packed(k, k)],
                );
            }
            rest[i] = 1.0 / pivot;
        }
        let mut inverse = vec![0.0; packed(self.size, 0)];
        for i in 0..self.size {
            let row = &rows[packed(i, 0)..=packed(i, i)];
            for (a, factor) in row.iter().enumerate() {
                add(&mut inverse[packed(a, 0)..=packed(a, a)], *factor, &row[..=a]);
            }
        }
        inverse
    }
}

/// Adds a multiple of one row to another.
fn add(to: &mut [f64], factor: f64, row: &[f64]) {
    for (place, value) in to.iter_mut().zip(row) {
        *place += factor * value;
    }
}

/// Σ aᵢ·bᵢ in eight partial sums, which the compiler turns into vectors.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0_f64; 8];
    for (a, b) in a.zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_matrix_is_factored_solved_and_inverted() {
        // [[4, 2, 0], [2, 5, 1], [0, 1, 3]], determinant 44.
        let matrix = [4.0, 2.0, 5.0, 0.0, 1.0, 3.0];
        let factor = Cholesky::new(&matrix, 3, 0.0).unwrap();
        assert!((factor.log_determinant() - 44f64.ln()).abs() < 1e-12);
        let x = factor.solve(&[8.0, 13.0, 4.0]);
        for rest in residual(&matrix, &x, &[8.0, 13.0, 4.0]) {
            assert!(rest.abs() < 1e-12);
        }
        let inverse = factor.inverse();
        for (found, expected) in inverse.iter().zip([14.0, -6.0, 12.0, 2.0, -4.0, 16.0]) {
            assert!((found - expected / 44.0).abs() < 1e-12);
        }
        for (found, expected) in factor.inverse_diagonal().iter().zip([14.0, 12.0, 16.0]) {
            assert!((found - expected / 44.0).abs() < 1e-12);
        }
        assert!(Cholesky::new(&[1.0, 2.0, 1.0], 2, 0.0).is_none());
        assert!(Cholesky::new(&[1.0, 2.0, 1.0], 2, 1.5).is_some());
    }

    fn residual(matrix: &[f64; 6], x: &[f64], b: &[f64; 3]) -> [f64; 3] {
        let at = |i: usize, j: usize| matrix[packed(i.max(j), i.min(j))];
        std::array::from_fn(|i| (0..3).map(|j| at(i, j) * x[j]).sum::<f64>() - b[i])
    }
}
