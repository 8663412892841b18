use panarch_graph::{ContentHash, Inputs};
use panarch_study::{Basis, Change, MemoryStorage, SqliteStorage, Storage, StudyError, Subject, open_or_create};
use panarch_testkit::samples::{evaluation, finalist, genotype, header};
use panarch_testkit::storage_conformance;

fn some_header() -> panarch_study::Header {
    header(ContentHash::of("space", b"storages"))
}

#[test]
fn memory_conforms() {
    storage_conformance(|header| Box::new(MemoryStorage::new(header.clone())));
}

#[test]
fn sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    storage_conformance(|header| {
        number.set(number.get() + 1);
        let path = folder.path().join(format!("deep/er/{}.db", number.get()));
        Box::new(SqliteStorage::create(path, header).unwrap())
    });
}

#[test]
fn a_study_is_there_when_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:///{}", folder.path().join("a.db").display());
    let storage = open_or_create(&url, &some_header()).unwrap();
    storage.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    drop(storage);
    let mut other = some_header();
    other.name = "another".into();
    let storage = open_or_create(&url, &other).unwrap();
    assert_eq!(
        storage.header().unwrap(),
        some_header(),
        "an old study keeps its header"
    );
    assert_eq!(storage.evaluations().unwrap(), [evaluation(1)]);
    assert!(matches!(
        open_or_create("redis://host", &other),
        Err(StudyError::Url { .. })
    ));
}

#[test]
fn one_writes_and_others_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert!(matches!(SqliteStorage::open(&path), Err(StudyError::Missing { .. })));
    assert!(matches!(
        SqliteStorage::open_to_read(&path),
        Err(StudyError::Missing { .. })
    ));
    let writer = SqliteStorage::create(&path, &some_header()).unwrap();
    assert!(matches!(SqliteStorage::open(&path), Err(StudyError::InUse { .. })));

    let reader = SqliteStorage::open_to_read(&path).unwrap();
    writer.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    assert_eq!(reader.evaluations().unwrap(), [evaluation(1)]);
    let refused = reader.commit(&[Change::Evaluated(evaluation(2))]);
    assert!(matches!(refused, Err(StudyError::ReadOnly { .. })), "{refused:?}");

    drop(writer);
    assert!(matches!(
        SqliteStorage::create(&path, &some_header()),
        Err(StudyError::Exists { .. })
    ));
    SqliteStorage::open(&path).unwrap();
}

