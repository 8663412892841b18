//! `panarch run`, `search` and `report`.

use panarch::event::Cancel;
use panarch::event::Watch;
use panarch::run;
use panarch::{Error, RunFile, lookup};
use panarch_report::{Cell, Column, Format, Table, summary};

use super::args::RunArgs;
use super::output::{Printer, say, write};
use super::progress::Progress;
use super::shell;

pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let (file, printer) = open(args)?;
    let command = repeat_command("run", args);
    let outcome = watched(printer, &command, |watch| run::run(&file, &command, watch))?;
    printer.table(&summary::finalists_table(&outcome.report));
    let report = &outcome.report;
    if !report.repeats.is_empty() && printer.format() == Format::Table {
        let devices: Vec<String> = report.devices.iter().map(|device| device.name.clone()).collect();
        printer.table(&summary::repeats_table(&devices, &report.repeats));
    }
    if printer.format() == Format::Table {
        printer.table(&summary::requirements_table(report, 1));
        if report.searches.iter().any(|search| search.proof.is_some()) {
            printer.table(&summary::proofs_table(report));
        }
        if let Some(onnx) = &outcome.onnx_file {
            write(&format!("\nnetwork  {}\n", onnx.display()));
        }
        write(&format!("report   {}\n", outcome.report_file.display()));
        let folder = file.output.directory.display().to_string();
        write(&format!("study    {}\n", shell::command(["study", "show", &folder])));
    }
    Ok(())
}

pub fn search(args: &RunArgs) -> anyhow::Result<()> {
    let (file, printer) = open(args)?;
    let searched = watched(printer, &repeat_command("search", args), |watch| {
        run::search(&file, watch)
    })?;
    let columns = vec![
        Column::text("search"),
        Column::text("objective"),
        Column::text("winner"),
    ];
    let mut table = Table::new("Winners", columns);
    for search in &searched {
        table.push(vec![
            Cell::text(&search.name),
            Cell::text(&search.objective),
            Cell::text(search.winner.to_string()),
        ]);
    }
    table.note(format!("next: {}", repeat_command("run", args)));
    printer.table(&table);
    Ok(())
}

pub fn report(args: &RunArgs) -> anyhow::Result<()> {
    let (file, printer) = open(args)?;
    let command = repeat_command("report", args);
    let (report, path) = watched(printer, &command, |watch| run::redraw(&file, watch))?;
    printer.table(&summary::finalists_table(&report));
    if printer.format() == Format::Table {
        write(&format!("\nreport   {}\n", path.display()));
    }
    if !report.problems.is_empty() {
        return Err(Error::CheckFailed(report.problems.join("; ")).into());
    }
    Ok(())
}

pub(super) fn open(args: &RunArgs) -> Result<(RunFile, Printer), Error> {
    let file = lookup::run_file(&args.file, &args.overrides)?;
    Ok((file, Printer::new(args.format)))
}

/// The first Ctrl-C asks the run to stop after its step; the second ends it at once, which loses nothing either.
fn stoppable() -> anyhow::Result<Cancel> {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    on_interrupt(move || {
        if asked.cancel() {
            panarch_measure::kill_commands();
            std::process::exit(130);
        }
        say("\nstopping after this step; press Ctrl-C again to stop at once");
    })?;
    Ok(cancel)
}

/// Calls a function at each Ctrl-C, on a thread of its own.
pub(super) fn on_interrupt(handler: impl FnMut() + Send + 'static) -> Result<(), Error> {
    ctrlc::set_handler(handler).map_err(|error| {
        let reason = match error {
            ctrlc::Error::System(reason) => reason.to_string(),
            other => other.to_string(),
        };
        Error::Environment(format!("cannot listen for Ctrl-C: {reason}"))
    })
}

/// Does a part of a run while its progress is drawn and Ctrl-C is heard.
pub(super) fn watched<T>(
    printer: Printer,
    command: &str,
    part: impl FnOnce(&mut Watch<'_>) -> Result<T, Error>,
) -> anyhow::Result<T> {
    let cancel = stoppable()?;
    let mut progress = Progress::new(printer);
    let result = part(&mut Watch {
        observer: &mut progress,
        cancel,
    });
    drop(progress);
    Ok(resumable(result, command)?)
}

/// Says how to go on, when a run was interrupted.
fn resumable<T>(result: Result<T, Error>, command: &str) -> Result<T, Error> {
    if matches!(result, Err(Error::Interrupted)) {
        say(&format!("everything done so far is kept; go on with: {command}"));
    }
    result
}

pub(super) fn repeat_command(verb: &str, args: &RunArgs) -> String {
    let file = args.file.display().to_string();
    let changes = args.overrides.iter().flat_map(|change| ["--set", change]);
    shell::command([verb, &file].into_iter().chain(changes))
}
