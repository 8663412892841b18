//! `panarch classify`.

use panarch::Error;
use panarch::checkpoint::{self, Loaded};
use panarch::classify::Classifier;
use panarch_report::{Cell, Column, Table};

use super::args::ClassifyArgs;
use super::checkpoint::subject_of;
use super::output::Printer;

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
    for picture in &args.pictures {
        for (rank, guess) in classifier.look(picture, args.top as usize)?.into_iter().enumerate() {
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
    Printer::new(args.format).table(&table);
    Ok(())
}
