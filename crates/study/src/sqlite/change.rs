//! Changes into rows.

use panarch_space::Genotype;
use rusqlite::{OptionalExtension, Transaction, params};

use crate::transition::{self, Standing};
use crate::wire::{CostJson, FinalistJson, ProvenanceJson, to_json};
use crate::{Change, CostRecord, Evaluation, Event, Finalist, Outcome, StudyError, Timestamp, Trial, validation};

use super::row::{Fields, Record};

/// Why a change was not made.
pub(super) enum Refusal {
    /// The change does not fit the study.
    Study(StudyError),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<StudyError> for Refusal {
    fn from(error: StudyError) -> Self {
        Self::Study(error)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Study(error.into())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Makes one change inside a transaction, which the caller gives up after a refusal.
pub(super) fn apply(transaction: &Transaction<'_>, change: &Change) -> Result<(), Refusal> {
    validation::check(change)?;
    match change {
        Change::Evaluated(evaluation) => insert_evaluation(transaction, evaluation),
        Change::Costed(cost) => insert_cost(transaction, cost),
        Change::Started {
            search,
            number,
            genotype,
            seed,
            at,
        } => start(transaction, search, *number, genotype, *seed, *at),
        Change::Finished {
            search,
            number,
            outcome,
            at,
        } => finish(transaction, search, *number, outcome, *at),
        Change::Chosen(finalist) => write_finalist(transaction, finalist),
        Change::Logged(event) => insert_event(transaction, event),
    }
}

fn insert_evaluation(transaction: &Transaction<'_>, evaluation: &Evaluation) -> Result<(), Refusal> {
    let sql = "INSERT INTO evaluation (genotype, network, accuracy, accuracy_low, accuracy_high, accuracy_level, \
               provenance, seed, time_s, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
               ON CONFLICT (genotype) DO NOTHING";
    transaction.prepare_cached(sql)?.execute(params![
        evaluation.genotype.to_string(),
        evaluation.network.to_string(),
        evaluation.accuracy.value.share(),
        evaluation.accuracy.low.share(),
        evaluation.accuracy.high.share(),
        evaluation.accuracy.level,
        to_json(ProvenanceJson::from(&evaluation.provenance))?,
        evaluation.seed.cast_signed(),
        evaluation.seconds,
        evaluation.created.unix_millis(),
    ])?;
    Ok(())
}

fn insert_cost(transaction: &Transaction<'_>, cost: &CostRecord) -> Result<(), Refusal> {
    let sql = "INSERT INTO cost (genotype, device, protocol, latency_s, detail, created_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (genotype, device, protocol) DO NOTHING";
    transaction.prepare_cached(sql)?.execute(params![
        cost.genotype.to_string(),
        cost.device,
        cost.protocol.to_string(),
        cost.summary.latency.value.seconds(),
        to_json(CostJson::from(&cost.summary))?,
        cost.created.unix_millis(),
    ])?;
    Ok(())
}

fn standing(transaction: &Transaction<'_>, search: &str, number: i64) -> Result<Option<Standing>, Refusal> {
    let sql = format!("SELECT {} FROM trial WHERE search = ?1 AND number = ?2", Trial::COLUMNS);
    let mut statement = transaction.prepare_cached(&sql)?;
    let trial = statement
        .query_row(params![search, number], |row| {
            Ok(Trial::read(&Fields::new(Trial::TABLE, row)))
        })
        .optional()?
        .transpose()?;
    Ok(trial.as_ref().map(Standing::of))
}

fn signed(search: &str, number: u64) -> Result<i64, StudyError> {
    i64::try_from(number).map_err(|_| StudyError::TrialExists {
        search: search.to_owned(),
        number,
        reason: "its number is beyond what a study can hold".to_owned(),
    })
}

fn start(
    transaction: &Transaction<'_>,
    search: &str,
    number: u64,
    genotype: &Genotype,
    seed: u64,
    at: Timestamp,
) -> Result<(), Refusal> {
    let row = signed(search, number)?;
    transition::start(standing(transaction, search, row)?, search, number, genotype, seed)?;
    let sql = "INSERT INTO trial (search, number, genotype, seed, state, started_ms) \
               VALUES (?1, ?2, ?3, ?4, 'running', ?5) \
               ON CONFLICT (search, number) DO UPDATE SET started_ms = excluded.started_ms";
    transaction.prepare_cached(sql)?.execute(params![
        search,
        row,
        genotype.to_string(),
        seed.cast_signed(),
        at.unix_millis()
    ])?;
    Ok(())
}

fn finish(
    transaction: &Transaction<'_>,
    search: &str,
    number: u64,
    outcome: &Outcome,
    at: Timestamp,
) -> Result<(), Refusal> {
    let row = signed(search, number)?;
    let before = standing(transaction, search, row)?;
    let evaluated = match &before {
        Some(before) => transaction
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM evaluation WHERE genotype = ?1)")?
            .query_row([before.genotype.to_string()], |row| row.get(0))?,
        None => false,
    };
    transition::finish(before, search, number, outcome, |_| evaluated)?;
    let sql = "UPDATE trial SET state = ?3, reward = ?4, reason = ?5, finished_ms = ?6 \
               WHERE search = ?1 AND number = ?2";
    transaction.prepare_cached(sql)?.execute(params![
        search,
        row,
        outcome.state().name(),
        outcome.reward(),
        outcome.reason(),
        at.unix_millis()
    ])?;
    Ok(())
}

fn write_finalist(transaction: &Transaction<'_>, finalist: &Finalist) -> Result<(), Refusal> {
    let sql = "INSERT INTO finalist (genotype, name, network, detail, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (genotype) DO UPDATE SET name = excluded.name, network = excluded.network, \
               detail = excluded.detail, updated_ms = excluded.updated_ms";
    transaction.prepare_cached(sql)?.execute(params![
        finalist.genotype.to_string(),
        finalist.name,
        finalist.network.to_string(),
        to_json(FinalistJson::of(finalist))?,
        finalist.updated.unix_millis(),
    ])?;
    Ok(())
}

fn insert_event(transaction: &Transaction<'_>, event: &Event) -> Result<(), Refusal> {
    let sql = "INSERT INTO event (phase, kind, detail, created_ms) VALUES (?1, ?2, ?3, ?4)";
    transaction.prepare_cached(sql)?.execute(params![
        event.phase,
        event.kind.name(),
        event.detail,
        event.created.unix_millis()
    ])?;
    Ok(())
}
