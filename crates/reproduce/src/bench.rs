//! What the reproductions have in common: images, trainings that are timed and resumable, validation.

use std::path::{Path, PathBuf};
use std::time::Instant;

use panarch_data::{DataRoot, Dataset, DatasetSource, FolderOptions, HeldOut, Splits};
use panarch_graph::{Inputs, Network, Weights};
use panarch_nn::{Engine, Member};
use panarch_report::{Panel, panels_svg};
use panarch_space::{Genotype, Space};
use panarch_train::schedule::{Phase, Teacher};
use panarch_train::{
    CheckpointPolicy, Control, FineTuning, NetworkTrainer, Optimisation, Outcome, PlacedSupernet, Progress, Rewarder,
    Schedule, Score, Supernet, SupernetTrainer, TeacherNetwork, TrainError, TrainedNetwork, Training, Validation,
    Validator,
};

use super::table::Csv;
use panarch_run::event::Watch;
use panarch_run::{Error, lookup};

/// Height and width of the images of [`FASHION`].
pub(super) const RESOLUTION: u32 = 28;
/// Images a step.
pub(super) const BATCH: usize = 64;

/// The images of a reproduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Images {
    /// The dataset by its known name.
    pub(super) dataset: &'static str,
    /// Height and width.
    pub(super) resolution: u32,
    /// How many are trained on.
    pub(super) train: usize,
    /// How many are held out of the official training part; everything is chosen by these.
    pub(super) validation: usize,
    /// By how many of those that are trained on a sub-network's statistics are recalibrated.
    pub(super) recalibration: usize,
}

/// A third of Fashion-MNIST.
pub(super) const FASHION: Images = Images {
    dataset: "fashion-mnist",
    resolution: RESOLUTION,
    train: 20_000,
    validation: 10_000,
    recalibration: 1_000,
};

const TRAINING: &[&str] = &[
    "training",
    "seed",
    "phase",
    "epochs",
    "steps",
    "student_images",
    "teacher_images",
    "wall_s",
    "cpu_s",
];

/// One folder with one reproduction in it.
pub(super) struct Bench {
    pub(super) folder: PathBuf,
    pub(super) dataset: Dataset,
    pub(super) engine: Box<dyn Engine>,
    /// What all lengths of training are multiplied by.
    pub(super) scale: f64,
    /// The one part that is to be run, where not all are.
    pub(super) only: Option<String>,
    images: Images,
    training: Csv,
}

impl Bench {
    pub(super) fn open(folder: &Path, images: Images, scale: f64, watch: &mut Watch<'_>) -> Result<Self, Error> {
        watch.step(format!("Opening {}", images.dataset));
        std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
        let source = DatasetSource::parse(images.dataset)?;
        let options = FolderOptions {
            resolution: Some(images.resolution),
            ..FolderOptions::default()
        };
        let dataset = panarch_data::open(&source, &DataRoot::from_environment(), &options)?;
        keep_inputs(folder, &made_of(&dataset, images, scale)?)?;
        watch.done(format!(
            "{} images to train on, {} held out to choose by",
            images.train, images.validation
        ));
        Ok(Self {
            training: Csv::open(&folder.join("training.csv"), TRAINING)?,
            folder: folder.into(),
            engine: panarch_run::engine::engine(),
            dataset,
            scale,
            only: None,
            images,
        })
    }

    /// Training and validation images. The same for every seed of a training.
    pub(super) fn splits(&self) -> Result<Splits, Error> {
        let mut splits = self.dataset.hold_out(HeldOut::Count(self.images.validation), 0)?;
        splits.train = splits.train.sample(self.images.train, 0);
        Ok(splits)
    }

    /// The way to score members: `images` of the validation images.
    pub(super) fn validator(&self, images: usize) -> Result<Validator, Error> {
        self.recalibrating(self.images.recalibration, images)
    }

    /// The same with so many images for recalibration.
    pub(super) fn recalibrating(&self, recalibration: usize, images: usize) -> Result<Validator, Error> {
        let settings = Validation {
            recalibration_images: recalibration,
            validation_images: images,
            batch_size: 200,
            seed: 0,
        };
        Ok(Validator::new(&self.splits()?, settings)?)
    }

