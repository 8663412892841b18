//! A synthetic run: real networks, invented devices and accuracies. For tests only.

use panarch_cost::{Attribution, Bound, LayerCost};
use panarch_graph::{
    Accuracy, Activation, BatchNorm, Bytes, ContentHash, Conv2d, Estimate, Latency, Linear, Macs, Network,
    NetworkBuilder, NodeId, Op, Precision, Provenance, ProvenanceKind, Shape, fused_layers, stream,
};
use panarch_report::RunReport;
use panarch_report::run_report::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Name, class, MACs a second dense, MACs a second depthwise, bytes a second, seconds a layer, fixed seconds.
struct Toy(&'static str, &'static str, f64, f64, f64, f64, f64);

const DEVICES: [Toy; 4] = [
    Toy(
        "ethos-u55-128",
        "microNPU, 128 MACs a cycle",
        3.0e10,
        6.0e9,
        1.2e9,
        3e-6,
        4e-5,
    ),
    Toy(
        "cube-16",
        "16×16×16-cube NPU with a slow vector unit",
        1.5e11,
        1.5e9,
        3.0e9,
        2e-6,
        3e-5,
    ),
    Toy("cortex-m55", "small in-order Arm CPU", 1.0e9, 7.0e8, 8.0e8, 4e-6, 1e-4),
    Toy(
        "host-cpu",
        "this machine, one thread, f32",
        2.0e10,
        8.0e9,
        9.0e9,
        3e-6,
        1e-5,
    ),
];

/// What a toy network is made of: three stages of blocks with kernel and expansion.
#[derive(Clone, PartialEq)]
pub struct Genes(Vec<Vec<(u32, u32)>>);

impl Genes {
    fn random(rng: &mut ChaCha8Rng) -> Self {
        let stage = |rng: &mut ChaCha8Rng| {
            let depth = rng.random_range(1..=4);
            (0..depth)
                .map(|_| ([3, 5][rng.random_range(0..2)], rng.random_range(2..=6)))
                .collect()
        };
        Genes((0..3).map(|_| stage(rng)).collect())
    }

    fn text(&self) -> String {
        let stage = |blocks: &Vec<(u32, u32)>| {
            blocks
                .iter()
                .map(|(k, e)| format!("{k}{e}"))
                .collect::<Vec<_>>()
                .join(".")
        };
        self.0.iter().map(stage).collect::<Vec<_>>().join("-")
    }

    pub fn network(&self) -> Network {
        let mut b = NetworkBuilder::new(self.text(), Shape::new(1, 28, 28));
        let mut x = b.input();
        b.scope("stem");
        x = conv(&mut b, "stem.conv", Conv2d::square(16, 3, 2), x, true);
        for (stage, (blocks, width)) in self.0.iter().zip([32, 64, 96]).enumerate() {
            for (index, (kernel, expansion)) in blocks.iter().enumerate() {
                let name = format!("stage{}.block{}", stage + 1, index + 1);
                b.scope(name.clone());
                let input = b.shape(x).channels;
                let stride = if index == 0 && stage > 0 { 2 } else { 1 };
                let inner = input * expansion;
                let mut y = conv(&mut b, &format!("{name}.expand"), Conv2d::pointwise(inner), x, true);
                y = conv(
                    &mut b,
                    &format!("{name}.depthwise"),
                    Conv2d::depthwise(inner, *kernel, stride),
                    y,
                    true,
                );
                y = conv(&mut b, &format!("{name}.project"), Conv2d::pointwise(width), y, false);
                x = if stride == 1 && input == width {
                    b.add(format!("{name}.add"), Op::Add, &[y, x]).unwrap()
                } else {
                    y
                };
            }
        }
        b.scope("head");
        x = conv(&mut b, "head.conv", Conv2d::pointwise(192), x, true);
        x = b.add("head.pool", Op::GlobalAvgPool, &[x]).unwrap();
        x = b
            .add("head.linear", Op::Linear(Linear { out: 10, bias: true }), &[x])
            .unwrap();
        b.finish(x).unwrap()
    }
}

fn conv(b: &mut NetworkBuilder, name: &str, conv: Conv2d, x: NodeId, activation: bool) -> NodeId {
    let x = b.add(name, Op::Conv2d(conv), &[x]).unwrap();
    let x = b
        .add(format!("{name}.bn"), Op::BatchNorm(BatchNorm::default()), &[x])
        .unwrap();
    if activation {
        b.add(format!("{name}.relu"), Op::Activation(Activation::Relu), &[x])
            .unwrap()
    } else {
        x
    }
}

