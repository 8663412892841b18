//! What each derived thing of a run is made of; `docs/adr/0016` draws the graph.
//!
//! What takes long to make is kept with its [`Inputs`] and used again only where they are the same. What does not (costs by a
//! model, exported files, the report) is made each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use panarch_format::FormatError;
use panarch_graph::{Inputs, Latency, Network, Weights};
use panarch_search::registry::Value;
use panarch_study::{Header, Metric, Subject, Trial};
use panarch_train::{Supernet, TrainError, Validator};

use super::{Devices, Setup, Watch};
use crate::Error;
use crate::run_file::{Goal, SearchSection, forget_other_settings};

/// The revision of strategies and objectives: raised whenever the same inputs give other trials.
const SEARCH_REVISION: u32 = 2;

/// The pool of evaluations: whatever decides the accuracy of a genotype.
pub(super) fn evaluations(setup: &Setup, supernet: &Supernet) -> Inputs {
    Inputs::new()
        .with("supernet", supernet.content_hash())
        .with_text("space", setup.space.hash())
        .with_all(&setup.validator.inputs())
}

/// The trials of a search, however many: more evaluations extend them.
pub(super) fn search(
    setup: &Setup,
    devices: &Devices,
    (goal, chosen): (&Goal, &[usize]),
    seed: u64,
    evaluations: &Inputs,
) -> Inputs {
    let section = &setup.file.search;
    let mut inputs = Inputs::new()
        .with("accuracies", evaluations.key())
        .with_text("space", setup.space.hash())
        .with_text("image size", format!("{} {:?}", setup.resolution, setup.head));
    for (index, device) in devices.iter().enumerate() {
        // A network that any device of the run cannot run is never proposed.
        inputs = inputs.with(format!("device {}", device.name()), device.protocol());
        if chosen.contains(&index) {
            inputs = inputs.with_text(format!("target on {}", device.name()), exact(device.target));
        }
    }
    if let Some(confidence) = section.confidence {
        inputs = inputs.with_text("confidence", format!("{confidence:e}"));
    }
    if section.racing_deviations().is_some() {
        inputs = inputs.with_text("racing", format!("{:e}", section.racing));
    }
    // A run without limits has the inputs that it always had.
    for limit in setup.file.limits.iter() {
        let name = format!(
            "limit of {} on {}",
            limit.most().quantity(),
            limit.device().unwrap_or("the network")
        );
        inputs = inputs.with_text(name, format!("{:e}", limit.most().number()));
    }
    if let Goal::All(metric) = goal {
        inputs = weights_and_power(setup, inputs, *metric);
    }
    let metric = match goal {
        Goal::Device(_) => "one device",
        shared => shared.name(),
    };
    inputs
        .with_text("goal", metric)
        .with_text(
            "reward",
            format!("{} {:e}", section.reward.name(), section.reward.beta()),
        )
        .with_text("strategy", strategy(section))
        .with_text("seed", seed)
        .with_text("search", SEARCH_REVISION)
}

/// What joins the devices, where that is not what it is by default and matters.
fn weights_and_power(setup: &Setup, mut inputs: Inputs, metric: Metric) -> Inputs {
    let joined = matches!(metric, Metric::Average | Metric::SmoothWorst);
    for (name, weight) in setup.file.devices.names.iter().zip(&setup.file.devices.weights) {
        if joined && *weight != 1.0 {
            inputs = inputs.with_text(format!("weight of {name}"), format!("{weight:e}"));
        }
    }
    if metric == Metric::SmoothWorst {
        inputs = inputs.with_text("power", format!("{:e}", setup.file.search.power));
    }
    inputs
}

fn strategy(section: &SearchSection) -> String {
    let settings = section.settings.iter().map(|(_, value)| match value {
        Value::Whole(value) => format!(" {value}"),
        Value::Real(value) => format!(" {value:e}"),
    });
    settings.fold(section.strategy.name.to_owned(), |words, value| words + &value)
}

