//! A second engine: slow, in f64, on a thread of its own.
//!
//! Its parameters, gradients and momentum live on that thread alone, as those of an engine on a graphics card do in that card's
//! memory: nobody can reach them but through what [`Engine`] offers. Slow is the point: nothing is fused, blocked or shared
//! with the engine that it is compared with, but the form of the loss.

mod device;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use panarch_graph::{Tensor, Weights};
use panarch_nn::kernel_matrices::DerivedKernel;
use panarch_nn::{
    Batches, BnStatistics, Engine, Loss, Member, NnError, Parameters, SgdOptions, Statistics, Step, Store,
};

use self::device::{Averages, Device, Held, Optimiser, SentLoss, output, run};
use crate::operators::reference::Mode;

type Job = Box<dyn FnOnce(&mut Device) + Send>;

/// The engine: no more than the way to the thread that computes.
pub struct NaiveEngine {
    device: Sender<Job>,
}

impl NaiveEngine {
    /// Starts the thread; it ends with the engine.
    ///
    /// # Panics
    /// When there is no thread to be had.
    #[must_use]
    pub fn new() -> Self {
        let (device, jobs) = channel::<Job>();
        let run = move || {
            let mut device = Device::default();
            jobs.into_iter().for_each(|job| job(&mut device));
        };
        let thread = std::thread::Builder::new().name("naive engine".into()).spawn(run);
        thread.expect("a thread");
        Self { device }
    }

    /// Has something done on the thread and waits for the answer.
    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Device) -> Result<T, NnError> + Send + 'static,
    ) -> Result<T, NnError> {
        let (reply, answer) = channel();
        let job = move |device: &mut Device| drop(reply.send(job(device)));
        let sent = self.device.send(Box::new(job));
        sent.ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or(Err(NnError::NotHeld))
    }
}

impl Default for NaiveEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine for NaiveEngine {
    fn name(&self) -> String {
        "a naive engine, in f64".to_owned()
    }

    fn create(&mut self, store: Arc<Store>) -> Result<Parameters, NnError> {
        let parameters = Parameters::new(store.layout());
        let (id, layout) = (parameters.id(), parameters.layout().clone());
        self.ask(move |device| {
            let values = store.tensors().iter().map(|tensor| wide(tensor.data())).collect();
            let held = Held {
                derived: DerivedKernel::all(&layout),
                layout,
                values,
                optimiser: None,
            };
            device.held.insert(id, held);
            Ok(())
        })?;
        Ok(parameters)
    }

    fn remove(&mut self, parameters: &Parameters) {
        let id = parameters.id();
        let _ = self.ask(move |device| Ok(device.held.remove(&id).is_some()));
    }

    fn save(&mut self, parameters: &Parameters) -> Result<Weights, NnError> {
        let id = parameters.id();
        self.ask(move |device| {
            let held = device.held(id)?;
            Ok(held.named(&held.values, |_| true))
        })
    }

    fn load(&mut self, parameters: &Parameters, weights: &Weights) -> Result<(), NnError> {
        let (id, weights) = (parameters.id(), weights.clone());
        self.ask(move |device| {
            let held = device.held(id)?;
            for (place, values) in held.places(&weights)? {
                held.values[place.index()] = values;
            }
            held.make_derived();
            Ok(())
        })
    }

    fn begin(&mut self, parameters: &Parameters, options: SgdOptions) -> Result<(), NnError> {
        let id = parameters.id();
        self.ask(move |device| {
            let held = device.held(id)?;
            let zeros: Vec<Vec<f64>> = held.values.iter().map(|values| vec![0.0; values.len()]).collect();
            held.optimiser = Some(Optimiser {
                options,
                velocity: zeros.clone(),
                gradients: zeros,
            });
            Ok(())
        })
    }

    fn save_momentum(&mut self, parameters: &Parameters) -> Result<Weights, NnError> {
        let id = parameters.id();
        self.ask(move |device| {
            let held = device.held(id)?;
            let optimiser = held.optimiser.as_ref().ok_or(NnError::NoOptimiser)?;
            Ok(held.named(&optimiser.velocity, |kind| kind.is_trainable()))
        })
    }

