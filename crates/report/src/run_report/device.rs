//! Devices, their targets, and whether they disagree enough.

use panarch_graph::Latency;
use serde::{Deserialize, Serialize};

use super::MeasurementQuality;

/// One device of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceFacts {
    /// The profile's name.
    pub name: String,
    /// What kind of device it is, in words, such as "16×16×16-cube NPU".
    pub class: String,
    /// Where the profile's figures come from.
    pub figures: String,
    /// Median share of latency that no network can avoid, 0 to 1, over the sampled networks.
    pub fixed_share: Option<f64>,
    /// The latency that counts as r = 1.
    pub target: Latency,
    /// Where the target comes from, such as "latency of the reference".
    pub target_origin: String,
    /// What the measurements are worth; of real machines only.
    #[serde(default)]
    pub quality: Option<MeasurementQuality>,
}

impl DeviceFacts {
    /// What the figures of a measured device are worth, in a sentence with the device's name.
    #[must_use]
    pub fn worth(&self) -> Option<String> {
        let quality = self.quality.as_ref()?;
        Some(format!("{}: {}; {}", self.name, quality.verdict(), quality.figures()))
    }
}

/// Figures over a random sample of the space that say whether the devices want different networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceAgreement {
    /// Number of networks sampled.
    pub sampled: u32,
    /// Kendall's τ between the latencies on two devices; row and column in device order.
    pub kendall: Vec<Vec<f64>>,
    /// The largest median fixed share, 0 to 1, that still counts as fair.
    pub fixed_share_limit: f64,
    /// A pair of devices with τ below this counts as disagreeing.
    pub kendall_limit: f64,
    /// The number of disagreeing pairs that a fair choice of devices has.
    pub pairs_needed: u32,
}

/// What [`DeviceAgreement`] comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgreementVerdict {
    /// Devices whose fixed share is above the limit.
    pub mostly_fixed: usize,
    /// Pairs of devices with τ below the limit.
    pub disagreeing_pairs: usize,
    /// Whether both rules hold.
    pub fair: bool,
}

impl DeviceAgreement {
    /// Applies the two limits.
    pub fn verdict(&self, devices: &[DeviceFacts]) -> AgreementVerdict {
        let mostly_fixed = devices
            .iter()
            .filter(|device| device.fixed_share.is_some_and(|s| s > self.fixed_share_limit))
            .count();
        let disagreeing_pairs = self
            .kendall
            .iter()
            .enumerate()
            .flat_map(|(row, taus)| taus.iter().skip(row + 1))
            .filter(|tau| **tau < self.kendall_limit)
            .count();
        AgreementVerdict {
            mostly_fixed,
            disagreeing_pairs,
            fair: mostly_fixed == 0 && disagreeing_pairs >= self.pairs_needed as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(fixed_share: f64) -> DeviceFacts {
        DeviceFacts {
            name: "d".into(),
            class: String::new(),
            figures: String::new(),
            fixed_share: Some(fixed_share),
            target: Latency::from_millis(1.0),
            target_origin: String::new(),
            quality: None,
        }
    }

    #[test]
    fn both_rules_count() {
        let kendall = vec![vec![1.0, 0.7, 0.9], vec![0.7, 1.0, 0.5], vec![0.9, 0.5, 1.0]];
        let agreement = DeviceAgreement {
            sampled: 500,
            kendall,
            fixed_share_limit: 0.3,
            kendall_limit: 0.8,
            pairs_needed: 2,
        };
        for (share, fair, fixed) in [(0.3, true, 0), (0.31, false, 1)] {
            let verdict = agreement.verdict(&[device(0.1), device(share), device(0.0)]);
            assert_eq!((verdict.fair, verdict.mostly_fixed), (fair, fixed));
            assert_eq!(verdict.disagreeing_pairs, 2);
        }
        let stricter = DeviceAgreement {
            pairs_needed: 3,
            ..agreement
        };
        assert!(!stricter.verdict(&[device(0.1)]).fair);
    }
}
