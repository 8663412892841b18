use std::fmt;

use panarch_graph::{Accuracy, Bytes, Energy, Latency, Macs};

use crate::StudyError;

/// A value with its quantity: a latency is never taken for an energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// A number without a unit: a reward, a ratio.
    Score(f64),
    /// Share of images classified correctly.
    Accuracy(Accuracy),
    /// Time of one inference on a device.
    Latency(Latency),
    /// Energy of one inference on a device.
    Energy(Energy),
    /// The most memory that is in use at once on a device.
    PeakMemory(Bytes),
    /// Bytes of all weights.
    WeightBytes(Bytes),
    /// Multiply-accumulates of one image.
    Macs(Macs),
    /// Trained parameters.
    Parameters(u64),
}

/// What an [`Amount`] is an amount of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// See [`Amount::Score`].
    Score,
    /// See [`Amount::Accuracy`].
    Accuracy,
    /// See [`Amount::Latency`].
    Latency,
    /// See [`Amount::Energy`].
    Energy,
    /// See [`Amount::PeakMemory`].
    PeakMemory,
    /// See [`Amount::WeightBytes`].
    WeightBytes,
    /// See [`Amount::Macs`].
    Macs,
    /// See [`Amount::Parameters`].
    Parameters,
}

impl Quantity {
    /// The name in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Accuracy => "accuracy",
            Self::Latency => "latency",
            Self::Energy => "energy",
            Self::PeakMemory => "peak memory",
            Self::WeightBytes => "weights",
            Self::Macs => "MACs",
            Self::Parameters => "parameters",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Amount {
    /// What it is an amount of.
    #[must_use]
    pub const fn quantity(self) -> Quantity {
        match self {
            Self::Score(_) => Quantity::Score,
            Self::Accuracy(_) => Quantity::Accuracy,
            Self::Latency(_) => Quantity::Latency,
            Self::Energy(_) => Quantity::Energy,
            Self::PeakMemory(_) => Quantity::PeakMemory,
            Self::WeightBytes(_) => Quantity::WeightBytes,
            Self::Macs(_) => Quantity::Macs,
            Self::Parameters(_) => Quantity::Parameters,
        }
    }

    /// The bare number, for arithmetic that does not ask for the unit: a share, seconds, joules, bytes, or a count.
    #[must_use]
    pub const fn number(self) -> f64 {
        match self {
            Self::Score(score) => score,
            Self::Accuracy(accuracy) => accuracy.share(),
            Self::Latency(latency) => latency.seconds(),
            Self::Energy(energy) => energy.joules(),
            Self::PeakMemory(bytes) | Self::WeightBytes(bytes) => bytes.0 as f64,
            Self::Macs(macs) => macs.0 as f64,
            Self::Parameters(count) => count as f64,
        }
    }

    /// The smallest round amount that is not below this one, in digits that a person would write into a run file:
    /// milliseconds and millijoules with four digits after the point, counts as they are.
    #[must_use]
    pub fn rounded_up(self) -> String {
        let up = |milli: f64| (milli * 1e4).ceil() / 1e4;
        match self {
            Self::Latency(latency) => format!("{:.4} ms", up(latency.millis())),
            Self::Energy(energy) => format!("{:.4} mJ", up(energy.joules() * 1e3)),
            Self::PeakMemory(bytes) | Self::WeightBytes(bytes) => format!("{} B", bytes.0),
            Self::Macs(macs) => format!("{} MACs", macs.0),
            Self::Parameters(count) => format!("{count} parameters"),
            Self::Score(_) | Self::Accuracy(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(score) => write!(f, "{score:.4}"),
            Self::Accuracy(accuracy) => accuracy.fmt(f),
            Self::Latency(latency) => latency.fmt(f),
            Self::Energy(energy) => energy.fmt(f),
            Self::PeakMemory(bytes) | Self::WeightBytes(bytes) => bytes.fmt(f),
            Self::Macs(macs) => macs.fmt(f),
            Self::Parameters(count) => write!(f, "{count} parameters"),
        }
    }
}

/// The most that a network may have of a quantity, on a device or by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    device: Option<String>,
    most: Amount,
}

impl Limit {
    /// A limit on what a device takes for a network.
    ///
    /// # Errors
    /// [`StudyError::Objective`] for an amount that is not above zero or is nothing that a device takes.
    pub fn on(device: impl Into<String>, most: Amount) -> Result<Self, StudyError> {
        match most.quantity() {
            Quantity::Latency | Quantity::Energy | Quantity::PeakMemory | Quantity::WeightBytes => {
                Self::checked(Some(device.into()), most)
            }
            other => Err(StudyError::Objective {
                reason: format!("there is no limit on the {other} of a device"),
            }),
        }
    }

