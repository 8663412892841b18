use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use panarch_data::{Dataset, HeldOut, ImageSet, Splits};
use panarch_graph::random;
use panarch_nn::CpuEngine;
use panarch_space::Space;
use panarch_train::{
    Checkpoint, CheckpointPolicy, Control, FineTuning, NetworkTrainer, Outcome, Progress, Supernet, SupernetTrainer,
    TrainError, Training, Validation, Validator,
};
use rand::RngExt as _;

use crate::support::{TINY, optimisation, pace, run_to_end, same_bits, sandwich, splits, tiny_space};

fn trainer(space: &Space, splits: &Splits, settings: Training) -> SupernetTrainer {
    SupernetTrainer::new(space, splits, settings, None).unwrap()
}

/// Trains and stops by the cancellation flag after `stop` steps, leaving a checkpoint.
fn train_until(trainer: &mut SupernetTrainer, stop: u64, path: &Path) -> Outcome {
    let cancelled = AtomicBool::new(false);
    let mut progress = |event: &Progress| {
        if matches!(event, Progress::Step { step, .. } if *step == stop) {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    let policy = CheckpointPolicy {
        path: path.into(),
        every_steps: Some(3),
        every: None,
    };
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: Some(policy),
        progress: &mut progress,
    };
    trainer.train(&mut CpuEngine::new(), &mut control).unwrap()
}

#[test]
fn a_training_that_was_stopped_ends_with_the_same_bits() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut whole = trainer(&space, &splits, sandwich(2.0));
    run_to_end(&mut whole);
    let folder = tempfile::tempdir().unwrap();
    for stop in [1, 4, 6] {
        let path = folder.path().join(format!("{stop}.safetensors"));
        let mut first = trainer(&space, &splits, sandwich(2.0));
        assert_eq!(train_until(&mut first, stop, &path), Outcome::Cancelled);
        let mut second = trainer(&space, &splits, sandwich(2.0));
        second.resume(&path).unwrap();
        assert_eq!(second.step(), stop);
        assert!(same_bits(first.supernet().store(), second.supernet().store()));
        run_to_end(&mut second);
        assert!(
            same_bits(whole.supernet().store(), second.supernet().store()),
            "stopped at {stop}"
        );
    }
}

#[test]
fn fine_tuning_can_be_stopped_too() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let supernet = Supernet::new(&space, splits.head(), 8, 1).unwrap();
    let validation = Validation {
        recalibration_images: 32,
        validation_images: 16,
        batch_size: 16,
        seed: 0,
    };
    let validator = Validator::new(&splits, validation).unwrap();
    let settings = FineTuning {
        pace: pace(1.0),
        optimisation: optimisation(),
        distillation: 1.0,
        ..FineTuning::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tuning.safetensors");
    let mut engine = CpuEngine::new();
    let mut tune = |stop: u64, resume: bool| {
        let mut tuner = NetworkTrainer::fine_tune(&supernet, &space.smallest(), &splits, settings).unwrap();
        if resume {
            tuner.resume(&path).unwrap();
        }
        let cancelled = AtomicBool::new(false);
        let mut progress = |event: &Progress| {
            if matches!(event, Progress::Step { step, .. } if *step == stop) {
                cancelled.store(true, Ordering::Relaxed);
            }
        };
        let checkpoint = Some(CheckpointPolicy::new(&path));
        let mut control = Control {
            cancelled: &cancelled,
            checkpoint,
            progress: &mut progress,
        };
        let outcome = tuner.train(&mut engine, &validator, &mut control).unwrap();
        (outcome, tuner.finish(&mut engine, &validator).unwrap())
    };
    let (_, whole) = tune(u64::MAX, false);
    assert_eq!(tune(2, false).0, Outcome::Cancelled);
    let (outcome, resumed) = tune(u64::MAX, true);
    assert_eq!(outcome, Outcome::Finished);
    assert_eq!(resumed, whole);
    // Another network's checkpoint is not taken.
    let mut other = NetworkTrainer::fine_tune(&supernet, &space.largest(), &splits, settings).unwrap();
    let error = other.resume(&path).unwrap_err().to_string();
    assert!(error.contains("network hash"), "{error}");
}

