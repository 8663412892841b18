//! A cost source of one's own: anything that can say how long a network takes. This one knows the rate of multiplications.

use panarch::cost::{Cost, CostError, CostSource};
use panarch::graph::{ContentHash, Estimate, Latency, Network, Precision, Provenance, ProvenanceKind};
use panarch::space::zoo;

struct Rate {
    macs_per_second: f64,
}

impl CostSource for Rate {
    fn device(&self) -> &str {
        "my-rate"
    }

    /// Answers are stored under this: whatever changes them has to change it.
    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(ContentHash::of("my rate v1", &self.macs_per_second.to_le_bytes()))
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        networks.iter().map(|network| Ok(self.cost(network))).collect()
    }
}

impl Rate {
    fn cost(&self, network: &Network) -> Cost {
        let value = Latency::from_seconds(network.macs().0 as f64 / self.macs_per_second);
        // Half to twice as long: what an honest rule of thumb can promise.
        let latency = Estimate {
            value,
            low: value * 0.5,
            high: value * 2.0,
            level: 0.95,
        };
        let provenance = Provenance {
            kind: ProvenanceKind::Predicted,
            device: self.device().to_owned(),
            tool: "a rule of thumb".to_owned(),
            version: "1".to_owned(),
            precision: Precision::Int8,
            batch: 1,
            repeats: None,
            note: None,
        };
        Cost::of_latency(latency, provenance)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = Rate { macs_per_second: 1e9 };
    for name in ["mobilenet-v2", "resnet-50"] {
        let network = zoo::network(name, 1000, 224)?;
        let cost = panarch::device_source::ask(&source, &network, None)?;
        println!("{name}: {}", cost.latency.value);
    }
    Ok(())
}
