//! `panarch device table`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use panarch::device_table::{self, TableOrder};
use panarch_report::{Cell, Column, Table};
use panarch_space::Head;

use super::args::{FormatArgs, ShapeArgs};
use super::output::Printer;
use super::run::{quoted, watched};

#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// Ask a device for every block of a space, and write a table that is a device itself
    ///
    /// Each block is asked for alone; what blocks do to each other, such as operators fused across their border, is left
    /// out. At the end sums are compared with the device's answers for whole networks. A build that was cut goes on with
    /// the same command.
    Build(TableBuildArgs),
}

#[derive(Debug, Args)]
pub struct TableBuildArgs {
    /// The space: a preset's name or a TOML file
    #[arg(long)]
    pub space: String,
    /// The device: a profile's name or a TOML file
    #[arg(long)]
    pub device: String,
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// How often the device is asked for each block
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// The profile to write, NAME.toml; the table is written beside it as NAME.csv
    #[arg(long, short)]
    pub output: PathBuf,
    #[command(flatten)]
    pub format: FormatArgs,
}

pub fn table(command: &TableCommand) -> anyhow::Result<()> {
    let TableCommand::Build(args) = command;
    let printer = Printer::new(args.format);
    let order = TableOrder {
        space: args.space.clone(),
        device: args.device.clone(),
        head: Head {
            classes: args.shape.classes,
            input_channels: args.shape.channels,
        },
        resolution: args.shape.resolution,
        repeat: args.repeat,
        output: args.output.clone(),
    };
    let built = watched(printer, &repeat_command(args), |watch| {
        device_table::build(&order, watch)
    })?;
    let mut table = Table::new(
        format!("Latency table of {} over {}", args.device, args.space),
        vec![
            Column::text("device"),
            Column::text("profile"),
            Column::text("table"),
            Column::number("entries"),
            Column::number("left out").with_key("blocks_left_out"),
            Column::number("networks compared").with_key("check_networks"),
            Column::quantity("mean error", "%").with_key("check_mean_error"),
            Column::number("Kendall τ").with_key("check_kendall_tau"),
        ],
    );
    let check = built.check;
    let tau = |tau: f64| Cell::number(tau, format!("{tau:.3}"));
    table.push(vec![
        Cell::text(&built.device),
        Cell::text(built.profile.display().to_string()),
        Cell::text(built.table.display().to_string()),
        Cell::count(built.entries as u64),
        Cell::count(built.left_out as u64),
        Cell::count(u64::from(check.networks)),
        Cell::number(check.mean_error, format!("{:.2}", check.mean_error * 100.0)),
        check.kendall_tau.map_or_else(Cell::missing, tau),
    ]);
    let profile = built.profile.display().to_string();
    let profile = if profile.contains('/') {
        profile
    } else {
        format!("./{profile}")
    };
    table.note(format!(
        "next: panarch cost --device {} --network {}:GENOTYPE{}",
        quoted(&profile),
        quoted(&args.space),
        shape(args)
    ));
    printer.table(&table);
    Ok(())
}

fn shape(args: &TableBuildArgs) -> String {
    let resolution = args.shape.resolution;
    let resolution = resolution.map_or_else(String::new, |size| format!(" --resolution {size}"));
    format!(
        "{resolution} --channels {} --classes {}",
        args.shape.channels, args.shape.classes
    )
}

fn repeat_command(args: &TableBuildArgs) -> String {
    format!(
        "panarch device table build --space {} --device {}{} --repeat {} --output {}",
        quoted(&args.space),
        quoted(&args.device),
        shape(args),
        args.repeat,
        quoted(&args.output.display().to_string())
    )
}