#[test]
fn a_finished_training_leaves_a_supernet_to_open() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    let mut training = trainer(&space, &splits, sandwich(1.0));
    assert_eq!(train_until(&mut training, u64::MAX, &path), Outcome::Finished);
    let opened = Supernet::open(&path, &space, splits.head(), 8).unwrap();
    assert!(same_bits(training.supernet().store(), opened.store()));
    // Resuming what is finished does nothing.
    let mut again = trainer(&space, &splits, sandwich(1.0));
    again.resume(&path).unwrap();
    run_to_end(&mut again);
    assert!(same_bits(training.supernet().store(), again.supernet().store()));
}

#[test]
fn the_checkpoint_of_another_training_is_refused_by_name() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    train_until(&mut trainer(&space, &splits, sandwich(1.0)), 2, &path);
    let told = |mut trainer: SupernetTrainer, expected: &str| {
        let error = trainer.resume(&path).unwrap_err();
        assert!(matches!(error, TrainError::CheckpointOfAnother { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains("checkpoint.safetensors"),
            "{text}"
        );
        assert_eq!(trainer.step(), 0);
    };
    let other = Space::from_toml(
        "other.toml",
        &TINY.replace("[8, 12]", "[8, 16]").replace("tiny", "larger"),
    )
    .unwrap();
    told(
        trainer(&other, &splits, sandwich(1.0)),
        "supernet name: in the checkpoint tiny, here larger",
    );
    assert!(Supernet::open(&path, &other, splits.head(), 8).is_err());
    let mut settings = sandwich(1.0);
    settings.schedule.phases[0].pace.learning_rate = 0.25;
    told(
        trainer(&space, &splits, settings),
        "training.settings.schedule.phases.0.pace.learning_rate: in the checkpoint 0.1, here 0.25",
    );
    let fewer = crate::support::splits(48, 16);
    told(
        trainer(&space, &fewer, sandwich(1.0)),
        "data.train_images: in the checkpoint 64, here 48",
    );
}

/// One training picture with another pixel, one with another label: another training. Names are no part of it.
#[test]
fn other_pictures_are_another_training() {
    let space = tiny_space();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    let set = |change: Option<(usize, usize)>, count: usize| {
        let shape = panarch_graph::Shape::new(1, 8, 8);
        let mut pixels: Vec<u8> = (0..count * 64).map(|place| (place * 7 % 251) as u8).collect();
        let mut labels: Vec<u16> = (0..count).map(|image| (image % 4) as u16).collect();
        if let Some((pixel, image)) = change {
            // Swapped, so that means and counts stay as they are.
            pixels.swap(pixel, pixel + 1);
            labels.swap(image, image + 1);
        }
        ImageSet::new(shape, pixels, labels).unwrap()
    };
    let splits = |name: &str, change: Option<(usize, usize)>| {
        let classes = (0..4).map(|class| format!("{name} {class}")).collect();
        let dataset = Dataset::new(name, classes, set(change, 64), Some(set(None, 16)), set(None, 16));
        dataset.unwrap().hold_out(HeldOut::Count(16), 0).unwrap()
    };
    train_until(&mut trainer(&space, &splits("a", None), sandwich(1.0)), 2, &path);
    let mut moved = trainer(&space, &splits("b", None), sandwich(1.0));
    moved.resume(&path).unwrap();
    assert_eq!(moved.step(), 2);
    for change in [(100, 62), (0, 1)] {
        let mut other = trainer(&space, &splits("a", Some(change)), sandwich(1.0));
        let error = other.resume(&path).unwrap_err();
        let TrainError::CheckpointOfAnother { changed, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(changed, "the training pictures changed");
        assert_eq!(other.step(), 0);
    }
    // What the caller adds counts as much.
    let further = panarch_graph::Inputs::new().with_text("form of kept values", "bf16");
    let mut other = trainer(&space, &splits("a", None), sandwich(1.0));
    other.add_inputs(&further);
    let error = other.resume(&path).unwrap_err().to_string();
    assert!(error.contains("the form of kept values changed"), "{error}");
}

/// A file that was changed by a tool which leaves the checksum as it was, or out.
#[test]
fn a_zeroed_kernel_is_noticed() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    train_until(&mut trainer(&space, &splits, sandwich(1.0)), u64::MAX, &path);
    let whole = fs::read(&path).unwrap();
    let mut zeroed = whole.clone();
    let end = zeroed.len();
    zeroed[end - 36..].fill(0);
    let text = |bytes: &[u8]| {
        let at = bytes.windows(16).position(|part| part == b"panarch.checksum").unwrap();
        let mut bytes = bytes.to_vec();
        bytes[at] = b'q';
        bytes
    };
    for (bytes, reason) in [(&zeroed, "checksum"), (&text(&whole), "checksum")] {
        fs::write(&path, bytes).unwrap();
        let error = Supernet::open(&path, &space, splits.head(), 8).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(trainer(&space, &splits, sandwich(1.0)).resume(&path).is_err());
    }
}

#[test]
fn checkpoints_cut_short_anywhere_are_refused() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    train_until(&mut trainer(&space, &splits, sandwich(1.0)), 2, &path);
    let whole = fs::read(&path).unwrap();
    let mut rng = random::stream(9, "cut", 0);
    for round in 0..60 {
        // Half of the cuts fall into the header.
        let cut = rng.random_range(0..if round % 2 == 0 { whole.len() } else { 2_000 });
        fs::write(&path, &whole[..cut]).unwrap();
        let error = trainer(&space, &splits, sandwich(1.0))
            .resume(&path)
            .expect_err("a cut file")
            .to_string();
        assert!(error.contains("checkpoint.safetensors"), "{error}");
    }
    // Bytes that are there but wrong may hit a weight's value; they must never panic.
    for _ in 0..60 {
        let mut bytes = whole.clone();
        let place = rng.random_range(0..2_000.min(bytes.len()));
        bytes[place] ^= 1 << rng.random_range(0..8);
        fs::write(&path, bytes).unwrap();
        let _ = trainer(&space, &splits, sandwich(1.0)).resume(&path);
    }
    fs::remove_file(&path).unwrap();
    assert!(
        Checkpoint::read(&path)
            .unwrap_err()
            .to_string()
            .contains("checkpoint.safetensors")
    );
}

