use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use panarch_train::{EventLog, TrainError};

fn at(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

fn event_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("tfevents"))
        .collect();
    files.sort();
    files
}

/// The payloads of a file of records, by the published format; checksums are the business of the unit tests.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        records.push(rest[12..12 + length].to_vec());
        rest = &rest[12 + length + 4..];
    }
    records
}

/// The fields of a protobuf message: number, and the value as a number or as bytes.
fn fields(mut message: &[u8]) -> Vec<(u8, u64, Vec<u8>)> {
    fn number(message: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = message[0];
            *message = &message[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message);
        let length = match key & 7 {
            0 => {
                found.push(((key >> 3) as u8, number(&mut message), Vec::new()));
                continue;
            }
            1 => 8,
            2 => number(&mut message) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (content, rest) = message.split_at(length);
        found.push(((key >> 3) as u8, 0, content.to_vec()));
        message = rest;
    }
    found
}

/// Step, tag and value of all scalars of a file.
fn scalars(path: &Path) -> Vec<(u64, String, f32)> {
    let mut found = Vec::new();
    for event in records(path) {
        let event = fields(&event);
        let step = event.iter().find(|field| field.0 == 2).unwrap().1;
        for summary in event.iter().filter(|field| field.0 == 5) {
            for value in fields(&summary.2) {
                assert_eq!(value.0, 1);
                let value = fields(&value.2);
                assert_eq!((value[0].0, value[1].0), (1, 2));
                let tag = String::from_utf8(value[0].2.clone()).unwrap();
                let number = f32::from_le_bytes(value[1].2.clone().try_into().unwrap());
                found.push((step, tag, number));
            }
        }
    }
    found
}

/// The step from which a file makes TensorBoard forget.
fn start(path: &Path) -> u64 {
    let records = records(path);
    let version = fields(&records[0]);
    assert_eq!((version[2].0, &version[2].2[..]), (3, &b"brain.Event:2"[..]));
    let event = fields(&records[1]);
    assert_eq!((event[1].0, event[2].0), (2, 7));
    let session = fields(&event[2].2);
    assert_eq!((session[0].0, session[0].1), (1, 1), "its status is START");
    event[1].1
}

fn steps(folder: &Path) -> Vec<u64> {
    let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["step"]
                .as_u64()
                .unwrap()
        })
        .collect()
}

/// A log of the steps 1 to `last`.
fn write_steps(folder: &Path, resumed_at: Option<u64>, last: u64) {
    let first = resumed_at.map_or(1, |done| done + 1);
    let mut log = EventLog::open(folder, resumed_at, at(1_700_000_000.0)).unwrap();
    for step in first..=last {
        let values = [("loss", 1.0 / step as f64), ("learning_rate", 0.5)];
        log.scalars(step, at(1_700_000_000.0 + step as f64), &values).unwrap();
    }
    log.flush().unwrap();
}

#[test]
fn what_is_written_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = EventLog::open(&folder.path().join("new"), None, at(1_700_000_000.25)).unwrap();
    let folder = folder.path().join("new");
    let values = [("train/loss", 0.25), ("größe", f64::NAN)];
    log.scalars(300, at(1_700_000_001.5), &values).unwrap();
    log.scalar(u64::MAX, at(1_700_000_002.0), "accuracy", 1.0).unwrap();
    log.flush().unwrap();
    let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let expected = [
        r#"{"version":1,"step":300,"wall_time_s":1700000001.5,"values":{"größe":null,"train/loss":0.25}}"#,
        r#"{"version":1,"step":18446744073709551615,"wall_time_s":1700000002.0,"values":{"accuracy":1.0}}"#,
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    let files = event_files(&folder);
    assert_eq!(files.len(), 1);
    assert!(files[0].ends_with("events.out.tfevents.1700000000.panarch.0000"));
    assert_eq!(start(&files[0]), 0);
    let found = scalars(&files[0]);
    assert_eq!(found[0], (300, "train/loss".into(), 0.25));
    assert_eq!((found[1].0, &*found[1].1, found[1].2.is_nan()), (300, "größe", true));
    assert_eq!(found[2], (u64::MAX, "accuracy".into(), 1.0));
    let event = fields(&records(&files[0])[2]);
    assert_eq!(
        (event[0].0, &event[0].2[..]),
        (1, &1_700_000_001.5_f64.to_le_bytes()[..])
    );
}

#[test]
fn a_training_that_goes_on_has_one_line_a_step() {
    let folder = tempfile::tempdir().unwrap();
    write_steps(folder.path(), None, 9);
    write_steps(folder.path(), Some(6), 12);
    assert_eq!(steps(folder.path()), (1..=12).collect::<Vec<_>>());
    let files = event_files(folder.path());
    assert_eq!(files.len(), 2, "the same second, another file");
    assert_eq!((start(&files[0]), start(&files[1])), (0, 7));
    let of = |file: &Path| scalars(file).iter().map(|scalar| scalar.0).collect::<Vec<_>>();
    assert_eq!(of(&files[1]).first(), Some(&7));
    // Resumption at the very end drops nothing, a new beginning everything.
    write_steps(folder.path(), Some(12), 12);
    assert_eq!(steps(folder.path()).len(), 12);
    write_steps(folder.path(), None, 2);
    assert_eq!(steps(folder.path()), [1, 2]);
}

#[test]
fn torn_ends_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    write_steps(folder.path(), None, 4);
    let (lines, events) = (
        folder.path().join("events.jsonl"),
        event_files(folder.path())[0].clone(),
    );
    let (whole_lines, whole_events) = (fs::read(&lines).unwrap(), fs::read(&events).unwrap());
    let last_line = whole_lines[..whole_lines.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    let last_event = whole_events.len() - records(&events).last().unwrap().len() - 16;
    for missing in 1..40 {
        fs::write(&lines, &whole_lines[..whole_lines.len() - missing]).unwrap();
        fs::write(&events, &whole_events[..whole_events.len() - missing]).unwrap();
        EventLog::open(folder.path(), Some(4), at(1_600_000_000.0)).unwrap();
        assert_eq!(steps(folder.path()), [1, 2, 3]);
        assert_eq!(fs::read(&lines).unwrap(), whole_lines[..=last_line]);
        assert_eq!(fs::read(&events).unwrap(), whole_events[..last_event]);
        let files = event_files(folder.path());
        assert_eq!(files.len(), 2);
        assert!(files[1].ends_with("events.out.tfevents.1700000000.panarch.0001"));
        fs::remove_file(&files[1]).unwrap();
    }
    fs::write(&events, b"").unwrap();
    fs::write(&lines, b"\0\0\0").unwrap();
    EventLog::open(folder.path(), Some(4), at(0.0)).unwrap();
    assert_eq!(steps(folder.path()), [0_u64; 0]);
}

#[test]
fn a_file_of_another_kind_is_left_alone() {
    for text in [
        "{\"step\":1}\n",
        "not json\n",
        "{\"version\":2,\"step\":1,\"wall_time_s\":0.0,\"values\":{}}\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        fs::write(&path, text).unwrap();
        let error = EventLog::open(folder.path(), None, at(0.0)).unwrap_err();
        assert!(matches!(error, TrainError::Events { .. }), "{error}");
        assert!(error.to_string().contains("line 1"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}
