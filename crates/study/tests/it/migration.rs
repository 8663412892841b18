//! Studies of older formats: read as they are, migrated whole or not at all, gone on with, recovered.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use panarch_graph::Inputs;
use panarch_study::export::Cell;
use panarch_study::{
    Basis, Change, EvaluationProtocol, Next, ObjectiveValue, Outcome, Split, SqliteStorage, Storage, Study, StudyError,
    Subject, TrialState, WeightOrigin, export,
};
use rusqlite::Connection;
use serde_json::Value;

/// A study that a build of format 2 wrote: two searches of a run of generated pictures, with finalists.
const FORMAT_2: &str = include_str!("golden/format-2.sql");

/// The tables as format 1 had them, to the letter.
const FORMAT_1: &str = "
CREATE TABLE evaluation (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL UNIQUE,
  network TEXT NOT NULL,
  accuracy REAL NOT NULL,
  accuracy_low REAL NOT NULL,
  accuracy_high REAL NOT NULL,
  accuracy_level REAL NOT NULL,
  provenance TEXT NOT NULL,
  seed INTEGER NOT NULL,
  time_s REAL NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  search TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 0),
  genotype TEXT NOT NULL,
  seed INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'infeasible', 'failed')),
  reward REAL,
  reason TEXT,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  UNIQUE (search, number),
  CHECK ((state = 'complete') = (reward IS NOT NULL)),
  CHECK ((state = 'running') = (finished_ms IS NULL))
) STRICT;
CREATE TABLE finalist (
  id INTEGER PRIMARY KEY,
  genotype TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  network TEXT NOT NULL,
  detail TEXT NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
";

/// The study of format 2 as a file, in WAL mode as a build of that format leaves it.
fn of_format_2(path: &Path) {
    let file = Connection::open(path).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.execute_batch(FORMAT_2).unwrap();
}

/// The same as a study of format 1.
fn of_format_1(path: &Path) {
    of_format_2(path);
    let file = Connection::open(path).unwrap();
    let tables = ["evaluation", "trial", "finalist"];
    for table in tables {
        file.execute_batch(&format!("ALTER TABLE {table} RENAME TO new_{table}"))
            .unwrap();
    }
    file.execute_batch(FORMAT_1).unwrap();
    for table in tables {
        let sql = format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}')");
        let columns: String = file.query_row(&sql, (), |row| row.get(0)).unwrap();
        file.execute_batch(&format!(
            "INSERT INTO {table} SELECT {columns} FROM new_{table}; DROP TABLE new_{table};"
        ))
        .unwrap();
    }
    file.execute_batch("DROP TABLE basis; PRAGMA user_version = 1;")
        .unwrap();
}

