//! Training of one network: the moving average of its weights, images that grow, the curve, and going on from a checkpoint.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use panarch_graph::{Network, NetworkBuilder, Op, Shape, Weights};
use panarch_nn::CpuEngine;
use panarch_train::{
    CheckpointPolicy, Control, EpochRecord, FineTuning, NetworkTrainer, Outcome, Progress, ProgressiveResizing, Score,
    TrainError, Validation, Validator,
};

use crate::support::{optimisation, pace, splits, tiny_space};

/// Eight steps an epoch.
const IMAGES: usize = 128;

fn network() -> Network {
    let space = tiny_space();
    space.lower(&space.largest(), splits(IMAGES, 40).head(), 8).unwrap()
}

fn validator() -> Validator {
    let settings = Validation {
        recalibration_images: 40,
        validation_images: 40,
        batch_size: 20,
        seed: 2,
    };
    Validator::new(&splits(IMAGES, 40), settings).unwrap()
}

fn plain() -> FineTuning {
    FineTuning {
        pace: pace(3.0),
        optimisation: optimisation(),
        ..FineTuning::default()
    }
}

fn everything() -> FineTuning {
    FineTuning {
        weight_ema: Some(0.8),
        progressive: Some(ProgressiveResizing {
            first: 4,
            full_after: 0.6,
        }),
        ..plain()
    }
}

fn trainer(settings: FineTuning) -> NetworkTrainer {
    let mut trainer = NetworkTrainer::from_scratch(network(), &splits(IMAGES, 40), settings).unwrap();
    trainer.validate_epochs();
    trainer
}

/// Trains until a step, or to the end, with a checkpoint at the end alone.
fn go(trainer: &mut NetworkTrainer, until: u64, checkpoint: Option<&Path>) -> Outcome {
    let cancelled = AtomicBool::new(false);
    let mut progress = |event: &Progress| {
        if matches!(event, Progress::Step { step, .. } if *step >= until) {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: checkpoint.map(|path| CheckpointPolicy {
            path: path.into(),
            every_steps: None,
            every: None,
        }),
        progress: &mut progress,
    };
    trainer
        .train(&mut CpuEngine::new(), &validator(), &mut control)
        .unwrap()
}

fn finished(trainer: NetworkTrainer) -> Weights {
    trainer.finish(&mut CpuEngine::new(), &validator()).unwrap().weights
}

/// All of a record but the time that it took.
fn said(records: &[EpochRecord]) -> Vec<(u64, u32, u32, Score)> {
    let said = |record: &EpochRecord| {
        (
            record.epoch,
            record.learning_rate.to_bits(),
            record.loss.to_bits(),
            record.score,
        )
    };
    records.iter().map(said).collect()
}

#[test]
fn a_training_that_was_interrupted_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    for settings in [plain(), everything()] {
        let mut undisturbed = trainer(settings);
        assert_eq!(go(&mut undisturbed, u64::MAX, None), Outcome::Finished);
        let records = said(undisturbed.records());
        assert_eq!((records.len(), undisturbed.steps()), (3, 24));
        let expected = finished(undisturbed).content_hash();
        // In the first size, at the border of two, at the end of an epoch, and with nothing left to do.
        for stop in [3, 14, 16, 24] {
            let mut first = trainer(settings);
            go(&mut first, stop, Some(&path));
            assert_eq!(first.step(), stop);
            let mut second = trainer(settings);
            second.resume(&path).unwrap();
            assert_eq!(second.step(), stop);
            assert_eq!(go(&mut second, u64::MAX, Some(&path)), Outcome::Finished);
            assert_eq!(said(second.records()), records, "stopped after {stop}");
            assert_eq!(finished(second).content_hash(), expected, "stopped after {stop}");
        }
    }
}

/// With a decay of 0 the average is the weights, and any other is not; the weights themselves do not know of it.
#[test]
fn the_average_follows_the_weights() {
    let trained = |weight_ema| {
        let mut trainer = trainer(FineTuning { weight_ema, ..plain() });
        go(&mut trainer, u64::MAX, None);
        finished(trainer).content_hash()
    };
    let raw = trained(None);
    assert_eq!(trained(Some(0.0)), raw);
    assert_ne!(trained(Some(0.9)), raw);
}

/// A setting that is off leaves no trace in what a training is made of; one that is on does.
#[test]
fn inputs_are_what_they_were_without_the_settings() {
    let key = |settings| trainer(settings).inputs().key();
    let before = key(plain());
    let names = |settings| -> Vec<String> {
        let trainer = trainer(settings);
        trainer.inputs().iter().map(|(name, _)| name.to_owned()).collect()
    };
    assert!(
        !names(plain())
            .iter()
            .any(|name| name.contains("average") || name.contains("resizing"))
    );
    for settings in [
        FineTuning {
            weight_ema: Some(0.5),
            ..plain()
        },
        FineTuning {
            progressive: everything().progressive,
            ..plain()
        },
    ] {
        assert_ne!(key(settings), before);
    }
    let text = serde_json::to_string(&plain()).unwrap();
    assert!(!text.contains("weight_ema") && !text.contains("progressive"), "{text}");
    assert_eq!(serde_json::from_str::<FineTuning>(&text).unwrap(), plain());
}

#[test]
fn another_training_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    go(&mut trainer(everything()), 2, Some(&path));
    for settings in [
        plain(),
        FineTuning {
            weight_ema: Some(0.9),
            ..everything()
        },
        FineTuning {
            pace: pace(4.0),
            ..everything()
        },
    ] {
        let error = trainer(settings).resume(&path).unwrap_err();
        assert!(matches!(error, TrainError::CheckpointOfAnother { .. }), "{error}");
    }
}

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    let refused = |network: Network, settings| {
        let error = NetworkTrainer::from_scratch(network, &splits(IMAGES, 40), settings);
        match error.err().unwrap() {
            TrainError::Setting { setting, .. } => setting,
            other => panic!("{other}"),
        }
    };
    for weight_ema in [1.0, -0.1, f64::NAN] {
        let settings = FineTuning {
            weight_ema: Some(weight_ema),
            ..plain()
        };
        assert_eq!(refused(network(), settings), "weight_ema");
    }
    let larger = ProgressiveResizing {
        first: 9,
        full_after: 0.5,
    };
    let settings = FineTuning {
        progressive: Some(larger),
        ..plain()
    };
    assert_eq!(refused(network(), settings), "first_resolution");
    // A classifier on pixels takes images of one size.
    let mut builder = NetworkBuilder::new("pixels", splits(IMAGES, 40).shape());
    let input = builder.input();
    let flat = builder.add("flat", Op::Flatten, &[input]).unwrap();
    let linear = panarch_graph::Linear { out: 4, bias: true };
    let logits = builder.add("classifier", Op::Linear(linear), &[flat]).unwrap();
    let pixels = builder.finish(logits).unwrap();
    assert_eq!(pixels.input_shape(), Shape::new(1, 8, 8));
    assert_eq!(refused(pixels, everything()), "first_resolution");
}
