use std::fmt;

use panarch_graph::{Accuracy, Latency};

use crate::{Amount, Limit, StudyError, Violation, violations};

/// The exponent, or slope, of the latency term where a run names none: -0.10, as in `TuNAS`.
///
/// With accuracy as a share from 0 to 1 and the absolute form, being 10 % off the target costs as much as one
/// percentage point of accuracy.
pub const DEFAULT_BETA: f64 = -0.10;

/// The power of a smooth worst where a run names none: of two devices, one at r = 1.1 and one at 1, the second still has a
/// third of the say.
pub const DEFAULT_POWER: f64 = 8.0;

/// What the network should take on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceTarget {
    /// The device's name, as its cost source gives it.
    pub device: String,
    /// The latency that the ratio r = latency / target refers to.
    pub latency: Latency,
    /// The device's share in the average; weights need not sum to one.
    pub weight: f64,
}

impl DeviceTarget {
    /// A target with weight one.
    #[must_use]
    pub fn new(device: impl Into<String>, latency: Latency) -> Self {
        Self {
            device: device.into(),
            latency,
            weight: 1.0,
        }
    }
}

/// How the ratios of several devices become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The weighted mean of r; with one device, r itself.
    Average,
    /// The largest r; weights do not matter.
    Worst,
    /// A smooth largest r: the weighted power mean (Σ wᵢ·rᵢᵖ / Σ wᵢ)^(1/p), which is the mean for p = 1 and the largest r
    /// for p → ∞. A little more on any device counts a little.
    SmoothWorst,
    /// A hard limit on every device, r ≤ 1; what passes is ranked by accuracy alone.
    Each,
}

impl Metric {
    /// Every metric. A new one is a variant with its words here and its arm in [`Objective::assess`]; run files, their
    /// suggestions, searches and reports go by this list.
    pub const ALL: [Self; 4] = [Self::Average, Self::Worst, Self::SmoothWorst, Self::Each];

    /// What it is, in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Average => "average over all devices",
            Self::Worst => "worst case over all devices",
            Self::SmoothWorst => "smooth worst case over all devices",
            Self::Each => "a limit on every device",
        }
    }

    /// The name used in run files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Worst => "worst",
            Self::SmoothWorst => "smooth-worst",
            Self::Each => "each",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How accuracy Q (a share from 0 to 1) and the combined ratio r become one reward; β is negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RewardForm {
    /// Q + β·|r − 1| (`TuNAS`): pulls to the target from both sides.
    Absolute {
        /// Reward lost for each unit that r is off 1.
        beta: f64,
    },
    /// Q·r^β (`MnasNet`, soft): a faster network is worth more without end.
    Soft {
        /// The exponent.
        beta: f64,
    },
    /// Q·min(r^β, 1) (`MnasNet`, hard): being faster than the target earns nothing.
    Hard {
        /// The exponent.
        beta: f64,
    },
}

impl RewardForm {
    /// The exponent or slope.
    #[must_use]
    pub const fn beta(self) -> f64 {
        match self {
            Self::Absolute { beta } | Self::Soft { beta } | Self::Hard { beta } => beta,
        }
    }

    /// The name used in run files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absolute { .. } => "absolute",
            Self::Soft { .. } => "soft",
            Self::Hard { .. } => "hard",
        }
    }

    /// The reward of a network with this accuracy and ratio of latency to target.
    #[must_use]
    pub fn reward(self, accuracy: Accuracy, ratio: f64) -> f64 {
        let quality = accuracy.share();
        match self {
            Self::Absolute { beta } => quality + beta * (ratio - 1.0).abs(),
            Self::Soft { beta } => quality * ratio.powf(beta),
            Self::Hard { beta } => quality * ratio.powf(beta).min(1.0),
        }
    }

    /// How much the reward changes with each unit of accuracy at this ratio.
    #[must_use]
    pub fn slope(self, ratio: f64) -> f64 {
        match self {
            Self::Absolute { .. } => 1.0,
            Self::Soft { beta } => ratio.powf(beta),
            Self::Hard { beta } => ratio.powf(beta).min(1.0),
        }
    }
}

impl Default for RewardForm {
    fn default() -> Self {
        Self::Absolute { beta: DEFAULT_BETA }
    }
}

