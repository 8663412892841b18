//! `panarch cost`.

mod gemms;
mod memory;
mod networks;
mod tables;
mod trace;

use panarch::{Error, lookup};
use panarch_cost::{Cost, CostError, Model};
use panarch_report::Format;
use serde::Serialize;

use super::args::{CostArgs, NetworkArgs, ScaleSimArgs};
use super::network::shape_of;
use super::output::{Printer, say};
use super::run::on_interrupt;
use super::scalesim;

/// What a device, or a model of it, answered.
struct Answered {
    device: String,
    /// `None` for what the profile itself says should answer.
    model: Option<Model>,
    /// Whether layers are mapped onto a memory hierarchy.
    mapped: bool,
    answer: Result<Cost, CostError>,
}

/// The same as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    device: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Model>,
    network: &'a str,
    network_hash: String,
    #[serde(flatten)]
    cost: Option<&'a Cost>,
    error: Option<String>,
}

pub fn cost(args: &CostArgs) -> anyhow::Result<()> {
    let printer = Printer::new(args.format);
    let ScaleSimArgs {
        scalesim_topology,
        scalesim_config,
        scalesim_export,
    } = &args.scalesim;
    if let (Some(topology), Some(configuration)) = (scalesim_topology, scalesim_config) {
        return scalesim::simulate(topology, configuration, printer);
    }
    let mut profiles = lookup::devices(&args.device)?;
    if let Some(objective) = args.objective {
        if profiles.iter().all(|profile| profile.hierarchy().is_none()) {
            let message =
                "no device is described as a memory hierarchy: `--objective` says what layers are mapped for on these";
            return Err(Error::Input(message.to_owned()).into());
        }
        profiles = profiles.into_iter().map(|it| it.with_objective(objective)).collect();
    }
    let models: Vec<Option<Model>> = match args.model.as_slice() {
        [] => vec![None],
        models => models.iter().copied().map(Some).collect(),
    };
    let doubts = lookup::doubts(&profiles);
    if args.scalesim.scalesim_export.is_none() && printer.format() != Format::Table {
        for doubt in &doubts {
            say(&format!("note: {doubt}"));
        }
    }
    if profiles.iter().any(|profile| profile.command().is_some()) {
        // A command is in a group of its own, which the terminal does not tell.
        on_interrupt(|| {
            panarch_measure::kill_commands();
            std::process::exit(130);
        })?;
    }
    if let Some(file) = &args.gemms {
        return gemms::costs(file, &profiles, &models, &doubts, printer);
    }
    let NetworkArgs { named, network, shape } = &args.network;
    if let Some(file) = &args.networks {
        return networks::costs(file, shape_of(*shape), &profiles, &models, &doubts, printer);
    }
    let network = network.as_deref().or(named.as_deref()).unwrap_or_default();
    let named = lookup::network(network, shape_of(*shape))?;
    if let Some(folder) = scalesim_export {
        return scalesim::export(folder, &named.network, &profiles, printer);
    }
    if let Some(file) = &args.trace {
        return trace::write(file, &profiles, &args.model, &named);
    }
    let mut answers: Vec<Answered> = Vec::new();
    for profile in &profiles {
        for model in &models {
            let asked = match model {
                Some(model) => lookup::modelled_cost(profile, *model, &named.network),
                None => lookup::cost(profile, &named),
            };
            let answer = match asked {
                Ok(cost) => Ok(cost),
                Err(Error::Cost(error)) => Err(error),
                // One tool that is not there hides no other device.
                Err(Error::Measure(error)) if profiles.len() > 1 => Err(CostError::Failed {
                    device: profile.name().to_owned(),
                    reason: error.to_string(),
                }),
                Err(error) => return Err(error.into()),
            };
            answers.push(Answered {
                device: profile.name().to_owned(),
                model: *model,
                mapped: profile.hierarchy().is_some(),
                answer,
            });
        }
    }
    if printer.format() == Format::Json {
        let hash = named.network.content_hash().to_string();
        let rows: Vec<Answer<'_>> = answers
            .iter()
            .map(|answered| Answer {
                device: &answered.device,
                model: answered.model,
                network: named.network.name(),
                network_hash: hash.clone(),
                cost: answered.answer.as_ref().ok(),
                error: answered.answer.as_ref().err().map(ToString::to_string),
            })
            .collect();
        printer.json(&rows)?;
    } else if args.layers && printer.format() == Format::Csv {
        printer.table(&tables::layers(&answers));
    } else {
        let macs = named.network.macs();
        let title = format!("{} ({}, {macs})", named.network.name(), named.origin);
        let mut table = tables::summary(&title, &answers);
        for note in named.notes.iter().chain(&doubts) {
            table.note(note);
        }
        let refusals = answers.iter().filter_map(|answered| match &answered.answer {
            Err(error @ CostError::Unsupported { refused, .. }) => Some((error, refused.layers())),
            _ => None,
        });
        let refusals: Vec<(&CostError, usize)> = refusals.collect();
        // Where no device answers, they stand in the error that ends the command.
        for (error, _) in refusals
            .iter()
            .filter(|(_, layers)| *layers > 1 && refusals.len() < answers.len())
        {
            table.note(format!("{error}."));
        }
        if !refusals.is_empty() {
            table.note(
                "What a device lacks can run on a processor beside it: say `fallback = \"cortex-a53\"` in its profile, or in one \
                 with a built-in device as its `base`.",
            );
        }
        for answered in &answers {
            let cost = answered.answer.as_ref().ok();
            let shared = |cost: &Cost| cost.per_layer.iter().any(|layer| layer.device.is_some());
            let told = cost.filter(|cost| answered.mapped || shared(cost));
            if let Some(note) = told.and_then(|cost| cost.provenance.note.as_ref()) {
                table.note(format!("{}: {note}.", answered.device));
            }
        }
        printer.table(&table);
        if args.layers {
            printer.table(&tables::layers(&answers));
            for answered in &answers {
                if let Some(table) = memory::by_layer(answered) {
                    printer.table(&table);
                }
            }
        }
    }
    let impossible = |answer: &Result<Cost, CostError>| match answer {
        Err(error @ CostError::Impossible { .. }) => Some(error.clone()),
        _ => None,
    };
    if let Some(error) = answers.iter().find_map(|answered| impossible(&answered.answer)) {
        return Err(Error::Cost(error).into());
    }
    if answers.iter().all(|answered| answered.answer.is_err()) {
        let reasons: Vec<String> = answers
            .iter()
            .filter_map(|answered| Some(answered.answer.as_ref().err()?.to_string()))
            .collect();
        let failed = |answer: &Result<Cost, CostError>| matches!(answer, Err(CostError::Failed { .. }));
        let reasons = reasons.join("; ");
        return Err(if answers.iter().all(|answered| failed(&answered.answer)) {
            Error::Environment(reasons)
        } else {
            Error::Infeasible(format!("no device can run it: {reasons}"))
        }
        .into());
    }
    Ok(())
}
