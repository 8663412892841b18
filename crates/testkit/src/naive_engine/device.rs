//! What lives on the thread of the engine, and what is done there.

use std::collections::BTreeMap;

use panarch_graph::{Tensor, Weights};
use panarch_nn::kernel_matrices::DerivedKernel;
use panarch_nn::{BnStatistics, Layout, Loss, Member, Mixed, NnError, SgdOptions, Step, Teacher, TensorId};

use super::{narrow, wide};
use crate::operators::reference::{Mode, Pass, backward, forward};

/// What lives on the thread.
#[derive(Default)]
pub(super) struct Device {
    pub(super) held: BTreeMap<u64, Held>,
    pub(super) averages: Averages,
}

impl Device {
    pub(super) fn held(&mut self, id: u64) -> Result<&mut Held, NnError> {
        self.held.get_mut(&id).ok_or(NnError::NotHeld)
    }
}

pub(super) struct Held {
    pub(super) layout: Layout,
    pub(super) derived: Vec<DerivedKernel>,
    pub(super) values: Vec<Vec<f64>>,
    pub(super) optimiser: Option<Optimiser>,
}

pub(super) struct Optimiser {
    pub(super) options: SgdOptions,
    pub(super) velocity: Vec<Vec<f64>>,
    pub(super) gradients: Vec<Vec<f64>>,
}

impl Held {
    /// The tensors that are not made of others and of a kind that is wanted, rounded, by name.
    pub(super) fn named(&self, values: &[Vec<f64>], wanted: impl Fn(panarch_nn::TensorKind) -> bool) -> Weights {
        let both = self.layout.tensors().iter().zip(values);
        let own = both.filter(|(tensor, _)| !tensor.kind.is_derived() && wanted(tensor.kind));
        let named = own.map(|(tensor, values)| {
            let (shape, data) = (tensor.shape.clone(), narrow(values));
            (tensor.name.clone(), Tensor { shape, data })
        });
        named.collect()
    }

    /// The places of named tensors and their values.
    pub(super) fn places(&self, weights: &Weights) -> Result<Vec<(TensorId, Vec<f64>)>, NnError> {
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

    /// Moves the trainable values towards others of the same tensors.
    pub(super) fn blend(&mut self, layout: &Layout, values: &[Vec<f64>], share: f64) -> Result<(), NnError> {
        if self.layout != *layout {
            let what = "what a moving average follows";
            return Err(NnError::Mismatch { what });
        }
        let tensors = layout.tensors().iter().zip(&mut self.values).zip(values);
        for ((tensor, own), other) in tensors {
            if tensor.kind.is_trainable() {
                for (value, new) in own.iter_mut().zip(other) {
                    *value += share * (new - *value);
                }
            }
        }
        self.make_derived();
        Ok(())
    }

    /// A member's own parameters.
    pub(super) fn extract(&self, member: &Member) -> Result<Weights, NnError> {
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

    pub(super) fn train(
        &mut self,
        member: &Member,
        images: &[f32],
        loss: &SentLoss,
    ) -> Result<(f32, Vec<f32>), NnError> {
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

    pub(super) fn step(&mut self, step: Step) -> Result<f64, NnError> {
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

    pub(super) fn make_derived(&mut self) {
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
pub(super) struct SentLoss {
    labels: Vec<u32>,
    mixed: Option<(Vec<u32>, Vec<f32>)>,
    teacher: Option<(Vec<f32>, f32)>,
    smoothing: f32,
    scale: f32,
}

impl SentLoss {
    pub(super) fn new(loss: &Loss<'_>) -> Self {
        Self {
            labels: loss.labels.to_vec(),
            mixed: loss.mixed.map(|it| (it.labels.to_vec(), it.shares.to_vec())),
            teacher: loss.teacher.map(|it| (it.logits.to_vec(), it.ratio)),
            smoothing: loss.smoothing,
            scale: loss.scale,
        }
    }

    pub(super) fn get(&self) -> Loss<'_> {
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
pub(super) struct Averages {
    images: u64,
    moments: BTreeMap<String, (Vec<f64>, Vec<f64>)>,
}

impl Averages {
    pub(super) fn add(&mut self, member: &Member, pass: &Pass) {
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

    pub(super) fn statistics(self) -> BnStatistics {
        let moments = self.moments.into_iter();
        BnStatistics::from_moments(
            self.images,
            moments.map(|(node, (mean, variance))| (node, mean, variance)),
        )
    }
}

pub(super) fn run(member: &Member, weights: &Weights, images: &[f32], mode: Mode) -> Result<Pass, NnError> {
    let image = member.network().input_shape().elements() as usize;
    if images.is_empty() || !images.len().is_multiple_of(image.max(1)) {
        let (batch, found) = (images.len() / image.max(1), images.len());
        return Err(NnError::Batch { batch, image, found });
    }
    Ok(forward(member.network(), weights, images, mode))
}

pub(super) fn output<'a>(member: &Member, pass: &'a Pass) -> &'a [f64] {
    &pass.values[member.network().output().index()]
}
