use std::sync::atomic::AtomicBool;

use panarch_data::{Augmentation, HeldOut};
use panarch_nn::CpuEngine;
use panarch_train::{
    Answers, Control, FineTuning, NetworkTrainer, Optimisation, Outcome, Pace, Progress, Schedule, Supernet,
    SupernetTrainer, TrainError, Validation, Validator, inherit, test,
};

use panarch_testkit::squares;

use crate::support::{optimisation, pace, run_to_end, same_bits, sandwich, splits, tiny_space};

fn validation() -> Validation {
    Validation {
        recalibration_images: 100,
        validation_images: 100,
        batch_size: 50,
        seed: 2,
    }
}

#[test]
fn every_member_learns_and_fine_tuning_goes_on_from_there() {
    let space = tiny_space();
    let dataset = squares(500, 100, 8, 4);
    let splits = dataset.hold_out(HeldOut::Count(100), 0).unwrap();
    let validator = Validator::new(&splits, validation()).unwrap();
    let mut engine = CpuEngine::new();
    let mut trainer = SupernetTrainer::new(&space, &splits, sandwich(4.0), None).unwrap();
    let untrained = validator
        .inherited(&mut engine, trainer.supernet(), &space.largest())
        .unwrap();
    run_to_end(&mut trainer);
    assert_eq!(trainer.step(), trainer.steps());
    let supernet = trainer.into_supernet();
    for genotype in [space.largest(), space.smallest()] {
        let found = validator.inherited(&mut engine, &supernet, &genotype).unwrap();
        assert!(
            found.correct > untrained.correct && found.correct >= 80,
            "{genotype}: {found:?}"
        );
        // The same question gets the same answer, whoever was asked in between.
        assert_eq!(found, validator.inherited(&mut engine, &supernet, &genotype).unwrap());
        // Weights with their statistics written in answer like the supernet does.
        let alone = inherit(&mut engine, &supernet, &genotype, &validator).unwrap();
        assert_eq!(
            found,
            validator.finished(&mut engine, &alone.network, &alone.weights).unwrap()
        );
    }

    let genotype = space.smallest();
    for distillation in [0.0, 1.0] {
        let settings = FineTuning {
            pace: Pace {
                learning_rate: 0.02,
                ..pace(1.0)
            },
            optimisation: optimisation(),
            distillation,
            ..FineTuning::default()
        };
        let mut tuner = NetworkTrainer::fine_tune(&supernet, &genotype, &splits, settings).unwrap();
        let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
        let mut control = Control {
            cancelled: &cancelled,
            checkpoint: None,
            progress: &mut progress,
        };
        assert_eq!(
            tuner.train(&mut engine, &validator, &mut control).unwrap(),
            Outcome::Finished
        );
        let tuned = tuner.finish(&mut engine, &validator).unwrap();
        assert_eq!(
            tuned.network.content_hash(),
            supernet.member(&genotype).unwrap().network().content_hash()
        );
        tuned.weights.check(&tuned.network).unwrap();
        let images = dataset.test_split();
        let (network, weights) = (&tuned.network, &tuned.weights);
        let score = test(&mut engine, network, weights, &images, dataset.normalisation(), 32).unwrap();
        assert_eq!(score.images, 100);
        assert!(score.correct >= 85, "{score:?}");
    }
}

#[test]
fn a_network_trained_from_scratch_learns() {
    let (space, splits) = (tiny_space(), splits(400, 100));
    let network = space.lower(&space.largest(), splits.head(), 8).unwrap();
    let validator = Validator::new(&splits, validation()).unwrap();
    let settings = FineTuning {
        pace: pace(3.0),
        optimisation: optimisation(),
        distillation: 0.0,
        ..FineTuning::default()
    };
    let mut engine = CpuEngine::new();
    let mut trainer = NetworkTrainer::from_scratch(network.clone(), &splits, settings).unwrap();
    let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    };
    trainer.train(&mut engine, &validator, &mut control).unwrap();
    let trained = trainer.finish(&mut engine, &validator).unwrap();
    let score = validator.finished(&mut engine, &network, &trained.weights).unwrap();
    assert!(score.correct >= 80, "{score:?}");
    let settings = FineTuning {
        distillation: 1.0,
        ..settings
    };
    assert!(
        NetworkTrainer::from_scratch(network, &splits, settings).is_err(),
        "there is no teacher"
    );
}

