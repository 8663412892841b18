//! A second engine: slow, in f64, on a thread of its own.
//!
//! Its parameters, gradients and momentum live on that thread alone, as those of an engine on a graphics card do in that card's
//! memory: nobody can reach them but through what [`Engine`] offers. Slow is the point: nothing is fused, blocked or shared
//! with the engine that it is compared with, but the form of the loss.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use panarch_graph::{Tensor, Weights};
use panarch_nn::kernel_matrices::DerivedKernel;
use panarch_nn::{
    Batches, BnStatistics, Engine, Layout, Loss, Member, Mixed, NnError, Parameters, SgdOptions, Statistics, Step,
    Store, Teacher, TensorId,
};

use crate::operators::reference::{Mode, Pass, backward, forward};

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

/// What lives on the thread.
#[derive(Default)]
struct Device {
    held: BTreeMap<u64, Held>,
    averages: Averages,
}

impl Device {
    fn held(&mut self, id: u64) -> Result<&mut Held, NnError> {
        self.held.get_mut(&id).ok_or(NnError::NotHeld)
    }
}

struct Held {
    layout: Layout,
    derived: Vec<DerivedKernel>,
    values: Vec<Vec<f64>>,
    optimiser: Option<Optimiser>,
}

struct Optimiser {
    options: SgdOptions,
    velocity: Vec<Vec<f64>>,
    gradients: Vec<Vec<f64>>,
}

impl Held {
    /// The tensors that are not made of others and of a kind that is wanted, rounded, by name.
    fn named(&self, values: &[Vec<f64>], wanted: impl Fn(panarch_nn::TensorKind) -> bool) -> Weights {
        let both = self.layout.tensors().iter().zip(values);
        let own = both.filter(|(tensor, _)| !tensor.kind.is_derived() && wanted(tensor.kind));
        let named = own.map(|(tensor, values)| {
            let (shape, data) = (tensor.shape.clone(), narrow(values));
            (tensor.name.clone(), Tensor { shape, data })
        });
        named.collect()
    }

    /// The places of named tensors and their values.
    fn places(&self, weights: &Weights) -> Result<Vec<(TensorId, Vec<f64>)>, NnError> {
        let place = |(name, tensor): (&str, &Tensor)| {
            let missing = || NnError::MissingTensor { name: name.to_owned() };
            let id = self.layout.id(name).ok_or_else(missing)?;
            let known = &self.layout.tensors()[id.index()];
            if known.kind.is_derived() {
                return Err(missing());
            }
            if known.shape != tensor.shape || known.elements() != tensor.data.len() {
                return Err(NnError::ViewShape {
                    name: name.to_owned(),
                    stored: known.shape.clone(),
                    wanted: tensor.shape.clone(),
                });
            }
            Ok((id, wide(&tensor.data)))
        };
        weights.iter().map(place).collect()
    }

    /// A member's own parameters.
    fn extract(&self, member: &Member) -> Result<Weights, NnError> {
        if !member.views().fit(&self.layout) {
            return Err(NnError::Mismatch { what: "the member" });
        }
        let parameter = |view: &panarch_nn::View| {
            let stored = &self.values[view.tensor().index()];
            let values = view
                .places()
                .into_iter()
                .map(|place| stored[place] * f64::from(view.scale()));
            let (shape, data) = (view.shape().to_vec(), values.map(|value| value as f32).collect());
            (view.name().to_owned(), Tensor { shape, data })
        };
        Ok(member.views().as_slice().iter().map(parameter).collect())
    }

    fn train(&mut self, member: &Member, images: &[f32], loss: &SentLoss) -> Result<(f32, Vec<f32>), NnError> {
        let weights = self.extract(member)?;
        let optimiser = self.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
        let pass = run(member, &weights, images, Mode::Train)?;
        let logits = narrow(output(member, &pass));
        let mut slope = vec![0.0; logits.len()];
        let value = loss.get().of(&logits, &mut slope)?;
        let (found, _) = backward(member.network(), &weights, &pass, &wide(&slope));
        for view in member.views().as_slice() {
            let Some(found) = found.get(view.name()) else { continue };
            let into = &mut optimiser.gradients[view.tensor().index()];
            for (place, value) in view.places().into_iter().zip(found) {
                into[place] += f64::from(view.scale()) * value;
            }
        }
        Ok((value, logits))
    }

    fn step(&mut self, step: Step) -> Result<f64, NnError> {
        let optimiser = self.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
        hand_on(&self.derived, &self.values, &mut optimiser.gradients);
        let squares = optimiser.gradients.iter().flatten().map(|value| value * value);
        let norm = match step.clip_norm {
            Some(_) => squares.sum::<f64>().sqrt(),
            None => 0.0,
        };
        let factor = step.clip_norm.map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
        let SgdOptions {
            momentum,
            nesterov,
            weight_decay,
        } = optimiser.options;
        let momentum = f64::from(momentum);
        for (index, tensor) in self.layout.tensors().iter().enumerate() {
            let gradients = &mut optimiser.gradients[index];
            if tensor.kind.is_trainable() && norm.is_finite() {
                let decay = if tensor.kind.decays() {
                    f64::from(weight_decay)
                } else {
                    0.0
                };
                let velocity = &mut optimiser.velocity[index];
                for ((weight, gradient), velocity) in self.values[index].iter_mut().zip(&*gradients).zip(velocity) {
                    let gradient = factor * gradient + decay * *weight;
                    *velocity = momentum * *velocity + gradient;
                    let direction = if nesterov {
                        gradient + momentum * *velocity
                    } else {
                        *velocity
                    };
                    *weight -= f64::from(step.learning_rate) * direction;
                }
            }
            gradients.fill(0.0);
        }
        self.make_derived();
        Ok(norm)
    }

