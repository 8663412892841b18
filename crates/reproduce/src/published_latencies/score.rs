//! How near estimates come to published latencies.

use panarch_graph::Latency;

use super::sample::Sample;
use crate::statistics::kendall;

/// Rank correlation, mean error and the worst network.
pub(super) struct Score {
    /// Kendall's τ_b.
    pub(super) tau: f64,
    /// Mean of |estimate / published − 1|.
    pub(super) mean_error: f64,
    /// The network of the largest such error, and estimate / published − 1.
    pub(super) worst: (&'static str, f64),
}

impl Score {
    pub(super) fn of(sample: &Sample, estimates: &[Latency]) -> Self {
        let mut pairs = Vec::new();
        let mut worst: (&'static str, f64) = ("", 0.0);
        for (row, estimate) in sample.rows().iter().zip(estimates) {
            let error = *estimate / row.latency - 1.0;
            if error.abs() > worst.1.abs() {
                worst = (row.network, error);
            }
            pairs.push((estimate.seconds(), row.latency.seconds()));
        }
        let errors = pairs
            .iter()
            .map(|(estimate, published)| (estimate / published - 1.0).abs());
        Self {
            tau: kendall(&pairs),
            mean_error: errors.sum::<f64>() / pairs.len().max(1) as f64,
            worst,
        }
    }

    /// τ and mean error in per cent, as cells.
    pub(super) fn cells(&self) -> [String; 2] {
        [format!("{:.2}", self.tau), format!("{:.1}", self.mean_error * 100.0)]
    }

    /// The worst network and its error in per cent, as cells.
    pub(super) fn worst_cells(&self) -> [String; 2] {
        [self.worst.0.to_owned(), format!("{:+.1}", self.worst.1 * 100.0)]
    }
}
