//! `panarch predictor`.

mod args;

use std::path::Path;

use panarch::lookup;
use panarch::predictor::{self, Evaluation, Transferred};
use panarch_predict::{Choice, HealthCard, TrainedPredictor};
use panarch_report::{Cell, Column, Format, Table};

use super::output::{Printer, say};
use super::shell;

pub use args::PredictorCommand;

pub fn predictor(command: PredictorCommand) -> anyhow::Result<()> {
    match command {
        PredictorCommand::Train {
            space,
            train,
            target,
            model,
            output,
            format,
        } => {
            let space = lookup::space(&space)?;
            let measured = predictor::measured(&space, &train, &target)?;
            for note in &measured.notes {
                say(&format!("note: {note}"));
            }
            let trained = TrainedPredictor::train(&space, &target, measured.samples, model.choice())
                .map_err(panarch::Error::from)?;
            predictor::save(&trained, &output)?;
            Printer::new(format).table(&card(&trained, measured.skipped));
            say(&format!("\npredictor   {}", output.display()));
            let output = output.display().to_string();
            let next = shell::command(["predictor", "predict", "--model", &output, "--networks", "NETWORKS.csv"]);
            say(&format!("next        {next}"));
            Ok(())
        }
        PredictorCommand::Predict {
            model,
            networks,
            space,
            format,
        } => predict(&model, &networks, space.as_deref(), Printer::new(format)),
        PredictorCommand::Evaluate {
            space,
            train,
            test,
            target,
            model,
            format,
        } => {
            let space = lookup::space(&space)?;
            evaluated(
                &predictor::evaluate(&space, &train, &test, &target, model.choice())?,
                Printer::new(format),
            )
        }
        PredictorCommand::Transfer {
            space,
            table,
            target,
            known,
            measurements,
            seeds,
            format,
        } => {
            let space = lookup::space(&space)?;
            let found = predictor::transfer(&space, &table, &target, &known, measurements as usize, seeds.into())?;
            transferred(&found, Printer::new(format))
        }
    }
}

fn evaluated(found: &Evaluation, printer: Printer) -> anyhow::Result<()> {
    for note in &found.notes {
        say(&format!("note: {note}"));
    }
    if printer.format() == Format::Json {
        printer.json(found)?;
    } else {
        let mut table = Table::new(
            format!(
                "{} of {}: {} ({})",
                found.target, found.space, found.model, found.transform
            ),
            columns("rows"),
        );
        table.push(cells("test rows", &found.card));
        table.push(cells("training rows, each from the others", &found.left_out));
        table.note(format!(
            "{} networks to train on, {} rows of that table skipped; of the test table {} rows skipped, {} out of range",
            found.training_rows, found.training_skipped, found.skipped, found.out_of_range
        ));
        table.note("coverage: share of values inside their 95 % intervals");
        printer.table(&table);
    }
    if found.card.rows == 0 {
        let message = "no row of the test table is in the predictor's range; see the note above".to_owned();
        return Err(panarch::Error::Infeasible(message).into());
    }
    Ok(())
}

fn columns(first: &str) -> Vec<Column> {
    vec![
        Column::text(first),
        Column::number("networks").with_key("rows"),
        Column::number("RMSE").with_key("rmse"),
        Column::quantity("MAPE", "%").with_key("mape"),
        Column::quantity("within 5 %", "%").with_key("within_5"),
        Column::quantity("within 10 %", "%").with_key("within_10"),
        Column::number("Spearman").with_key("spearman"),
        Column::number("Kendall").with_key("kendall"),
        Column::quantity("coverage", "%").with_key("coverage"),
    ]
}

fn cells(name: &str, card: &HealthCard) -> Vec<Cell> {
    let figure = |value: Option<f64>, digits: usize| {
        value.map_or_else(Cell::missing, |value| Cell::number(value, format!("{value:.digits$}")))
    };
    let rmse = card
        .rmse
        .map_or_else(Cell::missing, |value| Cell::number(value, significant(value)));
    vec![
        Cell::text(name),
        Cell::count(card.rows as u64),
        rmse,
        figure(card.mape, 2),
        figure(card.within_5, 1),
        figure(card.within_10, 1),
        figure(card.spearman, 4),
        figure(card.kendall, 4),
        figure(card.coverage, 1),
    ]
}

/// A number of unknown size with about four digits.
fn significant(value: f64) -> String {
    let before = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let digits = (3.0 - before).clamp(0.0, 12.0) as usize;
    format!("{value:.digits$}")
}

fn card(trained: &TrainedPredictor, skipped: usize) -> Table {
    let title = format!(
        "{} of {}: {} ({})",
        trained.target(),
        trained.space().name(),
        trained.model().name(),
        trained.transform().name()
    );
    let mut table = Table::new(title, columns("rows"));
    table.push(cells("training rows, each from the others", trained.health()));
    table.note(format!(
        "{skipped} rows of the table skipped; rows {}",
        trained.training_hash().short()
    ));
    table
}

fn predict(model: &Path, networks: &Path, space: Option<&str>, printer: Printer) -> anyhow::Result<()> {
    let trained = predictor::load(model, space)?;
    let answers = predictor::predict(&trained, networks)?;
    let mut table = Table::new(
        format!("{} of {}, predicted", trained.target(), trained.space().name()),
        vec![
            Column::text("genotype"),
            Column::number("resolution"),
            Column::number(trained.target()).with_key("value"),
            Column::number("low"),
            Column::number("high"),
            Column::text("out of range").with_key("out_of_range"),
        ],
    );
    let number = |value: f64| Cell::number(value, significant(value));
    for (member, answer) in answers {
        let mut row = vec![
            Cell::text(member.genotype.to_string()),
            member
                .resolution
                .map_or_else(Cell::missing, |pixels| Cell::count(pixels.into())),
        ];
        match answer {
            Ok(estimate) => row.extend([
                number(estimate.value),
                number(estimate.low),
                number(estimate.high),
                Cell::missing(),
            ]),
            Err(error) => row.extend([
                Cell::missing(),
                Cell::missing(),
                Cell::missing(),
                Cell::text(error.to_string()),
            ]),
        }
        table.push(row);
    }
    table.note(format!(
        "predicted by {} from {} networks; intervals of 95 %",
        trained.model().name(),
        trained.health().rows
    ));
    printer.table(&table);
    Ok(())
}

fn transferred(found: &Transferred, printer: Printer) -> anyhow::Result<()> {
    if printer.format() == Format::Json {
        return printer.json(found);
    }
    let mut table = Table::new(
        format!(
            "{} from {} rows and {} known columns",
            found.target,
            found.measurements,
            found.known.len()
        ),
        vec![Column::number("seed"), Column::number("Spearman").with_key("spearman")],
    );
    let rho = |value: Option<f64>| value.map_or_else(Cell::missing, |value| Cell::number(value, format!("{value:.4}")));
    for seed in &found.seeds {
        table.push(vec![Cell::count(seed.seed), rho(seed.spearman)]);
    }
    let text = |value: Option<f64>| value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.4}"));
    table.note(format!(
        "mean {}, worst {}, on {} rows; {} skipped",
        text(found.spearman),
        text(found.worst),
        found.rows,
        found.skipped
    ));
    printer.table(&table);
    Ok(())
}

impl args::ModelArg {
    fn choice(self) -> Choice {
        self.model().map_or(Choice::Auto, Choice::Only)
    }
}
