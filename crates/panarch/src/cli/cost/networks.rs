//! `panarch cost --networks`.

use std::path::Path;

use panarch::{Error, device_source, lookup};
use panarch_cost::{Cost, CostError, DeviceProfile, Model};
use panarch_report::{Cell, Column, Emphasis, Table};

use super::tables::{kibibytes, millijoules, millis};
use crate::cli::output::Printer;

/// Asks every device for every network of a list.
pub(super) fn costs(
    file: &Path,
    shape: lookup::NetworkShape,
    profiles: &[DeviceProfile],
    models: &[Option<Model>],
    doubts: &[String],
    printer: Printer,
) -> anyhow::Result<()> {
    let networks = lookup::networks(file, shape)?;
    let mut sources = Vec::new();
    for profile in profiles {
        for model in models {
            let source = match model {
                Some(model) => profile.model(*model)?,
                None => device_source::open(profile)?,
            };
            sources.push((profile.name(), *model, source));
        }
    }
    let columns = vec![
        Column::text("network"),
        Column::text("device"),
        Column::quantity("latency", "ms").with_key("latency_s"),
        Column::raw("latency_low_s"),
        Column::raw("latency_high_s"),
        Column::quantity("peak memory", "KiB").with_key("peak_memory_bytes"),
        Column::quantity("traffic", "KiB").with_key("traffic_bytes"),
        Column::quantity("energy", "mJ").with_key("energy_j"),
        Column::text("how it is known").with_key("provenance"),
        Column::raw("model"),
        Column::raw("tool_version"),
        Column::raw("precision"),
        Column::raw("batch"),
        Column::raw("macs"),
        Column::raw("network_hash"),
        Column::raw("error"),
    ];
    let mut table = Table::new(format!("{} networks of {}", networks.len(), file.display()), columns);
    let mut answered = false;
    let mut failure: Option<CostError> = None;
    for (name, named) in &networks {
        for (device, model, source) in &sources {
            let answer = device_source::ask(source.as_ref(), &named.network, named.weights.as_ref());
            let start = vec![Cell::text(name), Cell::text(*device)];
            let model = model.map_or_else(Cell::missing, |model| Cell::text(model.name()));
            let end = vec![
                Cell::count(named.network.macs().0),
                Cell::text(named.network.content_hash().to_string()),
            ];
            match answer {
                Ok(cost) => {
                    answered = true;
                    let middle = cells(&cost, model);
                    table.push([start, middle, end, vec![Cell::missing()]].concat());
                }
                Err(error) => {
                    let mut middle: Vec<Cell> = Vec::new();
                    middle.resize_with(6, Cell::missing);
                    middle.extend([Cell::text(error.to_string()), model]);
                    middle.resize_with(11, Cell::missing);
                    let error_cell = vec![Cell::text(error.to_string())];
                    table.push_row([start, middle, end, error_cell].concat(), Emphasis::Bad);
                    failure = Some(error);
                }
            }
        }
    }
    for doubt in doubts {
        table.note(doubt);
    }
    printer.table(&table);
    match failure {
        Some(error @ CostError::Impossible { .. }) => Err(Error::Cost(error).into()),
        Some(error) if !answered => Err(Error::Infeasible(format!("no device can run any of them: {error}")).into()),
        _ => Ok(()),
    }
}

fn cells(cost: &Cost, model: Cell) -> Vec<Cell> {
    vec![
        millis(cost.latency.value),
        Cell::decimal(cost.latency.low.seconds(), 9),
        Cell::decimal(cost.latency.high.seconds(), 9),
        kibibytes(cost.peak_memory.0),
        kibibytes(cost.traffic.0),
        cost.energy.as_ref().map_or_else(Cell::missing, millijoules),
        Cell::text(cost.provenance.kind.to_string() + ": " + &cost.provenance.tool),
        model,
        Cell::text(&cost.provenance.version),
        Cell::text(cost.provenance.precision.name()),
        Cell::count(u64::from(cost.provenance.batch)),
    ]
}
