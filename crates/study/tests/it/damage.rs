use std::fs;
use std::path::Path;

use panarch_graph::{ContentHash, stream};
use panarch_study::{
    Change, Next, Observation, SqliteStorage, Storage, Study, StudyError, Timestamp, TrialState, recover,
};
use panarch_testkit::samples::{complete, cost, evaluation, genotype, header, protocol};

const TRIALS: u64 = 120;

/// A study of some hundred pages, closed, as one file.
fn write(path: &Path) {
    let storage = SqliteStorage::create(path, &header(ContentHash::of("space", b"damage"))).unwrap();
    let at = Timestamp::from_unix_millis(1);
    let changes = |number: u64| {
        let search = "s".to_owned();
        let outcome = complete(number as f64);
        [
            Change::Evaluated(evaluation(number)),
            Change::Costed(cost(number, "cpu")),
            Change::Costed(cost(number, "npu")),
            Change::Started {
                search: search.clone(),
                number,
                genotype: genotype(number),
                seed: 1,
                at,
            },
            Change::Finished {
                search,
                number,
                outcome,
                at,
            },
        ]
    };
    for first in (0..TRIALS).step_by(12) {
        let batch: Vec<Change> = (first..first + 12).flat_map(changes).collect();
        storage.commit(&batch).unwrap();
    }
}

/// Places in 0..length, the ends among them.
fn places(length: u64, count: u64, label: &str) -> Vec<u64> {
    use rand::Rng;
    let mut rng = stream(1, label, 0);
    let mut places: Vec<u64> = (0..count).map(|_| rng.next_u64() % length).collect();
    places.extend([0, 1, 15, 16, 99, 100, 4095, 4096, length - 4096, length - 1]);
    places
}

/// What was saved is as it was written, or to be run again.
fn check_saved(path: &Path) -> usize {
    let storage = SqliteStorage::open(path).unwrap();
    for found in storage.evaluations().unwrap() {
        let number = (0..TRIALS).find(|&number| genotype(number) == found.genotype).unwrap();
        assert_eq!(found, evaluation(number));
    }
    for found in storage.costs(None).unwrap() {
        let number = (0..TRIALS).find(|&number| genotype(number) == found.genotype).unwrap();
        assert_eq!(found, cost(number, &found.device));
    }
    let trials = storage.trials(None).unwrap();
    for trial in &trials {
        assert_eq!(trial.genotype, genotype(trial.number));
        match trial.state {
            TrialState::Complete => assert_eq!(trial.reward(), Some(trial.number as f64)),
            TrialState::Running => assert!(storage.evaluation(&trial.genotype, protocol().key()).unwrap().is_none()),
            state => panic!("trial {} is {state}", trial.number),
        }
    }
    trials.len()
}

#[test]
fn a_study_cut_short_is_an_error_and_its_rest_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    write(&whole);
    let bytes = fs::read(&whole).unwrap();
    let (mut saved, mut lost, mut went_on) = (0, 0, 0);
    for length in places(bytes.len() as u64, 50, "cut") {
        let cut = folder.path().join(format!("cut-{length}.db"));
        fs::write(&cut, &bytes[..length as usize]).unwrap();
        for error in [SqliteStorage::open(&cut).err(), SqliteStorage::open_to_read(&cut).err()] {
            let error = error.unwrap_or_else(|| panic!("cut to {length} bytes and still opened"));
            assert!(
                matches!(error, StudyError::Damaged { .. }),
                "cut to {length} bytes: {error}"
            );
            assert!(error.to_string().contains("panarch study recover"), "{error}");
        }
        assert_eq!(fs::read(&cut).unwrap(), bytes[..length as usize], "left as it was");

        let rest = folder.path().join(format!("rest-{length}.db"));
        match recover(&cut, &rest) {
            Ok(recovery) => {
                assert_eq!(check_saved(&rest), recovery.trials);
                if recovery.to_run_again > 0 {
                    go_on(&rest);
                    went_on += 1;
                }
                saved += recovery.evaluations;
                assert!(matches!(recover(&cut, &rest), Err(StudyError::Exists { .. })));
            }
            Err(error) => {
                assert!(
                    matches!(error, StudyError::Damaged { .. }),
                    "cut to {length} bytes: {error}"
                );
                assert!(!rest.exists());
                lost += 1;
            }
        }
    }
    assert!(
        saved > 15 * TRIALS as usize,
        "only {saved} evaluations saved over all cuts"
    );
    assert!(went_on > 0, "no cut left a trial without its evaluation");
    assert!(lost < 25, "nothing saved from {lost} cuts");
}

/// Goes on with a study as a run does, until every trial is finished.
fn go_on(path: &Path) {
    let study = Study::open(Box::new(SqliteStorage::open(path).unwrap())).unwrap();
    let mut history = study.history("s").unwrap();
    loop {
        let number = match study.next("s").unwrap() {
            Next::Propose(TRIALS) => break,
            Next::Propose(number) => {
                study.start_trial("s", number, &genotype(number), 1).unwrap();
                number
            }
            Next::TakeUp(trial) => trial.number,
        };
        study.add_evaluation(evaluation(number)).unwrap();
        let reward = number as f64;
        study.finish_trial("s", number, complete(reward)).unwrap();
        history
            .push(Observation::rewarded(number, genotype(number), reward))
            .unwrap();
    }
    assert_eq!(history.len() as u64, TRIALS);
    assert_eq!(history, study.history("s").unwrap());
}

#[test]
fn everything_is_saved_from_a_whole_study() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    write(&whole);
    let copy = folder.path().join("copy.db");
    let recovery = recover(&whole, &copy).unwrap();
    assert_eq!(
        (recovery.evaluations, recovery.costs, recovery.trials),
        (TRIALS as usize, 2 * TRIALS as usize, TRIALS as usize)
    );
    assert_eq!((recovery.to_run_again, recovery.senseless), (0, 0));
    assert_eq!(check_saved(&copy), TRIALS as usize);
}

#[test]
fn damaged_pages_do_no_more_than_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    write(&whole);
    let bytes = fs::read(&whole).unwrap();
    for (number, place) in places(bytes.len() as u64 - 600, 12, "scribble").into_iter().enumerate() {
        let mut scribbled = bytes.clone();
        scribbled[place as usize..place as usize + 600].fill(0xa5);
        let path = folder.path().join(format!("{number}.db"));
        fs::write(&path, &scribbled).unwrap();
        // Rows whose text alone was hit are found when they are read.
        let outcome = SqliteStorage::open(&path).and_then(|storage| {
            storage.evaluations()?;
            storage.costs(None)?;
            storage.trials(None)
        });
        if let Err(error) = outcome {
            assert!(!error.to_string().is_empty());
        }
        let _ = recover(&path, folder.path().join(format!("{number}-rest.db")));
    }
}
