//! `panarch study`.

use std::path::{Path, PathBuf};

use panarch_report::{Cell, Column, Table};
use panarch_study::export::{self, Sheet};
use panarch_study::{SqliteStorage, Storage};

use super::args::{StudyCommand, StudyRows};
use super::output::{Printer, write};

/// How deep `study list` looks.
const DEPTH: usize = 3;

pub fn study(command: StudyCommand) -> anyhow::Result<()> {
    match command {
        StudyCommand::List { folder, format } => Printer::new(format).table(&list(&folder)?),
        StudyCommand::Show { study, format } => {
            let storage = open(&study)?;
            let printer = Printer::new(format);
            printer.table(&table(
                "Searches",
                export::searches(&storage).map_err(panarch::Error::from)?,
            ));
            if printer.format() == panarch_report::Format::Table {
                printer.table(&table(
                    "Finalists",
                    export::finalists(&storage).map_err(panarch::Error::from)?,
                ));
            }
        }
        StudyCommand::Recover { damaged, into } => recover(&damaged, &into)?,
        StudyCommand::Export { study, rows, format } => {
            let storage = open(&study)?;
            let (title, sheet) = match rows {
                StudyRows::Trials => ("Trials", export::trials(&storage, None)),
                StudyRows::Evaluations => ("Evaluations", export::evaluations(&storage)),
                StudyRows::Costs => ("Costs", export::costs(&storage)),
                StudyRows::Finalists => ("Finalists", export::finalists(&storage)),
                StudyRows::Events => ("Events", export::events(&storage)),
            };
            Printer::new(format).table(&table(title, sheet.map_err(panarch::Error::from)?));
        }
    }
    Ok(())
}

fn recover(damaged: &Path, into: &Path) -> Result<(), panarch::Error> {
    let saved = panarch_study::recover(damaged, into)?;
    write(&format!(
        "saved {} evaluations, {} costs, {} trials ({} of them to be run again), {} finalists and {} log entries into {}; \
         {} rows made no sense\nto go on, put it in the place of {}\n",
        saved.evaluations,
        saved.costs,
        saved.trials,
        saved.to_run_again,
        saved.finalists,
        saved.events,
        into.display(),
        saved.senseless,
        damaged.display()
    ));
    Ok(())
}

/// The database of a study, by its own path or its folder's.
fn open(study: &Path) -> Result<SqliteStorage, panarch::Error> {
    let path = if study.is_dir() {
        study.join(panarch::run::DATABASE)
    } else {
        study.to_owned()
    };
    if !path.exists() {
        let advice = "`panarch study list` shows the studies below ./runs";
        return Err(panarch::Error::Input(format!(
            "there is no study at {}; {advice}",
            path.display()
        )));
    }
    Ok(SqliteStorage::open_to_read(&path)?)
}

fn list(folder: &Path) -> anyhow::Result<Table> {
    let mut found = Vec::new();
    find(folder, DEPTH, &mut found);
    found.sort();
    let mut table = Table::new(
        format!("Studies below {}", folder.display()),
        vec![
            Column::text("study"),
            Column::text("space"),
            Column::text("dataset"),
            Column::number("evaluations"),
            Column::number("finalists"),
            Column::text("created"),
        ],
    );
    for path in found {
        let place = path.parent().unwrap_or(&path).display().to_string();
        match SqliteStorage::open_to_read(&path).and_then(|storage| row(&storage)) {
            Ok(cells) => table.push([vec![Cell::text(place)], cells].concat()),
            Err(error) => table.note(format!("{place}: {error}")),
        }
    }
    Ok(table)
}

fn row(storage: &SqliteStorage) -> Result<Vec<Cell>, panarch_study::StudyError> {
    let header = storage.header()?;
    Ok(vec![
        Cell::text(header.space),
        Cell::text(header.dataset),
        Cell::count(storage.evaluations()?.len() as u64),
        Cell::count(storage.finalists()?.len() as u64),
        Cell::text(header.created.to_string()),
    ])
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let database = folder.join(panarch::run::DATABASE);
    if database.is_file() {
        found.push(database);
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), depth - 1, found);
        }
    }
}

/// A study's rows as a table to print.
fn table(title: &str, sheet: Sheet) -> Table {
    let numbers = |column: usize| {
        sheet
            .rows
            .iter()
            .any(|row| matches!(row.get(column), Some(export::Cell::Whole(_) | export::Cell::Number(_))))
    };
    let columns = sheet.columns.iter().enumerate().map(|(index, name)| {
        let heading = name.replace('_', " ");
        let column = if numbers(index) {
            Column::number(heading)
        } else {
            Column::text(heading)
        };
        column.with_key(name)
    });
    let mut table = Table::new(title, columns.collect());
    for row in sheet.rows {
        let cells = row.into_iter().map(|cell| match cell {
            export::Cell::Text(text) => Cell::text(text),
            export::Cell::Whole(count) => Cell::count(count),
            export::Cell::Number(number) => Cell::number(number, short(number)),
            export::Cell::Nothing => Cell::missing(),
        });
        table.push(cells.collect());
    }
    table
}

/// Five significant digits.
fn short(number: f64) -> String {
    if number != 0.0 && (number.abs() < 1e-3 || number.abs() >= 1e6) {
        format!("{number:.4e}")
    } else {
        format!("{number:.4}")
    }
}