fn version(path: &Path) -> i64 {
    let file = Connection::open(path).unwrap();
    file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// Search, number, genotype, state and reward of every trial, as the old tables hold them.
fn old_trials(path: &Path) -> Vec<(String, u64, String, String, Option<f64>)> {
    let file = Connection::open(path).unwrap();
    let sql = "SELECT search, number, genotype, state, reward FROM trial ORDER BY id";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map((), |row| {
        Ok((
            row.get(0)?,
            row.get::<_, i64>(1)?.cast_unsigned(),
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        ))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The same of a study that is open.
fn trials(storage: &dyn Storage) -> Vec<(String, u64, String, String, Option<f64>)> {
    let trials = storage.trials(None).unwrap().into_iter().map(|trial| {
        let reward = trial.reward();
        (
            trial.search,
            trial.number,
            trial.genotype.to_string(),
            trial.state.to_string(),
            reward,
        )
    });
    trials.collect()
}

fn place(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

#[test]
fn a_study_of_format_2_is_read_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "old.db");
    of_format_2(&path);
    let bytes = std::fs::read(&path).unwrap();
    let expected = old_trials(&path);
    assert!(expected.len() > 8 && expected.iter().any(|trial| trial.4.is_some()));

    let storage = SqliteStorage::open_to_read(&path).unwrap();
    assert_eq!(trials(&storage), expected);
    for trial in storage.trials(None).unwrap() {
        assert_eq!(trial.objectives.len(), 1);
        let protocol = trial.protocol.unwrap();
        let evaluation = storage.evaluation(&trial.genotype, protocol).unwrap().unwrap();
        assert_eq!(evaluation.protocol.key(), protocol);
    }
    let inputs = storage.inputs(&Subject::Evaluations).unwrap().unwrap();
    for evaluation in storage.evaluations().unwrap() {
        stated(&evaluation.protocol, &inputs);
    }
    for sheet in [
        export::searches(&storage).unwrap(),
        export::trials(&storage, None).unwrap(),
        export::evaluations(&storage).unwrap(),
        export::costs(&storage).unwrap(),
        export::finalists(&storage).unwrap(),
    ] {
        assert!(!sheet.rows.is_empty(), "{:?}", sheet.columns);
    }
    let columns = export::evaluations(&storage).unwrap().columns;
    assert!(
        !columns.contains(&"protocol".to_owned()),
        "there is only one: {columns:?}"
    );
    drop(storage);
    assert_eq!(version(&path), 2, "reading migrates nothing");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// What that build exported of the study, row by row and digit by digit, this one exports before the migration and after.
#[test]
fn exports_of_a_study_of_format_2_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "old.db");
    of_format_2(&path);
    let read = SqliteStorage::open_to_read(&path).unwrap();
    let migrated = SqliteStorage::open(&path).unwrap();
    for storage in [&read, &migrated] {
        for (sheet, before) in [
            (
                export::trials(storage, None).unwrap(),
                include_str!("golden/format-2-trials.json"),
            ),
            (
                export::evaluations(storage).unwrap(),
                include_str!("golden/format-2-evaluations.json"),
            ),
        ] {
            let before: Vec<serde_json::Map<String, Value>> = serde_json::from_str(before).unwrap();
            let rows = sheet.rows.iter().map(|row| {
                let cells = sheet.columns.iter().cloned().zip(row.iter().map(|cell| match cell {
                    Cell::Text(text) => Value::from(text.as_str()),
                    Cell::Whole(count) => Value::from(*count),
                    Cell::Number(number) => Value::from(*number),
                    Cell::Nothing => Value::Null,
                }));
                cells.collect::<serde_json::Map<String, Value>>()
            });
            assert_eq!(rows.collect::<Vec<_>>(), before);
        }
    }
}

/// The protocol that every evaluation of a run had when format 2 was written.
fn stated(protocol: &EvaluationProtocol, inputs: &Inputs) {
    assert_eq!(protocol.weights, WeightOrigin::Inherited);
    assert_eq!(protocol.precision, panarch_graph::Precision::F32);
    let (recalibration, images) = (protocol.recalibration.unwrap(), protocol.images.unwrap());
    assert_eq!(
        (recalibration.split, images.split),
        (Split::Training, Split::Validation)
    );
    assert_eq!(images.count, Some(80), "the run file says `validation = 80`");
    let content = |name| panarch_study::ImageSet::content_of(inputs, name);
    assert!(content("recalibration").is_some() && content("validation").is_some());
    assert_eq!(recalibration.content, content("recalibration"));
    assert_eq!(images.content, content("validation"));
    // The number of recalibration images is in no row; the images themselves are, so that the key is that of today.
    let mut today = protocol.clone();
    today
        .recalibration
        .iter_mut()
        .for_each(|images| images.count = Some(100));
    assert_eq!(today.key(), protocol.key());
}

#[test]
fn a_study_of_format_2_is_migrated_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "old.db");
    of_format_2(&path);
    let expected = old_trials(&path);
    let read = SqliteStorage::open_to_read(&path).unwrap();
    let before = (
        read.evaluations().unwrap(),
        read.costs(None).unwrap(),
        read.finalists().unwrap(),
    );
    let events = read.events().unwrap();
    let study = Study::open(Box::new(SqliteStorage::open(&path).unwrap())).unwrap();
    assert_eq!(version(&path), 3);
    let storage = study.storage();
    assert_eq!(trials(storage), expected);
    let after = (
        storage.evaluations().unwrap(),
        storage.costs(None).unwrap(),
        storage.finalists().unwrap(),
    );
    assert_eq!(after, before, "what is read is the same before and after");
    assert_eq!(storage.events().unwrap(), events);

    let search = expected[0].0.clone();
    let number = match study.next(&search).unwrap() {
        Next::Propose(number) => number,
        other => panic!("{other:?}"),
    };
    let known = &before.0[0];
    study.start_trial(&search, number, &known.genotype, 1).unwrap();
    let outcome = Outcome::Complete {
        objectives: vec![ObjectiveValue::reward(9.0, Some(0.01))],
        protocol: known.protocol.key(),
    };
    study.finish_trial(&search, number, outcome).unwrap();
    let history = study.history(&search).unwrap();
    assert_eq!(history.len() as u64, number + 1, "old and new trials make one history");
    assert_eq!(history.best().unwrap().number, number);
    assert_eq!(history.front().len(), 1);
    drop(study);
    drop(read);
    SqliteStorage::open(&path).unwrap();
    let same = SqliteStorage::open_to_read(&path).unwrap();
    assert_eq!(same.trials(None).unwrap().len(), expected.len() + 1);
}