/// What an objective says about one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// r = latency / target for each device, in the objective's order.
    pub ratios: Vec<f64>,
    /// The weighted mean of r.
    pub average: f64,
    /// The largest r.
    pub worst: f64,
    /// Index of the device with the largest r.
    pub slowest: usize,
    /// The ratios as one, as the metric joins them; the largest where it joins none.
    pub ratio: f64,
    /// What the search maximises; none for a network that a device vetoes.
    pub reward: Option<f64>,
    /// How much the reward changes with each unit of accuracy: the factor from the standard error of an accuracy to that
    /// of the reward.
    pub slope: f64,
    /// The hard limits that are not kept, the furthest over first; empty unless the metric is [`Metric::Each`].
    pub violations: Vec<Violation>,
}

/// Accuracy and the latencies on n devices as one number to maximise.
///
/// With r_i = latency_i / target_i, the metric joins the r_i to one r and the reward form joins r with accuracy. The
/// published multi-hardware metrics are only named average and worst case; that each device is normalised by its own
/// target before they are joined is our reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    metric: Metric,
    form: RewardForm,
    /// That of [`Metric::SmoothWorst`].
    power: f64,
    targets: Vec<DeviceTarget>,
    /// The targets as hard limits; none unless the metric is [`Metric::Each`].
    limits: Vec<Limit>,
}

impl Objective {
    /// Checks and joins the parts.
    ///
    /// # Errors
    /// [`StudyError::Objective`] without devices, with a device twice, with a target or weight that is not a positive
    /// finite number, or with a β that is not negative.
    pub fn new(metric: Metric, form: RewardForm, targets: Vec<DeviceTarget>) -> Result<Self, StudyError> {
        let wrong = |reason: String| Err(StudyError::Objective { reason });
        if targets.is_empty() {
            return wrong("it needs at least one device".into());
        }
        for (index, target) in targets.iter().enumerate() {
            let positive = |value: f64| value.is_finite() && value > 0.0;
            if !positive(target.latency.seconds()) {
                return wrong(format!(
                    "the target of device `{}` is {}, it must be positive",
                    target.device, target.latency
                ));
            }
            if !positive(target.weight) {
                return wrong(format!(
                    "the weight of device `{}` is {}, it must be positive",
                    target.device, target.weight
                ));
            }
            if targets[..index].iter().any(|other| other.device == target.device) {
                return wrong(format!("device `{}` is named twice", target.device));
            }
        }
        if !(form.beta().is_finite() && form.beta() < 0.0) {
            return wrong(format!(
                "beta is {}, it must be below 0 (usual is {DEFAULT_BETA})",
                form.beta()
            ));
        }
        let limits = targets.iter().filter(|_| metric == Metric::Each);
        let limits = limits.map(|target| Limit::on(&target.device, Amount::Latency(target.latency)));
        Ok(Self {
            metric,
            form,
            power: DEFAULT_POWER,
            limits: limits.collect::<Result<_, _>>()?,
            targets,
        })
    }

    /// The same with another power of a smooth worst.
    ///
    /// # Errors
    /// [`StudyError::Objective`] for a power that is not a finite number of at least 1.
    pub fn with_power(mut self, power: f64) -> Result<Self, StudyError> {
        if !(power.is_finite() && power >= 1.0) {
            let reason = format!("the power of a smooth worst is {power}, it must be at least 1");
            return Err(StudyError::Objective { reason });
        }
        self.power = power;
        Ok(self)
    }

    /// How the devices are joined.
    #[must_use]
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// How accuracy and latency are joined.
    #[must_use]
    pub const fn form(&self) -> RewardForm {
        self.form
    }

    /// The devices with their targets; latencies are given in this order.
    #[must_use]
    pub fn targets(&self) -> &[DeviceTarget] {
        &self.targets
    }

    /// The hard limits: under [`Metric::Each`] the target of every device, else none.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Judges a network of this accuracy and these latencies, which are in the order of [`Objective::targets`].
    ///
    /// # Errors
    /// [`StudyError::Latencies`] when their number is not the number of devices, [`StudyError::NotFinite`] when one is
    /// not a finite number above zero.
    pub fn assess(&self, accuracy: Accuracy, latencies: &[Latency]) -> Result<Assessment, StudyError> {
        let ratios = self.ratios(latencies)?;
        let (slowest, worst) = largest(&ratios);
        let average = self.weighted_mean(&ratios);
        let violations = self.violations_of(latencies)?;
        let joined = |ratio| (Some(self.form.reward(accuracy, ratio)), self.form.slope(ratio));
        let ratio = self.joined(&ratios);
        let (reward, slope) = match self.metric {
            Metric::Average | Metric::Worst | Metric::SmoothWorst => joined(ratio),
            Metric::Each => (violations.is_empty().then(|| accuracy.share()), 1.0),
        };
        Ok(Assessment {
            ratios,
            average,
            worst,
            ratio,
            slowest,
            reward,
            slope,
            violations,
        })
    }

