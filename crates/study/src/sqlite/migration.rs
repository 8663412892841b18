//! Older formats into the one that this code reads and writes.
//!
//! A study that is opened for writing is migrated in its file, in one transaction: whoever dies on the way leaves the old
//! format, and whoever comes later finds one format or the other whole. A study that is only read is copied into a
//! temporary database, which is in memory as far as it is small, and migrated there, so that nothing but this file knows
//! of older formats.

use std::collections::BTreeMap;

use panarch_graph::{Inputs, Provenance};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Statement, Transaction, TransactionBehavior, params, params_from_iter};

use super::change::Refusal;
use super::{objects, schema};
use crate::basis::UNSTATED;
use crate::wire::{ObjectiveJson, ProtocolJson, ProvenanceJson, from_json, to_json};
use crate::{EvaluationProtocol, ObjectiveValue};

/// Turns the tables of an older format into those of [`schema::FORMAT`], whole or not at all.
pub(super) fn migrate(connection: &mut Connection, from: i64) -> Result<(), Refusal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if from < 2 {
        key_rows(&transaction)?;
    }
    if from < 3 {
        state_protocols(&transaction)?;
        list_objectives(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", schema::FORMAT)?;
    Ok(transaction.commit()?)
}

/// A temporary copy in the format that this code reads, and the number of rows that their table does not take. `rows` hands
/// over every row of a table to be inserted.
pub(super) fn copy(
    format: i64,
    mut rows: impl FnMut(&str, &mut dyn FnMut(Vec<Value>) -> rusqlite::Result<()>) -> rusqlite::Result<()>,
) -> Result<(Connection, usize), Refusal> {
    // Without a name, SQLite makes a file of its own when there is more than fits into its cache, and removes it.
    let mut copy = Connection::open("")?;
    objects::restrict(&copy)?;
    for statement in schema::statements(format) {
        copy.execute_batch(statement)?;
    }
    let mut refused = 0;
    let transaction = copy.transaction()?;
    for table in schema::tables(format) {
        let columns = columns(&transaction, table)?;
        let places = vec!["?"; columns].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {table} VALUES ({places})"))?;
        rows(table, &mut |values| take(&mut insert, columns, values, &mut refused))?;
    }
    transaction.commit()?;
    if format < schema::FORMAT {
        migrate(&mut copy, format)?;
    }
    Ok((copy, refused))
}

/// Inserts a row, or counts it where the table does not take it.
fn take(insert: &mut Statement<'_>, columns: usize, values: Vec<Value>, refused: &mut usize) -> rusqlite::Result<()> {
    if values.len() != columns {
        *refused += 1;
        return Ok(());
    }
    match insert.execute(params_from_iter(values)) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            *refused += 1;
            Ok(())
        }
        other => other.map(drop),
    }
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<usize> {
    let count: i64 = connection.query_row("SELECT count(*) FROM pragma_table_info(?1)", [table], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Format 1 to 2: rows of which nobody said what they were made of.
fn key_rows(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let tables = ["evaluation", "trial", "finalist"];
    for table in tables {
        transaction.execute_batch(&format!("ALTER TABLE {table} RENAME TO {table}_1"))?;
    }
    for statement in &schema::statements(2)[1..] {
        transaction.execute_batch(statement)?;
    }
    for table in tables {
        // The columns came in the same order, without the key at the end.
        transaction.execute_batch(&format!(
            "INSERT INTO {table} SELECT *, '{UNSTATED}' FROM {table}_1; DROP TABLE {table}_1"
        ))?;
    }
    Ok(())
}

/// Format 2 to 3, the evaluations: each gets the protocol that its own row and the inputs of its pool tell of. A row that
/// does not say how it came about stays one that makes no sense.
fn state_protocols(transaction: &Transaction<'_>) -> Result<(), Refusal> {
    let [_, _, create, ..] = schema::statements(3);
    transaction.execute_batch("ALTER TABLE evaluation RENAME TO evaluation_2")?;
    transaction.execute_batch(create)?;
    let mut pools: BTreeMap<String, Option<Inputs>> = BTreeMap::new();
    let mut select = transaction.prepare("SELECT id, provenance, key FROM evaluation_2 ORDER BY id")?;
    let mut insert = transaction.prepare(
        "INSERT INTO evaluation SELECT id, genotype, network, accuracy, accuracy_low, accuracy_high, accuracy_level, \
         provenance, seed, time_s, created_ms, ?2, ?3, key FROM evaluation_2 WHERE id = ?1",
    )?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (id, provenance, key): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (protocol, detail) = match from_json::<ProvenanceJson>(&provenance) {
            Ok(json) => {
                if !pools.contains_key(&key) {
                    pools.insert(key.clone(), inputs(transaction, "evaluations", &key)?);
                }
                let inputs = pools.get(&key).and_then(Option::as_ref);
                let protocol = EvaluationProtocol::of_provenance(&Provenance::from(json), inputs);
                (protocol.key().to_string(), to_json(ProtocolJson::from(&protocol))?)
            }
            Err(_) => (String::new(), String::new()),
        };
        insert.execute(params![id, protocol, detail])?;
    }
    transaction.execute_batch("DROP TABLE evaluation_2")?;
    Ok(())
}

/// Format 2 to 3, the trials: the reward becomes the one objective of their search, and a complete trial names the protocol
/// of the evaluation that it was made with.
fn list_objectives(transaction: &Transaction<'_>) -> Result<(), Refusal> {
    let [_, _, _, create, _] = schema::statements(3);
    transaction.execute_batch("ALTER TABLE trial RENAME TO trial_2")?;
    transaction.execute_batch(create)?;
    let mut searches: BTreeMap<(String, String), Option<Inputs>> = BTreeMap::new();
    let mut select = transaction.prepare("SELECT id, search, key, genotype, reward FROM trial_2 ORDER BY id")?;
    let mut insert = transaction.prepare(
        "INSERT INTO trial SELECT id, search, number, genotype, seed, state, ?2, NULL, ?3, reason, started_ms, \
         finished_ms, key FROM trial_2 WHERE id = ?1",
    )?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let (id, search, key): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (genotype, reward): (String, Option<f64>) = (row.get(3)?, row.get(4)?);
        let (mut objectives, mut protocol) = (None, None);
        if let Some(reward) = reward {
            objectives = Some(to_json([ObjectiveJson::from(&ObjectiveValue::reward(reward, None))])?);
            let place = (search, key);
            if !searches.contains_key(&place) {
                let found = inputs(transaction, &format!("search {}", place.0), &place.1)?;
                searches.insert(place.clone(), found);
            }
            let made_of = searches.get(&place).and_then(Option::as_ref);
            protocol = evaluated_by(transaction, &genotype, made_of)?;
        }
        insert.execute(params![id, objectives, protocol])?;
    }
    transaction.execute_batch("DROP TABLE trial_2")?;
    Ok(())
}

