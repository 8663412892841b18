use std::collections::HashMap;

use panarch_cost::{Cost, CostError, CostSource};
use panarch_graph::{
    Bytes, ContentHash, Estimate, Latency, Network, Precision, Provenance, ProvenanceKind, folded_structure,
};

use rayon::prelude::*;

use super::{BlockLatency, LatencyTable};
use crate::{PredictError, normal_quantile};

/// The number of networks from which starting threads pays off.
const PARALLEL: usize = 32;
/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// A table as a device.
///
/// The interval combines what is independent and what is not. An entry with standard deviation σ from n times that occurs
/// m times in a network adds m·σ² for the spread of one inference and (m·σ)²/n for the uncertainty of its mean, which all
/// m share; a table that does not say n is read as n = 1. Entries are independent of each other. What the table's header
/// says of the device's own error and of sums against whole networks is added in quadrature. The sum of all that is a
/// variance, and the interval is the normal one of 95 %, cut off at zero.
///
/// Peak memory and traffic are counted (live activations; weights, image and result), not looked up. Utilisation is given as
/// 0, because a table does not know what the device can reach.
#[derive(Debug, Clone)]
pub struct TableCostSource {
    device: String,
    precision: Precision,
    batch: u32,
    table: LatencyTable,
    source: String,
    deviations: f64,
    protocol: ContentHash,
}

impl TableCostSource {
    /// A table as the device of this name; `source` says in words where the table is from, `protocol` identifies it and what
    /// else its answers depend on.
    #[must_use]
    pub fn new(
        device: impl Into<String>,
        precision: Precision,
        batch: u32,
        table: LatencyTable,
        source: impl Into<String>,
        protocol: ContentHash,
    ) -> Self {
        Self {
            device: device.into(),
            precision,
            batch,
            table,
            source: source.into(),
            deviations: normal_quantile(0.5 + 0.5 * LEVEL),
            protocol,
        }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &LatencyTable {
        &self.table
    }

    fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        let blocks = self
            .table
            .blocks(network)
            .map_err(|error| into_cost_error(error, &self.device))?;
        let fixed = self.table.fixed();
        let latency = self.sum(&blocks, fixed);
        let bytes = |elements: u64| Bytes(elements * self.precision.bytes());
        let moved =
            folded_structure(network).parameter_count() + network.input_shape().elements() + network.output_elements();
        Ok(Cost {
            latency,
            fixed: Latency::from_seconds(fixed.seconds().min(latency.value.seconds())),
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: bytes(network.peak_activation_elements()),
            traffic: bytes(moved),
            memory: Vec::new(),
            utilisation: 0.0,
            per_layer: Vec::new(),
            provenance: self.provenance(blocks.len()),
        })
    }

    fn sum(&self, blocks: &[BlockLatency], fixed: Latency) -> Estimate<Latency> {
        let mut occurrences: HashMap<&str, (f64, &BlockLatency)> = HashMap::new();
        for block in blocks {
            occurrences.entry(block.key.as_str()).or_insert((0.0, block)).0 += 1.0;
        }
        let sum: f64 = blocks.iter().map(|block| block.entry.mean.seconds()).sum();
        // Not clamped: a table whose sum is not above zero is wrong, and who asks has to hear of it.
        let value = fixed.seconds() + sum;
        let mut terms: Vec<f64> = occurrences
            .values()
            .map(|(times, block)| {
                let deviation = block.entry.standard_deviation.seconds();
                let count = f64::from(block.entry.count.unwrap_or(1));
                times * deviation.powi(2) + (times * deviation).powi(2) / count
            })
            .collect();
        // In one order, so that the same network has the same sum to the last bit.
        terms.sort_by(f64::total_cmp);
        let systematic = self.table.header().map_or(0.0, |header| header.systematic_error());
        let variance = terms.iter().sum::<f64>() + (value * systematic).powi(2);
        let half = self.deviations * variance.sqrt();
        Estimate {
            value: Latency::from_seconds(value),
            low: Latency::from_seconds((value - half).max(0.0).min(value)),
            high: Latency::from_seconds(value + half),
            level: LEVEL,
        }
    }

    fn provenance(&self, blocks: usize) -> Provenance {
        let mut note = format!("sum of {blocks} entries; {}", self.source);
        let mut repeats = None;
        if let Some(header) = self.table.header() {
            let origin = &header.origin;
            note += &format!(
                "; entries {} on {} by {} {}",
                origin.kind, origin.device, origin.tool, origin.version
            );
            if let Some(spread) = header.anchor_spread {
                note += &format!(", beside an anchor whose turns spread by {:.1} %", spread * 100.0);
            }
            if let Some(check) = &header.check {
                let mean = check.mean_error * 100.0;
                note += &format!("; {} whole networks differ by {mean:.1} % on average", check.networks);
            }
            repeats = origin.repeats;
        }
        note += "; memory and traffic are counted, utilisation is not known";
        Provenance {
            kind: ProvenanceKind::Predicted,
            device: self.device.clone(),
            tool: "latency table".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            precision: self.precision,
            batch: self.batch,
            repeats,
            note: Some(note),
        }
    }
}

impl CostSource for TableCostSource {
    fn device(&self) -> &str {
        &self.device
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.protocol)
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            return networks.iter().map(|network| self.cost(network)).collect();
        }
        networks.par_iter().map(|network| self.cost(network)).collect()
    }
}

fn into_cost_error(error: PredictError, device: &str) -> CostError {
    let device = device.to_owned();
    match error {
        PredictError::NotInTable { block, key, nearest } => CostError::NotInTable {
            device,
            block,
            key,
            nearest,
        },
        other => CostError::Failed {
            device,
            reason: other.to_string(),
        },
    }
}