    /// The limits that a network with these latencies does not keep, the furthest over first.
    ///
    /// Only [`Metric::Each`] forbids anything; under the other metrics the list is empty.
    ///
    /// # Errors
    /// As [`Objective::assess`].
    pub fn violations(&self, latencies: &[Latency]) -> Result<Vec<Violation>, StudyError> {
        self.ratios(latencies)?;
        self.violations_of(latencies)
    }

    /// r = latency / target for each device.
    ///
    /// # Errors
    /// As [`Objective::assess`].
    pub fn ratios(&self, latencies: &[Latency]) -> Result<Vec<f64>, StudyError> {
        if latencies.len() != self.targets.len() {
            return Err(StudyError::Latencies {
                expected: self.targets.len(),
                found: latencies.len(),
            });
        }
        self.targets
            .iter()
            .zip(latencies)
            .map(|(target, &latency)| {
                if latency.seconds().is_finite() && latency.seconds() > 0.0 {
                    Ok(latency / target.latency)
                } else {
                    Err(StudyError::NotFinite {
                        what: format!("latency on device `{}`", target.device),
                    })
                }
            })
            .collect()
    }

    /// The ratios as one, as the metric joins them; the largest where it joins none.
    #[must_use]
    pub fn joined(&self, ratios: &[f64]) -> f64 {
        match self.metric {
            Metric::Average => self.weighted_mean(ratios),
            Metric::SmoothWorst => self.power_mean(ratios),
            Metric::Worst | Metric::Each => largest(ratios).1,
        }
    }

    fn weighted_mean(&self, ratios: &[f64]) -> f64 {
        let weights: f64 = self.targets.iter().map(|target| target.weight).sum();
        let sum: f64 = self
            .targets
            .iter()
            .zip(ratios)
            .map(|(target, ratio)| target.weight * ratio)
            .sum();
        sum / weights
    }

    /// The power mean, with the largest ratio taken out so that no power overflows.
    fn power_mean(&self, ratios: &[f64]) -> f64 {
        let (_, largest) = largest(ratios);
        let weights: f64 = self.targets.iter().map(|target| target.weight).sum();
        let powers = self.targets.iter().zip(ratios);
        let sum: f64 = powers
            .map(|(target, ratio)| target.weight * (ratio / largest).powf(self.power))
            .sum();
        largest * (sum / weights).powf(1.0 / self.power)
    }

    fn violations_of(&self, latencies: &[Latency]) -> Result<Vec<Violation>, StudyError> {
        violations(&self.limits, |limit| {
            let mut found = self.targets.iter().zip(latencies);
            let found = found.find(|(target, _)| limit.device() == Some(target.device.as_str()));
            found.map(|(_, latency)| Amount::Latency(*latency))
        })
    }
}