    /// A limit on the network itself, wherever it runs.
    ///
    /// # Errors
    /// [`StudyError::Objective`] for an amount that is not above zero or that only a device decides.
    pub fn of_network(most: Amount) -> Result<Self, StudyError> {
        match most.quantity() {
            Quantity::WeightBytes | Quantity::Macs | Quantity::Parameters => Self::checked(None, most),
            other => Err(StudyError::Objective {
                reason: format!("a limit on {other} needs a device"),
            }),
        }
    }

    fn checked(device: Option<String>, most: Amount) -> Result<Self, StudyError> {
        if most.number().is_finite() && most.number() > 0.0 {
            Ok(Self { device, most })
        } else {
            Err(StudyError::Objective {
                reason: format!("the limit of {most} must be above zero"),
            })
        }
    }

    /// The device; none for a limit on the network itself.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// The limit.
    #[must_use]
    pub const fn most(&self) -> Amount {
        self.most
    }

    /// The violation by a network that has this much; none where it keeps the limit.
    ///
    /// # Errors
    /// [`StudyError::OtherQuantity`] for an amount of something else, [`StudyError::NotFinite`] for one that is no number.
    pub fn violation(&self, found: Amount) -> Result<Option<Violation>, StudyError> {
        if found.quantity() != self.most.quantity() {
            return Err(StudyError::OtherQuantity {
                expected: self.most.quantity(),
                found: found.quantity(),
            });
        }
        if !found.number().is_finite() {
            return Err(StudyError::NotFinite {
                what: format!("the {} that has a limit", found.quantity()),
            });
        }
        let violation = Violation {
            limit: self.clone(),
            found,
        };
        Ok((violation.ratio() > 1.0).then_some(violation))
    }
}

/// More of a quantity than a limit allows.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    limit: Limit,
    found: Amount,
}

impl Violation {
    /// The limit that is not kept.
    #[must_use]
    pub const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// What the network has.
    #[must_use]
    pub const fn found(&self) -> Amount {
        self.found
    }

    /// What was found over what is allowed; above 1, and comparable between quantities.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        match (self.found, self.limit.most) {
            (Amount::Latency(found), Amount::Latency(most)) => found / most,
            (found, most) => found.number() / most.number(),
        }
    }

    /// Who says no: the device's name in quotes, or that it is the network's own limit.
    #[must_use]
    pub fn whose(&self) -> String {
        match &self.limit.device {
            Some(device) => format!("`{device}`"),
            None => "the limit on the network itself".to_owned(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            // These name themselves by their unit.
            Amount::Latency(_) | Amount::Macs(_) | Amount::Parameters(_) => write!(f, "{}", self.found)?,
            other => write!(f, "{} of {other}", other.quantity())?,
        }
        if let Some(device) = &self.limit.device {
            write!(f, " on {device}")?;
        }
        write!(f, ", over the limit of {}", self.limit.most)
    }
}