/// Rows of which nobody has said what they were made of are shown until somebody says what the run is made of.
#[test]
fn studies_of_format_1_are_read_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rest) = (place(&folder, "old.db"), place(&folder, "rest.db"));
    of_format_1(&path);
    let expected = old_trials(&path);
    let evaluations = SqliteStorage::open_to_read(&path).unwrap().evaluations().unwrap();
    assert!(!evaluations.is_empty());
    panarch_study::recover(&path, &rest).unwrap();
    assert_eq!(version(&path), 1);
    let old = |storage: &SqliteStorage| {
        assert_eq!(storage.evaluations().unwrap(), evaluations);
        assert_eq!(trials(storage), expected);
        assert!(!storage.finalists().unwrap().is_empty());
        assert_eq!(storage.inputs(&Subject::Evaluations).unwrap(), None);
        for evaluation in &evaluations {
            let images = evaluation.protocol.images.unwrap();
            assert_eq!((images.count, images.content), (Some(80), None));
        }
    };
    old(&SqliteStorage::open_to_read(&path).unwrap());
    old(&SqliteStorage::open(&rest).unwrap());
    old(&SqliteStorage::open(&path).unwrap());
    assert_eq!(version(&path), 3);
    let storage = SqliteStorage::open(&path).unwrap();
    old(&storage);
    let inputs = Some(Inputs::new().with_text("supernet", 1));
    let subject = Subject::Evaluations;
    storage.commit(&[Change::Based(Basis { subject, inputs })]).unwrap();
    assert!(storage.evaluations().unwrap().is_empty());
    assert_eq!(
        storage.trials(None).unwrap().len(),
        expected.len(),
        "a subject of its own"
    );
}

#[test]
fn a_study_of_format_2_is_recovered() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rest) = (place(&folder, "old.db"), place(&folder, "rest.db"));
    of_format_2(&path);
    let expected = old_trials(&path);
    let saved = panarch_study::recover(&path, &rest).unwrap();
    assert_eq!(
        (saved.trials, saved.to_run_again, saved.senseless),
        (expected.len(), 0, 0)
    );
    let read = SqliteStorage::open_to_read(&path).unwrap();
    let storage = SqliteStorage::open(&rest).unwrap();
    let mut found = trials(&storage);
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut wanted = expected;
    wanted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    assert_eq!(found, wanted);
    assert_eq!(storage.evaluations().unwrap(), read.evaluations().unwrap());
    assert_eq!(version(&path), 2, "the damaged file stays as it is");
}

