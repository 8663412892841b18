//! The networks that were found: fine-tuned, judged on the test split once, measured again, exported and verified.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_cost::Cost;
use panarch_data::TestSplit;
use panarch_format::{FormatError, read_safetensors, write_safetensors};
use panarch_graph::{Accuracy, Estimate, Inputs, Network, Precision, Provenance, ProvenanceKind, Weights};
use panarch_report::run_report::{ExportFacts, Role};
use panarch_space::Genotype;
use panarch_study::{Artefact, CostSummary, Evaluation, EventKind, Finalist, Metric, Subject, Timestamp};
use panarch_train::{
    CheckpointPolicy, Control, FineTuning, NetworkTrainer, Outcome, Progress, Supernet, TrainError, TrainedNetwork,
};

use super::pool::Pool;
use super::problems::Problems;
use super::supernet::optimisation;
use super::{Devices, FINALISTS, Searched, Setup, Watch, export, inputs};
use crate::Error;
use crate::engine::engine;
use crate::run_file::Goal;

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
    /// The exported file; none where it could not be written.
    pub export: Option<ExportFacts>,
}

impl Finished {
    /// Whether the exported file is there and computes what the engine computes, in every runtime that was asked.
    #[must_use]
    pub fn export_ok(&self) -> bool {
        self.export
            .as_ref()
            .is_some_and(|export| !export.checks.is_empty() && export.checks.iter().all(|check| check.passed))
    }
}

/// Finishes the winners of all searches and the reference.
pub(super) fn finish(
    setup: &Setup,
    devices: &Devices,
    supernet: &Supernet,
    searched: &[Searched],
    problems: &mut Problems,
    watch: &mut Watch<'_>,
) -> Result<Vec<Finished>, Error> {
    let folder = setup.folder.join(FINALISTS);
    std::fs::create_dir_all(&folder).map_err(Error::writing(&folder))?;
    let mut pool = Pool::new(setup, supernet, watch)?;
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
    close_others(setup, &wanted)?;
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
        let last = match device.final_costs(setup, &trained, watch) {
            Ok(last) => last,
            Err(error) => {
                problems.add(Error::CheckFailed(format!(
                    "{} gave no last costs of the finalists, so that those of the search stand in the report: {error}",
                    device.name()
                )));
                device.search_costs(&trained)?
            }
        };
        for (costs, cost) in costs.iter_mut().zip(last) {
            costs.push(cost);
        }
    }
    let test = setup.dataset.test_split();
    let mut finished = Vec::new();
    for ((genotype, roles, trained, evaluation), costs) in tuned.into_iter().zip(costs) {
        watch.check()?;
        let test_accuracy = match judge(setup, genotype, roles, &trained, &test, watch) {
            // One network that answers with no numbers is no reason to say nothing of the others.
            Err(error @ Error::Train(TrainError::Answer { .. })) => {
                problems.add(error);
                continue;
            }
            judged => judged?,
        };
        let export = export::write(setup, genotype, roles, &trained, watch);
        let export = problems
            .take(export.map_err(|error| Error::CheckFailed(format!("{genotype} could not be exported: {error}"))));
        let finalist = Finished {
            roles: roles.clone(),
            genotype: genotype.clone(),
            network: trained.network,
            evaluation,
            test_accuracy,
            costs,
            export,
        };
        if finalist.export.is_some() && !finalist.export_ok() {
            problems.add(Error::CheckFailed(format!(
                "the exported file of {genotype} does not compute what the engine computes"
            )));
        }
        keep(setup, devices, &finalist)?;
        finished.push(finalist);
    }
    setup
        .study
        .log("finalists", EventKind::Finished, "tested, measured, exported")?;
    name_others(setup, &finished, watch);
    let checked: Vec<&str> = finished
        .iter()
        .find_map(|f| f.export.as_ref())
        .map(|export| export.checks.iter().map(|check| check.runtime.as_str()).collect())
        .unwrap_or_default();
    watch.done(format!(
        "{} networks, exported files checked in {}",
        finished.len(),
        checked.join(" and ")
    ));
    Ok(finished)
}

