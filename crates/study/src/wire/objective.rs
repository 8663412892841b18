use panarch_graph::{Accuracy, Bytes, Energy, Latency, Macs};
use serde::{Deserialize, Serialize};

use crate::{Amount, Direction, Limit, ObjectiveValue, StudyError, Violation};

/// An [`Amount`]: the key says quantity and unit.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AmountJson {
    Score(f64),
    Accuracy(f64),
    LatencyS(f64),
    EnergyJ(f64),
    PeakMemoryBytes(u64),
    WeightBytes(u64),
    Macs(u64),
    Parameters(u64),
}

impl From<Amount> for AmountJson {
    fn from(amount: Amount) -> Self {
        match amount {
            Amount::Score(score) => Self::Score(score),
            Amount::Accuracy(accuracy) => Self::Accuracy(accuracy.share()),
            Amount::Latency(latency) => Self::LatencyS(latency.seconds()),
            Amount::Energy(energy) => Self::EnergyJ(energy.joules()),
            Amount::PeakMemory(bytes) => Self::PeakMemoryBytes(bytes.0),
            Amount::WeightBytes(bytes) => Self::WeightBytes(bytes.0),
            Amount::Macs(macs) => Self::Macs(macs.0),
            Amount::Parameters(count) => Self::Parameters(count),
        }
    }
}

impl From<AmountJson> for Amount {
    fn from(json: AmountJson) -> Self {
        match json {
            AmountJson::Score(score) => Self::Score(score),
            AmountJson::Accuracy(share) => Self::Accuracy(Accuracy::from_share(share)),
            AmountJson::LatencyS(seconds) => Self::Latency(Latency::from_seconds(seconds)),
            AmountJson::EnergyJ(joules) => Self::Energy(Energy::from_joules(joules)),
            AmountJson::PeakMemoryBytes(bytes) => Self::PeakMemory(Bytes(bytes)),
            AmountJson::WeightBytes(bytes) => Self::WeightBytes(Bytes(bytes)),
            AmountJson::Macs(macs) => Self::Macs(Macs(macs)),
            AmountJson::Parameters(count) => Self::Parameters(count),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DirectionJson {
    Maximise,
    Minimise,
}

/// An [`ObjectiveValue`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectiveJson {
    name: String,
    direction: DirectionJson,
    value: AmountJson,
    standard_error: Option<f64>,
}

impl From<&ObjectiveValue> for ObjectiveJson {
    fn from(objective: &ObjectiveValue) -> Self {
        Self {
            name: objective.name.clone(),
            direction: match objective.direction {
                Direction::Maximise => DirectionJson::Maximise,
                Direction::Minimise => DirectionJson::Minimise,
            },
            value: objective.value.into(),
            standard_error: objective.standard_error,
        }
    }
}

impl From<ObjectiveJson> for ObjectiveValue {
    fn from(json: ObjectiveJson) -> Self {
        Self {
            name: json.name,
            direction: match json.direction {
                DirectionJson::Maximise => Direction::Maximise,
                DirectionJson::Minimise => Direction::Minimise,
            },
            value: json.value.into(),
            standard_error: json.standard_error,
        }
    }
}

/// A [`Violation`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViolationJson {
    device: Option<String>,
    limit: AmountJson,
    found: AmountJson,
}

impl From<&Violation> for ViolationJson {
    fn from(violation: &Violation) -> Self {
        Self {
            device: violation.limit().device().map(str::to_owned),
            limit: violation.limit().most().into(),
            found: violation.found().into(),
        }
    }
}

impl TryFrom<ViolationJson> for Violation {
    type Error = StudyError;

    fn try_from(json: ViolationJson) -> Result<Self, StudyError> {
        let limit = match json.device {
            Some(device) => Limit::on(device, json.limit.into()),
            None => Limit::of_network(json.limit.into()),
        }?;
        limit
            .violation(json.found.into())?
            .ok_or_else(|| StudyError::Objective {
                reason: "what is said to be over a limit is not".to_owned(),
            })
    }
}
