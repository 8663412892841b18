//! `panarch cost`.

use panarch::{Error, lookup};
use panarch_cost::{Cost, CostError};
use panarch_graph::{Estimate, Latency};
use panarch_report::{Cell, Column, Emphasis, Format, Table};
use serde::Serialize;

use super::args::{CostArgs, NetworkArgs};
use super::network::shape_of;
use super::output::Printer;

/// One device's answer, as JSON.
#[derive(Serialize)]
struct Answer<'a> {
    device: &'a str,
    network: &'a str,
    network_hash: String,
    #[serde(flatten)]
    cost: Option<&'a Cost>,
    error: Option<String>,
}

pub fn cost(args: &CostArgs) -> anyhow::Result<()> {
    let NetworkArgs { network, shape } = &args.network;
    let named = lookup::network(network, shape_of(*shape))?;
    let profiles = lookup::devices(&args.device)?;
    let printer = Printer::new(args.format);
    let mut answers: Vec<(String, Result<Cost, CostError>)> = Vec::new();
    for profile in &profiles {
        let answer = match lookup::cost(profile, &named) {
            Ok(cost) => Ok(cost),
            Err(Error::Cost(error)) => Err(error),
            Err(error) => return Err(error.into()),
        };
        answers.push((profile.name().to_owned(), answer));
    }
    if printer.format() == Format::Json {
        let hash = named.network.content_hash().to_string();
        let rows: Vec<Answer<'_>> = answers
            .iter()
            .map(|(device, answer)| Answer {
                device,
                network: named.network.name(),
                network_hash: hash.clone(),
                cost: answer.as_ref().ok(),
                error: answer.as_ref().err().map(ToString::to_string),
            })
            .collect();
        printer.json(&rows)?;
    } else if args.layers && printer.format() == Format::Csv {
        printer.table(&layers(&answers));
    } else {
        let macs = named.network.macs();
        let title = format!("{} ({}, {macs})", named.network.name(), named.origin);
        let mut table = summary(&title, &answers);
        for note in &named.notes {
            table.note(note);
        }
        printer.table(&table);
        if args.layers {
            printer.table(&layers(&answers));
        }
    }
    if answers.iter().all(|(_, answer)| answer.is_err()) {
        let reasons: Vec<String> = answers
            .iter()
            .filter_map(|(_, answer)| Some(answer.as_ref().err()?.to_string()))
            .collect();
        return Err(Error::Infeasible(format!("no device can run it: {}", reasons.join("; "))).into());
    }
    Ok(())
}

fn summary(title: &str, answers: &[(String, Result<Cost, CostError>)]) -> Table {
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
            Column::text("how it is known").with_key("provenance"),
        ],
    );
    for (device, answer) in answers {
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
                Cell::text(cost.provenance.kind.to_string() + " by " + &cost.provenance.tool),
            ]),
            Err(error) => {
                let mut cells = vec![Cell::text(device)];
                cells.resize_with(9, Cell::missing);
                cells.push(Cell::text(error.to_string()));
                table.push_row(cells, Emphasis::Bad);
            }
        }
    }
    table
}

fn layers(answers: &[(String, Result<Cost, CostError>)]) -> Table {
    let mut table = Table::new(
        "Layers",
        vec![
            Column::text("device"),
            Column::text("layer"),
            Column::text("operator"),
            Column::text("output"),
            Column::number("MACs"),
            Column::quantity("latency", "µs").with_key("latency_s"),
            Column::quantity("compute", "µs").with_key("compute_s"),
            Column::quantity("movement", "µs").with_key("movement_s"),
            Column::text("bound"),
        ],
    );
    let micros = |latency: Latency| Cell::number(latency.seconds(), format!("{:.2}", latency.seconds() * 1e6));
    for (device, cost) in answers
        .iter()
        .filter_map(|(device, answer)| Some((device, answer.as_ref().ok()?)))
    {
        for layer in &cost.per_layer {
            table.push(vec![
                Cell::text(device),
                Cell::text(&layer.name),
                Cell::text(&layer.operator),
                Cell::text(layer.output.to_string()),
                Cell::count(layer.macs.0),
                micros(layer.latency),
                micros(layer.compute),
                micros(layer.movement),
                Cell::text(layer.bound.name()),
            ]);
        }
        if cost.per_layer.is_empty() {
            table.note(format!("{device} answers for whole networks."));
        }
    }
    table
}

fn millis(latency: Latency) -> Cell {
    Cell::number(latency.seconds(), format!("{:.4}", latency.millis()))
}

fn interval(latency: &Estimate<Latency>) -> String {
    format!("{} – {} ({:.0} %)", latency.low, latency.high, latency.level * 100.0)
}

fn percent(share: f64) -> Cell {
    Cell::number(share, format!("{:.1}", share * 100.0))
}

fn kibibytes(bytes: u64) -> Cell {
    Cell::number(bytes as f64, format!("{:.1}", bytes as f64 / 1024.0))
}
