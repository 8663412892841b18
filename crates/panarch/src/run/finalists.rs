//! The networks that were found: fine-tuned, judged on the test split once, measured again, exported and verified.

use std::collections::BTreeMap;
use std::path::Path;

use panarch_cost::Cost;
use panarch_format::{OnnxOptions, atomic_write, read_safetensors, write_onnx, write_safetensors};
use panarch_graph::{
    Accuracy, Bytes, ContentHash, Estimate, Network, Precision, Provenance, ProvenanceKind, Tensor, Weights,
};
use panarch_measure::verify_export;
use panarch_report::run_report::{ExportCheck, ExportFacts, Role};
use panarch_space::Genotype;
use panarch_study::{Artefact, CostSummary, Evaluation, Finalist, Timestamp};
use panarch_train::data::{Batch, Loader, TestSplit};
use panarch_train::{
    CheckpointPolicy, Control, CpuEngine, Engine, FineTuning, Member, NetworkTrainer, Outcome, Progress, Supernet,
    TrainedNetwork,
};

use super::pool::Pool;
use super::supernet::optimisation;
use super::{Devices, Searched, Setup, Watch};
use crate::Error;
use crate::run_file::Goal;

/// Real images that go through engine and runtimes when an exported file is checked.
const CHECKED_IMAGES: usize = 32;
/// Images a batch when testing.
const TEST_BATCH: usize = 200;

/// A finalist with everything that the report says of it.
pub struct Finished {
    /// What it was found for.
    pub roles: Vec<Role>,
    /// The canonical genotype.
    pub genotype: Genotype,
    /// The network.
    pub network: Network,
    /// What the search knew of it.
    pub evaluation: Evaluation,
    /// Accuracy on the test split.
    pub test_accuracy: Estimate<Accuracy>,
    /// Final costs, by device in the run's order.
    pub costs: Vec<Cost>,
    /// The exported file.
    pub export: ExportFacts,
}

impl Finished {
    /// Whether the exported file computes what the engine computes, in every runtime that was asked.
    #[must_use]
    pub fn export_ok(&self) -> bool {
        !self.export.checks.is_empty() && self.export.checks.iter().all(|check| check.passed)
    }
}

/// Finishes the winners of all searches and the reference.
pub(super) fn finish(
    setup: &Setup,
    devices: &Devices,
    supernet: &Supernet,
    searched: &[Searched],
    watch: &mut Watch<'_>,
) -> Result<Vec<Finished>, Error> {
    let folder = setup.folder.join("finalists");
    std::fs::create_dir_all(&folder).map_err(Error::writing(&folder))?;
    let mut pool = Pool::new(setup, supernet);
    let mut tuned = Vec::new();
    let wanted = wanted(setup, searched)?;
    for (index, (genotype, roles)) in wanted.iter().enumerate() {
        watch.step(format!("Fine-tuning finalist {} of {}", index + 1, wanted.len()));
        let path = folder.join(format!("{}.safetensors", file_name(genotype)));
        let trained = tune(setup, supernet, genotype, &path, watch)?;
        let evaluation = pool.evaluate(genotype)?;
        watch.done(format!("{}: {genotype}", labels(roles)));
        tuned.push((genotype, roles, trained, evaluation));
    }
    // Everything has been chosen: the test split is opened here, once.
    watch.step("Testing, measuring and exporting the finalists");
    let trained: Vec<TrainedNetwork> = tuned.iter().map(|(_, _, trained, _)| trained.clone()).collect();
    let mut costs = vec![Vec::new(); trained.len()];
    for device in devices.iter() {
        for (costs, cost) in costs.iter_mut().zip(device.final_costs(&trained)?) {
            costs.push(cost);
        }
    }
    let test = setup.dataset.test_split();
    let mut finished = Vec::new();
    for ((genotype, roles, trained, evaluation), costs) in tuned.into_iter().zip(costs) {
        watch.check()?;
        let test_accuracy = judge(setup, genotype, &trained, &test)?;
        let export = export(setup, genotype, roles, &trained)?;
        let finalist = Finished {
            roles: roles.clone(),
            genotype: genotype.clone(),
            network: trained.network,
            evaluation,
            test_accuracy,
            costs,
            export,
        };
        keep(setup, devices, &finalist)?;
        finished.push(finalist);
    }
    let checked: Vec<&str> = finished
        .first()
        .map(|f| f.export.checks.iter().map(|check| check.runtime.as_str()).collect())
        .unwrap_or_default();
    watch.done(format!(
        "{} networks, exported files checked in {}",
        finished.len(),
        checked.join(" and ")
    ));
    Ok(finished)
}

