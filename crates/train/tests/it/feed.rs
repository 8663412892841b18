use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use panarch_data::{
    Augmentation, Batch, ColourJitter, DataError, Dataset, Feed, HeldOut, ImageSet, Loader, Normalisation, RandAugment,
    ResizedCrop, Resolutions, Subset,
};
use panarch_graph::Shape;
use panarch_nn::{CpuEngine, Loss, Mixed, Teacher, softmax_cross_entropy};
use panarch_space::Space;
use panarch_train::{
    Checkpoint, CheckpointPolicy, Control, FineTuning, NetworkTrainer, Progress, Schedule, SupernetTrainer, TrainError,
};

use panarch_testkit::squares;

use crate::support::{TINY, pace, run_to_end, same_bits, sandwich, splits, tiny_space};

fn everything() -> Augmentation {
    Augmentation {
        flip: true,
        crop_padding: 2,
        resized_crop: Some(ResizedCrop {
            smallest: 0.3,
            largest: 1.0,
        }),
        rand_augment: Some(RandAugment {
            operations: 3,
            magnitude: 12,
        }),
        colour_jitter: Some(ColourJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
        }),
        cutout: Some(3),
        mixup: Some(0.2),
        resolutions: Some(Resolutions::new(&[8, 6, 11]).unwrap()),
    }
}

/// 70 images to train on, of one or of three channels.
fn images(channels: u32) -> (Dataset, Subset) {
    let dataset = if channels == 1 {
        squares(90, 8, 8, 4)
    } else {
        let set = |count: usize| {
            let pixels = (0..count * 192).map(|index| (index * index % 253) as u8).collect();
            let labels = (0..count).map(|index| (index % 4) as u16).collect();
            ImageSet::new(Shape::new(3, 8, 8), pixels, labels).unwrap()
        };
        let classes = (0..4).map(|class| class.to_string()).collect();
        Dataset::new("colours", classes, set(90), None, set(8)).unwrap()
    };
    let train = dataset.hold_out(HeldOut::Count(20), 0).unwrap().train;
    (dataset, train)
}

fn loader(channels: u32, augmentation: Augmentation) -> Loader {
    let (dataset, train) = images(channels);
    Loader::training(train, dataset.normalisation(), augmentation, 15, 7).unwrap()
}

fn fed(loader: &Loader, steps: std::ops::Range<u64>, workers: usize) -> Vec<Batch> {
    let count = (steps.end - steps.start) as usize;
    let mut feed = Feed::new(loader, steps, workers).unwrap();
    let batches = (0..count).map(|_| feed.next().unwrap().clone()).collect();
    assert!(feed.next().unwrap().is_empty(), "nothing beyond the last step");
    batches
}

#[test]
fn batches_are_the_same_for_any_number_of_workers_and_from_any_step() {
    for channels in [1, 3] {
        let loader = loader(channels, everything());
        assert_eq!(loader.steps(), 4);
        // Three epochs and a half.
        let all = fed(&loader, 0..14, 0);
        for workers in [1, 2, 5] {
            assert_eq!(fed(&loader, 0..14, workers), all, "{workers} workers");
        }
        for (start, workers) in [(1, 0), (6, 1), (11, 2), (13, 3)] {
            assert_eq!(fed(&loader, start..14, workers), all[start as usize..], "from {start}");
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| fed(&loader, 0..14, 0)), all, "{threads} threads");
        }
        assert_ne!(all[0], all[4], "another epoch");
    }
}

#[test]
fn each_batch_has_one_of_the_resolutions() {
    let mut augmentation = Augmentation {
        resolutions: Some(Resolutions::new(&[8, 6, 11]).unwrap()),
        ..Augmentation::NONE
    };
    let all = fed(&loader(1, augmentation), 0..40, 0);
    let mut sides: Vec<u32> = all.iter().map(|batch| batch.shape().height).collect();
    for batch in &all {
        assert_eq!(batch.images().len(), 15 * batch.shape().elements() as usize);
    }
    sides.sort_unstable();
    sides.dedup();
    assert_eq!(sides, [6, 8, 11]);
    // At its own resolution an image is not touched.
    augmentation.resolutions = Some(Resolutions::new(&[8]).unwrap());
    let plain = loader(1, Augmentation::NONE);
    assert_eq!(fed(&loader(1, augmentation), 0..4, 0), fed(&plain, 0..4, 0));
}