    pub(super) fn csv(&self, name: &str, header: &'static [&'static str]) -> Result<Csv, Error> {
        Csv::open(&self.folder.join(name), header)
    }

    /// Writes a picture beside the tables.
    pub(super) fn picture(&self, name: &str, title: &str, panels: &[Panel]) -> Result<(), Error> {
        let text = panels_svg(title, panels);
        Ok(panarch_format::atomic_write(self.folder.join(name), text.as_bytes())?)
    }

    /// What every step does; no augmentation.
    pub(super) fn optimisation(seed: u64) -> Optimisation {
        Optimisation {
            batch_size: BATCH,
            seed,
            ..Optimisation::default()
        }
    }

    /// A supernet trained along a schedule (whose lengths and rates are used as they are), its seconds noted by phase; goes on
    /// where it was.
    pub(super) fn supernet(&mut self, wanted: Wanted<'_>, watch: &mut Watch<'_>) -> Result<Supernet, Error> {
        Ok(self.trained(wanted, None, watch, &mut |_| {})?.0)
    }

    /// As [`Bench::supernet`] for a schedule with a policy; gives what it has found too. `seen` gets the progress.
    pub(super) fn rewarded(
        &mut self,
        wanted: Wanted<'_>,
        rewarder: &mut dyn Rewarder,
        watch: &mut Watch<'_>,
        seen: &mut dyn FnMut(&Progress),
    ) -> Result<(Supernet, Genotype), Error> {
        let (supernet, likeliest) = self.trained(wanted, Some(rewarder), watch, seen)?;
        let likeliest = likeliest.ok_or_else(|| Error::Input("the schedule has no policy".into()))?;
        Ok((supernet, likeliest))
    }

    fn trained(
        &mut self,
        wanted: Wanted<'_>,
        mut rewarder: Option<&mut dyn Rewarder>,
        watch: &mut Watch<'_>,
        seen: &mut dyn FnMut(&Progress),
    ) -> Result<(Supernet, Option<Genotype>), Error> {
        let Wanted {
            name,
            seed,
            space,
            schedule,
            optimisation,
            teacher,
        } = wanted;
        let splits = self.splits()?;
        let training = Training { optimisation, schedule };
        let mut trainer = SupernetTrainer::new(space, &splits, training, teacher)?;
        let path = self.folder.join(format!("{name}-{seed}.safetensors"));
        if path.is_file() {
            trainer.resume(&path)?;
        }
        let phases = trainer.training().schedule.phases.clone();
        let mut clock = Clock::open(&path, phases.len())?;
        if trainer.step() == trainer.steps() {
            // A cut may have come between the last checkpoint and the rows.
            self.note(name, seed, &phases, &clock)?;
            let likeliest = trainer.likeliest();
            return Ok((trainer.into_supernet(), likeliest));
        }
        watch.step(format!("Training {name}, seed {seed}"));
        let cancel = watch.cancel.clone();
        let mut progress = |event: &Progress| {
            seen(event);
            match event {
                Progress::Step {
                    step,
                    steps,
                    phase,
                    images,
                    loss,
                    ..
                } => {
                    clock.tick(*phase, *images);
                    if step % 20 == 0 || step == steps {
                        let phase = phases.get(*phase).map_or("", |phase| &phase.name);
                        watch.progress(*step, *steps, "steps", format!("{phase}, loss {loss:.3}"));
                    }
                }
                // Lost seconds are not worth a training.
                Progress::Checkpoint { .. } => drop(clock.save()),
                _ => {}
            }
        };
        let mut control = Control {
            cancelled: cancel.flag(),
            checkpoint: Some(CheckpointPolicy::new(&path)),
            progress: &mut progress,
        };
        let outcome = match rewarder.as_mut() {
            Some(rewarder) => trainer.train_rewarded(self.engine.as_mut(), *rewarder, &mut control)?,
            None => trainer.train(self.engine.as_mut(), &mut control)?,
        };
        if outcome == Outcome::Cancelled {
            return Err(Error::Interrupted);
        }
        self.note(name, seed, &phases, &clock)?;
        watch.done(format!("{} steps", trainer.steps()));
        let likeliest = trainer.likeliest();
        Ok((trainer.into_supernet(), likeliest))
    }

    /// Writes the rows of a training that are not there yet.
    fn note(&mut self, name: &str, seed: u64, phases: &[Phase], clock: &Clock) -> Result<(), Error> {
        let seed = seed.to_string();
        for (phase, times) in phases.iter().zip(&clock.phases) {
            if self.training.find(&[name, &seed, &phase.name]).is_some() {
                continue;
            }
            let is_frozen = phase.distillation.is_some_and(|it| it.teacher == Teacher::Frozen);
            self.training.push(vec![
                name.to_owned(),
                seed.clone(),
                phase.name.clone(),
                format!("{:.4}", phase.pace.epochs),
                times.steps.to_string(),
                (times.images * u64::from(phase.networks)).to_string(),
                if is_frozen { times.images } else { 0 }.to_string(),
                format!("{:.1}", times.wall),
                format!("{:.1}", times.cpu),
            ])?;
        }
        Ok(())
    }

    /// Seconds and images of a training, from its rows.
    pub(super) fn spent(&self, name: &str, seed: u64) -> Result<Spent, Error> {
        let mut spent = Spent::default();
        for row in self.training.all(&[name, &seed.to_string()]) {
            spent.student_images += self.training.number(row, "student_images")?;
            spent.teacher_images += self.training.number(row, "teacher_images")?;
            spent.wall += self.training.number(row, "wall_s")?;
            spent.cpu += self.training.number(row, "cpu_s")?;
        }
        Ok(spent)
    }

    /// A network trained from weights of a supernet, or from scratch without one.
    pub(super) fn network(
        &mut self,
        start: Start<'_>,
        settings: FineTuning,
        validator: &Validator,
        watch: &mut Watch<'_>,
    ) -> Result<TrainedNetwork, Error> {
        let splits = self.splits()?;
        let mut trainer = match start {
            Start::Scratch(network) => NetworkTrainer::from_scratch(network, &splits, settings)?,
            Start::Inherited(supernet, genotype) => NetworkTrainer::fine_tune(supernet, genotype, &splits, settings)?,
        };
        let path = self.folder.join("network.safetensors");
        // What another network's training has left behind is not gone on with.
        let _ = path.is_file() && trainer.resume(&path).is_ok();
        let cancel = watch.cancel.clone();
        let mut progress = |event: &Progress| {
            if let Progress::Step { step, steps, loss, .. } = event
                && (step % 50 == 0 || step == steps)
            {
                watch.progress(*step, *steps, "steps", format!("loss {loss:.3}"));
            }
        };
        let mut control = Control {
            cancelled: cancel.flag(),
            checkpoint: Some(CheckpointPolicy::new(&path)),
            progress: &mut progress,
        };
        if trainer.train(self.engine.as_mut(), validator, &mut control)? == Outcome::Cancelled {
            return Err(Error::Interrupted);
        }
        let trained = trainer.finish(self.engine.as_mut(), validator)?;
        std::fs::remove_file(&path).map_err(Error::writing(&path))?;
        Ok(trained)
    }

    /// The validation score of a network with the weights of a supernet that may be of a larger space of the same names.
    pub(super) fn inherited(
        &mut self,
        network: &Network,
        supernet: &PlacedSupernet,
        validator: &Validator,
    ) -> Result<Score, Error> {
        let parameters = supernet.parameters();
        let member = Member::new(network.clone(), parameters.layout()).map_err(TrainError::from)?;
        Ok(validator.score(self.engine.as_mut(), parameters, &member)?)
    }

    /// The score on the official test images of what has been chosen.
    pub(super) fn tested(&mut self, network: &Network, weights: &Weights) -> Result<Score, Error> {
        let (images, normalisation) = (self.dataset.test_split(), self.dataset.normalisation());
        Ok(panarch_train::test(
            self.engine.as_mut(),
            network,
            weights,
            &images,
            normalisation,
            200,
        )?)
    }
}

