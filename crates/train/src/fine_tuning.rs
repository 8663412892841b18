//! Training of one network by itself: fine-tuning of a finalist, or from scratch.

use std::path::Path;
use std::sync::Arc;

use panarch_graph::{Inputs, Network, Tensor, Weights, random};
use panarch_nn::{BnStatistics, Engine, Loss, Member, Parameters, Statistics, Store, Teacher};
use panarch_space::Genotype;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::TrainError;
use crate::checkpoint::Subject;
use crate::evaluation::{Validator, recalibrate, sole_result};
use crate::optimisation::{Optimisation, Pace};
use crate::phase_task::mixed;
use crate::progress::{Control, Outcome};
use crate::session::{At, Session, Task};
use crate::supernet::Supernet;
use panarch_data::{Batch, Splits};

/// The settings of fine-tuning.
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
    store: Arc<Store>,
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
        if !ratio.is_finite() || ratio < 0.0 {
            return Err(TrainError::Setting {
                setting: "distillation",
                reason: "must not be negative".into(),
            });
        }
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
        let session = Session::new(
            settings.optimisation,
            &[settings.pace],
            splits,
            subject,
            json!({ "settings": settings }),
            &own,
        )?;
        Ok(Self {
            member: Member::new(network, &store.layout())?,
            store: Arc::new(store),
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
        self.session.restore(checkpoint, Arc::make_mut(&mut self.store))?;
        Ok(())
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
        let Self {
            member,
            store,
            session,
            settings,
            teacher,
        } = self;
        let guide = match teacher {
            Some((member, store)) => Some((&*member, engine.create(Arc::clone(store))?)),
            None => None,
        };
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
                ratio: settings.distillation,
                smoothing: settings.optimisation.label_smoothing,
                guide,
                answers: Vec::new(),
                logits: Vec::new(),
            };
            session.run(engine, store, control, &mut task)
        };
        let outcome = run();
        if let Some((_, parameters)) = &guide {
            engine.remove(parameters);
        }
        outcome
    }

    /// Ends the training: recalibrates batch normalisation and gives the network with its weights.
    ///
    /// # Errors
    /// Whatever the engine returns.
    pub fn finish(self, engine: &mut dyn Engine, validator: &Validator) -> Result<TrainedNetwork, TrainError> {
        recalibrated(engine, &self.member, &self.store, validator)
    }
}

/// A [`NetworkTrainer`] during a run.
struct NetworkTask<'a> {
    member: &'a Member,
    ratio: f32,
    smoothing: f32,
    guide: Option<(&'a Member, &'a Parameters, BnStatistics)>,
    /// What the teacher answers.
    answers: Vec<f32>,
    logits: Vec<f32>,
}

impl Task for NetworkTask<'_> {
    fn compute(
        &mut self,
        _at: At,
        engine: &mut dyn Engine,
        parameters: &Parameters,
        batch: &Batch,
    ) -> Result<f32, TrainError> {
        if let Some((member, parameters, statistics)) = &self.guide {
            let own = Statistics::Own(statistics);
            engine.forward(parameters, member, own, batch.images(), &mut self.answers)?;
        }
        let ratio = self.ratio;
        let loss = Loss {
            labels: batch.labels(),
            mixed: mixed(batch),
            smoothing: self.smoothing,
            teacher: self.guide.as_ref().map(|_| Teacher {
                logits: &self.answers,
                ratio,
            }),
            scale: if self.guide.is_some() { 1.0 / (1.0 + ratio) } else { 1.0 },
        };
        Ok(engine.train(parameters, self.member, batch.images(), &loss, &mut self.logits)?)
    }
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
