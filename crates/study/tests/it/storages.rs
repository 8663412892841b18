use panarch_graph::{ContentHash, Inputs};
use panarch_study::{Basis, Change, MemoryStorage, SqliteStorage, Storage, StudyError, Subject, open_or_create};
use panarch_testkit::samples::{complete, evaluation, genotype, header};
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
    future.pragma_update(None, "user_version", 4).unwrap();
    drop(future);
    assert!(matches!(
        open(&path),
        Err(StudyError::Format {
            found: 4,
            supported: 3,
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
        ("protocol_detail = replace(protocol_detail, 'int8', 'f32')", "protocol"),
        (
            "protocol_detail = replace(protocol_detail, 'int8', 'int7')",
            "protocol_detail",
        ),
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
                    outcome: complete(f64::from(n)),
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
        assert_eq!((trials.len(), trials[0].reward()), (1, Some(f64::from(n))));
        storage
            .commit(&[
                based(Subject::Evaluations, pool(1)),
                based(Subject::Search("s".into()), search(1)),
            ])
            .unwrap();
    }
}