#[test]
fn the_log_of_a_deleted_study_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let old = SqliteStorage::create(&path, &some_header()).unwrap();
    old.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    let log = folder.path().join("a.db-wal");
    let kept = std::fs::read(&log).unwrap();
    assert!(!kept.is_empty());
    drop(old);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&log, kept).unwrap();
    let new = SqliteStorage::create(&path, &some_header()).unwrap();
    assert!(new.evaluations().unwrap().is_empty());
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::fs::write(&path, "name,latency_s\n").unwrap();
    let open = |path: &std::path::Path| SqliteStorage::open_or_create(path, &some_header());
    assert!(matches!(open(&path), Err(StudyError::NotAStudy { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"name,latency_s\n");

    let path = folder.path().join("b.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    drop(other);
    assert!(matches!(open(&path), Err(StudyError::NotAStudy { .. })));

    let path = folder.path().join("c.db");
    drop(SqliteStorage::create(&path, &some_header()).unwrap());
    let future = rusqlite::Connection::open(&path).unwrap();
    future.pragma_update(None, "user_version", 3).unwrap();
    drop(future);
    assert!(matches!(
        open(&path),
        Err(StudyError::Format {
            found: 3,
            supported: 2,
            ..
        })
    ));
}

#[test]
fn senseless_rows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let storage = SqliteStorage::create(&path, &some_header()).unwrap();
    storage.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    drop(storage);
    for (change, column) in [
        ("genotype = '!'", "genotype"),
        ("network = 'abc'", "network"),
        ("provenance = '{\"version\": 1}'", "provenance"),
        ("time_s = 9e999", "time_s"),
    ] {
        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        let editor = rusqlite::Connection::open(&copy).unwrap();
        editor.execute(&format!("UPDATE evaluation SET {change}"), ()).unwrap();
        drop(editor);
        let error = SqliteStorage::open(&copy).unwrap().evaluations().unwrap_err();
        assert!(
            matches!(&error, StudyError::Row { table: "evaluation", reason, .. } if reason.contains(column)),
            "{error}"
        );
    }
}

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

/// Turns a study of today into one of format 1.
fn age(path: &std::path::Path) {
    let file = rusqlite::Connection::open(path).unwrap();
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

/// Rows of which nobody has said what they were made of are shown until somebody says what the run is made of.
#[test]
fn studies_of_format_1_are_read_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let storage = SqliteStorage::create(&path, &some_header()).unwrap();
    let outcome = panarch_study::Outcome::Complete { reward: 0.5 };
    let at = panarch_study::Timestamp::from_unix_millis(5);
    storage
        .commit(&[
            Change::Evaluated(evaluation(1)),
            Change::Started {
                search: "s".into(),
                number: 0,
                genotype: genotype(1),
                seed: 1,
                at,
            },
            Change::Finished {
                search: "s".into(),
                number: 0,
                outcome,
                at,
            },
            Change::Chosen(finalist(1, "worst")),
        ])
        .unwrap();
    drop(storage);
    age(&path);
    let rest = folder.path().join("rest.db");
    panarch_study::recover(&path, &rest).unwrap();
    let old = |storage: &SqliteStorage| {
        assert_eq!(storage.evaluations().unwrap(), [evaluation(1)]);
        assert_eq!(storage.evaluation(&genotype(1)).unwrap(), Some(evaluation(1)));
        assert_eq!(storage.trials(None).unwrap().len(), 1);
        assert_eq!(storage.finalists().unwrap(), [finalist(1, "worst")]);
        assert_eq!(storage.inputs(&Subject::Evaluations).unwrap(), None);
    };
    old(&SqliteStorage::open_to_read(&path).unwrap());
    old(&SqliteStorage::open(&rest).unwrap());
    old(&SqliteStorage::open(&path).unwrap());
    // It is of format 2 now.
    let storage = SqliteStorage::open(&path).unwrap();
    old(&storage);
    let inputs = Some(Inputs::new().with_text("supernet", 1));
    let basis = |subject| {
        Change::Based(Basis {
            subject,
            inputs: inputs.clone(),
        })
    };
    storage.commit(&[basis(Subject::Evaluations)]).unwrap();
    assert!(storage.evaluations().unwrap().is_empty());
    assert_eq!(storage.trials(None).unwrap().len(), 1, "a subject of its own");
}

/// What was made of other inputs is saved too, under its own key.
#[test]
fn recovery_keeps_rows_with_their_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rest) = (folder.path().join("a.db"), folder.path().join("rest.db"));
    let storage = SqliteStorage::create(&path, &some_header()).unwrap();
    let pool = |n: u32| Inputs::new().with_text("supernet", n);
    let search = |n: u32| Inputs::new().with("evaluations", pool(n).key());
    let based = |subject: Subject, inputs: Inputs| {
        let inputs = Some(inputs);
        Change::Based(Basis { subject, inputs })
    };
    let at = panarch_study::Timestamp::from_unix_millis(5);
    for n in [1, 2] {
        let trial = |number: u64| {
            [
                Change::Started {
                    search: "s".into(),
                    number,
                    genotype: genotype(u64::from(n)),
                    seed: 1,
                    at,
                },
                Change::Finished {
                    search: "s".into(),
                    number,
                    outcome: panarch_study::Outcome::Complete { reward: f64::from(n) },
                    at,
                },
            ]
        };
        let mut changes = vec![
            based(Subject::Evaluations, pool(n)),
            Change::Evaluated(evaluation(u64::from(n))),
            based(Subject::Search("s".into()), search(n)),
        ];
        changes.extend(trial(0));
        storage.commit(&changes).unwrap();
    }
    drop(storage);
    let saved = panarch_study::recover(&path, &rest).unwrap();
    assert_eq!((saved.evaluations, saved.trials, saved.to_run_again), (2, 2, 0));
    let storage = SqliteStorage::open(&rest).unwrap();
    for n in [2, 1] {
        assert_eq!(storage.inputs(&Subject::Evaluations).unwrap(), Some(pool(n)));
        assert_eq!(storage.evaluations().unwrap(), [evaluation(u64::from(n))]);
        let trials = storage.trials(Some("s")).unwrap();
        assert_eq!((trials.len(), trials[0].reward), (1, Some(f64::from(n))));
        storage
            .commit(&[
                based(Subject::Evaluations, pool(1)),
                based(Subject::Search("s".into()), search(1)),
            ])
            .unwrap();
    }
}
