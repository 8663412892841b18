//! `panarch device table`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use panarch::device_table::{self, TableOrder};
use panarch_report::{Cell, Column, Table};
use panarch_space::Head;

use super::args::{FormatArgs, ShapeArgs};
use super::output::Printer;
use super::run::watched;
use super::shell;

#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// Build a table of block latencies by asking a device for every block of a space; the table is a device itself
    ///
    /// Each block is asked for on its own, so effects between blocks, such as operators fused across their border, are not
    /// in the table. At the end, sums of blocks are compared with the device's answers for whole networks. An interrupted
    /// build is resumed by the same command.
    Build(TableBuildArgs),
}

#[derive(Debug, Args)]
pub struct TableBuildArgs {
    /// Space: preset name or TOML file
    #[arg(long)]
    pub space: String,
    /// Device: profile name or TOML file
    #[arg(long)]
    pub device: String,
    #[command(flatten)]
    pub shape: ShapeArgs,
    /// How many times the device is asked for each block
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,
    /// Profile to write (NAME.toml); the table is written beside it as NAME.csv
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
        resolution: args
            .shape
            .resolution
            .map(|size| size.side("a table of a space's blocks"))
            .transpose()?,
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
    let network = format!("{}:GENOTYPE", args.space);
    let words = ["cost", "--device", &profile, "--network", &network].map(str::to_owned);
    let next = shell::command(words.into_iter().chain(shape(args)));
    table.note(format!("next: {next}"));
    printer.table(&table);
    Ok(())
}

fn shape(args: &TableBuildArgs) -> Vec<String> {
    let shape = &args.shape;
    let resolution = shape
        .resolution
        .map(|size| ["--resolution".to_owned(), size.to_string()]);
    let others = [("--channels", shape.channels), ("--classes", shape.classes)];
    let others = others.map(|(flag, number)| [flag.to_owned(), number.to_string()]);
    resolution.into_iter().chain(others).flatten().collect()
}

fn repeat_command(args: &TableBuildArgs) -> String {
    let words = [
        "device",
        "table",
        "build",
        "--space",
        &args.space,
        "--device",
        &args.device,
    ];
    let (repeat, output) = (args.repeat.to_string(), args.output.display().to_string());
    let more = ["--repeat", &repeat, "--output", &output].map(str::to_owned);
    shell::command(words.map(str::to_owned).into_iter().chain(shape(args)).chain(more))
}