fn layers(network: &Network, device: &Toy) -> Vec<LayerCost> {
    fused_layers(network)
        .iter()
        .map(|layer| {
            let node = network.node(layer.anchor);
            let depthwise = matches!(&node.op, Op::Conv2d(conv) if conv.groups > 1);
            let macs: Macs = layer.nodes.iter().map(|id| network.node_macs(*id)).sum();
            let output = network.shape(layer.output);
            let input = network.shape(node.inputs[0]);
            let compute = macs.0 as f64 / if depthwise { device.3 } else { device.2 };
            let movement = (output.elements() + input.elements()) as f64 / device.4;
            let (rules, bound) = if compute.max(movement) < device.5 {
                (device.5, Bound::Overhead)
            } else if compute >= movement {
                (compute, Bound::Compute)
            } else {
                (movement, Bound::Movement)
            };
            LayerCost {
                name: layer.name.clone(),
                block: layer.block.clone(),
                device: None,
                operator: if depthwise {
                    "depthwise convolution"
                } else {
                    node.op.name()
                }
                .to_owned(),
                output,
                macs,
                latency: Latency::from_seconds(rules),
                compute: Latency::from_seconds(compute),
                movement: Latency::from_seconds(movement),
                attribution: Attribution {
                    compute: Latency::from_seconds(compute.min(rules)),
                    activations: Latency::from_seconds(rules - compute.min(rules)),
                    ..Attribution::default()
                },
                energy: None,
                energy_parts: None,
                memory: Vec::new(),
                bound,
            }
        })
        .collect()
}

fn latency(network: &Network, device: &Toy) -> Latency {
    let sum: Latency = layers(network, device).iter().map(|layer| layer.latency).sum();
    sum + Latency::from_seconds(device.6)
}

fn interval(value: Latency, share: f64) -> Estimate<Latency> {
    Estimate {
        value,
        low: value * (1.0 - share),
        high: value * (1.0 + share),
        level: 0.95,
    }
}

fn accuracy(share: f64, images: f64) -> Estimate<Accuracy> {
    let half = 1.96 * f64::sqrt(share * (1.0 - share) / images);
    Estimate {
        value: Accuracy::from_share(share),
        low: Accuracy::from_share(share - half),
        high: Accuracy::from_share(share + half),
        level: 0.95,
    }
}

fn provenance(device: &Toy, kind: ProvenanceKind) -> Provenance {
    let host = device.0 == "host-cpu";
    let measured = kind == ProvenanceKind::Measured;
    let tool = match (host, measured) {
        (_, true) => "rten",
        (true, false) => "additive table",
        (false, false) => "analytic model",
    };
    Provenance {
        kind,
        device: device.0.to_owned(),
        tool: tool.to_owned(),
        version: if measured { "0.27.0" } else { "0.1.0" }.to_owned(),
        precision: if host { Precision::F32 } else { Precision::Int8 },
        batch: 1,
        repeats: measured.then_some(50),
        note: measured.then(|| {
            "order-statistic interval of the median; 1 of 50 repeats beyond three times the median deviation".to_owned()
        }),
    }
}

/// Accuracy that grows with compute and likes large kernels late, with noise.
fn toy_accuracy(genes: &Genes, network: &Network, noise: f64) -> f64 {
    let large = genes.0[2].iter().filter(|(kernel, _)| *kernel == 5).count() as f64;
    let size = (network.macs().0 as f64 / 1e6).ln();
    0.872 + 0.011 * size + 0.002 * large + noise
}

