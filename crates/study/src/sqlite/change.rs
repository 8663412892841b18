//! Changes into rows.

use panarch_space::Genotype;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use crate::basis::UNSTATED;
use crate::transition::{self, Standing};
use crate::wire::{CostJson, FinalistJson, ObjectiveJson, ProtocolJson, ProvenanceJson, ViolationJson, to_json};
use crate::{
    Basis, Change, CostRecord, Evaluation, Event, Finalist, Header, Outcome, StudyError, Subject, Timestamp, Trial,
    validation,
};

use super::row::{Fields, Record};

/// Why a change was not made.
pub(super) enum Refusal {
    /// The change does not fit the study.
    Study(StudyError),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl Refusal {
    /// The error, with what SQLite's are turned into.
    pub(super) fn into_error(self, failed: impl Fn(rusqlite::Error) -> StudyError) -> StudyError {
        match self {
            Self::Study(error) => error,
            Self::Sqlite(source) => failed(source),
        }
    }
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
        Change::Renewed(header) => renew(transaction, header),
        Change::Based(basis) => write_basis(transaction, basis),
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

/// The key that a subject's rows carry at present.
pub(super) fn key_of(transaction: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<String> {
    let sql = "SELECT key FROM basis WHERE subject = ?1 AND present = 1";
    let mut statement = transaction.prepare_cached(sql)?;
    let key = statement
        .query_row([subject.to_string()], |row| row.get(0))
        .optional()?;
    Ok(key.unwrap_or_else(|| UNSTATED.to_owned()))
}

fn renew(transaction: &Transaction<'_>, header: &Header) -> Result<(), Refusal> {
    let sql = "UPDATE study SET name = ?1, run = ?2, space = ?3, space_hash = ?4, dataset = ?5, panarch_version = ?6";
    transaction.prepare_cached(sql)?.execute(params![
        header.name,
        header.run,
        header.space,
        header.space_hash.to_string(),
        header.dataset,
        header.panarch_version,
    ])?;
    Ok(())
}

fn write_basis(transaction: &Transaction<'_>, basis: &Basis) -> Result<(), Refusal> {
    let subject = basis.subject.to_string();
    let Some(inputs) = &basis.inputs else {
        let sql = "UPDATE basis SET present = 2 WHERE subject = ?1 AND present > 0";
        if transaction.prepare_cached(sql)?.execute([&subject])? == 0 {
            let sql = "INSERT INTO basis (subject, key, present) VALUES (?1, ?2, 2)";
            transaction.prepare_cached(sql)?.execute(params![subject, UNSTATED])?;
        }
        return Ok(());
    };
    transaction
        .prepare_cached("UPDATE basis SET present = 0 WHERE subject = ?1")?
        .execute([&subject])?;
    let sql = "INSERT INTO basis (subject, key, detail, present) VALUES (?1, ?2, ?3, 1) \
               ON CONFLICT (subject, key) DO UPDATE SET present = 1";
    transaction.prepare_cached(sql)?.execute(params![
        subject,
        inputs.key().to_string(),
        serde_json::to_string(inputs)?
    ])?;
    Ok(())
}

fn insert_evaluation(transaction: &Transaction<'_>, evaluation: &Evaluation) -> Result<(), Refusal> {
    let sql = "INSERT INTO evaluation (genotype, network, accuracy, accuracy_low, accuracy_high, accuracy_level, \
               provenance, seed, time_s, created_ms, protocol, protocol_detail, key) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
               ON CONFLICT (genotype, protocol, key) DO NOTHING";
    let key = key_of(transaction, &Subject::Evaluations)?;
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
        evaluation.protocol.key().to_string(),
        to_json(ProtocolJson::from(&evaluation.protocol))?,
        key,
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
    let sql = format!(
        "SELECT {} FROM trial WHERE search = ?1 AND number = ?2 AND key = ?3",
        Trial::COLUMNS
    );
    let key = key_of(transaction, &Subject::Search(search.to_owned()))?;
    let mut statement = transaction.prepare_cached(&sql)?;
    let trial = statement
        .query_row(params![search, number, key], |row| {
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
    let key = key_of(transaction, &Subject::Search(search.to_owned()))?;
    let sql = "INSERT INTO trial (search, number, genotype, seed, state, started_ms, key) \
               VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6) \
               ON CONFLICT (search, key, number) DO UPDATE SET started_ms = excluded.started_ms";
    transaction.prepare_cached(sql)?.execute(params![
        search,
        row,
        genotype.to_string(),
        seed.cast_signed(),
        at.unix_millis(),
        key
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
    let evaluated = match (&before, outcome.protocol()) {
        (Some(before), Some(protocol)) => transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM evaluation WHERE genotype = ?1 AND protocol = ?2 AND key = ?3)",
            )?
            .query_row(
                params![
                    before.genotype.to_string(),
                    protocol.to_string(),
                    key_of(transaction, &Subject::Evaluations)?
                ],
                |row| row.get(0),
            )?,
        _ => false,
    };
    transition::finish(before, search, number, outcome, |_, _| evaluated)?;
    let key = key_of(transaction, &Subject::Search(search.to_owned()))?;
    let objectives: Vec<_> = outcome.objectives().iter().map(ObjectiveJson::from).collect();
    let violations: Vec<_> = outcome.violations().iter().map(ViolationJson::from).collect();
    let sql = "UPDATE trial SET state = ?3, objectives = ?4, violations = ?5, protocol = ?6, reason = ?7, \
               finished_ms = ?8 WHERE search = ?1 AND number = ?2 AND key = ?9";
    transaction.prepare_cached(sql)?.execute(params![
        search,
        row,
        outcome.state().name(),
        list(objectives)?,
        list(violations)?,
        outcome.protocol().map(|protocol| protocol.to_string()),
        outcome.reason(),
        at.unix_millis(),
        key
    ])?;
    Ok(())
}

/// A list as JSON; nothing where it is empty.
fn list<J: Serialize>(list: Vec<J>) -> Result<Option<String>, serde_json::Error> {
    (!list.is_empty()).then(|| to_json(list)).transpose()
}

fn write_finalist(transaction: &Transaction<'_>, finalist: &Finalist) -> Result<(), Refusal> {
    let key = key_of(transaction, &Subject::Finalist(finalist.genotype.clone()))?;
    let sql = "INSERT INTO finalist (genotype, name, network, detail, updated_ms, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (genotype, key) DO UPDATE SET name = excluded.name, network = excluded.network, \
               detail = excluded.detail, updated_ms = excluded.updated_ms";
    transaction.prepare_cached(sql)?.execute(params![
        finalist.genotype.to_string(),
        finalist.name,
        finalist.network.to_string(),
        to_json(FinalistJson::of(finalist))?,
        finalist.updated.unix_millis(),
        key,
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
