//! Whether devices disagree enough about networks for a comparison of them to mean something.

use panarch_graph::Latency;
use serde::Serialize;

use crate::Cost;

/// The part of a cost's latency that no network can avoid, from 0 to 1.
#[must_use]
pub fn fixed_share(cost: &Cost) -> f64 {
    share(cost.fixed, cost.latency.value)
}

/// Kendall's rank correlation τ_b of paired values, from −1 (reversed) to 1 (same order); ties are corrected for.
///
/// `None` when the lists differ in length, hold fewer than two values or a value that is not finite, or when all values
/// of a list are equal: then there is no order to agree on. Knight's algorithm (1966), O(n log n).
#[must_use]
pub fn kendall_tau(first: &[f64], second: &[f64]) -> Option<f64> {
    let n = first.len();
    let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
    if n < 2 || second.len() != n || !finite(first) || !finite(second) {
        return None;
    }
    let mut pairs: Vec<(f64, f64)> = first.iter().copied().zip(second.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let all = pairs_among(n);
    let tied_first = tied(&pairs, |a, b| a.0 == b.0);
    let tied_both = tied(&pairs, |a, b| a == b);
    let mut seconds: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let mut buffer = seconds.clone();
    let discordant = exchanges(&mut seconds, &mut buffer);
    let tied_second = tied(&seconds, |a, b| a == b);
    // concordant − discordant, as all = concordant + discordant + tied in either.
    let difference = all as f64 - tied_first as f64 - tied_second as f64 + tied_both as f64 - 2.0 * discordant as f64;
    let scale = ((all - tied_first) as f64 * (all - tied_second) as f64).sqrt();
    (scale > 0.0).then(|| (difference / scale).clamp(-1.0, 1.0))
}

/// Latencies of the same networks, in the same order, on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceSample {
    /// The device's name.
    pub device: String,
    /// Latency of each network.
    pub latencies: Vec<Latency>,
    /// The part of each that no network can avoid.
    pub fixed: Vec<Latency>,
}

impl DeviceSample {
    /// The sample of costs that a source gave.
    #[must_use]
    pub fn from_costs(device: impl Into<String>, costs: &[Cost]) -> Self {
        Self {
            device: device.into(),
            latencies: costs.iter().map(|cost| cost.latency.value).collect(),
            fixed: costs.iter().map(|cost| cost.fixed).collect(),
        }
    }
}

/// How fair a comparison over some devices is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceAgreement {
    /// Number of networks sampled.
    pub networks: usize,
    /// One entry a device, in their order.
    pub devices: Vec<DeviceShare>,
    /// One entry a pair of devices, in their order.
    pub pairs: Vec<PairAgreement>,
}

/// The fixed share of one device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceShare {
    /// The device's name.
    pub device: String,
    /// Median over the networks of fixed / latency; `None` without networks.
    pub median_fixed_share: Option<f64>,
    /// Median latency, in seconds; `None` without networks.
    #[serde(rename = "median_latency_s")]
    pub median_latency: Option<Latency>,
}

/// How far two devices agree on the order of the networks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairAgreement {
    /// One device.
    pub first: String,
    /// The other.
    pub second: String,
    /// [`kendall_tau`] of their latencies; `None` where it does not exist.
    pub tau: Option<f64>,
}

impl DeviceAgreement {
    /// Largest median share of fixed time that a fair device may have.
    pub const LARGEST_FIXED_SHARE: f64 = 0.30;
    /// Devices whose τ is below this order networks differently.
    pub const DIFFERENT_TAU: f64 = 0.8;
    /// How many pairs must order networks differently.
    pub const DIFFERENT_PAIRS: usize = 2;

    /// The devices whose latency is mostly the same for every network.
    #[must_use]
    pub fn mostly_fixed(&self) -> Vec<&DeviceShare> {
        let fair = |share: f64| share <= Self::LARGEST_FIXED_SHARE;
        let devices = self.devices.iter();
        devices
            .filter(|device| !device.median_fixed_share.is_some_and(fair))
            .collect()
    }

    /// The pairs of devices that order networks differently.
    #[must_use]
    pub fn different_pairs(&self) -> Vec<&PairAgreement> {
        let different = |tau: f64| tau < Self::DIFFERENT_TAU;
        let pairs = self.pairs.iter();
        pairs.filter(|pair| pair.tau.is_some_and(different)).collect()
    }

    /// True when no device is mostly fixed time and enough pairs order networks differently.
    #[must_use]
    pub fn is_fair(&self) -> bool {
        self.mostly_fixed().is_empty() && self.different_pairs().len() >= Self::DIFFERENT_PAIRS
    }
}

