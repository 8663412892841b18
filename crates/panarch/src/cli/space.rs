//! `panarch space`.

use panarch::lookup;
use panarch_graph::stream;
use panarch_report::{Cell, Column, Table};
use panarch_space::{Distinct, Head, Space, preset_names, table_names};

use super::args::{ShapeArgs, SpaceCommand};
use super::output::Printer;

pub fn space(command: SpaceCommand) -> anyhow::Result<()> {
    match command {
        SpaceCommand::List(format) => Printer::new(format).table(&list()?),
        SpaceCommand::Show { space, format } => {
            Printer::new(format).table(&show(&lookup::space(&space)?));
        }
        SpaceCommand::Count { space, all, format } => {
            let names: Vec<String> = if all {
                preset_names().iter().map(|name| (*name).to_owned()).collect()
            } else {
                space.into_iter().collect()
            };
            Printer::new(format).table(&count(&names)?);
        }
        SpaceCommand::Sample {
            space,
            count,
            seed,
            shape,
            format,
        } => {
            let space = lookup::space(&space)?;
            Printer::new(format).table(&sample(&space, count, seed, shape)?);
        }
        SpaceCommand::Mem(args) => super::mem::space(&args)?,
        SpaceCommand::Check { space, device, format } => super::support::check(&space, &device, Printer::new(format))?,
    }
    Ok(())
}

fn list() -> anyhow::Result<Table> {
    let mut table = Table::new(
        "Search spaces",
        vec![
            Column::text("space"),
            Column::number("version"),
            Column::number("decisions"),
            Column::text("resolutions"),
            Column::number("width multiplier"),
            Column::text("what it is").with_key("description"),
        ],
    );
    for name in [preset_names(), table_names()].concat() {
        let space = Space::preset(name).map_err(panarch::Error::from)?;
        table.push(vec![
            Cell::text(space.name()),
            Cell::count(u64::from(space.version())),
            Cell::count(space.decisions().len() as u64),
            Cell::text(resolutions(&space)),
            Cell::number(space.width_multiplier(), space.width_multiplier().to_string()),
            Cell::text(space.description()),
        ]);
    }
    Ok(table)
}

fn resolutions(space: &Space) -> String {
    let sizes = space.resolutions();
    if let [first, second, .., last] = sizes
        && sizes.len() > 4
        && sizes.windows(2).all(|pair| pair[1] - pair[0] == second - first)
    {
        return format!("{first}–{last} by {}", second - first);
    }
    let texts: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

fn show(space: &Space) -> Table {
    let mut table = Table::new(
        format!("{}: {}", space.name(), space.description()),
        vec![
            Column::number("position"),
            Column::text("decision"),
            Column::text("choices"),
            Column::text("active when").with_key("condition"),
        ],
    );
    for (position, decision) in space.decisions().iter().enumerate() {
        let conditions: Vec<String> = decision.conditions.iter().map(ToString::to_string).collect();
        let active = if conditions.is_empty() {
            "always".to_owned()
        } else {
            conditions.join(" and ")
        };
        table.push(vec![
            Cell::count(position as u64),
            Cell::text(&decision.name),
            Cell::text(decision.choices.join(" ")),
            Cell::text(active),
        ]);
    }
    table.note(format!("version {}, hash {}", space.version(), space.hash()));
    for (what, text) in [("source", space.source()), ("note", space.note())] {
        if !text.is_empty() {
            table.note(format!("{what}: {text}"));
        }
    }
    if let Some(base) = space.base() {
        table.note(format!("lies over {base}"));
    }
    if space.width_multiplier() != 1.0 {
        table.note(format!("widths are multiplied by {}", space.width_multiplier()));
    }
    table.note(format!(
        "resolutions {}, default {}",
        resolutions(space),
        space.default_resolution()
    ));
    for reference in space.references() {
        table.note(format!("reference {}: {}", reference.name, reference.genotype));
    }
    table
}

fn count(names: &[String]) -> anyhow::Result<Table> {
    let mut table = Table::new(
        "How many networks",
        vec![
            Column::text("space"),
            Column::number("raw"),
            Column::number("active"),
            Column::number("distinct"),
            Column::text("distinct is").with_key("distinct_kind"),
        ],
    );
    for name in names {
        let space = lookup::space(name)?;
        let counts = space.count();
        let (distinct, kind) = match &counts.distinct {
            Distinct::Exact(count) => (count, "exact"),
            Distinct::AtMost(count) => (count, "an upper bound"),
        };
        table.push(vec![
            Cell::text(space.name()),
            Cell::text(counts.raw.to_string()),
            Cell::text(counts.active.to_string()),
            Cell::text(distinct.to_string()),
            Cell::text(kind),
        ]);
    }
    table.note("raw: all decision strings; active: inactive decisions removed; distinct: different network hashes");
    Ok(table)
}

fn sample(space: &Space, count: u32, seed: u64, shape: ShapeArgs) -> anyhow::Result<Table> {
    let mut table = Table::new(
        format!("{count} members of {}", space.name()),
        vec![
            Column::text("genotype"),
            Column::number("MACs"),
            Column::number("parameters"),
            Column::text("hash"),
        ],
    );
    let head = Head {
        classes: shape.classes,
        input_channels: shape.channels,
    };
    let what = format!("space {}", space.name());
    let resolution = shape.resolution.map(|size| size.side(&what)).transpose()?;
    let resolution = resolution.unwrap_or(space.default_resolution());
    let mut rng = stream(seed, "panarch space sample", 0);
    for _ in 0..count {
        let genotype = space.sample(&mut rng);
        let network = space.lower(&genotype, head, resolution).map_err(panarch::Error::from)?;
        table.push(vec![
            Cell::text(genotype.to_string()),
            Cell::count(network.macs().0),
            Cell::count(network.parameter_count()),
            Cell::text(network.content_hash().short()),
        ]);
    }
    table.note(format!(
        "as networks for {}×{resolution}×{resolution} images and {} classes",
        shape.channels, shape.classes
    ));
    Ok(table)
}