    fn make_derived(&mut self) {
        for kernel in &self.derived {
            let (source, matrix) = (&self.values[kernel.source.index()], &self.values[kernel.matrix.index()]);
            let centre = kernel.centre();
            let mut made = Vec::new();
            for channel in source.chunks_exact(kernel.source_size.pow(2)) {
                for row in matrix.chunks_exact(centre.len()) {
                    made.push(
                        row.iter()
                            .zip(&centre)
                            .map(|(weight, place)| weight * channel[*place])
                            .sum(),
                    );
                }
            }
            self.values[kernel.made.index()] = made;
        }
    }
}

/// Hands the gradients of derived kernels on to what they are made of, and clears them.
fn hand_on(derived: &[DerivedKernel], values: &[Vec<f64>], gradients: &mut [Vec<f64>]) {
    for kernel in derived.iter().rev() {
        let empty = vec![0.0; gradients[kernel.made.index()].len()];
        let slopes = std::mem::replace(&mut gradients[kernel.made.index()], empty);
        let (centre, whole) = (kernel.centre(), kernel.source_size.pow(2));
        let size = centre.len();
        let (source, matrix) = (&values[kernel.source.index()], &values[kernel.matrix.index()]);
        for (channel, slopes) in slopes.chunks_exact(size).enumerate() {
            for (row, slope) in slopes.iter().enumerate() {
                for (column, place) in centre.iter().enumerate() {
                    let from = channel * whole + place;
                    gradients[kernel.matrix.index()][row * size + column] += slope * source[from];
                    gradients[kernel.source.index()][from] += slope * matrix[row * size + column];
                }
            }
        }
    }
}

/// A loss that owns what it compares with, to be sent to the thread.
struct SentLoss {
    labels: Vec<u32>,
    mixed: Option<(Vec<u32>, Vec<f32>)>,
    teacher: Option<(Vec<f32>, f32)>,
    smoothing: f32,
    scale: f32,
}

impl SentLoss {
    fn new(loss: &Loss<'_>) -> Self {
        Self {
            labels: loss.labels.to_vec(),
            mixed: loss.mixed.map(|it| (it.labels.to_vec(), it.shares.to_vec())),
            teacher: loss.teacher.map(|it| (it.logits.to_vec(), it.ratio)),
            smoothing: loss.smoothing,
            scale: loss.scale,
        }
    }

    fn get(&self) -> Loss<'_> {
        Loss {
            labels: &self.labels,
            mixed: self.mixed.as_ref().map(|(labels, shares)| Mixed { labels, shares }),
            teacher: self
                .teacher
                .as_ref()
                .map(|(logits, ratio)| Teacher { logits, ratio: *ratio }),
            smoothing: self.smoothing,
            scale: self.scale,
        }
    }
}

/// Averages of the moments of each batch normalisation, weighted by images.
#[derive(Default)]
struct Averages {
    images: u64,
    moments: BTreeMap<String, (Vec<f64>, Vec<f64>)>,
}

impl Averages {
    fn add(&mut self, member: &Member, pass: &Pass) {
        let network = member.network();
        let images = pass.values[0].len() / network.input_shape().elements().max(1) as usize;
        self.images += images as u64;
        let weight = images as f64 / self.images as f64;
        for id in network.ids() {
            let Some((mean, variance)) = pass.moments.get(&network.node(id).name) else {
                continue;
            };
            let shape = network.shape(id);
            let count = images as f64 * f64::from(shape.height) * f64::from(shape.width);
            let unbiased = variance.iter().map(|value| value * count / (count - 1.0).max(1.0));
            let zeros = || vec![0.0; mean.len()];
            let name = network.node(id).name.clone();
            let known = self.moments.entry(name).or_insert_with(|| (zeros(), zeros()));
            let blend = |into: &mut Vec<f64>, from: &mut dyn Iterator<Item = f64>| {
                for (average, value) in into.iter_mut().zip(from) {
                    *average += weight * (value - *average);
                }
            };
            blend(&mut known.0, &mut mean.iter().copied());
            blend(&mut known.1, &mut unbiased.into_iter());
        }
    }

    fn statistics(self) -> BnStatistics {
        let moments = self.moments.into_iter();
        BnStatistics::from_moments(
            self.images,
            moments.map(|(node, (mean, variance))| (node, mean, variance)),
        )
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

fn run(member: &Member, weights: &Weights, images: &[f32], mode: Mode) -> Result<Pass, NnError> {
    let image = member.network().input_shape().elements() as usize;
    if images.is_empty() || !images.len().is_multiple_of(image.max(1)) {
        let (batch, found) = (images.len() / image.max(1), images.len());
        return Err(NnError::Batch { batch, image, found });
    }
    Ok(forward(member.network(), weights, images, mode))
}

fn output<'a>(member: &Member, pass: &'a Pass) -> &'a [f64] {
    &pass.values[member.network().output().index()]
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

pub(crate) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
