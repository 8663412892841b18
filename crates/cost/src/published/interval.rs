//! How wide an interval must be to hold networks that no figure was fitted to.

use panarch_graph::Latency;

/// The level that profiles state.
const LEVEL: f64 = 0.9;
/// Published figures have errors of their own, and rows of a device are of few families: no interval is narrower.
const NARROWEST: f64 = 0.15;
/// With too few rows the interval is so many times the largest error, and no narrower than the second figure.
const TOO_FEW: (f64, f64) = (2.0, 0.3);

/// How far estimates of networks that no figure was fitted to are off: the larger of estimate / latency and
/// latency / estimate, less one, of each; which is what `relative` of a profile bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOutErrors(Vec<f64>);

impl LeftOutErrors {
    /// Of pairs of an estimate and the latency that was published.
    pub fn new(pairs: impl IntoIterator<Item = (Latency, Latency)>) -> Self {
        let errors = pairs.into_iter().map(|(estimate, latency)| {
            let ratio = estimate / latency;
            ratio.max(ratio.recip()) - 1.0
        });
        let mut errors: Vec<f64> = errors.collect();
        errors.sort_by(f64::total_cmp);
        Self(errors)
    }

    /// The largest.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.0.last().copied().unwrap_or(0.0)
    }

    /// How many an interval holds.
    #[must_use]
    pub fn inside(&self, relative: f64) -> usize {
        self.0.iter().filter(|error| **error <= relative).count()
    }

    /// What holds the next network of the same kind with 90 %: of n errors in order the ⌈0.9·(n + 1)⌉-th (conformal
    /// prediction; Vovk et al. 2005). `None` below nine errors, where no such bound is to be had.
    #[must_use]
    pub fn conformal(&self) -> Option<f64> {
        let rank = (LEVEL * (self.0.len() as f64 + 1.0)).ceil() as usize;
        self.0.get(rank.checked_sub(1)?).copied()
    }

    /// The interval that a profile may state at 90 %: the conformal one, 15 % at least; with fewer than nine errors twice the
    /// largest, 30 % at least, which is an assumption.
    #[must_use]
    pub fn relative(&self) -> f64 {
        let (times, least) = TOO_FEW;
        self.conformal()
            .map_or_else(|| least.max(times * self.worst()), |bound| NARROWEST.max(bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(percent: &[f64]) -> LeftOutErrors {
        let ms = Latency::from_millis;
        // Every other one too slow.
        LeftOutErrors::new(percent.iter().enumerate().map(|(index, error)| {
            let ratio = 1.0 + error / 100.0;
            if index % 2 == 0 {
                (ms(ratio), ms(1.0))
            } else {
                (ms(1.0), ms(ratio))
            }
        }))
    }

    #[test]
    fn nine_errors_bound_the_tenth() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
        let nine = errors(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 40.0]);
        near(nine.conformal().unwrap(), 0.4);
        near(nine.relative(), 0.4);
        assert_eq!([nine.inside(0.05 + 1e-9), nine.inside(0.4 + 1e-9)], [5, 9]);
        // Of nineteen the eighteenth is enough.
        let nineteen: Vec<f64> = (1..=19).map(f64::from).collect();
        near(errors(&nineteen).conformal().unwrap(), 0.18);
        near(errors(&[1.0; 9]).relative(), 0.15);
        let few = errors(&[3.0, 27.0]);
        assert_eq!(few.conformal(), None);
        near(few.relative(), 0.54);
        near(errors(&[3.0]).relative(), 0.3);
        near(errors(&[]).worst(), 0.0);
    }
}
