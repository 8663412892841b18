//! Training of one network by itself: from a name and a dataset to weights, an exported file and a test accuracy.

mod images;
mod results;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use panarch_data::Dataset;
use panarch_graph::{Inputs, Network};
use panarch_train::{CheckpointPolicy, Control, NetworkTrainer, Outcome, Progress, TrainError};

use crate::engine::engine_keeping;
use crate::event::Watch;
use crate::run_file::Recipe;
use crate::{Error, ImageSize};

use images::Images;
pub use results::{CURVE, CURVE_HEADER, NETWORK, RECIPE, RESULT, TrainingResult, WEIGHTS};

/// The checkpoint in the folder of a training.
pub const CHECKPOINT: &str = "training.safetensors";

/// What is trained, on what, and how.
#[derive(Debug, Clone)]
pub struct NetworkTraining {
    /// The network, as [`lookup::network`](crate::lookup::network) takes it; its classes and channels are the dataset's.
    pub network: String,
    /// The dataset: a name or the path of a folder.
    pub dataset: String,
    /// Height and width of the images; by default the dataset's own where the network can take them, else the network's.
    pub resolution: Option<ImageSize>,
    /// Training images held out, on which nothing is trained; a fifth at the most.
    pub validation: usize,
    /// The seed of weights, split, order and augmentation.
    pub seed: u64,
    /// How it is trained.
    pub recipe: Recipe,
    /// Where everything goes; by default a folder named after network and dataset, see [`NetworkTraining::folder`].
    pub folder: Option<PathBuf>,
}

impl NetworkTraining {
    /// Where everything goes.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let named = |text: &str| -> String {
            let last = text.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(text);
            let plain = |c: char| {
                if c.is_alphanumeric() || "-_.".contains(c) {
                    c
                } else {
                    '-'
                }
            };
            last.chars().map(plain).collect()
        };
        self.folder.clone().unwrap_or_else(|| {
            let folder = format!("{}-on-{}", named(&self.network), named(&self.dataset));
            Path::new("runs").join(folder)
        })
    }

    /// Whether there is a training to go on with.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.folder().join(CHECKPOINT).is_file()
    }
}

/// Trains a network, going on from its checkpoint, and writes what comes of it: the weights, the verified ONNX file, the curve,
/// the recipe. The test images are looked at once, when everything else is done.
///
/// # Errors
/// Bad input, a missing dataset, a folder that holds another training, a diverged training, an exported file that does not
/// compute the network, or [`Error::Interrupted`].
pub fn train(asked: &NetworkTraining, watch: &mut Watch<'_>) -> Result<TrainingResult, Error> {
    let folder = asked.folder();
    watch.step("Opening network and images");
    let Images {
        network,
        dataset,
        splits,
        validator,
    } = Images::open(asked, &folder, watch)?;
    let settings = asked.recipe.settings(network.input_shape().height, asked.seed);
    let mut trainer = NetworkTrainer::from_scratch(network.clone(), &splits, settings)?;
    trainer.validate_epochs();
    let further = Inputs::new()
        .with_text("form of kept values", asked.recipe.storage_name())
        .with_all(&validator.inputs());
    trainer.add_inputs(&further);
    std::fs::create_dir_all(&folder).map_err(Error::writing(&folder))?;
    panarch_format::remove_leftovers(&folder);
    resume(&mut trainer, &folder)?;
    watch.done(described(
        &network,
        &dataset,
        splits.train.len(),
        splits.validation.len(),
    ));

    let inputs = trainer.inputs().clone();
    if trainer.step() == trainer.steps()
        && let Some(result) = results::kept(&folder, &inputs, dataset.test_split().content_hash())
    {
        watch.note(format!("trained already, all of it in {}", folder.display()));
        return Ok(result);
    }
    watch.step(format!("Training {}", network.name()));
    if trainer.step() > 0 {
        watch.note(format!("going on from step {} of {}", trainer.step(), trainer.steps()));
    }
    let mut engine = engine_keeping(asked.recipe.storage);
    let cancel = watch.cancel.clone();
    let mut curve = results::CurveFile::new(&folder, trainer.records());
    let mut line = StatusLine::new();
    let mut progress = |event: &Progress| {
        line.event(event, watch);
        if let Progress::Epoch(record) = event {
            curve.push(*record);
        }
    };
    let mut control = Control {
        cancelled: cancel.flag(),
        checkpoint: Some(CheckpointPolicy::new(folder.join(CHECKPOINT))),
        progress: &mut progress,
    };
    let outcome = trainer.train(engine.as_mut(), &validator, &mut control)?;
    curve.finish()?;
    if outcome == Outcome::Cancelled {
        return Err(Error::Interrupted);
    }
    let (steps, records) = (trainer.steps(), trainer.records().to_vec());
    let trained = trainer.finish(engine.as_mut(), &validator)?;
    watch.done(format!("{steps} steps"));
    watch.step("Exporting and testing");
    let made = results::Made {
        asked,
        dataset: &dataset,
        normalisation: &splits.normalisation,
        trained: &trained,
        records: &records,
        inputs,
    };
    let result = results::write(&made, engine.as_mut(), &validator, &folder, watch)?;
    watch.done(format!("kept in {}", folder.display()));
    Ok(result)
}