#[test]
fn a_training_depends_on_its_seed_and_on_nothing_else() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let trained = |seed| {
        let mut settings = sandwich(1.0);
        settings.optimisation.seed = seed;
        let mut trainer = SupernetTrainer::new(&space, &splits, settings, None).unwrap();
        run_to_end(&mut trainer);
        trainer.into_supernet()
    };
    let first = trained(1);
    assert!(same_bits(first.store(), trained(1).store()));
    assert!(!same_bits(first.store(), trained(2).store()));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let again = pool.install(|| trained(1));
        assert!(same_bits(first.store(), again.store()), "{threads} threads");
    }
}

#[test]
fn progress_counts_every_step() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut trainer = SupernetTrainer::new(&space, &splits, sandwich(1.5), None).unwrap();
    let (cancelled, mut seen) = (AtomicBool::new(false), Vec::new());
    let mut progress = |event: &Progress| seen.push(event.clone());
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    };
    trainer.train(&mut CpuEngine::new(), &mut control).unwrap();
    let steps: Vec<(u64, u64, u64)> = seen
        .iter()
        .filter_map(|event| match event {
            Progress::Step {
                step,
                steps,
                epoch,
                images: 16,
                ..
            } => Some((*step, *steps, *epoch)),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        [(1, 6, 0), (2, 6, 0), (3, 6, 0), (4, 6, 0), (5, 6, 1), (6, 6, 1)]
    );
}

#[test]
fn a_loss_that_is_no_number_stops_the_training() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut settings = sandwich(20.0);
    settings.schedule.phases[0].pace.learning_rate = 1e30;
    settings.optimisation.clip_norm = None;
    let mut trainer = SupernetTrainer::new(&space, &splits, settings, None).unwrap();
    let (cancelled, mut progress) = (AtomicBool::new(false), |_: &Progress| {});
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    };
    let error = trainer.train(&mut CpuEngine::new(), &mut control).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (space, splits) = (tiny_space(), splits(64, 16));
    let mut settings = sandwich(1.0);
    settings.schedule = Schedule::sandwich(1, -1.0, pace(1.0), 16);
    assert!(SupernetTrainer::new(&space, &splits, settings, None).is_err());
    let other = squares(40, 8, 12, 4).hold_out(HeldOut::Count(8), 0).unwrap();
    let error = SupernetTrainer::new(&space, &other, sandwich(1.0), None).err().unwrap();
    assert!(matches!(error, TrainError::Space(_)), "{error}");
    let network = space.lower(&space.smallest(), splits.head(), 8).unwrap();
    let settings = FineTuning {
        pace: pace(1.0),
        optimisation: optimisation(),
        distillation: 0.0,
        ..FineTuning::default()
    };
    let error = NetworkTrainer::from_scratch(network, &other, settings).err().unwrap();
    assert!(
        error.to_string().contains("images of 1 channels, 8 × 8 pixels"),
        "{error}"
    );
    let optimisation = Optimisation {
        augmentation: Augmentation::default(),
        ..settings.optimisation
    };
    let network = space.lower(&space.smallest(), splits.head(), 8).unwrap();
    let error = NetworkTrainer::from_scratch(
        network,
        &splits,
        FineTuning {
            pace: pace(-1.0),
            optimisation,
            ..settings
        },
    );
    assert!(matches!(
        error.err(),
        Some(TrainError::Setting { setting: "epochs", .. })
    ));
}

/// Where a validation is stopped and taken up again shows in nothing.
#[test]
fn answers_in_pieces_are_the_answers_at_once() {
    let (space, splits) = (tiny_space(), splits(64, 100));
    let supernet = Supernet::new(&space, splits.head(), 8, 3).unwrap();
    let settings = Validation {
        recalibration_images: 32,
        validation_images: 100,
        batch_size: 16,
        seed: 1,
    };
    let validator = Validator::new(&splits, settings).unwrap();
    let mut engine = CpuEngine::new();
    let placed = supernet.place(&mut engine).unwrap();
    for genotype in [space.largest(), space.smallest()] {
        let (parameters, member) = (placed.parameters(), placed.member(&genotype).unwrap());
        let (mut whole, mut pieces, mut seen) = (Answers::default(), Answers::default(), Vec::new());
        validator
            .go_on(&mut engine, parameters, &member, &mut whole, &mut |answers| {
                seen.push(answers.len());
                true
            })
            .unwrap();
        assert_eq!(seen, [16, 32, 48, 64, 80, 96, 100]);
        for stop in [32, 80, 100] {
            let mut wanted = |answers: &Answers| answers.len() < stop;
            validator
                .go_on(&mut engine, parameters, &member, &mut pieces, &mut wanted)
                .unwrap();
            assert_eq!((pieces.len(), &pieces), (stop, &whole.first(stop)));
        }
        assert_eq!(
            validator.score(&mut engine, parameters, &member).unwrap(),
            whole.score()
        );
    }
}
