//! The one seam to computation: an engine owns parameters, gradients and the optimiser's state, and runs networks on batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use panarch_graph::Weights;

use crate::{BnStatistics, Layout, Loss, Member, NnError, SgdOptions, Store};

/// Tensors that an engine holds, by handle. What they are is known here; their values are the engine's.
#[derive(Debug, Clone)]
pub struct Parameters {
    id: u64,
    layout: Arc<Layout>,
}

impl Parameters {
    /// A handle that no other tensors of this process have; for implementations of [`Engine`].
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            layout: Arc::new(layout),
        }
    }

    /// The number of the handle.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Names, kinds and shapes; [`Member::new`] finds a network's parameters in it.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// By which statistics a forward pass normalises.
#[derive(Debug, Clone, Copy)]
pub enum Statistics<'a> {
    /// Those of the batch itself, as in training.
    Batch,
    /// The running ones among the parameters.
    Running,
    /// A member's own, as [`Engine::recalibrate`] gives them.
    Own(&'a BnStatistics),
}

/// How far and how an optimiser steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate η.
    pub learning_rate: f32,
    /// Gradients are scaled down to this Euclidean norm over all tensors where they exceed it.
    pub clip_norm: Option<f64>,
}

/// Gets the images of a batch.
pub type TakeImages<'a> = dyn FnMut(&[f32]) -> Result<(), NnError> + 'a;

/// Hands an engine one batch of images after the other.
pub type Batches<'a> = dyn FnMut(&mut TakeImages<'_>) -> Result<(), NnError> + 'a;

/// Owns parameters and trains and runs networks on them.
///
/// Values cross this border by name and only when asked: [`Engine::create`], [`Engine::save`], [`Engine::load`] and their
/// like are for checkpoints, exports and changes between phases. A step moves images and labels in, loss and logits out, so
/// that an engine may keep everything else on a device of its own. Images are `[batch, height, width, channels]`, logits
/// `[batch, classes]`.
///
/// Tensors of kind [`DerivedKernel`](crate::TensorKind::DerivedKernel) are the engine's to make: see
/// [`DerivedKernel`](crate::kernel_matrices::DerivedKernel). They are made anew whenever what they are made of changes, and
/// their gradients are handed on to it in [`Engine::step`].
///
/// The same calls with the same values give the same bits, at least as long as the number of threads is the same.
/// `panarch_testkit` holds the suite that every implementation has to pass.
pub trait Engine: Send {
    /// What it is, for reports: the engine's name and the device it runs on.
    fn name(&self) -> String;

    /// Takes tensors in, with the values of `store`, where what is made of others is what they make.
    ///
    /// # Errors
    /// When there is no room for them.
    fn create(&mut self, store: Arc<Store>) -> Result<Parameters, NnError>;

    /// Forgets tensors and everything that belongs to them. Tensors that it does not hold are none of its business.
    fn remove(&mut self, parameters: &Parameters);

    /// The values of all tensors that are not made of others, by name.
    ///
    /// # Errors
    /// When it does not hold the tensors.
    fn save(&mut self, parameters: &Parameters) -> Result<Weights, NnError>;

    /// Overwrites the tensors that `weights` names; others stay.
    ///
    /// # Errors
    /// When it does not hold the tensors, a name is unknown or a shape another; nothing has changed then.
    fn load(&mut self, parameters: &Parameters, weights: &Weights) -> Result<(), NnError>;

    /// An optimiser begins: gradients and momentum are 0 from here on.
    ///
    /// # Errors
    /// When it does not hold the tensors.
    fn begin(&mut self, parameters: &Parameters, options: SgdOptions) -> Result<(), NnError>;

    /// The momentum of every trainable tensor that is not made of others, by name.
    ///
    /// # Errors
    /// When it does not hold the tensors, or no optimiser has begun.
    fn save_momentum(&mut self, parameters: &Parameters) -> Result<Weights, NnError>;

    /// Overwrites the momentum of the tensors that `momentum` names.
    ///
    /// # Errors
    /// As [`Engine::load`], and when no optimiser has begun.
    fn load_momentum(&mut self, parameters: &Parameters, momentum: &Weights) -> Result<(), NnError>;

    /// Forward and backward in training mode: *adds* the gradients of all parameters to those that are there. Gives the
    /// loss and overwrites `logits`. Running statistics do not change.
    ///
    /// # Errors
    /// When parameters, member, images and loss do not belong together, or no optimiser has begun.
    fn train(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        images: &[f32],
        loss: &Loss<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<f32, NnError>;

    /// The optimiser steps along the gradients, which are 0 afterwards. Gives their Euclidean norm before it was limited,
    /// 0 without a limit. A norm that is no finite number changes nothing.
    ///
    /// # Errors
    /// When it does not hold the tensors, or no optimiser has begun.
    fn step(&mut self, parameters: &Parameters, step: Step) -> Result<f64, NnError>;

    /// Moves every trainable tensor of `average` towards that of the same name among `parameters`:
    /// a ← a + share·(w − a). Step by step, this is an exponential moving average of decay 1 − share.
    ///
    /// # Errors
    /// When it does not hold both, or they have not the same tensors; nothing has changed then.
    fn blend(&mut self, average: &Parameters, parameters: &Parameters, share: f32) -> Result<(), NnError>;

    /// Forward only; overwrites `logits`.
    ///
    /// # Errors
    /// When parameters, member, images and statistics do not belong together.
    fn forward(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        statistics: Statistics<'_>,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), NnError>;

    /// A member's own statistics of batch normalisation: the averages over `batches`, see [`BnStatistics`].
    ///
    /// # Errors
    /// When parameters, member and images do not belong together, and whatever `batches` returns.
    fn recalibrate(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        batches: &mut Batches<'_>,
    ) -> Result<BnStatistics, NnError>;
}
