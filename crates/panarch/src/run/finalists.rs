//! The networks that were found: fine-tuned, judged on the test split once, measured again, exported and verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_cost::Cost;
use panarch_format::{read_safetensors, write_safetensors};
use panarch_graph::{Accuracy, Estimate, Network, Precision, Provenance, ProvenanceKind};
use panarch_report::run_report::{ExportFacts, Role};
use panarch_space::Genotype;
use panarch_study::{Artefact, CostSummary, Evaluation, EventKind, Finalist, Timestamp};
use panarch_train::data::TestSplit;
use panarch_train::{
    CheckpointPolicy, Control, CpuEngine, Engine, FineTuning, NetworkTrainer, Outcome, Progress, Supernet,
    TrainedNetwork,
};

use super::pool::Pool;
use super::supernet::optimisation;
use super::{Devices, Searched, Setup, Watch, export};
use crate::Error;
use crate::run_file::{Goal, Targets};

/// The role of the network that keeps a limit on every device.
pub(super) const LIMITS: &str = "limits on every device";
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
    setup.study.log(
        "finalists",
        EventKind::Started,
        format!("{} networks fine-tuned", tuned.len()),
    )?;
    // Everything has been chosen: the test split is opened here, once.
    watch.step("Testing, measuring and exporting the finalists");
    let trained: Vec<(&Genotype, &TrainedNetwork)> = tuned
        .iter()
        .map(|(genotype, _, trained, _)| (*genotype, trained))
        .collect();
    let mut costs = vec![Vec::new(); trained.len()];
    for device in devices.iter() {
        for (costs, cost) in costs.iter_mut().zip(device.final_costs(setup, &trained, watch)?) {
            costs.push(cost);
        }
    }
    let test = setup.dataset.test_split();
    let mut finished = Vec::new();
    for ((genotype, roles, trained, evaluation), costs) in tuned.into_iter().zip(costs) {
        watch.check()?;
        let test_accuracy = judge(setup, genotype, roles, &trained, &test)?;
        let export = export::write(setup, genotype, roles, &trained)?;
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
    setup
        .study
        .log("finalists", EventKind::Finished, "tested, measured, exported")?;
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
                name: LIMITS.to_owned(),
            },
            (_, false) => Role::Other {
                name: search.name.clone(),
            },
        };
        add(&search.winner, role);
    }
    let reference = setup.reference()?;
    if let Some((name, genotype)) = &reference {
        add(genotype, Role::Reference { name: name.clone() });
    }
    // What sets the targets of measured devices is measured together with what is compared with it.
    if let (Targets::Reference(name), Some(genotype)) = (&setup.file.devices.targets, setup.target_reference()?)
        && reference.is_none_or(|(_, known)| known != genotype)
    {
        add(&genotype, Role::Reference { name: name.clone() });
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
            pace: panarch_train::Pace {
                epochs: section.fine_tune_epochs,
                learning_rate: section.learning_rate,
                warmup_epochs: 0.0,
                ..panarch_train::Pace::default()
            },
            optimisation: panarch_train::Optimisation {
                // A finalist is for images of one size.
                augmentation: panarch_train::data::Augmentation {
                    resolutions: None,
                    ..setup.file.train.augmentation
                },
                ..optimisation(setup)
            },
            ..FineTuning::default()
        };
        let mut trainer = NetworkTrainer::fine_tune(supernet, genotype, &setup.splits, settings)?;
        let checkpoint = checkpoint_of(path);
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
    // What it was for is done; should removing it fail, it is only in the way.
    let _ = std::fs::remove_file(checkpoint_of(path));
    Ok(trained)
}

fn checkpoint_of(path: &Path) -> PathBuf {
    path.with_extension("checkpoint.safetensors")
}

/// The accuracy on the test split: in the study before anything else happens, so that the split is used once.
fn judge(
    setup: &Setup,
    genotype: &Genotype,
    roles: &[Role],
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
    let accuracy = score.accuracy();
    setup.study.choose(record(genotype, roles, network, accuracy))?;
    Ok(accuracy)
}

/// A finalist as the study keeps it, without costs and files yet.
fn record(genotype: &Genotype, roles: &[Role], network: &Network, accuracy: Estimate<Accuracy>) -> Finalist {
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
    Finalist {
        genotype: genotype.clone(),
        name: labels(roles),
        roles: roles.iter().map(ToString::to_string).collect(),
        network: network.content_hash(),
        test_accuracy: Some((accuracy, provenance)),
        costs: Vec::new(),
        files: Vec::new(),
        updated: Timestamp::now(),
    }
}

fn keep(setup: &Setup, devices: &Devices, finished: &Finished) -> Result<(), Error> {
    let costs = devices.iter().zip(&finished.costs);
    setup.study.choose(Finalist {
        costs: costs
            .map(|(device, cost)| (device.name().to_owned(), CostSummary::from(cost)))
            .collect(),
        files: vec![Artefact {
            kind: "onnx".to_owned(),
            path: finished.export.file.clone(),
            blake3: finished.export.file_hash.to_string(),
            length: finished.export.bytes,
        }],
        ..record(
            &finished.genotype,
            &finished.roles,
            &finished.network,
            finished.test_accuracy,
        )
    })?;
    Ok(())
}

pub(super) fn labels(roles: &[Role]) -> String {
    let labels: Vec<String> = roles.iter().map(ToString::to_string).collect();
    labels.join(", ")
}

/// The genotype as part of a file name.
pub(super) fn file_name(genotype: &Genotype) -> String {
    genotype
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}
