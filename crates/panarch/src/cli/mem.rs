//! `panarch space mem` and `panarch network mem`: matrix efficiency.

use panarch::matrix_efficiency::{self, Model, OfSpace, OnDevice, Sampling};
use panarch::{Error, lookup};
use panarch_cost::matrix_efficiency::{Breakdown, DepthwiseUnit, MatrixTime, MatrixWork, Spread, TimeBreakdown, raw};
use panarch_cost::{CostError, DeviceProfile};
use panarch_report::{Cell, Column, Emphasis, Table};
use panarch_space::{Head, preset_names};

use super::args::{NetworkMemArgs, SpaceMemArgs};
use super::network::shape_of;
use super::output::Printer;

pub fn space(args: &SpaceMemArgs) -> anyhow::Result<()> {
    let (profiles, measured) = accelerators(&args.device)?;
    let names: Vec<String> = if args.space.is_empty() {
        preset_names().iter().map(|name| (*name).to_owned()).collect()
    } else {
        args.space.clone()
    };
    let sampling = Sampling {
        samples: args.samples,
        seed: args.seed,
        head: Head {
            classes: 1000,
            input_channels: 3,
        },
    };
    let mut spaces = Vec::new();
    for name in &names {
        let space = lookup::space(name)?;
        spaces.push(matrix_efficiency::of_space(
            &space,
            &profiles,
            model(args.simulator),
            sampling,
        )?);
    }
    // By what is of use: lanes that multiply padding are no merit. A device that runs nothing of a space puts it last.
    let of_use = |of: &OfSpace| {
        of.devices
            .first()
            .and_then(|it| it.useful_share)
            .map_or(-1.0, |it| it.mean)
    };
    spaces.sort_by(|a, b| of_use(b).total_cmp(&of_use(a)));
    let mut table = spaces_table(&spaces, &profiles, args);
    measured.iter().for_each(|note| table.note(note));
    suits(&mut table, &spaces);
    Printer::new(args.format).table(&table);
    let nothing_runs = |it: &OnDevice| it.share.is_none();
    if spaces.iter().all(|of| of.devices.iter().all(nothing_runs)) {
        let message = "no device runs any of the sampled networks: see `panarch space check SPACE --device DEVICE`";
        return Err(Error::Infeasible(message.to_owned()).into());
    }
    Ok(())
}

/// The profiles that describe a machine, and a note on each that does not.
fn accelerators(names: &[String]) -> Result<(Vec<DeviceProfile>, Vec<String>), Error> {
    let (machines, measured): (Vec<_>, Vec<_>) = lookup::devices(names)?
        .into_iter()
        .partition(|profile| profile.accelerator().is_some());
    let note = |of: &DeviceProfile| format!("{} is measured: nothing is known about its matrix unit", of.name());
    let notes: Vec<String> = measured.iter().map(note).collect();
    if machines.is_empty() {
        return Err(Error::Input(format!("{}; name another --device", notes.join("; "))));
    }
    Ok((machines, notes))
}

fn model(simulator: bool) -> Model {
    if simulator { Model::Simulator } else { Model::Analytic }
}

