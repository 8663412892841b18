use panarch_graph::{ContentHash, Estimate, Latency, Network, Op, Precision, Provenance, ProvenanceKind, fused_layers};
use panarch_space::{Genotype, Head, Space};
use serde::{Deserialize, Serialize};

use crate::json::{AdditiveJson, VERSION, read, write};
use crate::{Additive, HeldOut, Measurement, PredictError, Predictor};

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// The latency of a space's members on one device, by an [`Additive`] table fitted to end-to-end measurements.
///
/// The table has three covariates: multiply-accumulates of dense layers, those of grouped and depthwise convolutions, and
/// values that leave a layer, so that its terms hold what a device makes of a choice beyond these. They carry how
/// decisions act together, which no sum over decisions can: after 60 measurements of the small multi-hardware space, a
/// plain sum of terms ranks other members with a Kendall's τ of about 0.75, the table with covariates with more than 0.9
/// (`tests/it/latency.rs` holds both for three device models).
#[derive(Debug, Clone)]
pub struct AdditiveLatency {
    space: Space,
    head: Head,
    resolution: u32,
    /// In seconds.
    table: Additive,
    measured: Provenance,
}

impl AdditiveLatency {
    /// Fits a table to latencies that were all measured in the same way, which `measured` describes, on networks of this
    /// head and for images of `resolution` pixels a side.
    ///
    /// # Errors
    /// As [`Additive::fit`]; [`PredictError::Genotype`] when a genotype cannot be lowered.
    pub fn fit(
        space: &Space,
        head: Head,
        resolution: u32,
        measured: &Provenance,
        latencies: &[(Genotype, Latency)],
    ) -> Result<Self, PredictError> {
        let row = |(genotype, latency): &(Genotype, Latency)| {
            Ok(Measurement {
                covariates: covariates(&space.lower(genotype, head, resolution)?).to_vec(),
                ..Measurement::new(genotype.clone(), latency.seconds())
            })
        };
        let rows: Vec<Measurement> = latencies.iter().map(row).collect::<Result<_, PredictError>>()?;
        Ok(Self {
            space: space.clone(),
            head,
            resolution,
            table: Additive::fit(space, &rows)?,
            measured: measured.clone(),
        })
    }

    /// The device's name.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.measured.device
    }

    fn estimate(&self, genotype: &Genotype) -> Result<Estimate<Latency>, PredictError> {
        let network = self.space.lower(genotype, self.head, self.resolution)?;
        let estimate = self
            .table
            .predict_with(&self.space, genotype, &covariates(&network), LEVEL)?;
        Ok(estimate.map(|seconds| Latency::from_seconds(seconds.max(0.0))))
    }

    /// The covariates of a network, in the order of the table's slopes: multiply-accumulates of dense and pointwise
    /// convolutions and linear layers, those of grouped and depthwise convolutions, and values that leave a layer.
    #[must_use]
    pub fn covariates(network: &Network) -> [f64; COVARIATES] {
        covariates(network)
    }

    /// The table, in seconds.
    #[must_use]
    pub const fn table(&self) -> &Additive {
        &self.table
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
            classes: self.head.classes,
            input_channels: self.head.input_channels,
            resolution: self.resolution,
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
        let table = json.latency_s.table(space)?;
        if table.slopes().len() != COVARIATES {
            return Err(PredictError::Covariates {
                expected: COVARIATES,
                found: table.slopes().len(),
            });
        }
        Ok(Self {
            space: space.clone(),
            head: Head {
                classes: json.classes,
                input_channels: json.input_channels,
            },
            resolution: json.resolution,
            table,
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

/// What a measurement of a genotype is expected to give, with its 95 % interval, which is cut off at zero. A genotype that is
/// not of the table's space is [`PredictError::Genotype`].
impl Predictor<Latency> for AdditiveLatency {
    fn predict(&self, genotypes: &[Genotype]) -> Vec<Result<Estimate<Latency>, PredictError>> {
        genotypes.iter().map(|genotype| self.estimate(genotype)).collect()
    }

    fn provenance(&self) -> Provenance {
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

    fn protocol(&self) -> Result<ContentHash, PredictError> {
        let json = self.to_json()?;
        Ok(ContentHash::of("panarch additive latency v1", json.as_bytes()))
    }
}

/// How many covariates the table of an [`AdditiveLatency`] has.
pub const COVARIATES: usize = 3;

/// Multiply-accumulates of dense and pointwise convolutions and linear layers, those of grouped and depthwise convolutions,
/// and values that leave a layer.
fn covariates(network: &Network) -> [f64; COVARIATES] {
    let (mut dense, mut grouped, mut values) = (0, 0, 0);
    for layer in fused_layers(network) {
        let macs = network.node_macs(layer.anchor).0;
        match &network.node(layer.anchor).op {
            Op::Conv2d(conv) if conv.groups > 1 => grouped += macs,
            Op::Conv2d(_)
            | Op::Linear(_)
            // These have none.
            | Op::Input
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_)
            | Op::BatchNorm(_)
            | Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten => dense += macs,
        }
        values += network.shape(layer.output).elements();
    }
    [dense as f64, grouped as f64, values as f64]
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
    classes: u32,
    input_channels: u32,
    resolution: u32,
    latency_s: AdditiveJson,
}
