//! The answers as tables.

use panarch_cost::{Attribution, CostError};
use panarch_graph::{Energy, Estimate, Latency};
use panarch_report::{Cell, Column, Emphasis, Table};

use super::{Answered, memory};

pub(super) fn summary(title: &str, answers: &[Answered]) -> Table {
    let mut table = Table::new(
        title,
        vec![
            Column::text("device"),
            Column::quantity("latency", "ms").with_key("latency_s"),
            Column::text("interval"),
            Column::raw("latency_low_s"),
            Column::raw("latency_high_s"),
            Column::quantity("fixed", "%").with_key("fixed_share"),
            Column::quantity("utilisation", "%").with_key("utilisation"),
            Column::quantity("peak memory", "KiB").with_key("peak_memory_bytes"),
            Column::quantity("traffic", "KiB").with_key("traffic_bytes"),
            Column::quantity("energy", "mJ").with_key("energy_j"),
            Column::text("how it is known").with_key("provenance"),
            Column::raw("model"),
            Column::raw("tool_version"),
            Column::raw("precision"),
            Column::raw("batch"),
            Column::raw("error"),
        ],
    );
    for Answered {
        device, model, answer, ..
    } in answers
    {
        let model = model.map_or_else(Cell::missing, |model| Cell::text(model.name()));
        match answer {
            Ok(cost) => table.push(vec![
                Cell::text(device),
                millis(cost.latency.value),
                Cell::text(interval(&cost.latency)),
                Cell::decimal(cost.latency.low.seconds(), 9),
                Cell::decimal(cost.latency.high.seconds(), 9),
                percent(panarch_cost::fixed_share(cost)),
                percent(cost.utilisation),
                kibibytes(cost.peak_memory.0),
                kibibytes(cost.traffic.0),
                cost.energy.as_ref().map_or_else(Cell::missing, millijoules),
                Cell::text(cost.provenance.kind.to_string() + ": " + &cost.provenance.tool),
                model,
                Cell::text(&cost.provenance.version),
                Cell::text(cost.provenance.precision.name()),
                Cell::count(u64::from(cost.provenance.batch)),
                Cell::missing(),
            ]),
            Err(error) => {
                let mut cells = vec![Cell::text(device)];
                cells.resize_with(10, Cell::missing);
                cells.push(Cell::text(in_short(error)));
                cells.push(model);
                cells.resize_with(15, Cell::missing);
                cells.push(Cell::text(error.to_string()));
                table.push_row(cells, Emphasis::Bad);
            }
        }
    }
    table
}

/// An error as it fits into a cell; the whole stands below the table.
fn in_short(error: &CostError) -> String {
    match error {
        CostError::Unsupported { device, refused } if refused.layers() > 1 => {
            format!(
                "`{device}` cannot run {} layers: {}",
                refused.layers(),
                refused.operators()
            )
        }
        error => error.to_string(),
    }
}

pub(super) fn layers(answers: &[Answered]) -> Table {
    let levels = memory::levels(answers);
    let mut columns = vec![
        Column::text("device"),
        Column::text("layer"),
        Column::text("runs on").with_key("runs_on"),
        Column::text("operator"),
        Column::text("output"),
        Column::number("MACs"),
        Column::quantity("latency", "µs").with_key("latency_s"),
        Column::quantity("multiplies", "µs").with_key("compute_s"),
        Column::quantity("fills", "µs").with_key("fill_s"),
        Column::quantity("waits for weights", "µs").with_key("weights_s"),
        Column::quantity("for activations", "µs").with_key("activations_s"),
        Column::quantity("for vector work", "µs").with_key("vector_s"),
        Column::quantity("issue", "µs").with_key("issue_s"),
        Column::text("bound"),
        Column::text("how it is known").with_key("provenance"),
    ];
    columns.extend(memory::columns(&levels));
    let mut table = Table::new("Layers", columns);
    let micros = |latency: Latency| Cell::number(latency.seconds(), format!("{:.2}", latency.seconds() * 1e6));
    for (device, cost) in answers
        .iter()
        .filter_map(|answered| Some((&answered.device, answered.answer.as_ref().ok()?)))
    {
        for layer in &cost.per_layer {
            let Attribution {
                compute,
                fill,
                weights,
                activations,
                vector,
                issue,
            } = layer.attribution;
            let mut cells = vec![
                Cell::text(device),
                Cell::text(&layer.name),
                Cell::text(layer.device.as_ref().unwrap_or(device)),
                Cell::text(&layer.operator),
                Cell::text(layer.output.to_string()),
                Cell::count(layer.macs.0),
                micros(layer.latency),
                micros(compute),
                micros(fill),
                micros(weights),
                micros(activations),
                micros(vector),
                micros(issue),
                Cell::text(layer.bound.name()),
                Cell::text(&cost.provenance.tool),
            ];
            cells.extend(memory::cells(&levels, layer));
            table.push(cells);
        }
        if cost.per_layer.is_empty() {
            table.note(format!("{device} answers for whole networks."));
        }
    }
    table
}

pub(super) fn millis(latency: Latency) -> Cell {
    Cell::number(latency.seconds(), format!("{:.4}", latency.millis()))
}

fn interval(latency: &Estimate<Latency>) -> String {
    format!("{} – {} ({:.0} %)", latency.low, latency.high, latency.level * 100.0)
}

fn percent(share: f64) -> Cell {
    Cell::number(share, format!("{:.1}", share * 100.0))
}

pub(super) fn kibibytes(bytes: u64) -> Cell {
    Cell::number(bytes as f64, format!("{:.1}", bytes as f64 / 1024.0))
}

pub(super) fn millijoules(energy: &Estimate<Energy>) -> Cell {
    let joules = energy.value.joules();
    Cell::number(joules, format!("{:.3}", joules * 1e3))
}