    fn load_momentum(&mut self, parameters: &Parameters, momentum: &Weights) -> Result<(), NnError> {
        let (id, momentum) = (parameters.id(), momentum.clone());
        self.ask(move |device| {
            let held = device.held(id)?;
            let places = held.places(&momentum)?;
            let optimiser = held.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
            let tensors = held.layout.tensors();
            if places
                .iter()
                .any(|(place, _)| !tensors[place.index()].kind.is_trainable())
            {
                return Err(NnError::Mismatch { what: "the momentum" });
            }
            for (place, values) in places {
                optimiser.velocity[place.index()] = values;
            }
            Ok(())
        })
    }

    fn train(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        images: &[f32],
        loss: &Loss<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<f32, NnError> {
        let (id, member, images) = (parameters.id(), member.clone(), images.to_vec());
        let loss = SentLoss::new(loss);
        let (value, found) = self.ask(move |device| device.held(id)?.train(&member, &images, &loss))?;
        *logits = found;
        Ok(value)
    }

    fn step(&mut self, parameters: &Parameters, step: Step) -> Result<f64, NnError> {
        let id = parameters.id();
        self.ask(move |device| device.held(id)?.step(step))
    }

    fn blend(&mut self, average: &Parameters, parameters: &Parameters, share: f32) -> Result<(), NnError> {
        let (id, new) = (average.id(), parameters.id());
        self.ask(move |device| {
            let new = device.held(new)?;
            let (layout, values) = (new.layout.clone(), new.values.clone());
            device.held(id)?.blend(&layout, &values, f64::from(share))
        })
    }

    fn forward(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        statistics: Statistics<'_>,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), NnError> {
        let (id, member, images) = (parameters.id(), member.clone(), images.to_vec());
        let mode = match statistics {
            Statistics::Batch => Mode::Train,
            Statistics::Running | Statistics::Own(_) => Mode::Eval,
        };
        let own = match statistics {
            Statistics::Own(own) => Some(own.clone()),
            Statistics::Batch | Statistics::Running => None,
        };
        *logits = self.ask(move |device| {
            let mut weights = device.held(id)?.extract(&member)?;
            if let Some(own) = own {
                write_statistics(&member, &own, &mut weights)?;
            }
            let pass = run(&member, &weights, &images, mode)?;
            Ok(narrow(output(&member, &pass)))
        })?;
        Ok(())
    }

    fn recalibrate(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        batches: &mut Batches<'_>,
    ) -> Result<BnStatistics, NnError> {
        let id = parameters.id();
        self.ask(move |device| {
            device.held(id)?;
            device.averages = Averages::default();
            Ok(())
        })?;
        batches(&mut |images| {
            let (member, images) = (member.clone(), images.to_vec());
            self.ask(move |device| {
                let weights = device.held(id)?.extract(&member)?;
                let pass = run(&member, &weights, &images, Mode::Train)?;
                device.averages.add(&member, &pass);
                Ok(())
            })
        })?;
        self.ask(|device| Ok(std::mem::take(&mut device.averages).statistics()))
    }
}

/// Makes statistics a network's running ones.
pub(crate) fn write_statistics(member: &Member, own: &BnStatistics, weights: &mut Weights) -> Result<(), NnError> {
    for node in member.network().nodes() {
        if !matches!(node.op, panarch_graph::Op::BatchNorm(_)) {
            continue;
        }
        let Some((mean, variance)) = own.get(&node.name) else {
            return Err(NnError::Mismatch {
                what: "the set of statistics",
            });
        };
        let shape = vec![mean.len()];
        for (suffix, data) in [("running_mean", mean), ("running_var", variance)] {
            let shape = shape.clone();
            weights.insert(format!("{}.{suffix}", node.name), Tensor { shape, data });
        }
    }
    Ok(())
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

pub(crate) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