/// Finalists of an earlier run that this one has not found are none of its own.
fn close_others(setup: &Setup, wanted: &[(Genotype, Vec<Role>)]) -> Result<(), Error> {
    let others = setup.study.subjects()?.into_iter().filter(|subject| match subject {
        Subject::Finalist(found) => !wanted.iter().any(|(genotype, _)| genotype == found),
        _ => false,
    });
    Ok(setup.study.close(others)?)
}

/// Names the exported files of earlier runs, which stay and are not to be taken for this one's.
fn name_others(setup: &Setup, finished: &[Finished], watch: &mut Watch<'_>) {
    let Ok(entries) = std::fs::read_dir(&setup.folder) else {
        return;
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let exported: Vec<&String> = finished
        .iter()
        .filter_map(|finalist| Some(&finalist.export.as_ref()?.file))
        .collect();
    let mut others: Vec<String> = names
        .filter(|name| name.ends_with(".onnx") && !exported.contains(&name))
        .collect();
    others.sort_unstable();
    if !others.is_empty() {
        watch.note(format!(
            "of an earlier run, and no finalist of this one: {}",
            others.join(", ")
        ));
    }
}

/// What the winner of a goal was found for.
pub(super) fn role_of(goal: &Goal) -> Role {
    match goal {
        Goal::Device(name) => Role::Device { name: name.clone() },
        Goal::All(Metric::Average) => Role::Average,
        Goal::All(Metric::Worst) => Role::WorstCase,
        Goal::All(Metric::SmoothWorst) => Role::Other {
            name: Metric::SmoothWorst.title().to_owned(),
        },
        Goal::All(Metric::Each) => Role::Other {
            name: LIMITS.to_owned(),
        },
    }
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
            (goal, true) => role_of(goal),
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
    if let (Some(name), Some(genotype)) = (&setup.file.devices.targets.reference, setup.target_reference()?)
        && reference.is_none_or(|(_, known)| known != genotype)
    {
        add(&genotype, Role::Reference { name: name.clone() });
    }
    Ok(wanted)
}

/// Fine-tunes a finalist, going on from its checkpoint; the finished weights are kept beside it with what they are made of.
fn tune(
    setup: &Setup,
    supernet: &Supernet,
    genotype: &Genotype,
    path: &Path,
    watch: &mut Watch<'_>,
) -> Result<TrainedNetwork, Error> {
    let mut trainer = trainer(setup, supernet, genotype)?;
    let (network, start) = supernet.extract(genotype)?;
    let made_of = match &mut trainer {
        Some(trainer) => {
            trainer.add_inputs(&setup.validator.recalibration_inputs());
            trainer.inputs().clone()
        }
        None => inputs::inherited(&network, &start, &setup.validator),
    };
    match kept(path, &network, &made_of)? {
        Kept::Weights(weights) => return Ok(TrainedNetwork { network, weights }),
        Kept::Nothing => {}
        Kept::Other(why) => watch.note(format!("{genotype} is fine-tuned again: {why}")),
    }
    let mut engine = engine();
    let trained = match trainer {
        Some(trainer) => fine_tune(setup, supernet, genotype, trainer, path, watch)?,
        None => panarch_train::inherit(engine.as_mut(), supernet, genotype, &setup.validator)?,
    };
    let made_of = serde_json::to_string(&made_of).map_err(|error| Error::Input(error.to_string()))?;
    let metadata = BTreeMap::from([
        ("network".to_owned(), network.content_hash().to_string()),
        ("genotype".to_owned(), genotype.to_string()),
        ("space".to_owned(), setup.space.hash().to_string()),
        (INPUTS.to_owned(), made_of),
    ]);
    write_safetensors(path, &trained.weights, &metadata)?;
    // What it was for is done; should removing it fail, it is only in the way.
    let _ = std::fs::remove_file(checkpoint_of(path));
    Ok(trained)
}

/// The key in a file's metadata of what its weights are made of.
const INPUTS: &str = "inputs";

/// What lies where a finalist's weights are to be.
enum Kept {
    Nothing,
    Weights(Weights),
    /// Something else, and why it is not taken.
    Other(String),
}

fn kept(path: &Path, network: &Network, made_of: &Inputs) -> Result<Kept, Error> {
    if !path.is_file() {
        return Ok(Kept::Nothing);
    }
    let name = inputs::file_name(path);
    let file = match read_safetensors(path) {
        Ok(file) => file,
        Err(error @ FormatError::Io { .. }) => return Err(error.into()),
        Err(error) => return Ok(Kept::Other(format!("{name} is damaged: {error}"))),
    };
    let before = file
        .metadata
        .get(INPUTS)
        .map(|text| serde_json::from_str::<Inputs>(text));
    let why = match before {
        Some(Ok(before)) => made_of.difference(&before),
        Some(Err(error)) => Some(format!("{name} is damaged: {error}")),
        None => Some(format!("{name} does not say what it was made of")),
    };
    if let Some(why) = why {
        return Ok(Kept::Other(why));
    }
    if !file.sealed || file.weights.check(network).is_err() {
        return Ok(Kept::Other(format!(
            "{name} is damaged: it was changed after it was written"
        )));
    }
    Ok(Kept::Weights(file.weights))
}

/// The training of a finalist at its beginning; none where it is not to be trained further.
fn trainer(setup: &Setup, supernet: &Supernet, genotype: &Genotype) -> Result<Option<NetworkTrainer>, Error> {
    let section = &setup.file.finalists;
    if section.fine_tune_epochs <= 0.0 {
        return Ok(None);
    }
    let settings = FineTuning {
        pace: panarch_train::Pace {
            epochs: section.fine_tune_epochs,
            learning_rate: section.learning_rate,
            warmup_epochs: 0.0,
            ..panarch_train::Pace::default()
        },
        optimisation: panarch_train::Optimisation {
            // A finalist is for images of one size.
            augmentation: panarch_data::Augmentation {
                resolutions: None,
                ..setup.file.train.augmentation
            },
            ..optimisation(setup)
        },
        ..FineTuning::default()
    };
    Ok(Some(NetworkTrainer::fine_tune(
        supernet,
        genotype,
        &setup.splits,
        settings,
    )?))
}

fn fine_tune(
    setup: &Setup,
    supernet: &Supernet,
    genotype: &Genotype,
    mut begun: NetworkTrainer,
    path: &Path,
    watch: &mut Watch<'_>,
) -> Result<TrainedNetwork, Error> {
    let checkpoint = checkpoint_of(path);
    if checkpoint.is_file()
        && let Err(error) = begun.resume(&checkpoint)
    {
        let why = inputs::why_not(error)?;
        watch.note(format!(
            "the fine-tuning of {genotype} that was cut short begins again: {why}"
        ));
        if let Some(anew) = trainer(setup, supernet, genotype)? {
            begun = anew;
            begun.add_inputs(&setup.validator.recalibration_inputs());
        }
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
    let mut engine = engine();
    if begun.train(engine.as_mut(), &setup.validator, &mut control)? == Outcome::Cancelled {
        return Err(Error::Interrupted);
    }
    Ok(begun.finish(engine.as_mut(), &setup.validator)?)
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
    watch: &mut Watch<'_>,
) -> Result<Estimate<Accuracy>, Error> {
    let TrainedNetwork { network, weights } = trained;
    let made_of = inputs::tested(setup, network, weights);
    let subject = Subject::Finalist(genotype.clone());
    inputs::take_up(setup, subject, &made_of, &format!("{genotype} is tested again"), watch)?;
    let kept = setup
        .study
        .storage()
        .finalists()?
        .into_iter()
        .find(|finalist| finalist.genotype == *genotype);
    if let Some((accuracy, _)) = kept.and_then(|finalist| finalist.test_accuracy) {
        return Ok(accuracy);
    }
    let normalisation = &setup.splits.normalisation;
    let score = panarch_train::test(engine().as_mut(), network, weights, test, normalisation, TEST_BATCH)?;
    let accuracy = score.accuracy();
    setup.study.choose(record(genotype, roles, network, accuracy))?;
    Ok(accuracy)
}

/// A finalist as the study keeps it, without costs and files yet.
fn record(genotype: &Genotype, roles: &[Role], network: &Network, accuracy: Estimate<Accuracy>) -> Finalist {
    let provenance = Provenance {
        kind: ProvenanceKind::Measured,
        device: engine().name(),
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
        files: finished
            .export
            .iter()
            .map(|export| Artefact {
                kind: "onnx".to_owned(),
                path: export.file.clone(),
                blake3: export.file_hash.to_string(),
                length: export.bytes,
            })
            .collect(),
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
