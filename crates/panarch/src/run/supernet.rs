//! The supernet: trained once, kept as a checkpoint.

use std::time::{Duration, Instant};

use panarch_train::{
    CheckpointPolicy, Control, CpuEngine, Optimisation, Outcome, Progress, Sandwich, SandwichTraining, Supernet,
    SupernetTrainer,
};

use panarch_study::EventKind;

use super::{SUPERNET, Setup, Watch};
use crate::Error;

/// Its name in the study's log.
const PHASE: &str = "supernet";

/// The trained supernet of a run; trains what is missing.
pub(super) fn trained(setup: &Setup, watch: &mut Watch<'_>) -> Result<Supernet, Error> {
    let settings = settings(setup);
    let path = setup.folder.join(SUPERNET);
    let mut trainer = SupernetTrainer::new(&setup.space, &setup.splits, settings)?;
    watch.step("Training the supernet");
    if path.is_file() {
        trainer.resume(&path)?;
        if trainer.step() > 0 && trainer.step() < trainer.steps() {
            watch.note(format!("going on from step {} of {}", trainer.step(), trainer.steps()));
        }
    }
    let already = trainer.step() == trainer.steps();
    if !already {
        setup
            .study
            .log(PHASE, EventKind::Started, format!("from step {}", trainer.step()))?;
        train(setup, &mut trainer, watch)?;
        setup
            .study
            .log(PHASE, EventKind::Finished, format!("{} steps", trainer.steps()))?;
    }
    let how = if already { "already trained" } else { "trained" };
    watch.done(format!("{how}, {} steps, kept in {}", trainer.steps(), path.display()));
    Ok(trainer.into_supernet())
}

fn train(setup: &Setup, trainer: &mut SupernetTrainer, watch: &mut Watch<'_>) -> Result<(), Error> {
    let cancel = watch.cancel.clone();
    let began = Instant::now();
    let mut images_seen = 0_usize;
    let mut smoothed: Option<f32> = None;
    let mut shown = None::<Instant>;
    let mut progress = |event: &Progress| {
        let Progress::Step {
            step,
            steps,
            epoch,
            images,
            loss,
            ..
        } = event
        else {
            return;
        };
        images_seen += images;
        smoothed = Some(smoothed.map_or(*loss, |before| before + 0.05 * (loss - before)));
        let due = shown.is_none_or(|at| at.elapsed() > Duration::from_millis(100));
        if due || step == steps {
            shown = Some(Instant::now());
            let rate = images_seen as f64 / began.elapsed().as_secs_f64().max(1e-9);
            let loss = smoothed.unwrap_or(*loss);
            watch.progress(
                *step,
                *steps,
                "steps",
                format!("epoch {}, loss {loss:.3}, {rate:.0} images/s", epoch + 1),
            );
        }
    };
    let mut control = Control {
        cancelled: cancel.flag(),
        checkpoint: Some(CheckpointPolicy::new(setup.folder.join(SUPERNET))),
        progress: &mut progress,
    };
    match trainer.train(&mut CpuEngine::new(), &mut control)? {
        Outcome::Finished => Ok(()),
        Outcome::Cancelled => Err(Error::Interrupted),
    }
}

/// The settings of the run file, as the trainer wants them.
fn settings(setup: &Setup) -> SandwichTraining {
    let train = &setup.file.train;
    let epochs = f64::from(train.epochs);
    SandwichTraining {
        optimisation: Optimisation {
            epochs,
            learning_rate: train.learning_rate,
            warmup_epochs: train.warm_up * epochs,
            ..optimisation(setup)
        },
        sandwich: Sandwich {
            random: train.random_subnets as u32,
            ..Sandwich::default()
        },
    }
}

/// What supernet and finalists have in common.
pub(super) fn optimisation(setup: &Setup) -> Optimisation {
    let train = &setup.file.train;
    Optimisation {
        batch_size: train.batch,
        momentum: train.momentum as f32,
        weight_decay: train.weight_decay as f32,
        label_smoothing: train.label_smoothing as f32,
        clip_norm: (train.clip > 0.0).then_some(train.clip),
        augmentation: train.augmentation,
        seed: setup.file.seed,
        ..Optimisation::default()
    }
}
