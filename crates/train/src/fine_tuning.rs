//! Training of one network by itself: fine-tuning of a finalist, or from scratch.

use std::path::Path;
use std::sync::Arc;

use panarch_graph::{Inputs, Network, Shape, Tensor, Weights, random};
use panarch_nn::{BnStatistics, Engine, Member, Store};
use panarch_space::Genotype;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::TrainError;
use crate::checkpoint::Subject;
use crate::curve::{Curve, EpochRecord};
use crate::evaluation::{Validator, recalibrate, sole_result};
use crate::network_task::{AVERAGE, NetworkTask};
use crate::optimisation::{Optimisation, Pace, first_broken};
use crate::progress::{Control, Outcome};
use crate::progressive_resizing::{ProgressiveResizing, resized};
use crate::session::Session;
use crate::supernet::Supernet;
use panarch_data::Splits;

/// The settings of one network's training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FineTuning {
    /// How long and how fast.
    pub pace: Pace,
    /// What every step does.
    pub optimisation: Optimisation,
    /// Weight ρ of the teacher's answer in the loss, (CE with labels + ρ · CE with the teacher) / (1 + ρ); 0 is
    /// without a teacher. The teacher is the supernet's largest member, recalibrated.
    pub distillation: f32,
    /// Decay d of an exponential moving average of the weights, which is what the training gives then: after each step,
    /// a ← d·a + (1 − d)·w. In the first steps it is (1 + s) / (10 + s) where that is less, s being the steps done, so that the
    /// average forgets where it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_ema: Option<f64>,
    /// Smaller images at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive: Option<ProgressiveResizing>,
}

impl Default for FineTuning {
    /// One epoch at a third of the supernet's learning rate, no teacher.
    fn default() -> Self {
        let pace = Pace {
            epochs: 1.0,
            learning_rate: 0.1,
            ..Pace::default()
        };
        Self {
            pace,
            optimisation: Optimisation::default(),
            distillation: 0.0,
            weight_ema: None,
            progressive: None,
        }
    }
}

/// A finished network: its structure, its weights, and in them its own statistics of batch normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainedNetwork {
    /// The network.
    pub network: Network,
    /// Its parameters and buffers.
    pub weights: Weights,
}

/// One network in training, on weights of its own.
pub struct NetworkTrainer {
    member: Member,
    /// The same network for the smaller images of the first steps.
    smaller: Vec<Member>,
    store: Arc<Store>,
    /// The moving average of the weights.
    average: Option<Arc<Store>>,
    curve: Option<Curve>,
    session: Session,
    settings: FineTuning,
    teacher: Option<(Member, Arc<Store>)>,
}

impl NetworkTrainer {
    /// Fine-tuning of a finalist from the weights that it inherits.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when a setting has no meaning, [`TrainError::Space`] when the genotype is not of the
    /// supernet's space.
    pub fn fine_tune(
        supernet: &Supernet,
        genotype: &Genotype,
        splits: &Splits,
        settings: FineTuning,
    ) -> Result<Self, TrainError> {
        let (network, weights) = supernet.extract(genotype)?;
        let teacher = if settings.distillation > 0.0 {
            let member = supernet.member(&supernet.space().largest())?;
            Some((member, Arc::clone(&supernet.store)))
        } else {
            None
        };
        Self::new(network, &weights, splits, settings, teacher)
    }

    /// Training from scratch, with He-initialised weights by the settings' seed and without a teacher.
    ///
    /// # Errors
    /// [`TrainError::Setting`] when a setting has no meaning or asks for a teacher, [`TrainError::Mismatch`] when the
    /// network does not fit the images.
    pub fn from_scratch(network: Network, splits: &Splits, settings: FineTuning) -> Result<Self, TrainError> {
        if settings.distillation != 0.0 {
            let reason = "training from scratch has no teacher".into();
            return Err(TrainError::Setting {
                setting: "distillation",
                reason,
            });
        }
        let weights = Weights::random(
            &network,
            &mut random::stream(settings.optimisation.seed, "initialise", 0),
        );
        Self::new(network, &weights, splits, settings, None)
    }

