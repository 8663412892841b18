//! The report's data, from what a run has found out.

use std::collections::BTreeMap;

use panarch_cost::{Cost, DeviceKind, Fairness};
use panarch_graph::Latency;
use panarch_report::RunReport;
use panarch_report::run_report::{
    self, AccuracyBasis, DatasetFacts, DeviceFacts, DeviceLatency, DeviceLayers, EvaluatedNetwork, Fact, Outcome,
    PredictionCheck, PredictionPair, Repeat, Role, RunFacts, SearchFacts, SearchTrial, Seed, SpaceFacts, VERSION,
    blocks_of,
};
use panarch_space::{Distinct, Genotype};
use panarch_study::{CostSummary, Timestamp, pareto_front};

use super::{Device, Devices, Finished, Searched, Setup};
use crate::Error;
use crate::run_file::{Goal, Targets};

/// Collects everything that the report shows.
pub(super) fn report(
    setup: &Setup,
    devices: &Devices,
    fairness: Fairness,
    searched: &[Searched],
    finished: &[Finished],
    command: &str,
) -> Result<RunReport, Error> {
    let mut report = RunReport {
        version: VERSION,
        run: run_facts(setup, command),
        dataset: dataset_facts(setup),
        space: space_facts(setup),
        training: training_facts(setup),
        devices: device_facts(setup, devices, &fairness, finished),
        fairness: Some(fairness_facts(&fairness)),
        provenances: Vec::new(),
        search_accuracy: AccuracyBasis {
            split: "validation".to_owned(),
            images: setup.splits.validation.len() as u64,
            weights: "inherited from the supernet, batch normalisation recalibrated".to_owned(),
        },
        test_accuracy: AccuracyBasis {
            split: "test".to_owned(),
            images: setup.dataset.test_len() as u64,
            weights: format!("fine-tuned for {} epoch(s)", setup.file.finalists.fine_tune_epochs),
        },
        networks: Vec::new(),
        finalists: Vec::new(),
        chosen: None,
        layers: Vec::new(),
        predictions: Vec::new(),
        searches: Vec::new(),
        repeats: Vec::new(),
    };
    let places = networks(setup, devices, &mut report)?;
    searches(setup, searched, &places, &mut report)?;
    finalists(devices, finished, &mut report);
    report.chosen = chosen(&report);
    layers(devices, finished, &mut report);
    predictions(setup, devices, finished, &mut report)?;
    repeats(setup, searched, finished, &mut report);
    report.check()?;
    Ok(report)
}

