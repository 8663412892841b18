//! The report's data, from what a run has found out.

use std::collections::BTreeMap;

use panarch_cost::{Cost, DeviceAgreement};
use panarch_graph::Latency;
use panarch_predict::Predictor as _;
use panarch_report::RunReport;
use panarch_report::run_report::{
    self, AccuracyBasis, DeviceLatency, EvaluatedNetwork, Outcome, PredictionCheck, PredictionPair, ProofFacts, Repeat,
    Requirement, Role, SearchFacts, SearchTrial, VERSION, blocks_of,
};
use panarch_space::Genotype;
use panarch_study::{CostSummary, TrialState, pareto_front};

use super::finalists::{LIMITS, role_of};
use super::problems::Problems;
use super::requirements::Requirements;
use super::{Devices, Finished, Searched, Setup, facts, inputs, pool};
use crate::Error;

/// Collects everything that the report shows.
pub(super) fn report(
    setup: &Setup,
    devices: &Devices,
    agreement: DeviceAgreement,
    searched: &[Searched],
    finished: &[Finished],
    problems: &Problems,
    command: &str,
) -> Result<RunReport, Error> {
    let mut report = RunReport {
        version: VERSION,
        problems: problems.texts(),
        run: facts::run(setup, command),
        dataset: facts::dataset(setup),
        space: facts::space(setup),
        training: facts::training(setup)?,
        devices: facts::devices(setup, devices, &agreement),
        agreement: Some(facts::agreement(&agreement)),
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
    let (places, requirements) = networks(setup, devices, (searched, finished), &mut report)?;
    searches(setup, searched, &places, &requirements, &mut report)?;
    finalists(finished, &mut report);
    report.chosen = chosen(&report);
    layers(devices, finished, &mut report);
    predictions(devices, finished, &mut report)?;
    repeats(setup, searched, finished, &mut report);
    Ok(report)
}

fn device_latency(report: &mut RunReport, summary: &CostSummary) -> DeviceLatency {
    let provenance = report.provenance(&summary.provenance);
    DeviceLatency {
        latency: summary.latency,
        provenance,
    }
}

/// Every network that these searches and finalists have evaluated, in the order in which a run from the beginning comes upon
/// them: a study may hold more, of other goals or a larger budget. Gives the place of each genotype.
fn networks(
    setup: &Setup,
    devices: &Devices,
    (searched, finished): (&[Searched], &[Finished]),
    report: &mut RunReport,
) -> Result<(BTreeMap<Genotype, u32>, Requirements), Error> {
    let mut found_by: BTreeMap<Genotype, Vec<String>> = BTreeMap::new();
    let mut evaluated = Vec::new();
    for search in searched {
        for trial in inputs::trials(setup, &search.name)? {
            let searches = found_by.entry(trial.genotype.clone()).or_default();
            if !searches.contains(&search.name) {
                searches.push(search.name.clone());
            }
            if trial.state == TrialState::Complete {
                evaluated.push(trial.genotype);
            }
        }
    }
    evaluated.extend(finished.iter().map(|finalist| finalist.genotype.clone()));
    let mut pooled = pool::latest(setup)?;
    let mut places = BTreeMap::new();
    let (mut points, mut full) = (Vec::new(), Vec::new());
    let mut requirements = Requirements::new(setup, devices)?;
    for genotype in evaluated {
        if places.contains_key(&genotype) {
            continue;
        }
        let Some((evaluation, all)) = pooled.remove(&genotype) else {
            continue;
        };
        let costs = devices.costs(setup, &evaluation.genotype)?;
        let network = setup.network(&evaluation.genotype)?;
        // What was stopped is known too little to be called better than another one.
        if all {
            requirements.add(setup, devices, (&genotype, &network), evaluation.accuracy.value, &costs);
            let mut point = vec![1.0 - evaluation.accuracy.value.share()];
            point.extend(costs.iter().map(|cost| cost.latency.value.seconds()));
            points.push(point);
            full.push(report.networks.len());
        }
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
    for place in pareto_front(&points) {
        if let Some(network) = full.get(place).and_then(|index| report.networks.get_mut(*index)) {
            network.non_dominated = true;
        }
    }
    Ok((places, requirements))
}

fn searches(
    setup: &Setup,
    searched: &[Searched],
    places: &BTreeMap<Genotype, u32>,
    requirements: &Requirements,
    report: &mut RunReport,
) -> Result<(), Error> {
    for search in searched {
        let trials = inputs::trials(setup, &search.name)?;
        report.searches.push(SearchFacts {
            name: search.name.clone(),
            objective: search.objective.clone(),
            strategy: search.strategy.clone(),
            seed: search.seed,
            trials: trials
                .iter()
                .map(|trial| SearchTrial {
                    reward: trial.reward(),
                    network: places.get(&trial.genotype).copied(),
                })
                .collect(),
            winner: places.get(&search.winner).copied(),
            requirements: priced(
                requirements.of(setup, &search.goal, &search.winner),
                search.proof.as_ref(),
            ),
            proof: search.proof.clone(),
        });
    }
    Ok(())
}

/// The same with what a proof says that one more per cent buys.
fn priced(mut requirements: Vec<Requirement>, proof: Option<&ProofFacts>) -> Vec<Requirement> {
    for requirement in &mut requirements {
        let limits = proof.into_iter().flat_map(|proof| &proof.limits);
        let mut same = limits.filter(|it| it.device == requirement.device && it.quantity == requirement.quantity);
        if let Some(limit) = same.next() {
            (requirement.gain, requirement.towards) = (Some(limit.gain), None);
        }
    }
    requirements
}

fn finalists(finished: &[Finished], report: &mut RunReport) {
    for finalist in finished {
        let latency = finalist.costs.iter().map(|cost| report.device_latency(cost)).collect();
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
            export: finalist.export.clone(),
        });
    }
}

