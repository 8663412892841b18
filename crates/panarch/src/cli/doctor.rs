//! `panarch doctor`.

use panarch_data::DataRoot;
use panarch_measure::{Machine, RuntimeState, ToolState, runtimes, tools};
use panarch_report::{Cell, Column, Emphasis, Table};

use super::output::Printer;

pub fn doctor(printer: Printer) -> anyhow::Result<()> {
    let columns = vec![Column::text("what"), Column::text("state"), Column::text("details")];
    let mut table = Table::new("This machine", columns);
    table.push(vec![
        Cell::text("machine"),
        Cell::text("ok"),
        Cell::text(Machine::detect().to_string()),
    ]);
    for status in runtimes() {
        let (state, details, emphasis) = match &status.state {
            RuntimeState::Available { version, library } => {
                let place = library
                    .as_ref()
                    .map(|path| format!(" from {}", path.display()))
                    .unwrap_or_default();
                ("ok", format!("version {version}{place}"), Emphasis::Good)
            }
            RuntimeState::Missing { help } => ("missing", help.clone(), Emphasis::Weak),
            RuntimeState::Broken { library, reason } => {
                ("broken", format!("{}: {reason}", library.display()), Emphasis::Bad)
            }
        };
        let name = format!("runtime {}", status.name);
        table.push_row(vec![Cell::text(name), Cell::text(state), Cell::text(details)], emphasis);
    }
    for status in tools() {
        let (state, details, emphasis) = match &status.state {
            ToolState::Available { version, program } => {
                let details = format!("version {version} from {}", program.display());
                ("ok", details, Emphasis::Good)
            }
            ToolState::Missing { help } => ("missing", help.clone(), Emphasis::Weak),
            ToolState::Broken { program, reason } => {
                ("broken", format!("{}: {reason}", program.display()), Emphasis::Bad)
            }
        };
        let name = format!("tool {}", status.name);
        let details = format!("{details}; answers for {}", status.devices.join(", "));
        table.push_row(vec![Cell::text(name), Cell::text(state), Cell::text(details)], emphasis);
    }
    let datasets = panarch_data::list(&DataRoot::from_environment()).unwrap_or_else(|error| {
        table.push_row(
            vec![
                Cell::text("datasets"),
                Cell::text("missing"),
                Cell::text(error.to_string()),
            ],
            Emphasis::Weak,
        );
        Vec::new()
    });
    for status in datasets {
        let (state, emphasis) = if status.present {
            ("ok", Emphasis::Good)
        } else {
            ("missing", Emphasis::Weak)
        };
        let details = match status.present {
            false => status.advice,
            true => status.folder.display().to_string(),
        };
        let name = format!("dataset {}", status.name);
        table.push_row(vec![Cell::text(name), Cell::text(state), Cell::text(details)], emphasis);
    }
    table.note("The built-in runtime is enough for everything; the others measure and check as well.");
    printer.table(&table);
    Ok(())
}
