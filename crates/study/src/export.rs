//! What a study holds as rows; whoever shows them writes tables, CSV or JSON.

use std::collections::BTreeMap;

use panarch_graph::{Estimate, Latency};

use crate::{CostRecord, Evaluation, REWARD, Storage, StudyError, TrialState};

/// A cell of a [`Sheet`].
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A whole number.
    Whole(u64),
    /// A number in the unit that its column's name says.
    Number(f64),
    /// Not known, or does not apply.
    Nothing,
}

impl Cell {
    fn text(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Number)
    }
}

/// Rows under named columns; the names carry the units.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows; each has one cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self {
            columns: columns.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }
}

/// One row for each search: how many trials stand where, and the best.
///
/// # Errors
/// When the storage cannot be read.
pub fn searches(storage: &dyn Storage) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new([
        "search",
        "trials",
        "complete",
        "infeasible",
        "failed",
        "running",
        "distinct_genotypes",
        "best_reward",
        "best_genotype",
    ]);
    let trials = storage.trials(None)?;
    for group in trials.chunk_by(|a, b| a.search == b.search) {
        let count = |state| Cell::Whole(group.iter().filter(|trial| trial.state == state).count() as u64);
        let distinct: std::collections::BTreeSet<_> = group.iter().map(|trial| &trial.genotype).collect();
        let best = crate::History::of_trials(group)?.best().cloned();
        sheet.rows.push(vec![
            Cell::text(&group[0].search),
            Cell::Whole(group.len() as u64),
            count(TrialState::Complete),
            count(TrialState::Infeasible),
            count(TrialState::Failed),
            count(TrialState::Running),
            Cell::Whole(distinct.len() as u64),
            Cell::number(best.as_ref().and_then(|best| Some(best.value(REWARD)?.value.number()))),
            best.map_or(Cell::Nothing, |best| Cell::text(best.genotype)),
        ]);
    }
    Ok(sheet)
}

/// One row for each trial, with the accuracy of its genotype; further objectives than a reward have columns at the end.
///
/// # Errors
/// When the storage cannot be read.
pub fn trials(storage: &dyn Storage, search: Option<&str>) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new([
        "search", "number", "genotype", "state", "reward", "accuracy", "reason", "seed", "started", "finished",
    ]);
    let pool: BTreeMap<_, Evaluation> = storage
        .evaluations()?
        .into_iter()
        .map(|evaluation| ((evaluation.genotype.clone(), evaluation.protocol.key()), evaluation))
        .collect();
    let trials = storage.trials(search)?;
    let mut further: Vec<&str> = Vec::new();
    for objective in trials.iter().flat_map(|trial| &trial.objectives) {
        if objective.name != REWARD && !further.contains(&objective.name.as_str()) {
            further.push(&objective.name);
        }
    }
    sheet.columns.extend(further.iter().map(|&name| name.to_owned()));
    for trial in &trials {
        let evaluation = trial
            .protocol
            .and_then(|protocol| pool.get(&(trial.genotype.clone(), protocol)));
        let value = |name: &str| {
            let mut objectives = trial.objectives.iter();
            objectives
                .find(|objective| objective.name == name)
                .map(|objective| objective.value.number())
        };
        let mut row = vec![
            Cell::text(&trial.search),
            Cell::Whole(trial.number),
            Cell::text(&trial.genotype),
            Cell::text(trial.state),
            Cell::number(trial.reward()),
            Cell::number(evaluation.map(|evaluation| evaluation.accuracy.value.share())),
            trial.reason.clone().map_or(Cell::Nothing, Cell::Text),
            Cell::Whole(trial.seed),
            Cell::text(trial.started),
            trial.finished.map_or(Cell::Nothing, Cell::text),
        ];
        row.extend(further.iter().map(|name| Cell::number(value(name))));
        sheet.rows.push(row);
    }
    Ok(sheet)
}