#[test]
fn mixed_images_are_what_their_labels_and_shares_say() {
    let augmentation = Augmentation {
        mixup: Some(0.8),
        ..Augmentation::NONE
    };
    let plain = fed(&loader(1, Augmentation::NONE), 0..4, 0);
    for (mixed, plain) in fed(&loader(1, augmentation), 0..4, 1).iter().zip(&plain) {
        assert_eq!(plain.mixed(), None);
        assert_eq!(mixed.labels(), plain.labels());
        let parts = mixed.mixed().unwrap();
        let image = |index: usize| &plain.images()[index * 64..(index + 1) * 64];
        for index in 0..15 {
            let other = 14 - index;
            assert_eq!(parts.labels[index], plain.labels()[other]);
            let share = parts.shares[index];
            assert!((0.0..=1.0).contains(&share));
            let expected = image(index).iter().zip(image(other));
            for (value, (a, b)) in mixed.images()[index * 64..].iter().zip(expected) {
                assert!((value - (share * a + (1.0 - share) * b)).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn the_loss_of_a_batch_takes_its_other_parts_into_account() {
    let augmentation = Augmentation {
        mixup: Some(1.0),
        ..Augmentation::NONE
    };
    let logits: Vec<f32> = (0..60).map(|index| (index * 7 % 11) as f32 / 5.0).collect();
    let teacher = Some(Teacher {
        logits: &logits,
        ratio: 0.5,
    });
    let (mut one, mut other) = (vec![0.0; 60], vec![0.0; 60]);
    for (augmentation, same) in [(Augmentation::NONE, true), (augmentation, false)] {
        let batch = &fed(&loader(1, augmentation), 0..1, 0)[0];
        let loss = Loss {
            labels: batch.labels(),
            mixed: batch.mixed().map(|it| Mixed {
                labels: it.labels,
                shares: it.shares,
            }),
            smoothing: 0.1,
            teacher,
            scale: 1.0,
        };
        let found = loss.of(&logits, &mut one).unwrap();
        let plain = softmax_cross_entropy(&logits, 4, batch.labels(), 0.1, teacher, &mut other).unwrap();
        assert_eq!((found == plain, one == other), (same, same));
    }
}

#[test]
fn hostile_settings_are_refused_by_name() {
    let (dataset, train) = images(1);
    let refused = |augmentation: Augmentation, expected: &str| {
        let result = Loader::training(train.clone(), dataset.normalisation(), augmentation, 15, 7);
        assert!(
            matches!(&result, Err(DataError::Setting { setting, .. }) if *setting == expected),
            "{augmentation:?}"
        );
    };
    let none = Augmentation::NONE;
    refused(
        Augmentation {
            cutout: Some(9),
            ..none
        },
        "cutout",
    );
    refused(
        Augmentation {
            mixup: Some(-1.0),
            ..none
        },
        "mixup",
    );
    let magnitude = Some(RandAugment {
        operations: 1,
        magnitude: u32::MAX,
    });
    refused(
        Augmentation {
            rand_augment: magnitude,
            ..none
        },
        "rand_augment",
    );
    for list in [vec![], vec![0], vec![100_000], vec![8; 41]] {
        assert!(Resolutions::new(&list).is_err(), "{list:?}");
    }
    let colours = images(3).1;
    let result = Loader::training(colours, dataset.normalisation(), none, 15, 7);
    assert!(matches!(result, Err(DataError::Mismatch { .. })));
}

fn stop_after(stop: u64, trainer: &mut SupernetTrainer, path: &Path) {
    let cancelled = AtomicBool::new(false);
    let mut progress = |event: &Progress| {
        if matches!(event, Progress::Step { step, .. } if *step == stop) {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: Some(CheckpointPolicy::new(path)),
        progress: &mut progress,
    };
    trainer.train(&mut CpuEngine::new(), &mut control).unwrap();
}

#[test]
fn a_training_with_heavy_augmentation_goes_on_to_the_same_bits() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut settings = sandwich(3.0);
    settings.optimisation.augmentation = Augmentation {
        resolutions: None,
        ..everything()
    };
    let mut whole = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
    run_to_end(&mut whole);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut first = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
    stop_after(5, &mut first, &path);
    let stored = &Checkpoint::read(&path).unwrap().settings["data"]["normalisation"];
    let stored: Normalisation = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(stored, splits.normalisation, "readable, beside the fingerprint");
    let mut second = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
    second.resume(&path).unwrap();
    assert_eq!(second.step(), 5);
    run_to_end(&mut second);
    assert!(same_bits(whole.supernet().store(), second.supernet().store()));
}

#[test]
fn resolutions_are_those_of_the_space_and_of_a_supernet() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut settings = sandwich(1.0);
    settings.optimisation.augmentation = everything();
    let foreign = SupernetTrainer::new(&space, &splits, settings.clone(), None)
        .err()
        .unwrap();
    let network = space.lower(&space.smallest(), splits.head(), 8).unwrap();
    let fine = FineTuning {
        pace: pace(1.0),
        optimisation: settings.optimisation,
        distillation: 0.0,
        ..FineTuning::default()
    };
    let single = NetworkTrainer::from_scratch(network, &splits, fine).err().unwrap();
    for error in [foreign, single] {
        let is_named = matches!(&error, TrainError::Setting { setting, .. } if *setting == "resolutions");
        assert!(is_named, "{error}");
    }
    // A space with several sizes trains on all of them, and goes on to the same bits.
    let text = TINY.replace("resolutions = [8]", "resolutions = [8, 10, 12]");
    let space = Space::from_toml("sizes.toml", &text).unwrap();
    settings.optimisation.augmentation = Augmentation {
        resolutions: Some(Resolutions::new(&[8, 10, 12]).unwrap()),
        ..Augmentation::NONE
    };
    let shrinking = Schedule::preset("progressive-shrinking").unwrap();
    let factor = 4.0 / shrinking.epochs();
    for schedule in [settings.schedule.clone(), shrinking.scaled(factor).for_batch(16)] {
        settings.schedule = schedule;
        let mut whole = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
        run_to_end(&mut whole);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let mut first = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
        stop_after(3, &mut first, &path);
        let mut second = SupernetTrainer::new(&space, &splits, settings.clone(), None).unwrap();
        second.resume(&path).unwrap();
        run_to_end(&mut second);
        assert!(same_bits(whole.supernet().store(), second.supernet().store()));
    }
}