/// Kernel matrices belong to depthwise kernels alone, whatever a file says.
#[test]
fn matrices_at_the_wrong_place_are_refused() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("supernet.safetensors");
    train_until(&mut trainer(&space, &splits, sandwich(1.0)), u64::MAX, &path);
    let file = panarch_format::read_safetensors(&path).unwrap();
    let layers = ["head.classifier", "stem.bn", "stem.conv", "nowhere"];
    let known: Vec<&str> = file.weights.iter().map(|(name, _)| name).collect();
    assert!(known.contains(&"weights/stem.conv.weight"), "{known:?}");
    let others = known
        .iter()
        .filter_map(|name| name.strip_prefix("weights/")?.strip_suffix(".weight"));
    for layer in layers.into_iter().chain(others) {
        for (suffix, size) in [("7to5_matrix", 25), ("5to3_matrix", 9), ("5to3_matrix", 4)] {
            let mut weights = file.weights.clone();
            let tensor = panarch_graph::Tensor::filled(vec![size, size], 0.5);
            weights.insert(format!("weights/{layer}.{suffix}"), tensor);
            panarch_format::write_safetensors(&path, &weights, &file.metadata).unwrap();
            let opened = Supernet::open(&path, &space, splits.head(), 8);
            let fits = layer.ends_with("depthwise.conv") && suffix == "5to3_matrix" && size == 9;
            assert_eq!(opened.is_ok(), fits, "{layer}.{suffix} of {size}");
        }
    }
}