/// The network that the run recommends: the worst case's, else that within the limits, the average's, a single device's.
fn chosen(report: &RunReport) -> Option<u32> {
    let place = |wanted: fn(&Role) -> bool| report.finalists.iter().position(|f| f.roles.iter().any(wanted));
    let place = place(|role| matches!(role, Role::WorstCase))
        .or_else(|| place(|role| matches!(role, Role::Other { name } if name == LIMITS)))
        .or_else(|| place(|role| matches!(role, Role::Average)))
        .or_else(|| place(|role| matches!(role, Role::Device { .. })))?;
    u32::try_from(place).ok()
}

fn layers(devices: &Devices, finished: &[Finished], report: &mut RunReport) {
    let Some(chosen) = report.chosen.and_then(|index| finished.get(index as usize)) else {
        return;
    };
    for (device, cost) in devices.iter().zip(&chosen.costs) {
        let layers = report.device_layers(device.name(), cost);
        report.layers.extend(layers);
    }
}

/// Table against machine: for the finalists, which were not among the networks of the fit unless by chance.
fn predictions(devices: &Devices, finished: &[Finished], report: &mut RunReport) -> Result<(), Error> {
    for (index, device) in devices.iter().enumerate() {
        let Some((table, fitted)) = device.table() else {
            continue;
        };
        let predicted = report.provenance(&table.provenance());
        let mut pairs = Vec::new();
        let mut measured = None;
        for finalist in finished {
            let (Some(cost), Some(predicted)) = (finalist.costs.get(index), device.predicted(&finalist.genotype)?)
            else {
                continue;
            };
            measured = Some(report.provenance(&cost.provenance));
            pairs.push(PredictionPair {
                genotype: finalist.genotype.to_string(),
                predicted,
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
            let Some(predicted) = device.predicted(genotype)? else {
                continue;
            };
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
            let role = role_of(&search.goal);
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
