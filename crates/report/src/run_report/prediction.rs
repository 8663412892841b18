//! Predicted against measured latency.

use panarch_graph::{Estimate, Latency};
use serde::{Deserialize, Serialize};

use super::ProvenanceIndex;

/// One network, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionPair {
    /// The genotype's text.
    pub genotype: String,
    /// What the model said.
    #[serde(rename = "predicted_s")]
    pub predicted: Estimate<Latency>,
    /// What the device said.
    #[serde(rename = "measured_s")]
    pub measured: Estimate<Latency>,
}

/// How well a latency model holds on one device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionCheck {
    /// The device's name.
    pub device: String,
    /// Which networks these are, such as "held out of the fit" or "finalists".
    pub networks: String,
    /// Where the predictions come from.
    pub predicted: ProvenanceIndex,
    /// Where the measurements come from.
    pub measured: ProvenanceIndex,
    /// The networks.
    pub pairs: Vec<PredictionPair>,
}

impl PredictionCheck {
    /// Kendall's τ-b between predictions and measurements; `None` if either never varies.
    ///
    /// τ-b corrects for ties (Kendall 1945).
    pub fn kendall(&self) -> Option<f64> {
        let (mut agreement, mut in_predicted, mut in_measured) = (0.0, 0.0, 0.0);
        for (index, a) in self.pairs.iter().enumerate() {
            for b in &self.pairs[index + 1..] {
                let predicted = sign(a.predicted.value.seconds() - b.predicted.value.seconds());
                let measured = sign(a.measured.value.seconds() - b.measured.value.seconds());
                agreement += predicted * measured;
                in_predicted += predicted.abs();
                in_measured += measured.abs();
            }
        }
        let scale = f64::sqrt(in_predicted * in_measured);
        (scale > 0.0).then(|| agreement / scale)
    }

    /// Mean of |predicted − measured| / measured; `None` without pairs.
    pub fn mean_relative_error(&self) -> Option<f64> {
        let sum: f64 = self
            .pairs
            .iter()
            .map(|pair| ((pair.predicted.value - pair.measured.value) / pair.measured.value).abs())
            .sum();
        (!self.pairs.is_empty()).then(|| sum / self.pairs.len() as f64)
    }

    /// How many measured values lie in their predicted interval.
    pub fn covered(&self) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.predicted.low <= pair.measured.value && pair.measured.value <= pair.predicted.high)
            .count()
    }
}

/// −1, 0 or 1.
fn sign(difference: f64) -> f64 {
    if difference > 0.0 {
        1.0
    } else if difference < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(f64, f64)]) -> PredictionCheck {
        let millis = |value: f64| Estimate {
            value: Latency::from_millis(value),
            low: Latency::from_millis(value * 0.9),
            high: Latency::from_millis(value * 1.1),
            level: 0.95,
        };
        PredictionCheck {
            device: "host".into(),
            networks: "held out".into(),
            predicted: ProvenanceIndex(0),
            measured: ProvenanceIndex(1),
            pairs: pairs
                .iter()
                .map(|(predicted, measured)| PredictionPair {
                    genotype: String::new(),
                    predicted: millis(*predicted),
                    measured: millis(*measured),
                })
                .collect(),
        }
    }

    #[test]
    fn rank_correlation_by_hand() {
        // Pairs of pairs: five agree, one does not.
        let four = check(&[(1.0, 1.0), (2.0, 2.0), (3.0, 4.0), (4.0, 3.0)]);
        assert!((four.kendall().unwrap() - 4.0 / 6.0).abs() < 1e-12);
        assert_eq!(check(&[(1.0, 2.0), (2.0, 1.0)]).kendall(), Some(-1.0));
        assert_eq!(check(&[(1.0, 1.0), (1.0, 2.0)]).kendall(), None);
        assert_eq!(check(&[]).kendall(), None);
    }

    #[test]
    fn error_and_coverage_by_hand() {
        let two = check(&[(1.0, 1.05), (2.0, 4.0)]);
        let expected = (0.05 / 1.05 + 0.5) / 2.0;
        assert!((two.mean_relative_error().unwrap() - expected).abs() < 1e-12);
        assert_eq!(two.covered(), 1);
    }
}