/// The protocol of the evaluation of a genotype that a search of these inputs was made with: that of the pool which is among
/// the inputs; where none is known, the latest.
fn evaluated_by(
    transaction: &Transaction<'_>,
    genotype: &str,
    made_of: Option<&Inputs>,
) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT protocol, key FROM evaluation WHERE genotype = ?1 AND protocol <> '' ORDER BY id DESC";
    let mut statement = transaction.prepare_cached(sql)?;
    let found = statement.query_map([genotype], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, String)> = found.collect::<rusqlite::Result<_>>()?;
    let own = |key: &str| made_of.is_some_and(|inputs| inputs.iter().any(|(_, hash)| hash.to_string() == key));
    let made_with = found.iter().find(|(_, key)| own(key)).or_else(|| found.first());
    Ok(made_with.map(|(protocol, _)| protocol.clone()))
}

/// The inputs of a subject that have this key, as far as they can be read.
fn inputs(transaction: &Transaction<'_>, subject: &str, key: &str) -> rusqlite::Result<Option<Inputs>> {
    let sql = "SELECT detail FROM basis WHERE subject = ?1 AND key = ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let detail: Option<Option<String>> = statement.query_row([subject, key], |row| row.get(0)).optional()?;
    Ok(detail.flatten().and_then(|text| serde_json::from_str(&text).ok()))
}
