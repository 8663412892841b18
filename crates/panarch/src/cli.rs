//! Parsing, dispatch and exit codes.

mod args;
mod certificate;
mod checkpoint;
mod classify;
mod cost;
mod data;
mod device;
mod device_new;
mod device_table;
mod doctor;
mod home;
mod mem;
mod network;
mod output;
mod predictor;
mod progress;
mod reference;
mod reproduce;
mod run;
mod scalesim;
mod schedule;
mod search;
mod shell;
mod space;
mod study;
mod support;
mod train;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use panarch::Error;
use panarch_cost::CostError;
use panarch_data::DataError;
use panarch_toml::{is_hidden, shown};

use args::{Cli, Command};
use output::{Printer, say, write_bare};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(home::arguments()) {
        Ok(cli) => cli,
        Err(answer) => return answer_of_the_parser(&answer),
    };
    match computing(&cli.command).and_then(|()| dispatch(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&describe(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Help, a version, or what is wrong with the arguments: exit code 0 or 2.
fn answer_of_the_parser(answer: &clap::Error) -> ExitCode {
    let text = answer.render();
    if !answer.use_stderr() {
        if std::io::stdout().is_terminal() {
            let _ = answer.print();
        } else {
            write_bare(&text.to_string());
        }
        return ExitCode::SUCCESS;
    }
    // The colours of clap are escapes too; they are given up where an argument brings some.
    if std::env::args_os().any(|argument| argument.to_string_lossy().contains(is_hidden)) {
        say(text.to_string().trim_end());
    } else {
        let _ = answer.print();
    }
    ExitCode::from(2)
}

/// Starts the threads of a command that computes.
fn computing(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Schedule(_)
        | Command::Certificate(_)
        | Command::Report(_)
        | Command::Doctor(_)
        | Command::Study(_)
        | Command::Reference { .. }
        | Command::Completions { .. } => Ok(()),
        Command::Run(_)
        | Command::Train(_)
        | Command::Reproduce(_)
        | Command::Search(_)
        | Command::Data(_)
        | Command::Space(_)
        | Command::Network(_)
        | Command::Device(_)
        | Command::Cost(_)
        | Command::Predictor(_)
        | Command::Checkpoint(_)
        | Command::Classify(_) => Ok(panarch::threads::start()?),
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Train(args) => train::train(&args),
        Command::Schedule(command) => schedule::schedule(command),
        Command::Reproduce(args) => reproduce::reproduce(&args),
        Command::Search(args) => search::search(&args),
        Command::Report(args) => run::report(&args),
        Command::Doctor(format) => doctor::doctor(Printer::new(format)),
        Command::Data(command) => data::data(command),
        Command::Space(command) => space::space(command),
        Command::Network(command) => network::network(command),
        Command::Device(command) => device::device(command),
        Command::Cost(args) => cost::cost(&args),
        Command::Predictor(command) => predictor::predictor(command),
        Command::Certificate(command) => certificate::certificate(command),
        Command::Checkpoint(command) => checkpoint::checkpoint(command),
        Command::Classify(args) => classify::classify(&args),
        Command::Study(command) => study::study(command),
        Command::Reference { page } => {
            reference::reference(page);
            Ok(())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "panarch", &mut script);
            write_bare(&String::from_utf8_lossy(&script));
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
    // What an error quotes stays on the error's line; these are the only ones that have lines of their own.
    let has_lines = matches!(
        error.downcast_ref::<Error>(),
        Some(Error::Data(DataError::Fetch { .. }) | Error::Cost(CostError::Profile(_)))
    );
    if has_lines { text } else { shown(&text).into_owned() }
}
