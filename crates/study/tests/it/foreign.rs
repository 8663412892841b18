//! Databases that are programs, and media that cannot be written.

use std::path::Path;

use panarch_graph::ContentHash;
use panarch_study::{Change, SqliteStorage, Storage, StudyError, recover};
use panarch_testkit::samples::{evaluation, header};
use rusqlite::Connection;

fn study(path: &Path) {
    SqliteStorage::create(path, &header(ContentHash::of("space", b"foreign"))).unwrap();
}

/// A statement that is done to a study, and the object that is then named.
const OBJECTS: [(&str, &str); 9] = [
    (
        "CREATE VIEW v AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r",
        "view `v`",
    ),
    (
        "DROP TABLE event; CREATE VIEW event AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) \
         SELECT i AS id, 'a' AS phase, 'b' AS kind, 'c' AS detail, 1 AS created_ms FROM r",
        "view `event`",
    ),
    (
        "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM event; END",
        "trigger `t`",
    ),
    ("CREATE TABLE notes (text TEXT)", "table `notes`"),
    (
        "CREATE VIRTUAL TABLE places USING rtree (id, low, high)",
        "table `places`",
    ),
    ("CREATE INDEX i ON event (abs(created_ms))", "index `i`"),
    (
        "ALTER TABLE event ADD COLUMN twice INTEGER AS (created_ms * 2)",
        "table `event`",
    ),
    (
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = replace(sql, 'phase TEXT NOT NULL', 'phase TEXT CHECK (randomblob(1e9) > 0)') \
         WHERE name = 'event'",
        "table `event`",
    ),
    (
        "DROP TABLE event; CREATE TABLE event (id INTEGER PRIMARY KEY, phase, kind, detail, created_ms)",
        "table `event`",
    ),
];

#[test]
fn only_tables_of_our_schema_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (statements, object)) in OBJECTS.into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.db"));
        study(&path);
        Connection::open(&path).unwrap().execute_batch(statements).unwrap();
        let tries = [
            SqliteStorage::open_to_read(&path).map(drop),
            SqliteStorage::open(&path).map(drop),
            recover(&path, folder.path().join(format!("{number}-saved.db"))).map(drop),
        ];
        for outcome in tries {
            match outcome {
                Err(StudyError::NotAStudy { reason, .. }) => assert!(reason.contains(object), "{object}: {reason}"),
                other => panic!("{object}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_row_that_is_longer_than_any_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.db");
    study(&path);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute("UPDATE study SET run = CAST(zeroblob(80000000) AS TEXT)", ())
        .unwrap();
    drop(connection);
    let error = SqliteStorage::open_to_read(&path).map(drop).unwrap_err();
    assert!(matches!(error, StudyError::NotAStudy { .. }), "{error}");
}

#[test]
fn what_lies_there_instead_of_a_study_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pointer.db");
    std::fs::write(
        &path,
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    )
    .unwrap();
    let error = SqliteStorage::open_to_read(&path).map(drop).unwrap_err().to_string();
    assert!(error.contains("git lfs pull"), "{error}");
    let error = SqliteStorage::open_to_read(folder.path())
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(error.contains("is a folder"), "{error}");
}

/// Nothing can be made in a folder of these permissions, unless by root.
#[cfg(unix)]
#[test]
fn a_study_in_a_folder_that_cannot_be_written_is_read() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("study.db");
    study(&written);
    // With a writer at it there is a log; closing it moves the log into the file.
    let writer = SqliteStorage::open(&written).unwrap();
    writer.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    for log in [true, false] {
        let inside = folder.path().join(format!("read only?#%{log}"));
        fs::create_dir(&inside).unwrap();
        let path = inside.join("study.db");
        fs::copy(&written, &path).unwrap();
        if log {
            fs::copy(folder.path().join("study.db-wal"), inside.join("study.db-wal")).unwrap();
        }
        fs::set_permissions(&inside, Permissions::from_mode(0o555)).unwrap();
        if fs::write(inside.join("probe"), "").is_ok() {
            let _ = fs::remove_file(inside.join("probe"));
            println!("skipped: this user may write anywhere");
            return;
        }
        let read = SqliteStorage::open_to_read(&path).and_then(|storage| storage.evaluations());
        let saved = recover(&path, folder.path().join(format!("saved-{log}.db")));
        fs::set_permissions(&inside, Permissions::from_mode(0o755)).unwrap();
        let expected = if log { 1 } else { 0 };
        assert_eq!(read.unwrap().len(), expected);
        assert_eq!(saved.unwrap().evaluations, expected);
    }
}