/// Goes on from the checkpoint in the folder, if there is one.
fn resume(trainer: &mut NetworkTrainer, folder: &Path) -> Result<(), Error> {
    let path = folder.join(CHECKPOINT);
    if !path.is_file() {
        return Ok(());
    }
    trainer.resume(&path).map_err(|error| match error {
        // What took hours is not thrown away because of another number on the command line.
        TrainError::CheckpointOfAnother { changed, differences, .. } => {
            let details = if differences.is_empty() { String::new() } else { format!(" ({})", differences.join("; ")) };
            Error::Input(format!(
                "{} holds another training: {changed}{details}; name another folder with --output, remove that one, or ask for \
                 what it was made with",
                folder.display()
            ))
        }
        other => other.into(),
    })
}

fn described(network: &Network, dataset: &Dataset, train: usize, validation: usize) -> String {
    let shape = network.input_shape();
    format!(
        "{}: {} of {:.1} M MACs, {:.2} M parameters; {}: {train} training, {validation} validation, {} test images of {}×{}",
        network.name(),
        network.content_hash().short(),
        network.macs().0 as f64 / 1e6,
        network.parameter_count() as f64 / 1e6,
        dataset.name(),
        dataset.test_len(),
        shape.height,
        shape.width
    )
}

/// What is shown while a network is trained.
struct StatusLine {
    began: Instant,
    images: usize,
    loss: Option<f32>,
    validated: String,
    shown: Option<Instant>,
}

impl StatusLine {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            images: 0,
            loss: None,
            validated: String::new(),
            shown: None,
        }
    }

    fn event(&mut self, event: &Progress, watch: &mut Watch<'_>) {
        match event {
            Progress::Step {
                step,
                steps,
                epoch,
                images,
                loss,
                ..
            } => {
                self.images += images;
                let loss = self.loss.map_or(*loss, |before| before + 0.05 * (loss - before));
                self.loss = Some(loss);
                let due = self.shown.is_none_or(|at| at.elapsed() > Duration::from_millis(100));
                if due || step == steps {
                    self.shown = Some(Instant::now());
                    let rate = self.images as f64 / self.began.elapsed().as_secs_f64().max(1e-9);
                    let validated = &self.validated;
                    let text = format!("epoch {}, loss {loss:.3}, {rate:.0} images/s{validated}", epoch + 1);
                    watch.progress(*step, *steps, "steps", text);
                }
            }
            Progress::Epoch(record) => {
                let accuracy = record.score.accuracy().value;
                self.validated = format!(", validation {accuracy}");
                watch.note(format!(
                    "epoch {}: loss {:.4}, validation {accuracy}",
                    record.epoch, record.loss
                ));
            }
            _ => {}
        }
    }
}
