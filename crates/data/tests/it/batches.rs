use panarch_data::DataError;
use panarch_data::{Augmentation, Batch, HeldOut, Loader};

use panarch_testkit::squares;

const AUGMENTATION: Augmentation = Augmentation {
    flip: true,
    crop_padding: 2,
    ..Augmentation::NONE
};

fn all_batches(loader: &Loader, epoch: u64) -> Vec<Batch> {
    let order = loader.epoch(epoch);
    let mut batch = Batch::new(loader.shape());
    (0..loader.steps())
        .map(|step| {
            order.fill(step, &mut batch);
            batch.clone()
        })
        .collect()
}

#[test]
fn batches_depend_on_seed_and_epoch_and_not_on_threads() {
    let dataset = squares(100, 8, 8, 4);
    let splits = dataset.hold_out(HeldOut::Count(20), 0).unwrap();
    let loader =
        |seed| Loader::training(splits.train.clone(), dataset.normalisation(), AUGMENTATION, 24, seed).unwrap();
    let first = all_batches(&loader(1), 0);
    assert_eq!(first.len(), 3, "the 8 images that are left over wait for another epoch");
    assert_eq!(first, all_batches(&loader(1), 0));
    assert_ne!(first, all_batches(&loader(1), 1));
    assert_ne!(first, all_batches(&loader(2), 0));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(first, pool.install(|| all_batches(&loader(1), 0)), "{threads} threads");
    }
}

#[test]
fn evaluation_sees_every_image_once_normalised() {
    let dataset = squares(100, 8, 8, 4);
    let splits = dataset.hold_out(HeldOut::Count(30), 0).unwrap();
    let loader = Loader::evaluation(splits.validation.clone(), dataset.normalisation(), 16).unwrap();
    let batches = all_batches(&loader, 0);
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [16, 14]);
    let (mean, deviation) = (dataset.normalisation().mean[0], dataset.normalisation().deviation[0]);
    for (index, (value, label)) in batches
        .iter()
        .flat_map(|batch| {
            batch
                .images()
                .chunks(64)
                .map(<[f32]>::to_vec)
                .zip(batch.labels().to_vec())
        })
        .enumerate()
    {
        let (pixels, class) = splits.validation.get(index).unwrap();
        assert_eq!(u32::from(class), label);
        for (&value, &byte) in value.iter().zip(pixels) {
            assert!((value * deviation + mean - f32::from(byte) / 255.0).abs() < 1e-5);
        }
    }
    let mut beyond = Batch::new(loader.shape());
    loader.epoch(0).fill(2, &mut beyond);
    assert!(beyond.is_empty() && beyond.images().is_empty());
}

#[test]
fn a_batch_without_images_or_larger_than_the_split_is_refused() {
    let dataset = squares(20, 4, 8, 2);
    let splits = dataset.hold_out(HeldOut::Count(4), 0).unwrap();
    for size in [0, 17] {
        let result = Loader::training(splits.train.clone(), dataset.normalisation(), AUGMENTATION, size, 0);
        assert!(
            matches!(
                result,
                Err(DataError::Setting {
                    setting: "batch_size",
                    ..
                })
            ),
            "{size}"
        );
    }
}

#[test]
fn a_sample_is_part_of_its_split_and_repeats() {
    let dataset = squares(60, 4, 4, 2);
    let splits = dataset.hold_out(HeldOut::Count(20), 0).unwrap();
    let sample = splits.train.sample(10, 3);
    assert_eq!(sample.indices(), splits.train.sample(10, 3).indices());
    assert_ne!(sample.indices(), splits.train.sample(10, 4).indices());
    assert!(
        sample
            .indices()
            .iter()
            .all(|index| splits.train.indices().contains(index))
    );
    assert!(
        splits
            .validation
            .indices()
            .iter()
            .all(|index| !splits.train.indices().contains(index))
    );
}

/// The bits of mirrored and shifted batches, as they were before there was any other augmentation.
#[test]
fn mirrored_and_shifted_batches_are_what_they_have_always_been() {
    let dataset = squares(100, 8, 8, 4);
    let splits = dataset.hold_out(HeldOut::Count(20), 0).unwrap();
    let loader = Loader::training(splits.train.clone(), dataset.normalisation(), AUGMENTATION, 24, 1).unwrap();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for epoch in 0..3 {
        for batch in all_batches(&loader, epoch) {
            let values = batch.images().iter().map(|value| value.to_bits());
            for word in values.chain(batch.labels().iter().copied()) {
                hash = (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    assert_eq!(hash, 2_226_717_893_307_421_899);
}

#[test]
fn images_grow_over_the_steps_and_are_themselves_in_the_end() {
    let dataset = squares(100, 8, 8, 4);
    let splits = dataset.hold_out(HeldOut::Count(20), 0).unwrap();
    let loader =
        |augmentation| Loader::training(splits.train.clone(), dataset.normalisation(), augmentation, 20, 1).unwrap();
    // Four steps an epoch; the second stage ends within the second.
    let stages = [(3, 4), (6, 6)];
    for augmentation in [Augmentation::NONE, AUGMENTATION] {
        let (plain, growing) = (loader(augmentation), loader(augmentation).growing(&stages).unwrap());
        assert!(growing.is_heavy() && !plain.is_heavy());
        let batches: Vec<Batch> = (0..3).flat_map(|epoch| all_batches(&growing, epoch)).collect();
        let sides: Vec<u32> = batches.iter().map(|batch| batch.shape().height).collect();
        assert_eq!(sides, [4, 4, 4, 6, 6, 6, 8, 8, 8, 8, 8, 8]);
        let full: Vec<Batch> = (0..3).flat_map(|epoch| all_batches(&plain, epoch)).collect();
        for (batch, full) in batches.iter().zip(&full) {
            assert_eq!(batch.labels(), full.labels());
            let side = batch.shape().height as usize;
            assert_eq!(batch.images().len(), 20 * side * side);
            let mean = |batch: &Batch| batch.images().iter().sum::<f32>() / batch.images().len() as f32;
            // What is scaled has the same brightness, all in all.
            assert!((mean(batch) - mean(full)).abs() < 0.1, "{} {}", mean(batch), mean(full));
            if side == 8 {
                assert_eq!(batch, full);
            }
        }
    }
    let drawn = Augmentation {
        resolutions: Some(panarch_data::Resolutions::new(&[4, 8]).unwrap()),
        ..Augmentation::NONE
    };
    let evaluation = Loader::evaluation(splits.train.clone(), dataset.normalisation(), 20).unwrap();
    for refused in [
        loader(drawn).growing(&stages),
        loader(Augmentation::NONE).growing(&[(1, 0)]),
        evaluation.growing(&stages),
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(
                error,
                DataError::Setting {
                    setting: "first_resolution",
                    ..
                }
            ),
            "{error}"
        );
    }
}
