//! `panarch classify`.

use panarch::Error;
use panarch::checkpoint::{self, Loaded};
use panarch::classify::Classifier;
use panarch_report::{Cell, Column, Format, Table};

use super::args::ClassifyArgs;
use super::checkpoint::subject_of;
use super::output::{Printer, say};

pub fn classify(args: &ClassifyArgs) -> anyhow::Result<()> {
    let (loaded, _) = checkpoint::load(&args.checkpoint, subject_of(&args.subject))?;
    let Loaded::Network(network) = loaded else {
        let message = format!(
            "{} holds a supernet; say which member to use with --member",
            args.checkpoint.display()
        );
        return Err(Error::Input(message).into());
    };
    let classifier = Classifier::new(&network, args.labels.as_deref())?;
    let mut table = Table::new(
        format!("What {} sees", network.network.name()),
        vec![
            Column::text("picture"),
            Column::number("rank"),
            Column::text("class"),
            Column::number("class number"),
            Column::quantity("share", "%").with_key("share"),
        ],
    );
    let mut failed = Vec::new();
    for picture in &args.pictures {
        let guesses = classifier.look(picture, args.top as usize).unwrap_or_else(|error| {
            failed.push(error);
            Vec::new()
        });
        for (rank, guess) in guesses.into_iter().enumerate() {
            table.push(vec![
                Cell::text(picture.display().to_string()),
                Cell::count(rank as u64 + 1),
                Cell::text(&guess.name),
                Cell::count(guess.class as u64),
                Cell::number(guess.share, format!("{:.1}", guess.share * 100.0)),
            ]);
        }
    }
    table.note(format!(
        "share: softmax of the logits, not a calibrated probability; input {}",
        network.network.input_shape()
    ));
    let printer = Printer::new(args.format);
    if !table.rows.is_empty() || printer.format() != Format::Table {
        printer.table(&table);
    }
    // One picture that cannot be read hides no other; each is named, and the exit code says so.
    let count = args.pictures.len();
    match (failed.len(), failed.pop()) {
        (_, None) => Ok(()),
        (1, Some(error)) if count == 1 => Err(error.into()),
        (bad, Some(last)) => {
            for error in failed.iter().chain([&last]) {
                say(&format!("error: {error}"));
            }
            let message = format!("{bad} of {count} pictures were not classified");
            Err(if last.exit_code() == 3 {
                Error::Environment(message)
            } else {
                Error::Input(message)
            }
            .into())
        }
    }
}
