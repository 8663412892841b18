//! Predictors that are trained on tables of measured networks, as the command line asks for them.

use std::path::Path;

use panarch_format::FileKind;
use panarch_graph::Estimate;
use panarch_predict::{
    Choice, HealthCard, Member, PredictError, Rows, Sample, TrainedPredictor, Transfer, TransferScore,
};
use panarch_space::Space;
use rayon::prelude::*;
use serde::Serialize;

use crate::Error;

/// A table of measured networks, and a predictor, which holds the rows that it was trained on.
const TABLE: FileKind = FileKind::new("table", 256 << 20);
const PREDICTOR: FileKind = FileKind::new("predictor", 64 << 20);

/// What a table gave.
#[derive(Debug)]
pub struct Measured {
    /// The networks with a value.
    pub samples: Vec<Sample>,
    /// Rows that were passed over: without a value, or of another space.
    pub skipped: usize,
    /// What a person should know of them.
    pub notes: Vec<String>,
}

/// Reads the networks of a space that a table has a value of.
///
/// # Errors
/// No such file, or no such table.
pub fn measured(space: &Space, path: &Path, target: &str) -> Result<Measured, Error> {
    let rows = rows(space, path, &[target])?;
    let (samples, without) = rows.measured(0);
    let mut notes = Vec::new();
    let mut skipped = without;
    if let Some((count, reason)) = rows.outside {
        notes.push(format!(
            "{}: {count} row(s) are no networks of space {} and were skipped; {reason}",
            path.display(),
            space.name()
        ));
        skipped += count;
    }
    if samples.is_empty() {
        return Err(Error::Input(format!(
            "{}: no row has a value of `{target}`",
            path.display()
        )));
    }
    Ok(Measured {
        samples,
        skipped,
        notes,
    })
}

fn rows(space: &Space, path: &Path, columns: &[&str]) -> Result<Rows, Error> {
    let text = panarch_format::read_text(path, TABLE)?;
    Rows::read(space, &text, columns).map_err(|error| of_file(path, error))
}

/// The error with the file that it is about.
fn of_file(path: &Path, error: PredictError) -> Error {
    match error {
        PredictError::Table { .. } | PredictError::NoColumn { .. } | PredictError::Format { .. } => {
            Error::Input(format!("{}: {error}", path.display()))
        }
        other => other.into(),
    }
}

/// How a predictor that was trained on one table does on another.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    /// The space's name.
    pub space: String,
    /// The column.
    pub target: String,
    /// The model that was chosen.
    pub model: &'static str,
    /// The form of the column that it was fitted to.
    pub transform: &'static str,
    /// The figures, over networks in the predictor's range.
    #[serde(flatten)]
    pub card: HealthCard,
    /// Rows of the second table that were passed over: without a value, or of another space.
    pub skipped: usize,
    /// Networks of the second table that the predictor has no answer for.
    pub out_of_range: usize,
    /// Networks that it was trained on.
    pub training_rows: usize,
    /// Rows of the first table that were passed over.
    pub training_skipped: usize,
    /// The hash of the training rows.
    pub training_hash: String,
    /// What the first table alone says of the predictor, each network from the others.
    pub left_out: HealthCard,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// Trains on one table and evaluates on another. Networks that are in both are left out of the training, so that no network
/// is on both sides.
///
/// # Errors
/// What is wrong with a table, or the training.
pub fn evaluate(space: &Space, train: &Path, test: &Path, target: &str, choice: Choice) -> Result<Evaluation, Error> {
    let mut training = measured(space, train, target)?;
    let tested = measured(space, test, target)?;
    let mut notes = std::mem::take(&mut training.notes);
    notes.extend(tested.notes);
    let known: std::collections::BTreeSet<&Member> = tested.samples.iter().map(|sample| &sample.member).collect();
    let before = training.samples.len();
    training.samples.retain(|sample| !known.contains(&sample.member));
    let shared = before - training.samples.len();
    if shared > 0 {
        notes.push(format!(
            "{shared} network(s) are in both tables and were not trained on"
        ));
    }
    let training_rows = training.samples.len();
    let predictor = TrainedPredictor::train(space, target, training.samples, choice)?;
    let (card, outside) = predictor.evaluate(&tested.samples)?;
    let out_of_range = outside.as_ref().map_or(0, |(count, _)| *count);
    if let Some((count, reason)) = outside {
        notes.push(format!("{count} network(s) have no prediction: {reason}"));
    }
    Ok(Evaluation {
        space: space.name().to_owned(),
        target: target.to_owned(),
        model: predictor.model().name(),
        transform: predictor.transform().name(),
        card,
        skipped: tested.skipped,
        out_of_range,
        training_rows,
        training_skipped: training.skipped,
        training_hash: predictor.training_hash().to_string(),
        left_out: predictor.health().clone(),
        notes,
    })
}