/// What the rows of a reproduction are made of, apart from what this version of the program does.
fn made_of(dataset: &Dataset, images: Images, scale: f64) -> Result<Inputs, Error> {
    let all = dataset.hold_out(HeldOut::Count(images.validation), 0)?;
    Ok(Inputs::new()
        .with_text("scale", scale)
        .with("training pictures", all.train.content_hash())
        .with("validation pictures", all.validation.content_hash())
        .with("test pictures", dataset.test_split().content_hash())
        .with_text("version of Panarch", env!("CARGO_PKG_VERSION"))
        .with_text("trainer", panarch_train::REVISION))
}

/// Rows that are made of different things must not stand in one table.
fn keep_inputs(folder: &Path, inputs: &Inputs) -> Result<(), Error> {
    let path = folder.join("inputs.json");
    let unwritable = |error: serde_json::Error| Error::Input(format!("{}: {error}", path.display()));
    let refused = |why: String| {
        let folder = folder.display();
        Error::Input(format!(
            "{folder} holds another reproduction: {why}; choose another --output"
        ))
    };
    if path.is_file() {
        let text = lookup::read_text(&path)?;
        let before: Inputs = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        return match inputs.difference(&before) {
            Some(why) => Err(refused(why)),
            None => Ok(()),
        };
    }
    if folder.join("training.csv").is_file() {
        return Err(refused("it does not say what it was made of".to_owned()));
    }
    let text = serde_json::to_vec(inputs).map_err(unwritable)?;
    Ok(panarch_format::atomic_write(&path, &text)?)
}

