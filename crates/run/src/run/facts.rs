//! What the report says about the run itself: images, space, training, devices.

use panarch_cost::{DeviceAgreement, DeviceKind};
use panarch_report::run_report::{self, DatasetFacts, DeviceFacts, Fact, RunFacts, Seed, SpaceFacts};
use panarch_space::Distinct;
use panarch_study::Timestamp;
use panarch_train::schedule::{Phase, Teacher};

use super::{Device, Devices, Setup};
use crate::Error;
use crate::run_file::Target;

pub(super) fn run(setup: &Setup, command: &str) -> RunFacts {
    let seeds = &setup.file.search.seeds;
    let mut all = vec![Seed {
        purpose: "split, training, sampling".to_owned(),
        value: setup.file.seed,
    }];
    all.extend(seeds.iter().map(|seed| Seed {
        purpose: "search".to_owned(),
        value: *seed,
    }));
    RunFacts {
        name: setup.file.name.clone(),
        created: Timestamp::now().to_string(),
        software: format!("panarch {}", env!("CARGO_PKG_VERSION")),
        machine: panarch_measure::Machine::detect().to_string(),
        command: command.to_owned(),
        run_file_name: format!("{}.toml", setup.file.name),
        run_file: setup.file.resolved_toml(),
        seeds: all,
        facts: Vec::new(),
    }
}

pub(super) fn dataset(setup: &Setup) -> DatasetFacts {
    DatasetFacts {
        name: setup.dataset.name().to_owned(),
        source: setup.file.data.dataset.clone(),
        checksum: Some(format!(
            "BLAKE3 {} over sizes, pixels and labels of the training split",
            setup.splits.train.content_hash()
        )),
        classes: setup.head.classes,
        channels: setup.head.input_channels,
        resolution: setup.resolution,
        train_images: setup.splits.train.len() as u64,
        validation_images: setup.splits.validation.len() as u64,
        test_images: setup.dataset.test_len() as u64,
    }
}

pub(super) fn space(setup: &Setup) -> SpaceFacts {
    let counts = setup.space.count();
    let (distinct, exact) = match &counts.distinct {
        Distinct::Exact(count) => (count, true),
        Distinct::AtMost(count) => (count, false),
    };
    SpaceFacts {
        name: setup.space.name().to_owned(),
        hash: setup.space.hash(),
        decisions: setup.space.decisions().len() as u32,
        raw: counts.raw.to_string(),
        active: counts.active.to_string(),
        distinct: distinct.to_string(),
        distinct_is_exact: exact,
    }
}

pub(super) fn training(setup: &Setup) -> Result<Vec<Fact>, Error> {
    let schedule = super::supernet::training(setup)?.schedule;
    let phase = |phase: &Phase| {
        let teacher = match phase.distillation.map(|it| it.teacher) {
            Some(Teacher::InPlace) => ", distilled from the largest",
            Some(Teacher::Frozen) => ", distilled from the teacher",
            None => "",
        };
        format!(
            "{}: {:.4} epochs, learning rate {:.4}, {} sub-networks a step by the rule `{}`{teacher}",
            phase.name,
            phase.pace.epochs,
            phase.pace.learning_rate,
            phase.networks,
            phase.sampling.name()
        )
    };
    let phases: Vec<String> = schedule.phases.iter().map(phase).collect();
    let teacher = &setup.file.train.teacher;
    let teacher = teacher
        .as_ref()
        .map_or_else(String::new, |file| format!(", teacher from {file}"));
    let tuning = &setup.file.finalists;
    Ok(vec![
        Fact::new(
            "Supernet",
            format!(
                "schedule `{}`, batch {}{}; {}",
                schedule.name,
                schedule.batch,
                teacher,
                phases.join("; ")
            ),
        ),
        Fact::new(
            "Fine-tuning",
            format!(
                "{} epoch(s), learning rate {}",
                tuning.fine_tune_epochs, tuning.learning_rate
            ),
        ),
        Fact::new(
            "Judging sub-networks",
            format!(
                "{} recalibration images from the training split, {} validation images {}",
                setup.file.data.recalibration,
                setup.splits.validation.len(),
                match setup.dataset.has_validation() {
                    true => "of the dataset's own validation part",
                    false => "held out of it",
                }
            ),
        ),
    ])
}

/// The devices with their targets. Where the reference sets the targets, it is the anchor of every measurement of a real
/// machine, so that its prediction, its measurement and the target are one number.
pub(super) fn devices(setup: &Setup, devices: &Devices, agreement: &DeviceAgreement) -> Vec<DeviceFacts> {
    let targets = &setup.file.devices.targets;
    let facts = devices.iter().enumerate().map(|(index, device)| {
        let origin = match (targets.own.get(index), device.quality()) {
            (Some(Target::Share(share)), quality) => {
                let name = targets.reference.as_deref().unwrap_or_default();
                let of = match *share == 1.0 {
                    true => format!("latency of {name}"),
                    false => format!("{} % of the latency of {name}", share * 100.0),
                };
                match quality {
                    Some(_) => format!("{of}, the anchor of every measurement"),
                    None => of,
                }
            }
            _ => "limit in the run file".to_owned(),
        };
        let share = agreement.devices.get(index).and_then(|share| share.median_fixed_share);
        DeviceFacts {
            name: device.name().to_owned(),
            class: in_short(device.profile.description()).to_owned(),
            figures: figures(device),
            fixed_share: share,
            target: device.target,
            target_origin: origin,
            quality: device.quality().cloned(),
        }
    });
    facts.collect()
}

/// The first clause of a description.
fn in_short(description: &str) -> &str {
    description
        .split([':', ','])
        .next()
        .unwrap_or(description)
        .trim_end_matches('.')
}

fn figures(device: &Device) -> String {
    match device.profile.kind() {
        DeviceKind::Measured(target) => format!("measured with {}, {} thread(s)", target.runtime, target.threads),
        DeviceKind::Command(target) => format!("{} by the command {}", target.answers, target.tool),
        DeviceKind::Table(target) => format!("sums of block latencies from {}", target.file.display()),
        DeviceKind::Linear(target) => format!("linear model of {} from {}", target.space, target.file.display()),
        DeviceKind::Hierarchy(_) => {
            "loop-nest mapper; every figure of the profile names its source or is marked as an assumption".to_owned()
        }
        _ => "a model of its parts; every figure of the profile names its source or is marked as an assumption"
            .to_owned(),
    }
}

pub(super) fn agreement(agreement: &DeviceAgreement) -> run_report::DeviceAgreement {
    let names: Vec<&str> = agreement.devices.iter().map(|device| device.device.as_str()).collect();
    let tau = |a: &str, b: &str| {
        let pair = agreement
            .pairs
            .iter()
            .find(|pair| (pair.first == a && pair.second == b) || (pair.first == b && pair.second == a));
        if a == b {
            1.0
        } else {
            /* a device that takes the same time for everything disagrees with none */
            pair.and_then(|pair| pair.tau).unwrap_or(1.0)
        }
    };
    run_report::DeviceAgreement {
        sampled: agreement.networks as u32,
        kendall: names
            .iter()
            .map(|a| names.iter().map(|b| tau(a, b)).collect())
            .collect(),
        fixed_share_limit: DeviceAgreement::LARGEST_FIXED_SHARE,
        kendall_limit: DeviceAgreement::DIFFERENT_TAU,
        pairs_needed: DeviceAgreement::DIFFERENT_PAIRS as u32,
    }
}
