use panarch_graph::{ContentHash, Estimate, Latency, Precision, Provenance, ProvenanceKind};
use panarch_space::{Genotype, Space};
use serde::{Deserialize, Serialize};

use crate::json::{AdditiveJson, VERSION, read, write};
use crate::{Additive, HeldOut, Measurement, PredictError};

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// The latency of a space's members on one device, by an [`Additive`] table fitted to end-to-end measurements.
#[derive(Debug, Clone)]
pub struct AdditiveLatency {
    space: Space,
    /// In seconds.
    table: Additive,
    measured: Provenance,
}

impl AdditiveLatency {
    /// Fits a table to latencies that were all measured in the same way, which `measured` describes.
    ///
    /// # Errors
    /// As [`Additive::fit`].
    pub fn fit(space: &Space, measured: &Provenance, latencies: &[(Genotype, Latency)]) -> Result<Self, PredictError> {
        let rows: Vec<Measurement> = latencies
            .iter()
            .map(|(genotype, latency)| Measurement::new(genotype.clone(), latency.seconds()))
            .collect();
        Ok(Self {
            space: space.clone(),
            table: Additive::fit(space, &rows)?,
            measured: measured.clone(),
        })
    }

    /// The device's name.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.measured.device
    }

    /// What a measurement of a genotype is expected to give, with its 95 % interval, which is cut off at zero.
    ///
    /// # Errors
    /// [`PredictError::Genotype`] when the genotype is not of the table's space.
    pub fn estimate(&self, genotype: &Genotype) -> Result<Estimate<Latency>, PredictError> {
        let estimate = self.table.predict(&self.space, genotype, LEVEL)?;
        Ok(estimate.map(|seconds| Latency::from_seconds(seconds.max(0.0))))
    }

    /// How the estimates come about.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let HeldOut {
            measurements,
            mape,
            kendall_tau,
            ..
        } = self.table.held_out();
        let mut note = format!("measured by {} {}", self.measured.tool, self.measured.version);
        if let Some(mape) = mape {
            note += &format!("; mean error when left out {:.1} %", mape * 100.0);
        }
        if let Some(tau) = kendall_tau {
            note += &format!(", Kendall's tau {tau:.2}");
        }
        Provenance {
            kind: ProvenanceKind::Predicted,
            device: self.device().to_owned(),
            tool: format!(
                "additive table fitted from {measurements} measurements on {}",
                self.device()
            ),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            precision: self.measured.precision,
            batch: self.measured.batch,
            repeats: self.measured.repeats,
            note: Some(note),
        }
    }

    /// The table, in seconds.
    #[must_use]
    pub const fn table(&self) -> &Additive {
        &self.table
    }

    /// Identifies the fitted table: what a study keeps with every latency that it predicts.
    ///
    /// # Errors
    /// [`PredictError::Format`] when the table holds a value that JSON cannot.
    pub fn hash(&self) -> Result<ContentHash, PredictError> {
        let json = self.to_json()?;
        Ok(ContentHash::of("panarch additive latency v1", json.as_bytes()))
    }

    /// The table with its origin as JSON.
    ///
    /// # Errors
    /// [`PredictError::Format`] when the table holds a value that JSON cannot.
    pub fn to_json(&self) -> Result<String, PredictError> {
        let measured = &self.measured;
        write(&LatencyJson {
            version: VERSION,
            device: measured.device.clone(),
            tool: measured.tool.clone(),
            tool_version: measured.version.clone(),
            precision: measured.precision,
            batch: measured.batch,
            repeats: measured.repeats,
            note: measured.note.clone(),
            latency_s: AdditiveJson::of(&self.table, &self.space)?,
        })
    }

    /// A table from JSON.
    ///
    /// # Errors
    /// As [`Additive::from_json`].
    pub fn from_json(text: &str, space: &Space) -> Result<Self, PredictError> {
        let json: LatencyJson = read(text)?;
        if json.version != VERSION {
            return Err(PredictError::Version {
                found: json.version,
                known: VERSION,
            });
        }
        Ok(Self {
            space: space.clone(),
            table: json.latency_s.table(space)?,
            measured: Provenance {
                kind: ProvenanceKind::Measured,
                device: json.device,
                tool: json.tool,
                version: json.tool_version,
                precision: json.precision,
                batch: json.batch,
                repeats: json.repeats,
                note: json.note,
            },
        })
    }
}

/// An [`AdditiveLatency`] on disk; the table is in seconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyJson {
    version: u32,
    device: String,
    tool: String,
    tool_version: String,
    precision: Precision,
    batch: u32,
    repeats: Option<u32>,
    note: Option<String>,
    latency_s: AdditiveJson,
}
