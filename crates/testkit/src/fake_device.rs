use std::f64::consts::TAU;

use panarch_cost::{Cost, CostError, CostSource};
use panarch_graph::{Bytes, ContentHash, Estimate, Latency, Network, Precision, Provenance, ProvenanceKind, stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A device whose latency is a fixed time plus a time for each multiply-accumulate, with seeded noise.
///
/// The noise of a network is a function of the seed and the network's content hash: asked twice, the device answers the
/// same, as a pure cost source must; another seed is another measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeDevice {
    /// The device's name.
    pub name: String,
    /// Time of an empty network.
    pub fixed: Latency,
    /// Time of a multiply-accumulate.
    pub per_mac: Latency,
    /// Standard deviation of the noise relative to the latency without it.
    pub noise: f64,
    /// Decides the noise.
    pub seed: u64,
}

impl FakeDevice {
    /// A device without noise: 10 µs fixed and 1 ns a multiply-accumulate.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            fixed: Latency::from_seconds(1e-5),
            per_mac: Latency::from_seconds(1e-9),
            noise: 0.0,
            seed: 0,
        }
    }

    /// The latency of a network without noise.
    #[must_use]
    pub fn true_latency(&self, network: &Network) -> Latency {
        self.fixed + self.per_mac * network.macs().0 as f64
    }

    fn cost(&self, network: &Network) -> Cost {
        let truth = self.true_latency(network);
        let mut rng = stream(self.seed, &network.content_hash().to_string(), 0);
        // Noise of three deviations and more would make a latency negative for a large setting.
        let factor = (1.0 + self.noise * gaussian(&mut rng)).max(0.01);
        let value = truth * factor;
        let half = value * (1.96 * self.noise);
        let activations = Bytes(4 * network.peak_activation_elements());
        Cost {
            latency: Estimate {
                value,
                low: value - half,
                high: value + half,
                level: 0.95,
            },
            fixed: self.fixed,
            energy: None,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: activations,
            traffic: Bytes(4 * network.parameter_count()),
            memory: Vec::new(),
            utilisation: 1.0 - self.fixed / truth,
            per_layer: Vec::new(),
            provenance: Provenance {
                kind: ProvenanceKind::Simulated,
                device: self.name.clone(),
                tool: "fake device".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                precision: Precision::F32,
                batch: 1,
                repeats: None,
                note: Some(format!("seed {}", self.seed)),
            },
        }
    }
}

impl CostSource for FakeDevice {
    fn device(&self) -> &str {
        &self.name
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(ContentHash::of(
            "panarch fake device v1",
            format!("{self:?}").as_bytes(),
        ))
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        networks.iter().map(|network| Ok(self.cost(network))).collect()
    }
}

/// A standard normal value (Box and Muller).
#[must_use]
pub fn gaussian(rng: &mut ChaCha8Rng) -> f64 {
    let radius: f64 = 1.0 - rng.random::<f64>();
    (-2.0 * radius.ln()).sqrt() * (TAU * rng.random::<f64>()).cos()
}
