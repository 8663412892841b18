//! Which space suits which machine.

use panarch::matrix_efficiency::{self, OfSpace, OnDevice, Sampling};
use panarch::{Error, lookup};
use panarch_cost::DeviceProfile;
use panarch_cost::matrix_efficiency::Spread;
use panarch_report::{Cell, Column, Table};
use panarch_space::{Head, preset_names};

use super::{SpaceMemArgs, accelerators, provenance};
use crate::cli::output::Printer;
use crate::cli::shell;

pub fn space(args: &SpaceMemArgs) -> anyhow::Result<()> {
    let (profiles, measured) = accelerators(&args.device)?;
    let names: Vec<String> = if args.space.is_empty() {
        preset_names().iter().map(|name| (*name).to_owned()).collect()
    } else {
        lookup::names(&args.space)
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
        spaces.push(matrix_efficiency::of_space(&space, &profiles, args.model, sampling)?);
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
    let source = provenance(args.model);
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
            "{} is suited best by {} (its networks reach {:.1} % of the peak)",
            on.device,
            best.space,
            share.mean * 100.0
        );
        if let Some((second, _, share)) = ranked.get(1) {
            text += &format!(", then by {} ({:.1} %)", second.space, share.mean * 100.0);
        }
        table.note(text);
        next.get_or_insert_with(|| {
            let (space, device) = (&best.space, &on.device);
            format!(
                "next: {}",
                shell::command(["space", "check", space, "--device", device])
            )
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