/// One row for each evaluation of the pool; where there are several protocols, the last column says which.
///
/// # Errors
/// When the storage cannot be read.
pub fn evaluations(storage: &dyn Storage) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new([
        "genotype",
        "network",
        "accuracy",
        "accuracy_low",
        "accuracy_high",
        "accuracy_level",
        "provenance",
        "seed",
        "time_s",
        "created",
    ]);
    let evaluations = storage.evaluations()?;
    let several = evaluations
        .iter()
        .any(|evaluation| evaluation.protocol.key() != evaluations[0].protocol.key());
    if several {
        sheet.columns.push("protocol".to_owned());
    }
    for evaluation in evaluations {
        let Estimate {
            value,
            low,
            high,
            level,
        } = evaluation.accuracy;
        let mut row = vec![
            Cell::text(&evaluation.genotype),
            Cell::text(evaluation.network),
            Cell::Number(value.share()),
            Cell::Number(low.share()),
            Cell::Number(high.share()),
            Cell::Number(level),
            Cell::text(&evaluation.provenance),
            Cell::Whole(evaluation.seed),
            Cell::Number(evaluation.seconds),
            Cell::text(evaluation.created),
        ];
        row.extend(several.then(|| Cell::text(&evaluation.protocol)));
        sheet.rows.push(row);
    }
    Ok(sheet)
}

/// One row for each genotype, device and protocol.
///
/// # Errors
/// When the storage cannot be read.
pub fn costs(storage: &dyn Storage) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new([
        "genotype",
        "device",
        "protocol",
        "latency_s",
        "latency_low_s",
        "latency_high_s",
        "latency_level",
        "fixed_s",
        "energy_j",
        "peak_memory_bytes",
        "traffic_bytes",
        "utilisation",
        "provenance",
        "created",
    ]);
    sheet.rows.extend(storage.costs(None)?.iter().map(cost_row));
    Ok(sheet)
}

fn cost_row(cost: &CostRecord) -> Vec<Cell> {
    let summary = &cost.summary;
    let bytes = |bytes: Option<panarch_graph::Bytes>| bytes.map_or(Cell::Nothing, |bytes| Cell::Whole(bytes.0));
    vec![
        Cell::text(&cost.genotype),
        Cell::text(&cost.device),
        Cell::text(cost.protocol),
        Cell::Number(summary.latency.value.seconds()),
        Cell::Number(summary.latency.low.seconds()),
        Cell::Number(summary.latency.high.seconds()),
        Cell::Number(summary.latency.level),
        Cell::number(summary.fixed.map(Latency::seconds)),
        Cell::number(summary.energy.map(|energy| energy.value.joules())),
        bytes(summary.peak_memory),
        bytes(summary.traffic),
        Cell::number(summary.utilisation),
        Cell::text(&summary.provenance),
        Cell::text(cost.created),
    ]
}

/// One row for each finalist.
///
/// # Errors
/// When the storage cannot be read.
pub fn finalists(storage: &dyn Storage) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new([
        "name",
        "roles",
        "genotype",
        "network",
        "test_accuracy",
        "test_accuracy_low",
        "test_accuracy_high",
        "files",
        "updated",
    ]);
    for finalist in storage.finalists()? {
        let accuracy = finalist
            .test_accuracy
            .as_ref()
            .map(|(accuracy, _)| accuracy.map(|accuracy| accuracy.share()));
        let files: Vec<&str> = finalist.files.iter().map(|file| file.path.as_str()).collect();
        sheet.rows.push(vec![
            Cell::text(&finalist.name),
            Cell::text(finalist.roles.join(" ")),
            Cell::text(&finalist.genotype),
            Cell::text(finalist.network),
            Cell::number(accuracy.map(|accuracy| accuracy.value)),
            Cell::number(accuracy.map(|accuracy| accuracy.low)),
            Cell::number(accuracy.map(|accuracy| accuracy.high)),
            Cell::text(files.join(" ")),
            Cell::text(finalist.updated),
        ]);
    }
    Ok(sheet)
}

/// One row for each entry of the log.
///
/// # Errors
/// When the storage cannot be read.
pub fn events(storage: &dyn Storage) -> Result<Sheet, StudyError> {
    let mut sheet = Sheet::new(["created", "phase", "kind", "detail"]);
    for event in storage.events()? {
        sheet.rows.push(vec![
            Cell::text(event.created),
            Cell::Text(event.phase),
            Cell::text(event.kind.name()),
            Cell::Text(event.detail),
        ]);
    }
    Ok(sheet)
}
