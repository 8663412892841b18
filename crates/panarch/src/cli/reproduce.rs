//! `panarch reproduce`.

use panarch::reproduce;
use panarch_report::{Cell, Column, Table};

use super::args::ReproduceArgs;
use super::output::{Printer, say};
use super::run::watched;
use super::shell;

pub fn reproduce(args: &ReproduceArgs) -> anyhow::Result<()> {
    let printer = Printer::new(args.format);
    let Some(name) = &args.name else {
        let columns = vec![Column::text("reproduction"), Column::text("claim")];
        let mut table = Table::new("Reproductions", columns);
        for (name, claim) in reproduce::list() {
            table.push(vec![Cell::text(name), Cell::text(claim)]);
        }
        table.note("run one with: panarch reproduce NAME");
        printer.table(&table);
        return Ok(());
    };
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| ["runs", "reproductions", name].iter().collect());
    let (output, scale) = (folder.display().to_string(), args.scale.to_string());
    let mut words = vec!["reproduce", name, "--output", &output, "--scale", &scale];
    words.extend(args.only.iter().flat_map(|only| ["--only", only]));
    let command = shell::command(words);
    let tables = watched(printer, &command, |watch| {
        reproduce::run(name, &folder, args.scale, args.only.as_deref(), watch)
    })?;
    for table in &tables {
        printer.table(table);
    }
    say(&format!("\ntables   {}", folder.display()));
    Ok(())
}