    fn new(
        network: Network,
        weights: &Weights,
        splits: &Splits,
        settings: FineTuning,
        teacher: Option<(Member, Arc<Store>)>,
    ) -> Result<Self, TrainError> {
        let ratio = settings.distillation;
        let decays = settings.weight_ema.is_none_or(|decay| (0.0..1.0).contains(&decay));
        first_broken([
            (
                "distillation",
                ratio.is_finite() && ratio >= 0.0,
                "must not be negative",
            ),
            ("weight_ema", decays, "must lie between 0 and 1"),
            (
                "first_resolution",
                settings.progressive.is_none() || teacher.is_none(),
                "a teacher takes images of one size",
            ),
        ])?;
        if settings.optimisation.augmentation.resolutions.is_some() {
            let reason = "one network takes images of one size".into();
            let setting = "resolutions";
            return Err(TrainError::Setting { setting, reason });
        }
        if network.input_shape() != splits.shape() {
            return Err(TrainError::image_shape(
                network.name(),
                network.input_shape(),
                splits.shape(),
            ));
        }
        let outputs = sole_result(&network)?;
        if outputs != splits.classes {
            return Err(TrainError::Mismatch {
                network: network.name().into(),
                expects: format!("{outputs} classes"),
                gives: format!("{}", splits.classes),
            });
        }
        let store = Store::from_weights(&network, weights)?;
        let subject = Subject::of_network(&network);
        // The starting weights decide the result as much as the settings do.
        let mut own = Inputs::new()
            .with("weights that it begins from", weights.content_hash())
            .with_text("length and learning rate", json!(settings.pace))
            .with_text("distillation", settings.distillation);
        if let Some((member, store)) = &teacher {
            own = own
                .with("teacher", member.views().extract(store)?.content_hash())
                .with("teacher's network", member.network().content_hash());
        }
        // A training without them has the inputs that it always had.
        if let Some(decay) = settings.weight_ema {
            own = own.with_text("average of the weights", format!("{decay:e}"));
        }
        if let Some(resizing) = settings.progressive {
            resizing.check(splits.shape())?;
            own = own.with_text("progressive resizing", json!(resizing));
        }
        let mut session = Session::new(
            settings.optimisation,
            &[settings.pace],
            splits,
            subject,
            json!({ "settings": settings }),
            &own,
        )?;
        let (layout, store) = (store.layout(), Arc::new(store));
        let mut smaller = Vec::new();
        if let Some(resizing) = settings.progressive {
            let Shape { channels, height, .. } = splits.shape();
            let stages = resizing.stages(height, session.steps());
            for (_, side) in &stages {
                smaller.push(resized(&network, Shape::new(channels, *side, *side), &layout)?);
            }
            session.grow(&stages)?;
        }
        Ok(Self {
            member: Member::new(network, &layout)?,
            smaller,
            average: settings.weight_ema.map(|_| Arc::clone(&store)),
            curve: None,
            store,
            session,
            settings,
            teacher,
        })
    }

    /// Continues where a checkpoint of this very training ended.
    ///
    /// # Errors
    /// As [`SupernetTrainer::resume`](crate::SupernetTrainer::resume).
    pub fn resume(&mut self, checkpoint: &Path) -> Result<(), TrainError> {
        let mut state = self.session.restore(checkpoint, Arc::make_mut(&mut self.store))?;
        if let Some(curve) = &mut self.curve {
            *curve = Curve::take(&mut state).unwrap_or_default();
        }
        if let Some(average) = &mut self.average {
            restore_average(&state, Arc::make_mut(average)).map_err(|reason| TrainError::CheckpointContent {
                path: checkpoint.into(),
                reason,
            })?;
        }
        Ok(())
    }

    /// Has the network validated after each epoch, and what comes of it reported and kept: see
    /// [`NetworkTrainer::records`]. To be called before [`NetworkTrainer::resume`].
    pub fn validate_epochs(&mut self) {
        self.curve.get_or_insert_default();
    }

    /// The epochs that are done; none without [`NetworkTrainer::validate_epochs`].
    pub fn records(&self) -> &[EpochRecord] {
        self.curve.as_ref().map_or(&[], Curve::records)
    }

    /// All that goes into this training, as far as it is known here: see [`NetworkTrainer::add_inputs`].
    pub fn inputs(&self) -> &Inputs {
        self.session.inputs()
    }

    /// Adds what else decides the result: the images that a teacher and the finished network are recalibrated on.
    pub fn add_inputs(&mut self, more: &Inputs) {
        self.session.add_inputs(more);
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        self.session.step()
    }

    /// All steps.
    pub fn steps(&self) -> u64 {
        self.session.steps()
    }

