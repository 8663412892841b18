use panarch_graph::ContentHash;
use panarch_study::{Change, MemoryStorage, SqliteStorage, Storage, StudyError, open_or_create};
use panarch_testkit::samples::{evaluation, header};
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
    future.pragma_update(None, "user_version", 2).unwrap();
    drop(future);
    assert!(matches!(
        open(&path),
        Err(StudyError::Format {
            found: 2,
            supported: 1,
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