/// A run with `count` evaluated networks on four devices.
pub fn report(count: usize) -> RunReport {
    let mut rng = stream(7, "report fixture", 0);
    let mut genes: Vec<Genes> = vec![Genes(vec![
        vec![(3, 6), (3, 6)],
        vec![(3, 6), (3, 6), (3, 6)],
        vec![(3, 6), (3, 6)],
    ])];
    while genes.len() < count {
        let next = Genes::random(&mut rng);
        if !genes.contains(&next) {
            genes.push(next);
        }
    }
    let networks: Vec<Network> = genes.iter().map(Genes::network).collect();
    let targets: Vec<Latency> = DEVICES.iter().map(|device| latency(&networks[0], device)).collect();
    let mut report = empty(&targets);
    for (index, (genes, network)) in genes.iter().zip(&networks).enumerate() {
        let share = toy_accuracy(genes, network, rng.random_range(-0.004..0.004));
        let latency = on_devices(&mut report, network, ProvenanceKind::Predicted, &mut rng);
        report.networks.push(EvaluatedNetwork {
            genotype: genes.text(),
            hash: network.content_hash(),
            accuracy: accuracy(share, 4000.0),
            latency,
            macs: network.macs(),
            parameters: network.parameter_count(),
            found_by: if index == 0 { vec!["reference".into()] } else { vec![] },
            non_dominated: false,
        });
    }
    flag_non_dominated(&mut report);
    searches(&mut report, &mut rng);
    finalists(&mut report, &networks, &mut rng);
    let chosen = report.chosen().unwrap().genotype.clone();
    let chosen = &networks[genes.iter().position(|genes| genes.text() == chosen).unwrap()];
    for device in &DEVICES[..3] {
        let index = report.provenance(&provenance(device, ProvenanceKind::Predicted));
        report.layers.push(DeviceLayers {
            device: device.0.to_owned(),
            provenance: index,
            fixed: Latency::from_seconds(device.6),
            layers: layers(chosen, device),
        });
    }
    predictions(&mut report, &networks, &mut rng);
    let own = report.outcome(1);
    for seed in 1..=3 {
        let mut repeat = own.clone();
        repeat.seed = seed;
        for outcome in &mut repeat.outcomes {
            let shift = rng.random_range(-0.003..0.003);
            outcome.test_accuracy = Accuracy::from_share(outcome.test_accuracy.share() + shift);
            for ratio in &mut outcome.ratios {
                *ratio *= rng.random_range(0.97..1.03);
            }
        }
        report.repeats.push(repeat);
    }
    report
}

fn on_devices(
    report: &mut RunReport,
    network: &Network,
    host: ProvenanceKind,
    rng: &mut ChaCha8Rng,
) -> Vec<DeviceLatency> {
    DEVICES
        .iter()
        .map(|device| {
            let on_host = device.0 == "host-cpu";
            let kind = if on_host { host } else { ProvenanceKind::Predicted };
            let noise = if on_host { rng.random_range(0.97..1.03) } else { 1.0 };
            let share = match (on_host, kind) {
                (true, ProvenanceKind::Measured) => 0.012,
                (true, _) => 0.05,
                _ => 0.15,
            };
            DeviceLatency {
                latency: interval(latency(network, device) * noise, share),
                provenance: report.provenance(&provenance(device, kind)),
            }
        })
        .collect()
}

fn flag_non_dominated(report: &mut RunReport) {
    let figures: Vec<Vec<f64>> = report
        .networks
        .iter()
        .map(|network| {
            let times = network.latency.iter().map(|on| on.latency.value.seconds());
            times.chain([-network.accuracy.value.share()]).collect()
        })
        .collect();
    for (index, network) in report.networks.iter_mut().enumerate() {
        let beaten = figures
            .iter()
            .any(|other| *other != figures[index] && other.iter().zip(&figures[index]).all(|(a, b)| a <= b));
        network.non_dominated = !beaten;
    }
}

fn reward(report: &RunReport, network: usize, role: &Role) -> f64 {
    let network = &report.networks[network];
    let ratios: Vec<f64> = network
        .latency
        .iter()
        .zip(&report.devices)
        .map(|(on, device)| on.latency.value / device.target)
        .collect();
    let r = match role {
        Role::Device { name } => ratios[report.devices.iter().position(|device| device.name == *name).unwrap()],
        Role::Average => ratios.iter().sum::<f64>() / ratios.len() as f64,
        _ => ratios.iter().copied().fold(0.0, f64::max),
    };
    network.accuracy.value.share() - 0.07 * (r - 1.0).abs()
}

