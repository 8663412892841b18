//! Parsing, dispatch and exit codes.

mod args;
mod checkpoint;
mod classify;
mod cost;
mod data;
mod device;
mod device_table;
mod doctor;
mod home;
mod mem;
mod network;
mod output;
mod progress;
mod reference;
mod reproduce;
mod run;
mod scalesim;
mod schedule;
mod shell;
mod space;
mod study;
mod support;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use panarch::Error;

use args::{Cli, Command};
use output::Printer;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // clap ends with exit code 2 on bad arguments and 0 on --help.
    let cli = Cli::parse_from(home::arguments());
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", describe(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Train(args) => run::train(&args),
        Command::Schedule(command) => schedule::schedule(command),
        Command::Reproduce(args) => reproduce::reproduce(&args),
        Command::Search(args) => run::search(&args),
        Command::Report(args) => run::report(&args),
        Command::Doctor(format) => doctor::doctor(Printer::new(format)),
        Command::Data(command) => data::data(command),
        Command::Space(command) => space::space(command),
        Command::Network(command) => network::network(command),
        Command::Device(command) => device::device(command),
        Command::Cost(args) => cost::cost(&args),
        Command::Checkpoint(command) => checkpoint::checkpoint(command),
        Command::Classify(args) => classify::classify(&args),
        Command::Study(command) => study::study(command),
        Command::Reference { page } => {
            reference::reference(page);
            Ok(())
        }
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "panarch", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Error>().map_or(3, Error::exit_code)
}

/// The error with its causes, each once; diagnostics bring their own headings.
fn describe(error: &anyhow::Error) -> String {
    if let Some(Error::Diagnostics(diagnostics)) = error.downcast_ref::<Error>() {
        return diagnostics.rich();
    }
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
