//! The one seam to computation: run a network, with views into a store, on a batch.

use std::sync::Arc;

use panarch_graph::{Network, ParameterSpec};
use panarch_nn::{Binding, BnStatistics, Executor, Gradients, Storage, Store, Views, Workspace};

use crate::{TrainError, kernel_transform};

/// A network together with the places of its parameters in one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Member(Arc<(Network, Views)>);

impl Member {
    /// Finds the parameters of a network in a store; smaller kernels where matrices have made them.
    ///
    /// # Errors
    /// [`TrainError::Engine`] when a parameter is not there or is too small.
    pub fn new(network: Network, store: &Store) -> Result<Self, TrainError> {
        let bind = |spec: &ParameterSpec| kernel_transform::binding(&network, store, spec);
        let views = Views::resolve_with(&network, store, &bind)?;
        Ok(Self(Arc::new((network, views))))
    }

    /// As [`Member::new`], where `bind` says which tensor a parameter is.
    pub(crate) fn with_bindings(
        network: Network,
        store: &Store,
        bind: &dyn Fn(&ParameterSpec) -> Option<Binding>,
    ) -> Result<Self, TrainError> {
        let views = Views::resolve_with(&network, store, bind)?;
        Ok(Self(Arc::new((network, views))))
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.0.0
    }

    /// Where its parameters lie in the store.
    pub fn views(&self) -> &Views {
        &self.0.1
    }
}

/// A loss: gets the logits `[batch, classes]`, writes their gradient and gives the value.
pub type Loss<'a> = dyn FnMut(&[f32], &mut [f32]) -> Result<f32, TrainError> + 'a;

/// Runs networks. Images are `[batch, height, width, channels]`, logits `[batch, classes]`.
///
/// The same calls with the same values give the same bits, at least as long as the number of threads is the same.
pub trait Engine: Send {
    /// What it is, for reports: the engine's name and the device it runs on.
    fn name(&self) -> String;

    /// Forward and backward in training mode (batch statistics): asks `loss` for the gradient of the logits and *adds*
    /// the gradients of all parameters to `gradients`. Gives the loss. The store's running statistics do not change.
    ///
    /// # Errors
    /// When member, store, images and gradients do not belong together, and whatever `loss` returns.
    fn train(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        loss: &mut Loss<'_>,
        gradients: &mut Gradients,
    ) -> Result<f32, TrainError>;

    /// Forward in training mode, taking the batch statistics into `statistics`.
    ///
    /// # Errors
    /// When member, store and images do not belong together.
    fn observe(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        statistics: &mut BnStatistics,
    ) -> Result<(), TrainError>;

    /// Forward in training mode: the logits as the batch's own statistics give them; overwrites `logits`.
    ///
    /// # Errors
    /// When member, store and images do not belong together.
    fn answer(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), TrainError>;

    /// Forward in evaluation mode, with the given statistics or else the store's running ones; overwrites `logits`.
    ///
    /// # Errors
    /// When member, store, images and statistics do not belong together.
    fn evaluate(
        &mut self,
        member: &Member,
        store: &Store,
        statistics: Option<&BnStatistics>,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), TrainError>;
}

/// The engine of `panarch-nn`, on this machine's CPU. Threads are those of the surrounding rayon pool; results do not
/// depend on their number.
///
/// Keeps the plan of the member it ran last, and passes its memory on to the next one's.
#[derive(Default)]
pub struct CpuEngine {
    planned: Option<Planned>,
    workspace: Option<Workspace>,
    gradient: Vec<f32>,
}

struct Planned {
    member: Member,
    batch: usize,
    executor: Executor,
}

impl CpuEngine {
    /// An engine that has not planned anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that keeps values for the backward pass in this form. Half as many bytes of bf16 are less exact, and as fast or
    /// faster where memory is the limit.
    #[must_use]
    pub fn with_storage(storage: Storage) -> Self {
        Self {
            workspace: Some(Workspace::default().with_storage(storage)),
            ..Self::default()
        }
    }

    /// The executor of this member for at least `images`' batch.
    fn executor(&mut self, member: &Member, images: &[f32]) -> Result<&mut Executor, TrainError> {
        let size = member.network().input_shape().elements().max(1) as usize;
        let batch = (images.len() / size).max(1);
        let fits = |planned: &Planned| Arc::ptr_eq(&planned.member.0, &member.0) && planned.batch >= batch;
        let planned = match self.planned.take() {
            Some(planned) if fits(&planned) => planned,
            other => {
                if let Some(planned) = other {
                    self.workspace = Some(planned.executor.into_workspace());
                }
                let workspace = self.workspace.take().unwrap_or_default();
                let executor = Executor::with_workspace(member.network(), batch, workspace)?;
                let member = member.clone();
                Planned {
                    member,
                    batch,
                    executor,
                }
            }
        };
        Ok(&mut self.planned.insert(planned).executor)
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> String {
        format!("panarch-nn on the CPU, {} threads", rayon::current_num_threads())
    }

    fn train(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        loss: &mut Loss<'_>,
        gradients: &mut Gradients,
    ) -> Result<f32, TrainError> {
        let mut gradient = std::mem::take(&mut self.gradient);
        let executor = self.executor(member, images)?;
        let logits = executor.train(store, member.views(), images)?;
        gradient.clear();
        gradient.resize(logits.len(), 0.0);
        let value = loss(logits, &mut gradient)?;
        executor.backward(store, member.views(), &gradient, gradients, None)?;
        self.gradient = gradient;
        Ok(value)
    }

    fn observe(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        statistics: &mut BnStatistics,
    ) -> Result<(), TrainError> {
        let executor = self.executor(member, images)?;
        executor.train(store, member.views(), images)?;
        Ok(executor.accumulate_statistics(statistics)?)
    }

    fn answer(
        &mut self,
        member: &Member,
        store: &Store,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), TrainError> {
        let executor = self.executor(member, images)?;
        let found = executor.train(store, member.views(), images)?;
        logits.clear();
        logits.extend_from_slice(found);
        Ok(())
    }

    fn evaluate(
        &mut self,
        member: &Member,
        store: &Store,
        statistics: Option<&BnStatistics>,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), TrainError> {
        let executor = self.executor(member, images)?;
        let found = executor.evaluate(store, member.views(), statistics, images)?;
        logits.clear();
        logits.extend_from_slice(found);
        Ok(())
    }
}