fn spaces_table(spaces: &[OfSpace], profiles: &[DeviceProfile], args: &SpaceMemArgs) -> Table {
    let mut columns = vec![
        Column::text("space"),
        Column::number("networks"),
        Column::quantity("raw", "MACs an element").with_key("raw_macs_per_element"),
        Column::raw("raw_deviation_macs_per_element"),
    ];
    for profile in profiles {
        let name = profile.name();
        let key = |what: &str| format!("{}_{what}", name.replace('-', "_"));
        columns.extend([
            Column::quantity(format!("{name}: in the matrix unit"), "%").with_key(key("share")),
            Column::raw(key("share_deviation")),
            Column::quantity(format!("{name}: useful"), "%").with_key(key("useful_share")),
            Column::raw(key("useful_share_deviation")),
            Column::number(format!("{name}: not run")).with_key(key("not_run")),
            Column::raw(key("reason")),
        ]);
    }
    let mut table = Table::new(
        "Matrix efficiency: mean ± standard deviation over sampled networks",
        columns,
    );
    for of in spaces {
        let mut cells = vec![
            Cell::text(&of.space),
            Cell::count(of.raw.count as u64),
            Cell::number(of.raw.mean, format!("{:.1} ± {:.1}", of.raw.mean, of.raw.deviation)),
            Cell::decimal(of.raw.deviation, 1),
        ];
        for on in &of.devices {
            cells.extend(percent_spread(on.share));
            cells.extend(percent_spread(on.useful_share));
            cells.push(Cell::count(on.refused as u64));
            cells.push(on.reason.as_ref().map_or_else(Cell::missing, Cell::text));
        }
        table.push(cells);
    }
    for (of, on) in spaces.iter().flat_map(|of| of.devices.iter().map(move |on| (of, on))) {
        if let Some(reason) = &on.reason {
            let (device, refused, all) = (&on.device, on.refused, of.raw.count);
            table.note(format!(
                "{device} does not run {refused} of {all} of {}; the first: {reason}",
                of.space
            ));
        }
    }
    let source = if args.simulator {
        "simulated"
    } else {
        "predicted by the analytic model"
    };
    table.note(format!(
        "raw: counted, depthwise convolutions as vector work; shares: {source}, of the networks that run; seed {}, 1000 classes, each space's own image size",
        args.seed
    ));
    table
}

/// Which space suits which machine: the one whose networks reach the largest share of its peak.
fn suits(table: &mut Table, spaces: &[OfSpace]) {
    let Some(devices) = spaces.first().map(|of| of.devices.len()) else {
        return;
    };
    let mut next = None;
    for index in 0..devices {
        let mut ranked: Vec<(&OfSpace, &OnDevice, Spread)> = spaces
            .iter()
            .filter_map(|of| of.devices.get(index).and_then(|on| Some((of, on, on.useful_share?))))
            .collect();
        ranked.sort_by(|a, b| b.2.mean.total_cmp(&a.2.mean));
        let Some((best, on, share)) = ranked.first() else {
            continue;
        };
        let mut text = format!(
            "{} is suited best by {} (its networks reach {:.0} % of the peak)",
            on.device,
            best.space,
            share.mean * 100.0
        );
        if let Some((second, _, share)) = ranked.get(1) {
            text += &format!(", then by {} ({:.0} %)", second.space, share.mean * 100.0);
        }
        table.note(text);
        next.get_or_insert_with(|| {
            let (space, device) = (&best.space, &on.device);
            format!("next: panarch space check {space} --device {device}")
        });
    }
    if let Some(next) = next {
        table.note(next);
    }
}

fn percent_spread(spread: Option<Spread>) -> [Cell; 2] {
    spread.map_or_else(
        || [Cell::missing(), Cell::missing()],
        |it| {
            let text = format!("{:.1} ± {:.1}", it.mean * 100.0, it.deviation * 100.0);
            [Cell::number(it.mean, text), Cell::decimal(it.deviation, 3)]
        },
    )
}

pub fn network(args: &NetworkMemArgs) -> anyhow::Result<()> {
    let named = lookup::network(&args.network, shape_of(args.shape))?;
    let (profiles, measured) = accelerators(&args.device)?;
    let work = raw(&named.network, DepthwiseUnit::Vector);
    let mut times = Vec::new();
    let mut reasons = Vec::new();
    for profile in &profiles {
        match matrix_efficiency::of_network(&named.network, profile, model(args.simulator)) {
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
    let source = if args.simulator {
        "simulated"
    } else {
        "predicted by the analytic model"
    };
    table.note(format!(
        "raw: MACs for each element worked on or moved, depthwise convolutions as vector work. Times are {source}; in unit: the matrix unit multiplies, padding included; lanes: what of that is no padding; useful: both together. The network's time holds the call of the device too."
    ));
    if let Some((device, _)) = times.first() {
        table.note(format!(
            "next: panarch cost --network {} --device {device} --layers",
            args.network
        ));
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
