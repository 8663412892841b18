use serde::Serialize;

/// Mean and standard deviation of a figure over networks sampled from a space.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1; 0 for a single value.
    pub deviation: f64,
    /// Number of values, at least 1.
    pub count: usize,
}

impl Spread {
    /// Of these values; `None` when there are none, or one is not finite.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let degrees = count.saturating_sub(1).max(1) as f64;
        Some(Self {
            mean,
            deviation: (squares / degrees).sqrt(),
            count,
        })
    }
}
