mod member;
mod terms;

use panarch_cost::{Cost, CostError, CostSource};
use panarch_graph::{
    Bytes, ContentHash, Estimate, Latency, Network, Precision, Provenance, ProvenanceKind, folded_structure,
};
use panarch_space::Space;

use crate::Additive;
use member::member;

pub use terms::LinearTerms;

/// The image side that published models of TuNAS hold for.
const RESOLUTION: u32 = 224;
/// Numbers of classes that TuNAS trains with.
const CLASSES: [u32; 2] = [1000, 1001];

/// A published linear latency model of a space as a device: TuNAS's model of a Pixel 1 over its ProxylessNAS space.
///
/// T = bias + one coefficient a layer, for its kernel and expansion or for being skipped (Bender et al. 2020,
/// arXiv 2008.06120). The model is an [`Additive`] whose terms of kernel and expansion are pairs. A network is asked for by
/// itself: which member it is follows from its layers' names and sizes, and is then proved by building that member again.
///
/// The publication gives no error, so that the interval is what the device's profile states: from t / (1 + e) to
/// t · (1 + e). Memory and traffic are counted; utilisation is given as 0, because the model does not know it.
#[derive(Debug, Clone)]
pub struct LinearLatency {
    device: String,
    space: Space,
    terms: LinearTerms,
    relative_error: f64,
    level: f64,
    precision: Precision,
    batch: u32,
    protocol: ContentHash,
}

impl LinearLatency {
    /// The model as a device of this name, with half an interval's relative width and the interval's level. `protocol`
    /// identifies the model and what else its answers depend on.
    #[must_use]
    pub fn new(
        device: impl Into<String>,
        space: Space,
        terms: LinearTerms,
        relative_error: f64,
        level: f64,
        protocol: ContentHash,
    ) -> Self {
        Self {
            device: device.into(),
            space,
            terms,
            relative_error,
            level,
            precision: Precision::F32,
            batch: 1,
            protocol,
        }
    }

    /// The same model for a number format and a batch.
    #[must_use]
    pub fn with_precision(self, precision: Precision, batch: u32) -> Self {
        Self {
            precision,
            batch,
            ..self
        }
    }

    /// The model, in seconds.
    #[must_use]
    pub const fn table(&self) -> &Additive {
        &self.terms.table
    }

    fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        let failed = |reason: String| CostError::Failed {
            device: self.device.clone(),
            reason,
        };
        let image = network.input_shape();
        let classes = network.shape(network.output()).channels;
        let other = |reason: String| CostError::OtherNetworks {
            device: self.device.clone(),
            reason,
        };
        if image.height != RESOLUTION || image.width != RESOLUTION || !CLASSES.contains(&classes) {
            return Err(other(format!(
                "its model holds for images of {RESOLUTION} pixels and 1000 classes; this network is for {}×{} and {classes}",
                image.height, image.width
            )));
        }
        let genotype = member(&self.space, network).ok_or_else(|| {
            other(format!(
                "the network is no member of space {0}, which its model is of; name one as {0}:GENOTYPE",
                self.space.name()
            ))
        })?;
        let table = &self.terms.table;
        let predicted = table
            .predict(&self.space, &genotype, 0.5)
            .map_err(|error| failed(error.to_string()))?;
        let value = Latency::from_seconds(predicted.value);
        let ratio = 1.0 + self.relative_error;
        let bytes = |elements: u64| Bytes(elements * self.precision.bytes());
        let moved = folded_structure(network).parameter_count() + image.elements() + network.output_elements();
        Ok(Cost {
            latency: Estimate {
                value,
                low: value * ratio.recip(),
                high: value * ratio,
                level: self.level,
            },
            fixed: Latency::ZERO,
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: bytes(network.peak_activation_elements()),
            traffic: bytes(moved),
            memory: Vec::new(),
            utilisation: 0.0,
            per_layer: Vec::new(),
            provenance: Provenance {
                kind: ProvenanceKind::Predicted,
                device: self.device.clone(),
                tool: "linear latency model".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                precision: self.precision,
                batch: self.batch,
                repeats: None,
                note: Some(format!(
                    "{}; the interval is the profile's; memory and traffic are counted, utilisation is not known",
                    self.terms.source
                )),
            },
        })
    }
}

impl CostSource for LinearLatency {
    fn device(&self) -> &str {
        &self.device
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.protocol)
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        networks.iter().map(|network| self.cost(network)).collect()
    }
}