/// What a policy is rewarded by.
pub(super) fn reward(setup: &Setup, devices: &Devices) -> Inputs {
    let section = &setup.file.search;
    let form = format!(
        "{} {} {:e}",
        setup.file.train.objective.name(),
        section.reward.name(),
        section.reward.beta()
    );
    let inputs = Inputs::new().with_text("reward", form);
    let inputs = weights_and_power(setup, inputs, setup.file.train.objective);
    devices.iter().fold(inputs, |inputs, device| {
        inputs
            .with(format!("device {}", device.name()), device.protocol())
            .with_text(format!("target on {}", device.name()), exact(device.target))
    })
}

/// A finalist that is only recalibrated, not trained further.
pub(super) fn inherited(network: &Network, start: &Weights, validator: &Validator) -> Inputs {
    Inputs::new()
        .with("network", network.content_hash())
        .with("weights that it begins from", start.content_hash())
        .with_all(&validator.recalibration_inputs())
        .with_text("trainer", panarch_train::REVISION)
}

/// The accuracy of finished weights on the test split.
pub(super) fn tested(setup: &Setup, network: &Network, weights: &Weights) -> Inputs {
    let normalisation = setup.splits.inputs().get("normalisation");
    let inputs = Inputs::new()
        .with("network", network.content_hash())
        .with("weights", weights.content_hash())
        .with("test pictures", setup.dataset.test_split().content_hash())
        .with_text("trainer", panarch_train::REVISION);
    normalisation
        .into_iter()
        .fold(inputs, |inputs, hash| inputs.with("normalisation", hash))
}

fn exact(latency: Latency) -> String {
    format!("{:e}", latency.seconds())
}

/// Takes a subject of the study up with these inputs. Says in one line why what was there is not gone on with; gives whether
/// there was such a thing.
pub(super) fn take_up(
    setup: &Setup,
    subject: Subject,
    inputs: &Inputs,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<bool, Error> {
    let storage = setup.study.storage();
    let known = match &subject {
        Subject::Evaluations => !storage.evaluations()?.is_empty(),
        Subject::Search(name) => !storage.trials(Some(name))?.is_empty(),
        Subject::Finalist(genotype) => storage.finalists()?.iter().any(|it| it.genotype == *genotype),
    };
    let why = match setup.study.base(subject, inputs)? {
        Some(before) => inputs.difference(&before),
        None => known.then(|| NOT_SAID.to_owned()),
    };
    let changed = why.is_some();
    if let Some(why) = why {
        watch.note(format!("{what}: {why}"));
    }
    Ok(changed)
}

const NOT_SAID: &str = "what is there does not say what it was made of";

/// Why a training cannot be gone on with; an error where that is nothing that training again would mend.
pub(super) fn why_not(error: TrainError) -> Result<String, Error> {
    match error {
        TrainError::CheckpointOfAnother { changed, .. } => Ok(changed),
        TrainError::CheckpointContent { path, reason } => Ok(format!("{} is damaged: {reason}", file_name(&path))),
        TrainError::CheckpointFile { path, source } if !matches!(source, FormatError::Io { .. }) => {
            Ok(format!("{} is damaged: {source}", file_name(&path)))
        }
        other => Err(other.into()),
    }
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The trials of a search that belong to a run of this many evaluations.
pub(super) fn trials(setup: &Setup, search: &str) -> Result<Vec<Trial>, Error> {
    let mut trials = setup.study.trials(search)?;
    trials.retain(|trial| trial.number < setup.file.search.evaluations as u64);
    Ok(trials)
}

/// The keys of the run file that were others when the study was last worked on, with both values.
pub(super) fn changed_keys(before: &Header, now: &Header) -> Vec<String> {
    let (before, now) = (keys(&before.run), keys(&now.run));
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let shown = |keys: &BTreeMap<String, String>, name: &String| {
        keys.get(name).cloned().unwrap_or_else(|| "not given".to_owned())
    };
    let changed = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
    changed
        .map(|name| format!("`{name}` was {} and is {}", shown(&before, name), shown(&now, name)))
        .collect()
}

/// Every key of a resolved run file with its section, which is one line each.
pub(super) fn keys(resolved: &str) -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut keys = BTreeMap::new();
    for line in resolved.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, value)) = line.split_once(" = ") {
            keys.insert(format!("{section}{key}"), value.to_owned());
        }
    }
    forget_other_settings(&mut keys);
    keys
}