fn searches(report: &mut RunReport, rng: &mut ChaCha8Rng) {
    let mut roles: Vec<Role> = DEVICES
        .iter()
        .map(|device| Role::Device {
            name: device.0.to_owned(),
        })
        .collect();
    roles.extend([Role::Average, Role::WorstCase]);
    for role in roles {
        let mut trials = Vec::new();
        let mut best = (0, f64::NEG_INFINITY);
        for _ in 0..report.networks.len().min(240) {
            // Later trials are drawn from the better half of two draws.
            let mut draw = || rng.random_range(0..report.networks.len());
            let (a, b) = (draw(), draw());
            let index = if reward(report, a, &role) > reward(report, b, &role) {
                a
            } else {
                b
            };
            let value = reward(report, index, &role);
            if value > best.1 {
                best = (index, value);
            }
            trials.push(SearchTrial {
                reward: Some(value),
                network: Some(index as u32),
            });
            let found_by = &mut report.networks[index].found_by;
            if !found_by.contains(&role.to_string()) {
                found_by.push(role.to_string());
            }
        }
        report.searches.push(SearchFacts {
            name: role.to_string(),
            objective: format!("accuracy − 0.07·|r − 1|, r: {role}"),
            strategy: "ageing evolution, population 50, tournament 10".into(),
            seed: 1,
            trials,
            winner: Some(best.0 as u32),
            requirements: vec![
                Requirement {
                    device: Some(DEVICES[0].0.into()),
                    quantity: "latency".into(),
                    hard: false,
                    asked: "1.00 ms".into(),
                    found: "980 µs".into(),
                    ratio: 0.98,
                    gain: Some(0.0012),
                    towards: Some("0123".into()),
                },
                Requirement {
                    device: None,
                    quantity: "MACs".into(),
                    hard: true,
                    asked: "5.00 MMACs".into(),
                    found: "2.50 MMACs".into(),
                    ratio: 0.5,
                    gain: None,
                    towards: None,
                },
            ],
            proof: Some(ProofFacts {
                networks: 60,
                error: 0.004,
                best: "0123".into(),
                best_accuracy: Accuracy::from_share(0.912),
                bound: Accuracy::from_share(0.912),
                winner_accuracy: Accuracy::from_share(0.909),
                settled: true,
                limits: vec![ProvedLimit {
                    device: Some(DEVICES[0].0.into()),
                    quantity: "latency".into(),
                    gain: 0.0012,
                }],
                certificate: Some("certificates/average-seed-1.json".into()),
            }),
        });
    }
}

fn finalists(report: &mut RunReport, networks: &[Network], rng: &mut ChaCha8Rng) {
    let mut winners: Vec<(Role, usize)> = Vec::new();
    let roles = DEVICES.iter().map(|device| Role::Device {
        name: device.0.to_owned(),
    });
    for (role, search) in roles.chain([Role::Average, Role::WorstCase]).zip(&report.searches) {
        winners.push((role, search.winner.unwrap() as usize));
    }
    winners.push((
        Role::Reference {
            name: "mobilenet-v2-like".into(),
        },
        0,
    ));
    for (role, index) in winners {
        let hash = networks[index].content_hash();
        if let Some(known) = report.finalists.iter_mut().find(|finalist| finalist.hash == hash) {
            known.roles.push(role);
            continue;
        }
        let share = report.networks[index].accuracy.value.share() + 0.012;
        let latency = on_devices(report, &networks[index], ProvenanceKind::Measured, rng);
        let file = format!("finalists/{}.onnx", hash.short());
        let facts = &report.networks[index];
        let finalist = Finalist {
            roles: vec![role],
            genotype: facts.genotype.clone(),
            hash,
            search_accuracy: Some(facts.accuracy),
            test_accuracy: accuracy(share, 10_000.0),
            latency,
            macs: facts.macs,
            parameters: facts.parameters,
            blocks: blocks_of(&networks[index]),
            export: Some(ExportFacts {
                file_hash: ContentHash::of("fixture", file.as_bytes()),
                file,
                bytes: Bytes(facts.parameters * 4 + 9000),
                checks: vec![ExportCheck {
                    runtime: "rten 0.27.0".into(),
                    images: 32,
                    worst_difference: Some(3.2e-7),
                    tolerance: 1e-4,
                    passed: true,
                }],
            }),
        };
        report.finalists.push(finalist);
    }
    let chosen = report
        .finalists
        .iter()
        .position(|finalist| finalist.roles.contains(&Role::WorstCase));
    report.chosen = chosen.map(|index| index as u32);
}

fn predictions(report: &mut RunReport, networks: &[Network], rng: &mut ChaCha8Rng) {
    let host = &DEVICES[3];
    let predicted = report.provenance(&provenance(host, ProvenanceKind::Predicted));
    let measured = report.provenance(&provenance(host, ProvenanceKind::Measured));
    let pairs = networks.iter().take(24).map(|network| {
        let truth = latency(network, host);
        PredictionPair {
            genotype: network.name().to_owned(),
            predicted: interval(truth * rng.random_range(0.94..1.06), 0.06),
            measured: interval(truth, 0.015),
        }
    });
    let pairs = pairs.collect();
    report.predictions.push(PredictionCheck {
        device: host.0.to_owned(),
        networks: "held out of the fit".into(),
        predicted,
        measured,
        pairs,
    });
}

