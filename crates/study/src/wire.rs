//! The JSON inside the database: types of their own, each with a version, unknown fields refused.

mod objective;
mod protocol;
mod provenance;

use panarch_cost::Pairs;
use panarch_graph::{Accuracy, Bytes, Energy, Estimate, Latency, Provenance};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Artefact, CostSummary};

pub(crate) use objective::{ObjectiveJson, ViolationJson};
pub(crate) use protocol::ProtocolJson;
pub(crate) use provenance::ProvenanceJson;

/// The version of the JSON that this code writes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Versioned<T> {
    version: u32,
    content: T,
}

/// Writes a value with its version.
pub(crate) fn to_json<T: Serialize>(content: T) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Versioned {
        version: VERSION,
        content,
    })
}

/// Reads a value; the error says in words what is wrong.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Probe {
        version: u32,
    }
    let version = serde_json::from_str::<Probe>(text)
        .map_err(|error| error.to_string())?
        .version;
    if version != VERSION {
        return Err(format!("version {version} of the JSON is not known, only {VERSION}"));
    }
    let read: Versioned<T> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(read.content)
}

/// An estimate in the unit that the field's name says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EstimateJson {
    value: f64,
    low: f64,
    high: f64,
    level: f64,
}

impl EstimateJson {
    fn of<T: Copy>(estimate: Estimate<T>, number: impl Fn(T) -> f64) -> Self {
        let Estimate {
            value,
            low,
            high,
            level,
        } = estimate.map(number);
        Self {
            value,
            low,
            high,
            level,
        }
    }

    fn estimate<T>(self, quantity: impl Fn(f64) -> T) -> Estimate<T> {
        let Self {
            value,
            low,
            high,
            level,
        } = self;
        Estimate {
            value,
            low,
            high,
            level,
        }
        .map(quantity)
    }
}

/// A [`CostSummary`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CostJson {
    latency_s: EstimateJson,
    fixed_s: Option<f64>,
    energy_j: Option<EstimateJson>,
    peak_memory_bytes: Option<u64>,
    traffic_bytes: Option<u64>,
    utilisation: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pairs: Option<PairsJson>,
    provenance: ProvenanceJson,
}

/// [`Pairs`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairsJson {
    ratios: Vec<f64>,
    anchor_s: Vec<f64>,
}

impl From<&Pairs> for PairsJson {
    fn from(pairs: &Pairs) -> Self {
        Self {
            ratios: pairs.ratios.clone(),
            anchor_s: pairs.anchor.iter().map(|it| it.seconds()).collect(),
        }
    }
}

impl From<PairsJson> for Pairs {
    fn from(json: PairsJson) -> Self {
        Self {
            ratios: json.ratios,
            anchor: json.anchor_s.into_iter().map(Latency::from_seconds).collect(),
        }
    }
}

impl From<&CostSummary> for CostJson {
    fn from(cost: &CostSummary) -> Self {
        Self {
            latency_s: EstimateJson::of(cost.latency, Latency::seconds),
            fixed_s: cost.fixed.map(Latency::seconds),
            energy_j: cost.energy.map(|energy| EstimateJson::of(energy, Energy::joules)),
            peak_memory_bytes: cost.peak_memory.map(|bytes| bytes.0),
            traffic_bytes: cost.traffic.map(|bytes| bytes.0),
            utilisation: cost.utilisation,
            pairs: cost.pairs.as_ref().map(Into::into),
            provenance: (&cost.provenance).into(),
        }
    }
}

impl From<CostJson> for CostSummary {
    fn from(json: CostJson) -> Self {
        Self {
            latency: json.latency_s.estimate(Latency::from_seconds),
            fixed: json.fixed_s.map(Latency::from_seconds),
            energy: json.energy_j.map(|energy| energy.estimate(Energy::from_joules)),
            peak_memory: json.peak_memory_bytes.map(Bytes),
            traffic: json.traffic_bytes.map(Bytes),
            utilisation: json.utilisation,
            pairs: json.pairs.map(Into::into),
            provenance: json.provenance.into(),
        }
    }
}

/// What a finalist holds besides its key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinalistJson {
    roles: Vec<String>,
    test_accuracy: Option<AccuracyJson>,
    costs: Vec<DeviceCostJson>,
    files: Vec<ArtefactJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccuracyJson {
    share: EstimateJson,
    provenance: ProvenanceJson,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceCostJson {
    device: String,
    cost: CostJson,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArtefactJson {
    kind: String,
    path: String,
    blake3: String,
    length_bytes: u64,
}

impl FinalistJson {
    /// The parts of a finalist that are kept as JSON.
    pub(crate) fn of(finalist: &crate::Finalist) -> Self {
        Self {
            roles: finalist.roles.clone(),
            test_accuracy: finalist
                .test_accuracy
                .as_ref()
                .map(|(accuracy, provenance)| AccuracyJson {
                    share: EstimateJson::of(*accuracy, Accuracy::share),
                    provenance: provenance.into(),
                }),
            costs: finalist
                .costs
                .iter()
                .map(|(device, cost)| DeviceCostJson {
                    device: device.clone(),
                    cost: cost.into(),
                })
                .collect(),
            files: finalist
                .files
                .iter()
                .map(|file| ArtefactJson {
                    kind: file.kind.clone(),
                    path: file.path.clone(),
                    blake3: file.blake3.clone(),
                    length_bytes: file.length.0,
                })
                .collect(),
        }
    }

    /// Roles, test accuracy, costs by device and files.
    pub(crate) fn into_parts(self) -> FinalistParts {
        let accuracy = self
            .test_accuracy
            .map(|json| (json.share.estimate(Accuracy::from_share), json.provenance.into()));
        let costs = self
            .costs
            .into_iter()
            .map(|json| (json.device, json.cost.into()))
            .collect();
        let files = self.files.into_iter().map(|json| Artefact {
            kind: json.kind,
            path: json.path,
            blake3: json.blake3,
            length: Bytes(json.length_bytes),
        });
        (self.roles, accuracy, costs, files.collect())
    }
}

type FinalistParts = (
    Vec<String>,
    Option<(Estimate<Accuracy>, Provenance)>,
    Vec<(String, CostSummary)>,
    Vec<Artefact>,
);

#[cfg(test)]
mod tests {
    use panarch_graph::{Precision, ProvenanceKind};

    use super::*;

    #[test]
    fn json_of_another_kind_is_refused() {
        let provenance = Provenance {
            kind: ProvenanceKind::Measured,
            device: "host".into(),
            tool: "rten".into(),
            version: "1".into(),
            precision: Precision::F32,
            batch: 1,
            repeats: Some(30),
            note: None,
        };
        let text = to_json(ProvenanceJson::from(&provenance)).unwrap();
        let read: ProvenanceJson = from_json(&text).unwrap();
        assert_eq!(Provenance::from(read), provenance);

        for (broken, says) in [
            (text.replace("\"version\":1", "\"version\":2"), "version 2"),
            (text.replace("\"batch\"", "\"btach\""), "btach"),
            (text.replace("\"measured\"", "\"guessed\""), "guessed"),
            (text.replace("{\"kind\"", "{\"extra\":0,\"kind\""), "extra"),
            (text[..text.len() - 4].to_owned(), "EOF"),
        ] {
            let error = from_json::<ProvenanceJson>(&broken).err().unwrap();
            assert!(error.contains(says), "{error}");
        }
    }
}
