//! A search is killed at random moments, again and again, and ends as if nothing had happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use panarch_graph::{ContentHash, stream};
use panarch_study::{Change, History, Next, SqliteStorage, Study, StudyError, TrialState, open_or_create};
use panarch_testkit::samples::{complete, cost, evaluation, genotype, header, protocol};
use rand::Rng;

/// Names the folder in which the child searches; absent in every ordinary run of the tests.
const FOLDER: &str = "PANARCH_STUDY_KILL_FOLDER";
const TRIALS: u64 = 150;
const SEARCHES: [&str; 2] = ["average", "worst"];

/// The genotype of a trial: a function of the search's history, so that a lost or doubled trial changes all later ones.
fn propose(history: &History, number: u64) -> u64 {
    let sum: f64 = history
        .observations()
        .iter()
        .filter_map(panarch_study::Observation::fitness)
        .sum();
    (sum * 1000.0) as u64 % 97 + number % 7
}

fn note(folder: &Path, file: &str, line: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(file))
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// One search after the other, as a run does it: propose, evaluate what the pool lacks, store, go on.
fn search(folder: &Path) -> Result<(), StudyError> {
    let wanted = header(ContentHash::of("space", b"kill"));
    let url = format!("sqlite:///{}", folder.join("study.db").display());
    let study = Study::resume(open_or_create(&url, &wanted)?, &wanted)?;
    for search in SEARCHES {
        loop {
            let (number, n) = match study.next(search)? {
                Next::Propose(number) if number == TRIALS => break,
                Next::Propose(number) => {
                    let n = propose(&study.history(search)?, number);
                    study.start_trial(search, number, &genotype(n), number)?;
                    (number, n)
                }
                Next::TakeUp(trial) => {
                    let n = (0..200).find(|&n| genotype(n) == trial.genotype).unwrap();
                    (trial.number, n)
                }
            };
            let accuracy = match study.evaluation(&genotype(n), &protocol())? {
                Some(known) => known.accuracy,
                None => {
                    note(folder, "evaluated", &n.to_string());
                    study.storage().commit(&[
                        Change::Evaluated(evaluation(n)),
                        Change::Costed(cost(n, "cpu")),
                        Change::Costed(cost(n, "npu")),
                    ])?;
                    note(folder, "pooled", &n.to_string());
                    evaluation(n).accuracy
                }
            };
            let reward = accuracy.value.share();
            note(folder, "ran", &format!("{search} {number}"));
            study.finish_trial(search, number, complete(reward))?;
            note(folder, "acknowledged", &format!("{search} {number}"));
        }
    }
    note(folder, "done", "");
    Ok(())
}

/// Not a test of its own: what the killed process runs. Without the variable it does nothing.
#[test]
fn child_of_the_kill_test() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        search(Path::new(&folder)).unwrap();
    }
}

/// The lines of a file in which each line was written whole before the next thing was done; the last may be torn.
fn lines(folder: &Path, file: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(str::to_owned).collect()
}

fn content(folder: &Path) -> BTreeMap<(String, u64), (String, Option<f64>)> {
    let storage = SqliteStorage::open_to_read(folder.join("study.db")).unwrap();
    let study = Study::open(Box::new(storage)).unwrap();
    let trials = study.storage().trials(None).unwrap();
    assert!(trials.iter().all(|trial| trial.state == TrialState::Complete));
    trials
        .into_iter()
        .map(|trial| {
            let found = (trial.genotype.to_string(), trial.reward());
            ((trial.search, trial.number), found)
        })
        .collect()
}

#[test]
fn a_killed_search_goes_on_without_losing_or_repeating_anything() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut rng = stream(3, "kill", 0);
    let mut kills = 0;
    while !folder.join("done").exists() {
        let acknowledged = lines(folder, "acknowledged").len();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child_of_the_kill_test", "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The first kills come early, while the file is being made; later ones let the search get on.
        let patience = if kills < 10 {
            1 + rng.next_u64() % 40
        } else {
            20 + rng.next_u64() % 300
        };
        std::thread::sleep(Duration::from_millis(patience));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!complaint.contains("panicked"), "after {kills} kills: {complaint}");
        assert!(
            kills < 400,
            "the search does not get on: {acknowledged} trials acknowledged"
        );
    }

    let found = content(folder);
    assert_eq!(found.len() as u64, TRIALS * SEARCHES.len() as u64);
    for line in lines(folder, "acknowledged") {
        let (search, number) = line.split_once(' ').unwrap();
        assert!(
            found.contains_key(&(search.to_owned(), number.parse().unwrap())),
            "trial {line} was lost"
        );
    }
    // A trial that was acknowledged never ran again: each kill can repeat the one trial that was under way.
    let ran = lines(folder, "ran");
    let distinct: BTreeSet<&String> = ran.iter().collect();
    assert!(
        ran.len() - distinct.len() <= kills,
        "{} of {} trials ran twice",
        ran.len() - distinct.len(),
        ran.len()
    );
    assert_eq!(distinct.len(), found.len());
    // The same for the pool: what was acknowledged was never evaluated again.
    let evaluated = lines(folder, "evaluated");
    let distinct: BTreeSet<&String> = evaluated.iter().collect();
    assert!(evaluated.len() - distinct.len() <= kills);
    let pooled: Vec<String> = lines(folder, "pooled");
    let pooled_once: BTreeSet<&String> = pooled.iter().collect();
    assert_eq!(
        pooled.len(),
        pooled_once.len(),
        "an acknowledged evaluation was repeated"
    );

    let undisturbed = tempfile::tempdir().unwrap();
    search(undisturbed.path()).unwrap();
    assert_eq!(
        found,
        content(undisturbed.path()),
        "the killed search found something else"
    );
    println!("killed {kills} times: {} trials, none lost, none repeated", found.len());
}