/// A supernet by name and seed, and how it is trained.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) seed: u64,
    pub(super) space: &'a Space,
    pub(super) schedule: Schedule,
    pub(super) optimisation: Optimisation,
    pub(super) teacher: Option<&'a TeacherNetwork>,
}

/// Where a network's training begins.
pub(super) enum Start<'a> {
    Scratch(Network),
    Inherited(&'a Supernet, &'a Genotype),
}

/// What a training has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) student_images: f64,
    pub(super) teacher_images: f64,
    pub(super) wall: f64,
    pub(super) cpu: f64,
}

/// Seconds by phase, kept beside the checkpoint so that they survive a cut.
struct Clock {
    path: PathBuf,
    phases: Vec<Times>,
    since: (Instant, f64),
}

#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
struct Times {
    steps: u64,
    images: u64,
    wall: f64,
    cpu: f64,
}

impl Clock {
    fn open(checkpoint: &Path, phases: usize) -> Result<Self, Error> {
        let path = checkpoint.with_extension("seconds.json");
        let known = match checkpoint.is_file() && path.is_file() {
            true => lookup::read_text(&path)?,
            false => String::new(),
        };
        let mut known: Vec<Times> = serde_json::from_str(&known).unwrap_or_default();
        known.resize(phases, Times::default());
        Ok(Self {
            path,
            phases: known,
            since: (Instant::now(), cpu_seconds()),
        })
    }

    /// Counts the time since the last step for the phase of this one.
    fn tick(&mut self, phase: usize, images: usize) {
        let now = (Instant::now(), cpu_seconds());
        if let Some(times) = self.phases.get_mut(phase) {
            times.steps += 1;
            times.images += images as u64;
            times.wall += now.0.duration_since(self.since.0).as_secs_f64();
            times.cpu += now.1 - self.since.1;
        }
        self.since = now;
    }

    fn save(&self) -> Result<(), Error> {
        let text = serde_json::to_string(&self.phases).unwrap_or_default();
        Ok(panarch_format::atomic_write(&self.path, text.as_bytes())?)
    }
}

/// The processor time of this process in seconds, as Linux counts it (in hundredths); 0 elsewhere.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field, the name, is in parentheses and may hold spaces.
    let behind = text.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks = behind.split_whitespace().skip(11).take(2);
    ticks.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / 100.0
}