fn empty(targets: &[Latency]) -> RunReport {
    RunReport {
        problems: Vec::new(),
        version: VERSION,
        run: RunFacts {
            name: "fashion-mnist-four-devices".into(),
            created: "2026-11-22 14:05 UTC".into(),
            software: "panarch 0.1.0".into(),
            machine: "2 cores of an invented CPU, 8 GiB".into(),
            command: "panarch run examples/fashion-mnist.toml --set search.seed=1".into(),
            run_file_name: "fashion-mnist.toml".into(),
            run_file: "[run]\nname = \"fashion-mnist-four-devices\"\nseed = 1\n\n[data]\ndataset = \"fashion-mnist\"\n\n[space]\npreset = \"multi-hardware-small\"\n\n[devices]\nnames = [\"ethos-u55-128\", \"cube-16\", \"cortex-m55\", \"host-cpu\"]\ntarget = \"reference\"\n\n[search]\nstrategy = \"ageing-evolution\"\ntrials = 240\n".into(),
            seeds: vec![Seed { purpose: "search".into(), value: 1 }, Seed { purpose: "training".into(), value: 0 }],
            facts: vec![Fact::new("Supernet training", "8 min 12 s"), Fact::new("Searches", "3 min 40 s"), Fact::new("Fine-tuning", "5 min 3 s")],
        },
        dataset: DatasetFacts {
            name: "Fashion-MNIST".into(),
            source: "Debian package dataset-fashion-mnist 0.0~git20200523".into(),
            checksum: Some("SHA-256 of the train images 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84".into()),
            classes: 10,
            channels: 1,
            resolution: 28,
            train_images: 56_000,
            validation_images: 4_000,
            test_images: 10_000,
        },
        space: SpaceFacts {
            name: "multi-hardware-small".into(),
            hash: ContentHash::of("fixture", b"space"),
            decisions: 27,
            raw: "1000000000000".into(),
            active: "1371742100137".into(),
            distinct: "1371742100137".into(),
            distinct_is_exact: true,
        },
        training: vec![Fact::new("Supernet", "3 epochs, sandwich of largest, smallest and 2 random"), Fact::new("Finalists", "1 epoch of fine-tuning")],
        devices: DEVICES
            .iter()
            .zip(targets)
            .map(|(device, target)| DeviceFacts {
                name: device.0.into(),
                class: device.1.into(),
                figures: "invented for this test".into(),
                fixed_share: Some(device.6 / (target.seconds() * 1.1)),
                target: *target,
                target_origin: "latency of the reference mobilenet-v2-like".into(),
                quality: (device.0 == "host-cpu").then(|| quality(*target)),
            })
            .collect(),
        agreement: Some(DeviceAgreement {
            sampled: 500,
            kendall: vec![
                vec![1.0, 0.74, 0.91, 0.88],
                vec![0.74, 1.0, 0.66, 0.79],
                vec![0.91, 0.66, 1.0, 0.93],
                vec![0.88, 0.79, 0.93, 1.0],
            ],
            fixed_share_limit: 0.3,
            kendall_limit: 0.8,
            pairs_needed: 2,
        }),
        provenances: vec![],
        search_accuracy: AccuracyBasis { split: "validation".into(), images: 4000, weights: "inherited from the supernet".into() },
        test_accuracy: AccuracyBasis { split: "test".into(), images: 10_000, weights: "fine-tuned for 1 epoch".into() },
        networks: vec![],
        finalists: vec![],
        chosen: None,
        layers: vec![],
        predictions: vec![],
        searches: vec![],
        repeats: vec![],
    }
}

/// A machine that was measured well.
fn quality(anchor: Latency) -> MeasurementQuality {
    MeasurementQuality {
        anchor: "mobilenet-v2-like".into(),
        anchor_latency: Estimate::exact(anchor),
        readings: 600,
        spread: 0.012,
        drift: -0.003,
        left_out_error: Some(0.031),
        kendall_tau: Some(0.94),
        further_rounds: 0,
        spread_limit: 0.1,
        error_limit: 0.1,
        kendall_limit: 0.8,
    }
}
