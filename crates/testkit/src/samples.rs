//! Records with every field filled in, for tests of what keeps them.

use panarch_cost::Pairs;
use panarch_graph::{Accuracy, Bytes, ContentHash, Energy, Estimate, Latency, Precision, Provenance, ProvenanceKind};
use panarch_space::Genotype;
use panarch_study::{
    Artefact, CostRecord, CostSummary, Evaluation, EvaluationProtocol, Finalist, Header, ImageSet, ObjectiveValue,
    Outcome, Split, Timestamp, WeightOrigin,
};

/// A header for the space with this hash.
#[must_use]
pub fn header(space_hash: ContentHash) -> Header {
    Header {
        name: "sample".into(),
        run: "seed = 1\n# \"quoted\", ünïcode, 'ticks'\n".into(),
        space: "toy".into(),
        space_hash,
        dataset: "patterns".into(),
        panarch_version: "0.0.0".into(),
        created: Timestamp::from_unix_millis(1_700_000_000_123),
    }
}

/// How a sample number came about.
#[must_use]
pub fn provenance(device: &str) -> Provenance {
    Provenance {
        kind: ProvenanceKind::Measured,
        device: device.into(),
        tool: "stop watch".into(),
        version: "1".into(),
        precision: Precision::Int8,
        batch: 1,
        repeats: Some(30),
        note: Some("two \"outliers\"".into()),
    }
}

/// The n-th of many different genotypes; of no space in particular.
#[must_use]
pub fn genotype(n: u64) -> Genotype {
    Genotype::new(n.to_be_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]).collect())
}

/// The protocol of [`evaluation`].
#[must_use]
pub fn protocol() -> EvaluationProtocol {
    EvaluationProtocol {
        kind: ProvenanceKind::Measured,
        weights: WeightOrigin::Inherited,
        precision: Precision::Int8,
        recalibration: Some(ImageSet {
            split: Split::Training,
            count: Some(u64::MAX),
            content: Some(ContentHash::of("sample images", b"recalibration")),
        }),
        images: Some(ImageSet {
            split: Split::Validation,
            count: None,
            content: None,
        }),
    }
}

/// The outcome of a trial of one objective whose genotype was evaluated by [`protocol`].
#[must_use]
pub fn complete(reward: f64) -> Outcome {
    Outcome::Complete {
        objectives: vec![ObjectiveValue::reward(reward, None)],
        protocol: protocol().key(),
    }
}

/// The evaluation of the n-th genotype; a function of n alone.
#[must_use]
pub fn evaluation(n: u64) -> Evaluation {
    let share = 0.5 + 0.1 * (n as f64).sin();
    Evaluation {
        genotype: genotype(n),
        protocol: protocol(),
        network: ContentHash::of("sample network", &n.to_le_bytes()),
        accuracy: Estimate {
            value: Accuracy::from_share(share),
            low: Accuracy::from_share(share - 0.01),
            high: Accuracy::from_share(share + 0.02),
            level: 0.95,
        },
        provenance: provenance("validation split"),
        seed: u64::MAX - n,
        seconds: 0.1 + 0.2,
        created: Timestamp::from_unix_millis(1_700_000_000_000 + n as i64),
    }
}

/// A cost in which everything is known.
#[must_use]
pub fn cost(n: u64, device: &str) -> CostRecord {
    let latency = Latency::from_seconds(1e-3 / (n as f64 + 3.0));
    CostRecord {
        genotype: genotype(n),
        device: device.into(),
        protocol: ContentHash::of("sample protocol", device.as_bytes()),
        summary: CostSummary {
            latency: Estimate {
                value: latency,
                low: latency * 0.9,
                high: latency * 1.1,
                level: 0.9,
            },
            fixed: Some(Latency::from_seconds(1e-300)),
            energy: Some(Estimate::exact(Energy::from_joules(0.1 + 0.2))),
            peak_memory: Some(Bytes(u64::MAX)),
            traffic: Some(Bytes(0)),
            utilisation: Some(1.0 / 3.0),
            pairs: n.is_multiple_of(2).then(|| Pairs {
                ratios: vec![1.0 / 3.0, 0.1 + 0.2],
                anchor: vec![latency, Latency::from_seconds(1e-300)],
            }),
            provenance: provenance(device),
        },
        created: Timestamp::from_unix_millis(-5),
    }
}

/// A finalist with a role.
#[must_use]
pub fn finalist(n: u64, role: &str) -> Finalist {
    let evaluation = evaluation(n);
    Finalist {
        genotype: evaluation.genotype,
        name: format!("sample-{n}"),
        roles: vec![role.into(), "reference".into()],
        network: evaluation.network,
        test_accuracy: Some((evaluation.accuracy, evaluation.provenance)),
        costs: vec![
            ("cpu".into(), cost(n, "cpu").summary),
            ("npu".into(), cost(n, "npu").summary),
        ],
        files: vec![Artefact {
            kind: "onnx".into(),
            path: "networks/sample.onnx".into(),
            blake3: ContentHash::of("sample file", &[]).to_string(),
            length: Bytes(123_456),
        }],
        updated: Timestamp::from_unix_millis(7),
    }
}