/// The different winners with their roles, in the order of the searches, and the reference at the end.
fn wanted(setup: &Setup, searched: &[Searched]) -> Result<Vec<(Genotype, Vec<Role>)>, Error> {
    let mut wanted: Vec<(Genotype, Vec<Role>)> = Vec::new();
    let mut add = |genotype: &Genotype, role: Role| match wanted.iter_mut().find(|(known, _)| known == genotype) {
        Some((_, roles)) => roles.push(role),
        None => wanted.push((genotype.clone(), vec![role])),
    };
    let first_seed = setup.file.search.seeds.first().copied();
    for search in searched {
        // Further seeds are repeats: their winners are tuned too, under names of their own.
        let role = match (&search.goal, first_seed == Some(search.seed)) {
            (Goal::Device(name), true) => Role::Device { name: name.clone() },
            (Goal::Average, true) => Role::Average,
            (Goal::Worst, true) => Role::WorstCase,
            (Goal::Each, true) => Role::Other {
                name: "limits on every device".to_owned(),
            },
            (_, false) => Role::Other {
                name: search.name.clone(),
            },
        };
        add(&search.winner, role);
    }
    if let Some((name, genotype)) = setup.reference()? {
        add(&genotype, Role::Reference { name });
    }
    Ok(wanted)
}

/// Fine-tunes a finalist, going on from its checkpoint; the finished weights are kept beside it.
fn tune(
    setup: &Setup,
    supernet: &Supernet,
    genotype: &Genotype,
    path: &Path,
    watch: &mut Watch<'_>,
) -> Result<TrainedNetwork, Error> {
    let network = setup.network(genotype)?;
    let hash = network.content_hash().to_string();
    if path.is_file() {
        let kept = read_safetensors(path)?;
        if kept.metadata.get("network") == Some(&hash) {
            kept.weights.check(&network)?;
            return Ok(TrainedNetwork {
                network,
                weights: kept.weights,
            });
        }
    }
    let section = &setup.file.finalists;
    let mut engine = CpuEngine::new();
    let trained = if section.fine_tune_epochs > 0.0 {
        let settings = FineTuning {
            optimisation: panarch_train::Optimisation {
                epochs: section.fine_tune_epochs,
                learning_rate: section.learning_rate,
                warmup_epochs: 0.0,
                ..optimisation(setup)
            },
            ..FineTuning::default()
        };
        let mut trainer = NetworkTrainer::fine_tune(supernet, genotype, &setup.splits, settings)?;
        let checkpoint = path.with_extension("checkpoint.safetensors");
        if checkpoint.is_file() {
            trainer.resume(&checkpoint)?;
        }
        let cancel = watch.cancel.clone();
        let mut progress = |event: &Progress| {
            if let Progress::Step { step, steps, loss, .. } = event
                && (step % 10 == 0 || step == steps)
            {
                watch.progress(*step, *steps, "steps", format!("loss {loss:.3}"));
            }
        };
        let mut control = Control {
            cancelled: cancel.flag(),
            checkpoint: Some(CheckpointPolicy::new(&checkpoint)),
            progress: &mut progress,
        };
        if trainer.train(&mut engine, &setup.validator, &mut control)? == Outcome::Cancelled {
            return Err(Error::Interrupted);
        }
        trainer.finish(&mut engine, &setup.validator)?
    } else {
        panarch_train::inherit(&mut engine, supernet, genotype, &setup.validator)?
    };
    let metadata = BTreeMap::from([
        ("network".to_owned(), hash),
        ("genotype".to_owned(), genotype.to_string()),
        ("space".to_owned(), setup.space.hash().to_string()),
    ]);
    write_safetensors(path, &trained.weights, &metadata)?;
    Ok(trained)
}

/// The accuracy on the test split: kept in the study, so that going on with a run does not open it again.
fn judge(
    setup: &Setup,
    genotype: &Genotype,
    trained: &TrainedNetwork,
    test: &TestSplit,
) -> Result<Estimate<Accuracy>, Error> {
    let kept = setup
        .study
        .storage()
        .finalists()?
        .into_iter()
        .find(|finalist| finalist.genotype == *genotype);
    if let Some((accuracy, _)) = kept.and_then(|finalist| finalist.test_accuracy) {
        return Ok(accuracy);
    }
    let TrainedNetwork { network, weights } = trained;
    let normalisation = &setup.splits.normalisation;
    let score = panarch_train::test(&mut CpuEngine::new(), network, weights, test, normalisation, TEST_BATCH)?;
    Ok(score.accuracy())
}

