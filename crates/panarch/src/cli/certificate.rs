//! `panarch certificate`.

use std::path::Path;

use panarch::certificate;
use panarch_report::{Cell, Column, Table};

use super::args::CertificateCommand;
use super::output::Printer;

pub fn certificate(command: CertificateCommand) -> anyhow::Result<()> {
    let CertificateCommand::Check { file, format } = command;
    Printer::new(format).table(&check(&file)?);
    Ok(())
}

fn check(file: &Path) -> anyhow::Result<Table> {
    let claim = certificate::check(file)?;
    let columns = vec![Column::text("what"), Column::text("is")];
    let mut table = Table::new(format!("{}: proved", file.display()), columns);
    let mut row = |what: &str, is: String| table.push(vec![Cell::text(what), Cell::text(is)]);
    row("space", claim.space);
    for limit in claim.limits {
        row("limit", limit);
    }
    match claim.best {
        Some((genotype, resolution, accuracy)) => {
            row("no member within the limits is better than", genotype);
            row("at resolution", resolution.to_string());
            row("with an accuracy of", accuracy);
        }
        None => row("members within the limits", "none".to_owned()),
    }
    row("boxes", claim.boxes.to_string());
    row("members looked at one by one", claim.members.to_string());
    table.note(
        "the proof is about the tables in the file; how well they foretell images and devices is another question",
    );
    Ok(table)
}