fn run_facts(setup: &Setup, command: &str) -> RunFacts {
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

fn dataset_facts(setup: &Setup) -> DatasetFacts {
    DatasetFacts {
        name: setup.dataset.name().to_owned(),
        source: setup.file.data.dataset.clone(),
        checksum: Some(format!("SHA-256 of the training split {}", setup.splits.fingerprint())),
        classes: setup.head.classes,
        channels: setup.head.input_channels,
        resolution: setup.resolution,
        train_images: setup.splits.train.len() as u64,
        validation_images: setup.splits.validation.len() as u64,
        test_images: setup.dataset.test_len() as u64,
    }
}

fn space_facts(setup: &Setup) -> SpaceFacts {
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

fn training_facts(setup: &Setup) -> Vec<Fact> {
    let train = &setup.file.train;
    let tuning = &setup.file.finalists;
    vec![
        Fact::new(
            "Supernet",
            format!(
                "{} epochs, batch {}, learning rate {}, sandwich of the largest, the smallest and {} random sub-networks, \
                 distilled from the largest",
                train.epochs, train.batch, train.learning_rate, train.random_subnets
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
                "{} recalibration images from the training split, {} validation images held out of it",
                setup.file.data.recalibration,
                setup.splits.validation.len()
            ),
        ),
    ]
}

/// The target of a real machine is what the reference takes when the finalists are measured, so that finalists and target
/// come from the same measurement; every other target is the one that was searched with.
fn device_facts(setup: &Setup, devices: &Devices, fairness: &Fairness, finished: &[Finished]) -> Vec<DeviceFacts> {
    let is_reference = |finalist: &&Finished| finalist.roles.iter().any(|role| matches!(role, Role::Reference { .. }));
    let reference = finished.iter().find(is_reference);
    let facts = devices.iter().enumerate().map(|(index, device)| {
        let measured = reference
            .and_then(|finalist| finalist.costs.get(index))
            .map(|cost| cost.latency.value);
        let (target, origin) = match (&setup.file.devices.targets, measured) {
            (Targets::Latencies(_), _) => (device.target, "limit in the run file".to_owned()),
            (Targets::Reference(name), Some(measured)) if device.is_measured() => {
                (measured, format!("latency of {name}, measured with the finalists"))
            }
            (Targets::Reference(name), _) => (device.target, format!("latency of {name}")),
        };
        let share = fairness.devices.get(index).and_then(|share| share.median_fixed_share);
        DeviceFacts {
            name: device.name().to_owned(),
            class: device.profile.description().to_owned(),
            figures: figures(device),
            fixed_share: share,
            target,
            target_origin: origin,
        }
    });
    facts.collect()
}

fn figures(device: &Device) -> String {
    match device.profile.kind() {
        DeviceKind::Measured(target) => format!("measured with {}, {} thread(s)", target.runtime, target.threads),
        _ => "analytic model; every figure of the profile names its source or is marked as an assumption".to_owned(),
    }
}

fn fairness_facts(fairness: &Fairness) -> run_report::Fairness {
    let names: Vec<&str> = fairness.devices.iter().map(|device| device.device.as_str()).collect();
    let tau = |a: &str, b: &str| {
        let pair = fairness
            .pairs
            .iter()
            .find(|pair| (pair.first == a && pair.second == b) || (pair.first == b && pair.second == a));
        if a == b {
            1.0
        } else {
            pair.and_then(|pair| pair.tau).unwrap_or(0.0)
        }
    };
    run_report::Fairness {
        sampled: fairness.networks as u32,
        kendall: names
            .iter()
            .map(|a| names.iter().map(|b| tau(a, b)).collect())
            .collect(),
        fixed_share_limit: Fairness::LARGEST_FIXED_SHARE,
        kendall_limit: Fairness::DIFFERENT_TAU,
        pairs_needed: Fairness::DIFFERENT_PAIRS as u32,
    }
}

fn device_latency(report: &mut RunReport, summary: &CostSummary) -> DeviceLatency {
    let provenance = report.provenance(&summary.provenance);
    DeviceLatency {
        latency: summary.latency,
        provenance,
    }
}

/// Every evaluated network; gives the place of each genotype.
fn networks(setup: &Setup, devices: &Devices, report: &mut RunReport) -> Result<BTreeMap<Genotype, u32>, Error> {
    let storage = setup.study.storage();
    let mut found_by: BTreeMap<Genotype, Vec<String>> = BTreeMap::new();
    for trial in storage.trials(None)? {
        let searches = found_by.entry(trial.genotype).or_default();
        if !searches.contains(&trial.search) {
            searches.push(trial.search);
        }
    }
    let mut places = BTreeMap::new();
    let mut points = Vec::new();
    for evaluation in storage.evaluations()? {
        let costs = devices.costs(setup, &evaluation.genotype)?;
        let network = setup.network(&evaluation.genotype)?;
        let mut point = vec![1.0 - evaluation.accuracy.value.share()];
        point.extend(costs.iter().map(|cost| cost.latency.value.seconds()));
        points.push(point);
        let latency = costs.iter().map(|cost| device_latency(report, cost)).collect();
        places.insert(evaluation.genotype.clone(), report.networks.len() as u32);
        report.networks.push(EvaluatedNetwork {
            genotype: evaluation.genotype.to_string(),
            hash: evaluation.network,
            accuracy: evaluation.accuracy,
            latency,
            macs: network.macs(),
            parameters: network.parameter_count(),
            found_by: found_by.remove(&evaluation.genotype).unwrap_or_default(),
            non_dominated: false,
        });
    }
    for index in pareto_front(&points) {
        if let Some(network) = report.networks.get_mut(index) {
            network.non_dominated = true;
        }
    }
    Ok(places)
}

fn searches(
    setup: &Setup,
    searched: &[Searched],
    places: &BTreeMap<Genotype, u32>,
    report: &mut RunReport,
) -> Result<(), Error> {
    for search in searched {
        let trials = setup.study.trials(&search.name)?;
        report.searches.push(SearchFacts {
            name: search.name.clone(),
            objective: search.objective.clone(),
            strategy: search.strategy.clone(),
            seed: search.seed,
            trials: trials
                .iter()
                .map(|trial| SearchTrial {
                    reward: trial.reward,
                    network: places.get(&trial.genotype).copied(),
                })
                .collect(),
            winner: places.get(&search.winner).copied(),
        });
    }
    Ok(())
}

fn finalists(devices: &Devices, finished: &[Finished], report: &mut RunReport) {
    for finalist in finished {
        let latency = finalist
            .costs
            .iter()
            .map(|cost| device_latency(report, &CostSummary::from(cost)))
            .collect();
        debug_assert_eq!(devices.iter().count(), finalist.costs.len());
        report.finalists.push(run_report::Finalist {
            roles: finalist.roles.clone(),
            genotype: finalist.genotype.to_string(),
            hash: finalist.network.content_hash(),
            search_accuracy: Some(finalist.evaluation.accuracy),
            test_accuracy: finalist.test_accuracy,
            latency,
            macs: finalist.network.macs(),
            parameters: finalist.network.parameter_count(),
            blocks: blocks_of(&finalist.network),
            export: Some(finalist.export.clone()),
        });
    }
}

/// The network that the run recommends: the worst case's, else the average's, else that of the only search.
fn chosen(report: &RunReport) -> Option<u32> {
    let place = |wanted: fn(&Role) -> bool| report.finalists.iter().position(|f| f.roles.iter().any(wanted));
    let place = place(|role| matches!(role, Role::WorstCase))
        .or_else(|| place(|role| matches!(role, Role::Other { .. })))
        .or_else(|| place(|role| matches!(role, Role::Average)))
        .or_else(|| place(|role| matches!(role, Role::Device { .. })))?;
    u32::try_from(place).ok()
}

fn layers(devices: &Devices, finished: &[Finished], report: &mut RunReport) {
    let Some(chosen) = report.chosen.and_then(|index| finished.get(index as usize)) else {
        return;
    };
    for (device, cost) in devices.iter().zip(&chosen.costs) {
        if cost.per_layer.is_empty() {
            continue;
        }
        let provenance = report.provenance(&cost.provenance);
        let layers = cost.per_layer.clone();
        report.layers.push(DeviceLayers {
            device: device.name().to_owned(),
            provenance,
            fixed: cost.fixed,
            layers,
        });
    }
}

/// Table against machine: for the finalists, which were not among the networks of the fit unless by chance.
fn predictions(setup: &Setup, devices: &Devices, finished: &[Finished], report: &mut RunReport) -> Result<(), Error> {
    for (index, device) in devices.iter().enumerate() {
        let Some((table, fitted)) = device.table() else {
            continue;
        };
        let predicted = report.provenance(&table.provenance());
        let mut pairs = Vec::new();
        let mut measured = None;
        for finalist in finished {
            let Some(cost) = finalist.costs.get(index) else {
                continue;
            };
            measured = Some(report.provenance(&cost.provenance));
            pairs.push(PredictionPair {
                genotype: finalist.genotype.to_string(),
                predicted: device.cost(&finalist.genotype, &finalist.network)?.latency,
                measured: cost.latency,
            });
        }
        if let Some(measured) = measured {
            report.predictions.push(PredictionCheck {
                device: device.name().to_owned(),
                networks: "the finalists".to_owned(),
                predicted,
                measured,
                pairs,
            });
        }
        let Some((_, first)) = fitted.first() else { continue };
        let measured = report.provenance(&first.provenance);
        let mut pairs = Vec::new();
        for (genotype, summary) in fitted {
            let predicted = device.cost(genotype, &setup.network(genotype)?)?.latency;
            pairs.push(PredictionPair {
                genotype: genotype.to_string(),
                predicted,
                measured: summary.latency,
            });
        }
        report.predictions.push(PredictionCheck {
            device: device.name().to_owned(),
            networks: "the networks that the table was fitted from".to_owned(),
            predicted,
            measured,
            pairs,
        });
    }
    Ok(())
}

/// What each seed's searches ended with, where there are several seeds.
fn repeats(setup: &Setup, searched: &[Searched], finished: &[Finished], report: &mut RunReport) {
    if setup.file.search.seeds.len() < 2 {
        return;
    }
    for seed in &setup.file.search.seeds {
        let mut outcomes = Vec::new();
        for search in searched.iter().filter(|search| search.seed == *seed) {
            let role = match &search.goal {
                Goal::Device(name) => Role::Device { name: name.clone() },
                Goal::Average => Role::Average,
                Goal::Worst => Role::WorstCase,
                Goal::Each => Role::Other {
                    name: "limits on every device".to_owned(),
                },
            };
            outcomes.extend(outcome(report, finished, &search.winner, role));
        }
        let reference = finished.iter().find_map(|finalist| {
            let role = finalist
                .roles
                .iter()
                .find(|role| matches!(role, Role::Reference { .. }))?;
            Some((finalist.genotype.clone(), role.clone()))
        });
        if let Some((genotype, role)) = reference {
            outcomes.extend(outcome(report, finished, &genotype, role));
        }
        report.repeats.push(Repeat { seed: *seed, outcomes });
    }
}

fn outcome(report: &RunReport, finished: &[Finished], genotype: &Genotype, role: Role) -> Option<Outcome> {
    let finalist = finished.iter().find(|finalist| finalist.genotype == *genotype)?;
    let targets = report.devices.iter().map(|device| device.target);
    let ratio = |(cost, target): (&Cost, Latency)| cost.latency.value / target;
    Some(Outcome {
        role,
        test_accuracy: finalist.test_accuracy.value,
        ratios: finalist.costs.iter().zip(targets).map(ratio).collect(),
        macs: finalist.network.macs(),
        parameters: finalist.network.parameter_count(),
    })
}