/// Reads a predictor that was written.
///
/// # Errors
/// No such file, another space, or a damaged file.
pub fn load(path: &Path, space: Option<&str>) -> Result<TrainedPredictor, Error> {
    let text = panarch_format::read_text(path, PREDICTOR)?;
    let named = match space {
        Some(space) => space.to_owned(),
        None => TrainedPredictor::space_of_json(&text).map_err(|error| of_file(path, error))?,
    };
    let space = crate::lookup::space(&named)?;
    TrainedPredictor::from_json(&space, &text).map_err(|error| of_file(path, error))
}

/// Writes a predictor.
///
/// # Errors
/// When it cannot be written.
pub fn save(predictor: &TrainedPredictor, path: &Path) -> Result<(), Error> {
    Ok(panarch_format::atomic_write(path, predictor.to_json()?.as_bytes())?)
}

/// A network, and what is expected of it or why nothing is.
pub type Foreseen = (Member, Result<Estimate<f64>, PredictError>);

/// What a predictor says of the networks of a table, one after the other.
///
/// # Errors
/// What is wrong with the table.
pub fn predict(predictor: &TrainedPredictor, path: &Path) -> Result<Vec<Foreseen>, Error> {
    let rows = rows(predictor.space(), path, &[])?;
    if let Some((count, reason)) = rows.outside {
        let space = predictor.space().name();
        return Err(Error::Input(format!(
            "{}: {count} row(s) are no networks of space {space}; {reason}",
            path.display()
        )));
    }
    let members: Vec<Member> = rows.rows.into_iter().map(|row| row.member).collect();
    let answers = predictor.predict(&members);
    Ok(members.into_iter().zip(answers).collect())
}

/// How well a new device is foreseen from a few rows.
#[derive(Debug, Serialize)]
pub struct Transferred {
    /// The new device's column.
    pub target: String,
    /// The columns of the known ones.
    pub known: Vec<String>,
    /// Rows that are measured.
    pub measurements: usize,
    /// Mean over the seeds of Spearman's rank correlation on all other rows.
    pub spearman: Option<f64>,
    /// The worst seed's.
    pub worst: Option<f64>,
    /// Rows that are predicted for each seed.
    pub rows: usize,
    /// Rows without a value in one of the columns, or of another space.
    pub skipped: usize,
    /// Each seed's.
    pub seeds: Vec<Seed>,
}

/// What came out for one draw of rows.
#[derive(Debug, Serialize)]
pub struct Seed {
    /// The seed.
    pub seed: u64,
    /// Spearman's rank correlation; none where all predictions are equal.
    pub spearman: Option<f64>,
}

/// Foresees a device from a few of a table's rows, with the other columns known for all; seeds from 0.
///
/// # Errors
/// What is wrong with the table, or too few rows.
pub fn transfer(
    space: &Space,
    table: &Path,
    target: &str,
    known: &[String],
    measurements: usize,
    seeds: u64,
) -> Result<Transferred, Error> {
    if known.iter().any(|column| column == target) {
        return Err(Error::Input(format!(
            "`{target}` is the new device and cannot be known"
        )));
    }
    let columns: Vec<&str> = std::iter::once(target)
        .chain(known.iter().map(String::as_str))
        .collect();
    let rows = rows(space, table, &columns)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut members = Vec::new();
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    let total = rows.rows.len() + rows.outside.as_ref().map_or(0, |(count, _)| *count);
    for row in &rows.rows {
        let all: Option<Vec<f64>> = row.values.iter().copied().collect();
        if let Some(all) = all.filter(|_| seen.insert(&row.member)) {
            members.push(row.member.clone());
            values
                .iter_mut()
                .zip(all)
                .for_each(|(column, value)| column.push(value));
        }
    }
    let devices = values.split_off(1);
    let values = values.pop().unwrap_or_default();
    let model = Transfer::new(space, &members, &devices)?;
    let scores: Vec<TransferScore> = (0..seeds)
        .into_par_iter()
        .map(|seed| model.score(&members, &values, measurements, seed))
        .collect::<Result<_, _>>()?;
    let found: Vec<f64> = scores.iter().filter_map(|score| score.spearman).collect();
    let complete = found.len() == scores.len() && !found.is_empty();
    Ok(Transferred {
        target: target.to_owned(),
        known: known.to_vec(),
        measurements,
        spearman: complete.then(|| found.iter().sum::<f64>() / found.len() as f64),
        worst: found.iter().copied().filter(|_| complete).reduce(f64::min),
        rows: members.len() - measurements.min(members.len()),
        skipped: total - members.len(),
        seeds: scores
            .into_iter()
            .map(|TransferScore { seed, spearman }| Seed { seed, spearman })
            .collect(),
    })
}
