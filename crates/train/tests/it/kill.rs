//! A real SIGKILL: the test binary runs itself as a child that trains, and kills it. For every schedule.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use panarch_graph::Accuracy;
use panarch_nn::CpuEngine;
use panarch_space::Genotype;
use panarch_train::schedule::schedule_names;
use panarch_train::{
    Checkpoint, CheckpointPolicy, Control, Outcome, Progress, Reward, Rewarder, Schedule, SupernetTrainer, TrainError,
    Training,
};

use crate::support::{optimisation, same_bits, splits, tiny_space};

const CHECKPOINT: &str = "PANARCH_TEST_CHECKPOINT";
const SCHEDULE: &str = "PANARCH_TEST_SCHEDULE";
/// Passes over 64 images, four steps each, so that every phase has its steps.
const EPOCHS: f64 = 12.0;

fn trainer(schedule: &str) -> SupernetTrainer {
    let schedule = Schedule::preset(schedule).unwrap();
    let factor = EPOCHS / schedule.epochs();
    let training = Training {
        optimisation: optimisation(),
        // A rate at which weights move in a few steps.
        schedule: schedule.scaled(factor).for_batch(16).with_learning_rate_factor(4.0),
    };
    SupernetTrainer::new(&tiny_space(), &splits(64, 64), training, None).unwrap()
}

/// Likes small networks.
pub struct Small;

impl Rewarder for Small {
    fn reward(&mut self, genotype: &Genotype, accuracy: Accuracy) -> Result<Reward, TrainError> {
        let size: u32 = genotype.as_bytes().iter().map(|choice| u32::from(*choice)).sum();
        let ratio = f64::from(size) / 4.0;
        Ok(Reward {
            value: accuracy.share() - 0.1 * ratio,
            ratios: vec![ratio],
        })
    }
}

fn train(trainer: &mut SupernetTrainer, checkpoint: Option<&Path>) {
    let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
    let policy = checkpoint.map(|path| CheckpointPolicy {
        path: path.into(),
        every_steps: Some(1),
        every: None,
    });
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: policy,
        progress: &mut progress,
    };
    let mut engine = CpuEngine::new();
    let outcome = match trainer.likeliest() {
        Some(_) => trainer.train_rewarded(&mut engine, &mut Small, &mut control),
        None => trainer.train(&mut engine, &mut control),
    };
    assert_eq!(outcome.unwrap(), Outcome::Finished);
}

/// Goes on from the checkpoint, if there is one, writing one after every step.
fn go_on(schedule: &str, path: &Path) -> SupernetTrainer {
    let mut trainer = trainer(schedule);
    if path.exists() {
        trainer.resume(path).unwrap();
    }
    train(&mut trainer, Some(path));
    trainer
}

#[test]
#[ignore = "the child of the test below"]
fn child() {
    if let (Some(path), Ok(schedule)) = (std::env::var_os(CHECKPOINT), std::env::var(SCHEDULE)) {
        go_on(&schedule, Path::new(&path));
    }
}

#[test]
fn a_training_that_was_killed_ends_with_the_same_bits() {
    for schedule in schedule_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("supernet.safetensors");
        let position = || Checkpoint::read(&path).map_or(0, |checkpoint| checkpoint.step);
        let mut whole = trainer(schedule);
        let (steps, mut kills) = (whole.steps(), Vec::new());
        // Each child gets a few steps further than the last checkpoint and is then killed, wherever it is.
        for round in 1..=4 {
            let before = position();
            let mut child = Killed(
                Command::new(std::env::current_exe().unwrap())
                    .args(["kill::child", "--exact", "--ignored", "--nocapture"])
                    .env(CHECKPOINT, &path)
                    .env(SCHEDULE, schedule)
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap(),
            );
            while position() < before + 4 * round && child.0.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if child.0.try_wait().unwrap().is_none() {
                child.0.kill().unwrap();
                kills.push(position());
            }
            child.0.wait().unwrap();
            assert!(position() > before, "{schedule}, round {round} got nowhere");
        }
        println!("{schedule}: killed at steps {kills:?} of {steps}");
        assert!(
            !kills.is_empty(),
            "{schedule}: every child ended before it could be killed"
        );
        let resumed = go_on(schedule, &path);
        train(&mut whole, None);
        assert!(
            same_bits(whole.supernet().store(), resumed.supernet().store()),
            "{schedule}"
        );
        assert_eq!(whole.likeliest(), resumed.likeliest(), "{schedule}");
    }
}

/// Does not leave a child behind when an assertion fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