/// The limits that a network does not keep, the furthest over first; `amount` says what it has of what a limit is on.
///
/// # Errors
/// [`StudyError::Unanswered`] where nobody knows what a limit asks for; those of [`Limit::violation`].
pub fn violations(limits: &[Limit], amount: impl Fn(&Limit) -> Option<Amount>) -> Result<Vec<Violation>, StudyError> {
    let mut violations = Vec::new();
    for limit in limits {
        let found = amount(limit).ok_or_else(|| StudyError::Unanswered {
            device: limit.device.clone(),
            quantity: limit.most.quantity(),
        })?;
        violations.extend(limit.violation(found)?);
    }
    violations.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_has_its_limit_and_says_so() {
        let device = |most| Limit::on("npu", most).unwrap();
        let network = |most| Limit::of_network(most).unwrap();
        let kib = |count: u64| Bytes(count * 1024);
        let table = [
            (
                device(Amount::Latency(Latency::from_millis(2.0))),
                Amount::Latency(Latency::from_millis(3.0)),
                "3.00 ms on npu, over the limit of 2.00 ms",
            ),
            (
                device(Amount::Energy(Energy::from_joules(0.002))),
                Amount::Energy(Energy::from_joules(0.003)),
                "energy of 3.00 mJ on npu, over the limit of 2.00 mJ",
            ),
            (
                device(Amount::PeakMemory(kib(256))),
                Amount::PeakMemory(kib(384)),
                "peak memory of 384 KiB on npu, over the limit of 256 KiB",
            ),
            (
                device(Amount::WeightBytes(kib(512))),
                Amount::WeightBytes(kib(768)),
                "weights of 768 KiB on npu, over the limit of 512 KiB",
            ),
            (
                network(Amount::WeightBytes(kib(512))),
                Amount::WeightBytes(kib(768)),
                "weights of 768 KiB, over the limit of 512 KiB",
            ),
            (
                network(Amount::Macs(Macs(2_000_000))),
                Amount::Macs(Macs(3_000_000)),
                "3.00 MMACs, over the limit of 2.00 MMACs",
            ),
            (
                network(Amount::Parameters(1000)),
                Amount::Parameters(1500),
                "1500 parameters, over the limit of 1000 parameters",
            ),
        ];
        for (limit, over, words) in table {
            let violation = limit.violation(over).unwrap().unwrap();
            assert_eq!(violation.to_string(), words);
            assert!((violation.ratio() - 1.5).abs() < 1e-12, "{words}");
            assert_eq!(
                limit.violation(limit.most()).unwrap(),
                None,
                "a limit that is reached is kept"
            );
        }
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        for refused in [
            Limit::on("npu", Amount::Macs(Macs(1))),
            Limit::on("npu", Amount::Accuracy(Accuracy::from_share(0.5))),
            Limit::on("npu", Amount::Latency(Latency::ZERO)),
            Limit::on("npu", Amount::Latency(Latency::from_seconds(f64::NAN))),
            Limit::of_network(Amount::Latency(Latency::from_millis(1.0))),
            Limit::of_network(Amount::Parameters(0)),
        ] {
            assert!(matches!(refused, Err(StudyError::Objective { .. })), "{refused:?}");
        }
        let limit = Limit::of_network(Amount::Macs(Macs(5))).unwrap();
        let other = limit.violation(Amount::Parameters(9));
        assert!(
            matches!(
                other,
                Err(StudyError::OtherQuantity {
                    expected: Quantity::Macs,
                    found: Quantity::Parameters
                })
            ),
            "{other:?}"
        );
    }

    #[test]
    fn limits_of_several_quantities_are_judged_together() {
        let limits = [
            Limit::of_network(Amount::Parameters(100)).unwrap(),
            Limit::on("npu", Amount::Energy(Energy::from_joules(1.0))).unwrap(),
            Limit::on("cpu", Amount::PeakMemory(Bytes(10))).unwrap(),
        ];
        let joules = |joules| {
            move |limit: &Limit| match (limit.device(), limit.most().quantity()) {
                (None, Quantity::Parameters) => Some(Amount::Parameters(150)),
                (Some("npu"), Quantity::Energy) => Some(Amount::Energy(Energy::from_joules(joules))),
                (Some("cpu"), Quantity::PeakMemory) => Some(Amount::PeakMemory(Bytes(9))),
                _ => None,
            }
        };
        let words = |found: Vec<Violation>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        let parameters = "150 parameters, over the limit of 100 parameters";
        let energy = "energy of 2.00 J on npu, over the limit of 1.00 J";
        assert_eq!(words(violations(&limits, joules(0.5)).unwrap()), [parameters]);
        assert_eq!(words(violations(&limits, joules(2.0)).unwrap()), [energy, parameters]);
        let mute = violations(&limits, |_| None).unwrap_err();
        assert!(matches!(
            mute,
            StudyError::Unanswered {
                device: None,
                quantity: Quantity::Parameters
            }
        ));
    }

    #[test]
    fn an_advised_limit_is_enough() {
        let latency = |millis| Amount::Latency(Latency::from_millis(millis));
        for (amount, text) in [
            (latency(1.004_99), "1.0050 ms"),
            (latency(0.288_01), "0.2881 ms"),
            (latency(2.5), "2.5000 ms"),
            (Amount::Energy(Energy::from_joules(1.000_01e-3)), "1.0001 mJ"),
            (Amount::PeakMemory(Bytes(1_049_601)), "1049601 B"),
            (Amount::Macs(Macs(1_234_567)), "1234567 MACs"),
        ] {
            assert_eq!(amount.rounded_up(), text);
        }
    }
}
