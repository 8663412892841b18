//! A real SIGKILL: the test binary runs itself as a child that trains, and kills it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use panarch_train::{Checkpoint, CheckpointPolicy, Control, CpuEngine, Outcome, Progress, SupernetTrainer};

use crate::support::{run_to_end, same_bits, sandwich, splits, tiny_space};

const VARIABLE: &str = "PANARCH_TEST_CHECKPOINT";
const EPOCHS: f64 = 12.0;

fn trainer() -> SupernetTrainer {
    SupernetTrainer::new(&tiny_space(), &splits(64, 16), sandwich(EPOCHS)).unwrap()
}

/// Goes on from the checkpoint, if there is one, writing one after every step.
fn go_on(path: &Path) -> SupernetTrainer {
    let mut trainer = trainer();
    if path.exists() {
        trainer.resume(path).unwrap();
    }
    let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
    let policy = CheckpointPolicy {
        path: path.into(),
        every_steps: Some(1),
        every: None,
    };
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: Some(policy),
        progress: &mut progress,
    };
    assert_eq!(
        trainer.train(&mut CpuEngine::new(), &mut control).unwrap(),
        Outcome::Finished
    );
    trainer
}

#[test]
#[ignore = "the child of the test below"]
fn child() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        go_on(Path::new(&path));
    }
}

#[test]
fn a_training_that_was_killed_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    let position = || Checkpoint::read(&path).map_or(0, |checkpoint| checkpoint.step);
    let steps = trainer().steps();
    let mut kills = 0;
    // Each child gets a few steps further than the last checkpoint and is then killed, wherever it is.
    for round in 1..=4 {
        let before = position();
        let mut child = Killed(
            Command::new(std::env::current_exe().unwrap())
                .args(["kill::child", "--exact", "--ignored", "--nocapture"])
                .env(VARIABLE, &path)
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        );
        while position() < before + round && child.0.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.0.try_wait().unwrap().is_none() {
            child.0.kill().unwrap();
            kills += 1;
        }
        child.0.wait().unwrap();
        assert!(position() > before, "round {round} got nowhere");
    }
    println!("killed {kills} times, the last time at step {} of {steps}", position());
    assert!(kills > 0, "every child ended before it could be killed");
    let resumed = go_on(&path);
    let mut whole = trainer();
    run_to_end(&mut whole);
    assert!(same_bits(whole.supernet().store(), resumed.supernet().store()));
}

/// Does not leave a child behind when an assertion fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