/// Judges a set of devices by the same sampled networks.
#[must_use]
pub fn agreement(samples: &[DeviceSample]) -> DeviceAgreement {
    let devices = samples.iter().map(|sample| {
        let shares = sample.fixed.iter().zip(&sample.latencies);
        let seconds = sample.latencies.iter().map(|latency| latency.seconds());
        DeviceShare {
            device: sample.device.clone(),
            median_fixed_share: median(shares.map(|(fixed, all)| share(*fixed, *all)).collect()),
            median_latency: median(seconds.collect()).map(Latency::from_seconds),
        }
    });
    let seconds: Vec<Vec<f64>> = samples
        .iter()
        .map(|sample| sample.latencies.iter().map(|latency| latency.seconds()).collect())
        .collect();
    let mut pairs = Vec::new();
    for (i, first) in samples.iter().enumerate() {
        for (j, second) in samples.iter().enumerate().skip(i + 1) {
            pairs.push(PairAgreement {
                first: first.device.clone(),
                second: second.device.clone(),
                tau: kendall_tau(&seconds[i], &seconds[j]),
            });
        }
    }
    DeviceAgreement {
        networks: samples.iter().map(|sample| sample.latencies.len()).min().unwrap_or(0),
        devices: devices.collect(),
        pairs,
    }
}

fn share(part: Latency, whole: Latency) -> f64 {
    if whole.seconds() > 0.0 { part / whole } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(middle.checked_sub(1)?).map(|lower| (lower + upper) / 2.0)
}

const fn pairs_among(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// Number of pairs that are equal under `same`, in a list where equal items are neighbours.
fn tied<T>(sorted: &[T], same: impl Fn(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(same).map(|run| pairs_among(run.len())).sum()
}

/// Sorts by merging and counts how many pairs had to change places.
fn exchanges(values: &mut [f64], buffer: &mut [f64]) -> u64 {
    let middle = values.len() / 2;
    if middle == 0 {
        return 0;
    }
    let (left, right) = values.split_at_mut(middle);
    let (left_buffer, right_buffer) = buffer.split_at_mut(middle);
    let mut count = exchanges(left, left_buffer) + exchanges(right, right_buffer);
    let (mut i, mut j) = (0, 0);
    for slot in buffer.iter_mut() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *slot = left[i];
            i += 1;
        } else {
            count += (left.len() - i) as u64;
            *slot = right[j];
            j += 1;
        }
    }
    values.copy_from_slice(buffer);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brute_force(a: &[f64], b: &[f64]) -> f64 {
        let (mut difference, mut untied_a, mut untied_b) = (0.0, 0.0, 0.0);
        for i in 0..a.len() {
            for j in i + 1..a.len() {
                let (x, y) = (a[i] - a[j], b[i] - b[j]);
                if x != 0.0 {
                    untied_a += 1.0;
                }
                if y != 0.0 {
                    untied_b += 1.0;
                }
                if x != 0.0 && y != 0.0 {
                    difference += x.signum() * y.signum();
                }
            }
        }
        difference / f64::sqrt(untied_a * untied_b)
    }

    proptest::proptest! {
        #[test]
        fn tau_equals_its_definition(
            pairs in proptest::collection::vec((0_i32..12, 0_i32..12), 2..60),
        ) {
            let a: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.0)).collect();
            let b: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.1)).collect();
            let expected = brute_force(&a, &b);
            match kendall_tau(&a, &b) {
                Some(tau) => proptest::prop_assert!((tau - expected).abs() < 1e-12),
                None => proptest::prop_assert!(expected.is_nan()),
            }
        }
    }

    #[test]
    fn tau_of_known_orders() {
        let cases: [(&[f64], &[f64], Option<f64>); 6] = [
            (&[1.0, 2.0, 3.0], &[1.0, 4.0, 9.0], Some(1.0)),
            (&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0], Some(-1.0)),
            // One of six pairs reversed: (5 − 1) / 6.
            (&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0], Some(4.0 / 6.0)),
            (&[1.0, 1.0], &[1.0, 2.0], None),
            (&[1.0], &[1.0], None),
            (&[1.0, f64::NAN], &[1.0, 2.0], None),
        ];
        for (a, b, expected) in cases {
            let tau = kendall_tau(a, b);
            let close = tau.zip(expected).map(|(tau, e)| (tau - e).abs() < 1e-12);
            assert!(
                close.unwrap_or(tau.is_none() && expected.is_none()),
                "{a:?} {b:?}: {tau:?}"
            );
        }
    }

    #[test]
    fn fairness_names_what_is_unfair() {
        let sample = |device: &str, latencies: [f64; 4], fixed: f64| DeviceSample {
            device: device.to_owned(),
            latencies: latencies.map(Latency::from_seconds).to_vec(),
            fixed: vec![Latency::from_seconds(fixed); 4],
        };
        let samples = [
            sample("a", [1.0, 2.0, 3.0, 4.0], 0.1),
            sample("b", [4.0, 3.0, 2.0, 1.0], 0.1),
            sample("c", [1.0, 2.0, 3.0, 5.0], 2.0),
        ];
        let judged = agreement(&samples);
        assert_eq!(judged.networks, 4);
        assert_eq!(judged.different_pairs().len(), 2);
        let fixed: Vec<&str> = judged.mostly_fixed().iter().map(|d| d.device.as_str()).collect();
        assert_eq!(fixed, ["c"]);
        assert!(!judged.is_fair());
        assert!(!agreement(&samples[..2]).is_fair(), "one differing pair is not enough");
        assert!(!agreement(&[]).is_fair());
    }
}