/// Writes the ONNX file and compares it with the engine on real images.
fn export(setup: &Setup, genotype: &Genotype, roles: &[Role], trained: &TrainedNetwork) -> Result<ExportFacts, Error> {
    let TrainedNetwork { network, weights } = trained;
    let normalisation = &setup.splits.normalisation;
    let properties = BTreeMap::from([
        ("genotype".to_owned(), genotype.to_string()),
        ("space".to_owned(), setup.space.name().to_owned()),
        ("classes".to_owned(), setup.dataset.classes().join("\n")),
        ("input.mean".to_owned(), join(&normalisation.mean)),
        ("input.deviation".to_owned(), join(&normalisation.deviation)),
        ("found_for".to_owned(), labels(roles)),
    ]);
    let options = OnnxOptions {
        properties,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(network, weights, &options)?;
    let (images, logits) = engine_logits(setup, network, weights)?;
    let report = verify_export(&bytes, &network.content_hash(), &images, &logits)?;
    let file = format!("{}.onnx", file_name(genotype));
    atomic_write(setup.folder.join(&file), &bytes)?;
    let checks = report.checks.iter().map(|check| ExportCheck {
        runtime: format!("{} {}", check.runtime, check.version),
        images: report.images as u32,
        worst_difference: check
            .largest_difference
            .map_or(1.0, |difference| difference / check.largest_logit),
        tolerance: check.tolerance / check.largest_logit,
        passed: check.ok,
    });
    Ok(ExportFacts {
        file,
        file_hash: ContentHash::plain(&bytes),
        bytes: Bytes(bytes.len() as u64),
        checks: checks.collect(),
    })
}

/// Validation images [batch, channels, height, width] and what the engine says of them.
fn engine_logits(setup: &Setup, network: &Network, weights: &Weights) -> Result<(Tensor, Tensor), Error> {
    let images = setup.splits.validation.sample(CHECKED_IMAGES, setup.file.seed);
    let loader = Loader::evaluation(images, &setup.splits.normalisation, CHECKED_IMAGES)?;
    let mut batch = Batch::new(loader.shape());
    loader.epoch(0).fill(0, &mut batch);
    let store = panarch_nn::Store::from_weights(network, weights).map_err(panarch_train::TrainError::from)?;
    let member = Member::new(network.clone(), &store)?;
    let mut logits = Vec::new();
    CpuEngine::new().evaluate(&member, &store, None, batch.images(), &mut logits)?;
    let shape = loader.shape();
    let (channels, height, width) = (shape.channels as usize, shape.height as usize, shape.width as usize);
    let pixels = height * width;
    // The engine takes [batch, height, width, channels], ONNX [batch, channels, height, width].
    let mut planes = Vec::with_capacity(batch.images().len());
    for image in batch.images().chunks_exact(pixels * channels) {
        for channel in 0..channels {
            planes.extend(image.iter().skip(channel).step_by(channels));
        }
    }
    let images = Tensor::new(vec![batch.len(), channels, height, width], planes)?;
    let classes = logits.len() / batch.len().max(1);
    Ok((images, Tensor::new(vec![batch.len(), classes], logits)?))
}

fn keep(setup: &Setup, devices: &Devices, finished: &Finished) -> Result<(), Error> {
    let provenance = Provenance {
        kind: ProvenanceKind::Measured,
        device: CpuEngine::new().name(),
        tool: "fine-tuned weights".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        precision: Precision::F32,
        batch: 1,
        repeats: None,
        note: Some("the official test split; Wilson interval of the sample".to_owned()),
    };
    let costs = devices.iter().zip(&finished.costs);
    setup.study.choose(Finalist {
        genotype: finished.genotype.clone(),
        name: labels(&finished.roles),
        roles: finished.roles.iter().map(ToString::to_string).collect(),
        network: finished.network.content_hash(),
        test_accuracy: Some((finished.test_accuracy, provenance)),
        costs: costs
            .map(|(device, cost)| (device.name().to_owned(), CostSummary::from(cost)))
            .collect(),
        files: vec![Artefact {
            kind: "onnx".to_owned(),
            path: finished.export.file.clone(),
            blake3: finished.export.file_hash.to_string(),
            length: finished.export.bytes,
        }],
        updated: Timestamp::now(),
    })?;
    Ok(())
}

fn labels(roles: &[Role]) -> String {
    let labels: Vec<String> = roles.iter().map(ToString::to_string).collect();
    labels.join(", ")
}

/// The genotype as part of a file name.
fn file_name(genotype: &Genotype) -> String {
    genotype
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

fn join(values: &[f32]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(" ")
}