/// The first largest value with its index; the slice is not empty.
fn largest(ratios: &[f64]) -> (usize, f64) {
    ratios
        .iter()
        .copied()
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (index, ratio)| {
            if ratio > best.1 { (index, ratio) } else { best }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objective(metric: Metric, form: RewardForm) -> Objective {
        let mut slow = DeviceTarget::new("npu", Latency::from_millis(2.0));
        slow.weight = 3.0;
        Objective::new(
            metric,
            form,
            vec![slow, DeviceTarget::new("cpu", Latency::from_millis(10.0))],
        )
        .unwrap()
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn reward_forms_on_known_figures() {
        let q = Accuracy::from_share(0.76);
        let table = [
            (RewardForm::Absolute { beta: -0.1 }, 1.0, 0.76),
            (RewardForm::Absolute { beta: -0.1 }, 1.5, 0.71),
            (RewardForm::Absolute { beta: -0.1 }, 0.5, 0.71),
            (RewardForm::Soft { beta: -0.07 }, 2.0, 0.76 * 2f64.powf(-0.07)),
            (RewardForm::Soft { beta: -0.07 }, 0.5, 0.76 * 2f64.powf(0.07)),
            (RewardForm::Hard { beta: -0.07 }, 2.0, 0.76 * 2f64.powf(-0.07)),
            (RewardForm::Hard { beta: -0.07 }, 0.5, 0.76),
        ];
        for (form, ratio, reward) in table {
            near(form.reward(q, ratio), reward);
            let more = Accuracy::from_share(q.share() + 0.01);
            near(form.reward(more, ratio) - reward, 0.01 * form.slope(ratio));
        }
    }

    #[test]
    fn average_weighs_and_worst_takes_the_largest() {
        let latencies = [Latency::from_millis(1.0), Latency::from_millis(15.0)];
        let q = Accuracy::from_share(0.9);
        let average = objective(Metric::Average, RewardForm::default())
            .assess(q, &latencies)
            .unwrap();
        near(average.average, (3.0 * 0.5 + 1.5) / 4.0);
        near(average.reward.unwrap(), 0.9 - 0.1 * 0.25);
        let worst = objective(Metric::Worst, RewardForm::default())
            .assess(q, &latencies)
            .unwrap();
        near(worst.worst, 1.5);
        assert_eq!(worst.slowest, 1);
        near(worst.reward.unwrap(), 0.85);
        assert!(worst.violations.is_empty());
    }

    #[test]
    fn a_smooth_worst_lies_between_the_average_and_the_worst() {
        let latencies = [Latency::from_millis(1.0), Latency::from_millis(15.0)];
        let q = Accuracy::from_share(0.9);
        // r = 0.5 with weight 3, r = 1.5 with weight 1.
        let reward = |power| {
            let smooth = objective(Metric::SmoothWorst, RewardForm::Absolute { beta: -0.1 });
            smooth
                .with_power(power)
                .unwrap()
                .assess(q, &latencies)
                .unwrap()
                .reward
                .unwrap()
        };
        near(reward(1.0), 0.9 - 0.1 * 0.25);
        near(
            reward(2.0),
            0.9 - 0.1 * (((3.0 * 0.25 + 2.25) / 4.0_f64).sqrt() - 1.0).abs(),
        );
        assert!((reward(1e4) - 0.85).abs() < 1e-4, "{}", reward(1e4));
        let smooth = objective(Metric::SmoothWorst, RewardForm::default());
        for power in [0.5, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(smooth.clone().with_power(power).is_err(), "{power}");
        }
    }

    #[test]
    fn each_names_who_vetoes() {
        let each = objective(Metric::Each, RewardForm::default());
        let q = Accuracy::from_share(0.9);
        let fine = each
            .assess(q, &[Latency::from_millis(2.0), Latency::from_millis(10.0)])
            .unwrap();
        assert_eq!(fine.reward, Some(0.9));
        let both = each
            .assess(q, &[Latency::from_millis(3.0), Latency::from_millis(20.0)])
            .unwrap();
        assert_eq!(both.reward, None);
        assert_eq!(
            both.violations.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [
                "20.0 ms on cpu, over the limit of 10.0 ms",
                "3.00 ms on npu, over the limit of 2.00 ms"
            ]
        );
    }

    #[test]
    fn senseless_objectives_are_refused() {
        let device = |name: &str, millis: f64| DeviceTarget::new(name, Latency::from_millis(millis));
        let mut weightless = device("a", 1.0);
        weightless.weight = 0.0;
        let form = RewardForm::default();
        for (form, targets) in [
            (form, vec![]),
            (form, vec![device("a", 0.0)]),
            (form, vec![device("a", f64::NAN)]),
            (form, vec![weightless]),
            (form, vec![device("a", 1.0), device("a", 2.0)]),
            (RewardForm::Soft { beta: 0.07 }, vec![device("a", 1.0)]),
        ] {
            let error = Objective::new(Metric::Average, form, targets).unwrap_err();
            assert!(matches!(error, StudyError::Objective { .. }), "{error}");
        }
        let one = Objective::new(Metric::Each, form, vec![device("a", 1.0)]).unwrap();
        assert!(matches!(
            one.violations(&[]),
            Err(StudyError::Latencies { expected: 1, found: 0 })
        ));
        assert!(matches!(
            one.violations(&[Latency::ZERO]),
            Err(StudyError::NotFinite { .. })
        ));
    }
}