/// A row that says nothing sensible of how it came about is one bad row, before the migration and after.
#[test]
fn a_senseless_row_stops_no_migration() {
    let folder = tempfile::tempdir().unwrap();
    let path = place(&folder, "old.db");
    of_format_2(&path);
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE evaluation SET provenance = 'mine' WHERE id = 1", ())
        .unwrap();
    for storage in [
        SqliteStorage::open_to_read(&path).unwrap(),
        SqliteStorage::open(&path).unwrap(),
    ] {
        let error = storage.evaluations().unwrap_err();
        assert!(
            matches!(
                error,
                StudyError::Row {
                    table: "evaluation",
                    ..
                }
            ),
            "{error}"
        );
    }
    let saved = panarch_study::recover(&path, place(&folder, "rest.db")).unwrap();
    assert_eq!(saved.senseless, 1);
    assert!(saved.to_run_again > 0);
}

/// Objects that are none of the older schema are refused in files of the older format too.
#[test]
fn only_tables_of_the_older_schema_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (number, statements) in [
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END",
        "ALTER TABLE trial ADD COLUMN objectives TEXT",
        "CREATE VIEW v AS SELECT 1",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 3",
    ]
    .into_iter()
    .enumerate()
    {
        let path = place(&folder, &format!("{number}.db"));
        of_format_2(&path);
        Connection::open(&path).unwrap().execute_batch(statements).unwrap();
        for outcome in [
            SqliteStorage::open_to_read(&path).map(drop),
            SqliteStorage::open(&path).map(drop),
            panarch_study::recover(&path, place(&folder, &format!("{number}-rest.db"))).map(drop),
        ] {
            assert!(
                matches!(outcome, Err(StudyError::NotAStudy { .. })),
                "{statements}: {outcome:?}"
            );
        }
    }
}

/// Names the study that the child migrates; absent in every ordinary run of the tests.
const STUDY: &str = "PANARCH_STUDY_MIGRATED";

/// Not a test of its own: what the killed process runs. Without the variable it does nothing.
#[test]
fn child_of_the_migration_kill_test() {
    if let Some(path) = std::env::var_os(STUDY) {
        SqliteStorage::open(Path::new(&path)).unwrap();
    }
}

/// Whoever is killed while migrating leaves the one format or the other, whole.
#[test]
fn a_killed_migration_leaves_the_old_format_or_the_new() {
    const COPIES: i64 = 500;
    let folder = tempfile::tempdir().unwrap();
    let large = place(&folder, "large.db");
    of_format_2(&large);
    let file = Connection::open(&large).unwrap();
    file.execute_batch(&format!(
        "INSERT INTO trial (search, number, genotype, seed, state, reward, started_ms, finished_ms, key) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {COPIES}) \
         SELECT search, number + 1000 * i, genotype, seed, state, reward, started_ms, finished_ms, key \
         FROM n, (SELECT * FROM trial WHERE state = 'complete' LIMIT 4);"
    ))
    .unwrap();
    drop(file);
    let expected = old_trials(&large).len();
    let (mut kills, mut old, mut new) = (0, 0, 0);
    let mut patience = Duration::from_millis(4);
    // Ever later, until one is through before it is killed.
    while kills == old + new {
        let path = place(&folder, &format!("{kills}.db"));
        std::fs::copy(&large, &path).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["migration::child_of_the_migration_kill_test", "--exact", "--nocapture"])
            .env(STUDY, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(patience);
        patience = patience.mul_f64(1.25);
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
        match version(&path) {
            2 => old += 1,
            3 => new += 1,
            other => panic!("format {other}"),
        }
        let storage = SqliteStorage::open_to_read(&path).unwrap();
        let found = storage.trials(None).unwrap();
        assert_eq!(found.len(), expected);
        assert!(
            found
                .iter()
                .all(|trial| trial.state != TrialState::Complete || trial.reward().is_some())
        );
        drop(storage);
        assert_eq!(
            SqliteStorage::open(&path).unwrap().trials(None).unwrap().len(),
            expected
        );
    }
    assert!(old > 0 && new > 0);
    println!("killed {kills} migrations of {expected} trials: {old} old, {new} new, none in between");
}