    /// Takes the steps that are left, or those until it is cancelled. `validator` provides the images that a teacher
    /// is recalibrated on.
    ///
    /// # Errors
    /// As [`SupernetTrainer::train`](crate::SupernetTrainer::train).
    pub fn train(
        &mut self,
        engine: &mut dyn Engine,
        validator: &Validator,
        control: &mut Control<'_>,
    ) -> Result<Outcome, TrainError> {
        let cosine = self.settings.pace.cosine(self.session.steps_per_epoch() as usize);
        let Self {
            member,
            smaller,
            store,
            average,
            curve,
            session,
            settings,
            teacher,
        } = self;
        let guide = match teacher {
            Some((member, store)) => Some((&*member, engine.create(Arc::clone(store))?)),
            None => None,
        };
        let averaged = match (&*average, settings.weight_ema) {
            (Some(store), Some(decay)) => Some((engine.create(Arc::clone(store))?, decay)),
            _ => None,
        };
        if let Some(curve) = curve {
            curve.start();
        }
        let mut run = || {
            let guide = match &guide {
                Some((member, parameters)) => {
                    let statistics = recalibrate(engine, parameters, member, validator.recalibration())?;
                    Some((*member, parameters, statistics))
                }
                None => None,
            };
            let mut task = NetworkTask {
                member,
                smaller,
                ratio: settings.distillation,
                smoothing: settings.optimisation.label_smoothing,
                guide,
                average: averaged.as_ref().map(|(parameters, decay)| (parameters, *decay)),
                curve: curve.as_mut().map(|curve| (curve, cosine, validator)),
                answers: Vec::new(),
                logits: Vec::new(),
            };
            session.run(engine, store, control, &mut task)
        };
        let outcome = run();
        if let Some((_, parameters)) = &guide {
            engine.remove(parameters);
        }
        if let (Some(store), Some((parameters, _))) = (average, &averaged) {
            let weights = engine.save(parameters);
            engine.remove(parameters);
            Arc::make_mut(store).load(&weights?)?;
        }
        outcome
    }

    /// Ends the training: recalibrates batch normalisation and gives the network with its weights, the averaged ones where
    /// there are some.
    ///
    /// # Errors
    /// Whatever the engine returns.
    pub fn finish(self, engine: &mut dyn Engine, validator: &Validator) -> Result<TrainedNetwork, TrainError> {
        let store = self.average.as_ref().unwrap_or(&self.store);
        recalibrated(engine, &self.member, store, validator)
    }
}

/// Puts the averaged weights of a checkpoint into a store of the same tensors; the error is why not.
fn restore_average(state: &Weights, store: &mut Store) -> Result<(), String> {
    let mut average = Weights::new();
    for (name, tensor) in store.weights().iter() {
        let named = state.require(&format!("{AVERAGE}{name}"), &tensor.shape);
        average.insert(name, named.map_err(|error| error.to_string())?.clone());
    }
    store.load(&average).map_err(|error| error.to_string())
}

/// A sub-network as it inherits its weights, recalibrated: what fine-tuning of no steps would give.
///
/// # Errors
/// Whatever the engine returns; [`TrainError::Space`] when the genotype is not of the supernet's space.
pub fn inherit(
    engine: &mut dyn Engine,
    supernet: &Supernet,
    genotype: &Genotype,
    validator: &Validator,
) -> Result<TrainedNetwork, TrainError> {
    recalibrated(engine, &supernet.member(genotype)?, &supernet.store, validator)
}

/// A member's own weights with its own statistics.
fn recalibrated(
    engine: &mut dyn Engine,
    member: &Member,
    store: &Arc<Store>,
    validator: &Validator,
) -> Result<TrainedNetwork, TrainError> {
    let parameters = engine.create(Arc::clone(store))?;
    let statistics = recalibrate(engine, &parameters, member, validator.recalibration());
    engine.remove(&parameters);
    let mut weights = member.views().extract(store)?;
    write_statistics(member.network(), &statistics?, &mut weights);
    Ok(TrainedNetwork {
        network: member.network().clone(),
        weights,
    })
}

/// Makes recalibrated statistics the network's own.
fn write_statistics(network: &Network, statistics: &BnStatistics, weights: &mut Weights) {
    for node in network.nodes() {
        if let Some((mean, variance)) = statistics.get(&node.name) {
            let shape = vec![mean.len()];
            weights.insert(
                format!("{}.running_mean", node.name),
                Tensor {
                    shape: shape.clone(),
                    data: mean,
                },
            );
            weights.insert(format!("{}.running_var", node.name), Tensor { shape, data: variance });
        }
    }
}
