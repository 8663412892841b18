//! One network by stage, operator and layer.

use panarch::{Error, lookup, matrix_efficiency};
use panarch_cost::CostError;
use panarch_cost::matrix_efficiency::{Breakdown, DepthwiseUnit, MatrixTime, MatrixWork, TimeBreakdown, raw};
use panarch_report::{Cell, Column, Emphasis, Table};

use super::{NetworkMemArgs, accelerators, provenance};
use crate::cli::network::shape_of;
use crate::cli::output::Printer;
use crate::cli::shell;

pub fn network(args: &NetworkMemArgs) -> anyhow::Result<()> {
    let named = lookup::network(&args.network, shape_of(args.shape))?;
    let (profiles, measured) = accelerators(&args.device)?;
    let work = raw(&named.network, DepthwiseUnit::Vector);
    let mut times = Vec::new();
    let mut reasons = Vec::new();
    for profile in &profiles {
        match matrix_efficiency::of_network(&named.network, profile, args.model) {
            Ok(found) => times.push((profile.name().to_owned(), found)),
            Err(error @ CostError::Unsupported { .. }) => reasons.push(error.to_string()),
            Err(error) => return Err(Error::from(error).into()),
        }
    }
    let title = format!("Matrix efficiency of {} ({})", named.network.name(), named.origin);
    let mut table = network_table(&title, &work, &times, args.layers);
    named
        .notes
        .iter()
        .chain(&measured)
        .chain(&reasons)
        .for_each(|note| table.note(note));
    let source = provenance(args.model);
    table.note(format!(
        "raw: MACs for each element worked on or moved, depthwise convolutions as vector work. Times are {source}; in unit: the matrix unit multiplies, padding included; lanes: what of that is no padding; useful: both together. The network's time holds the call of the device too."
    ));
    if let Some((device, _)) = times.first() {
        let next = shell::command(["cost", "--network", &args.network, "--device", device, "--layers"]);
        table.note(format!("next: {next}"));
    }
    Printer::new(args.format).table(&table);
    if times.is_empty() {
        return Err(Error::Infeasible(format!("no device runs it: {}", reasons.join("; "))).into());
    }
    Ok(())
}

fn network_table(title: &str, work: &Breakdown<MatrixWork>, times: &[(String, TimeBreakdown)], layers: bool) -> Table {
    let mut columns = vec![
        Column::text("by"),
        Column::text("name"),
        Column::number("matrix MACs"),
        Column::number("vector operations"),
        Column::number("elements moved").with_key("moved_elements"),
        Column::number("raw").with_key("raw_macs_per_element"),
    ];
    for (device, _) in times {
        let key = |what: &str| format!("{}_{what}", device.replace('-', "_"));
        columns.extend([
            Column::quantity(format!("{device}: time"), "µs").with_key(key("time_s")),
            Column::quantity("in unit", "%").with_key(key("share")),
            Column::quantity("lanes", "%").with_key(key("lane_use")),
            Column::quantity("useful", "%").with_key(key("useful_share")),
            Column::raw(key("vector_s")),
            Column::raw(key("moving_s")),
            Column::raw(key("idle_s")),
        ]);
    }
    let mut table = Table::new(title, columns);
    let mut push = |by: &str, name: &str, work: MatrixWork, times: Vec<MatrixTime>, emphasis| {
        let mut cells = vec![
            Cell::text(by),
            Cell::text(name),
            Cell::count(work.matrix.0),
            Cell::count(work.vector.0),
            Cell::count(work.moved.0),
            Cell::decimal(work.efficiency(), 1),
        ];
        cells.extend(times.iter().flat_map(time_cells));
        table.push_row(cells, emphasis);
    };
    // Layers, stages and operators of a cost are those of the count: both come from the same fused layers.
    type Groups<T> = Vec<(String, T)>;
    let mut section = |by: &str, work: Groups<MatrixWork>, times: Vec<Groups<MatrixTime>>| {
        for (row, (name, amount)) in work.into_iter().enumerate() {
            let of = times.iter().filter_map(|groups| groups.get(row)).map(|(_, time)| *time);
            push(by, &name, amount, of.collect(), Emphasis::Plain);
        }
    };
    let each = |groups: &dyn Fn(&Breakdown<MatrixTime>) -> Groups<MatrixTime>| -> Vec<Groups<MatrixTime>> {
        times.iter().map(|(_, of)| groups(&of.layers)).collect()
    };
    section("stage", work.by_stage(), each(&Breakdown::by_stage));
    section("operator", work.by_operator(), each(&Breakdown::by_operator));
    if layers {
        section("layer", by_layer(work), each(&by_layer));
    }
    let whole = times.iter().map(|(_, of)| of.network()).collect();
    push("network", "all", work.total(), whole, Emphasis::Strong);
    table
}

fn by_layer<T: Copy>(of: &Breakdown<T>) -> Vec<(String, T)> {
    let layers = of.layers.iter();
    layers.map(|part| (part.layer.clone(), part.amount)).collect()
}

fn time_cells(time: &MatrixTime) -> [Cell; 7] {
    let percent = |share: f64| Cell::number(share, format!("{:.1}", share * 100.0));
    let seconds = time.time().seconds();
    [
        Cell::number(seconds, format!("{:.2}", seconds * 1e6)),
        percent(time.share()),
        percent(time.lane_use()),
        percent(time.useful_share()),
        Cell::number(time.vector.seconds(), ""),
        Cell::number(time.moving.seconds(), ""),
        Cell::number(time.idle.seconds(), ""),
    ]
}
