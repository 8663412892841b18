//! What the benchmark says of every network.

use std::collections::BTreeMap;

use panarch_run::{Error, lookup};
use serde::Deserialize;

use crate::reference_data;

const TABLE: &str = "nasbench_macro/nas-bench-macro_cifar10.json";

/// The published accuracies.
pub(super) struct Truth {
    /// By the benchmark's key: eight digits.
    pub(super) networks: BTreeMap<String, Known>,
}

/// What is published of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// The mean test accuracy of three trainings alone, in per cent.
    pub(super) accuracy: f64,
    /// Multiply-accumulates of one image.
    pub(super) macs: f64,
}

/// A network of the published file; what else it says is not needed.
#[derive(Deserialize)]
struct Entry {
    mean_acc: f64,
    flops: f64,
}

impl Truth {
    /// Reads it from the reference data.
    pub(super) fn read() -> Result<Self, Error> {
        Self::of_text(&lookup::read_text(&reference_data::path(TABLE)?)?)
    }

    fn of_text(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Input(format!("{TABLE}: {reason}"));
        let entries: BTreeMap<String, Entry> = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let networks = entries.into_iter().map(|(key, entry)| {
            let accuracy = entry.mean_acc;
            if !(0.0..=100.0).contains(&accuracy) || !entry.flops.is_finite() {
                return Err(wrong(format!("the network {key} has the accuracy {accuracy}")));
            }
            let macs = entry.flops;
            Ok((key, Known { accuracy, macs }))
        });
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
        })
    }

    /// The accuracy that this share of the networks reaches or exceeds, at least one of them.
    pub(super) fn top(&self, share: f64) -> f64 {
        let mut accuracies: Vec<f64> = self.networks.values().map(|known| known.accuracy).collect();
        accuracies.sort_by(|a, b| b.total_cmp(a));
        let count = (share * accuracies.len() as f64).floor().max(1.0) as usize;
        accuracies.get(count - 1).copied().unwrap_or(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_are_read_and_impossible_ones_refused() {
        let text = r#"{"00": {"mean_acc": 80.5, "std": 0.1, "flops": 10}, "01": {"mean_acc": 90.0, "flops": 20}}"#;
        let truth = Truth::of_text(text).unwrap();
        assert_eq!(truth.networks["01"].macs, 20.0);
        assert_eq!((truth.top(0.01), truth.top(1.0)), (90.0, 80.5));
        assert!(Truth::of_text(&text.replace("80.5", "180.5")).is_err());
        assert!(Truth::of_text("[]").is_err());
    }
}
