use std::collections::BTreeMap;
use std::sync::Arc;

use panarch_graph::{Tensor, Weights};

use crate::engine::{Batches, Engine, Parameters, Statistics, Step};
use crate::kernel_matrices::{self, DerivedKernel};
use crate::{
    ActivationStorage, BnStatistics, Executor, Gradients, Loss, Member, NnError, Sgd, SgdOptions, Store, StoredTensor,
    TensorId, Workspace,
};

/// The engine on this machine's CPU. Threads are those of the surrounding rayon pool; results do not depend on their number.
///
/// Values that were handed in are shared with whoever handed them in until they are first changed. Keeps the plan of the
/// member it ran last, and passes its memory on to the next one's.
#[derive(Default)]
pub struct CpuEngine {
    owned: BTreeMap<u64, Owned>,
    planned: Option<Planned>,
    workspace: Option<Workspace>,
    gradient: Vec<f32>,
}

/// What belongs to one handle.
struct Owned {
    store: Arc<Store>,
    derived: Vec<DerivedKernel>,
    optimiser: Option<(Gradients, Sgd)>,
}

struct Planned {
    member: Member,
    batch: usize,
    executor: Executor,
}

impl CpuEngine {
    /// An engine that holds and has planned nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An engine that keeps values for the backward pass in this form. Half as many bytes of bf16 are less exact, and as fast or
    /// faster where memory is the limit.
    #[must_use]
    pub fn with_storage(storage: ActivationStorage) -> Self {
        Self {
            workspace: Some(Workspace::default().with_storage(storage)),
            ..Self::default()
        }
    }

    fn owned(&self, parameters: &Parameters) -> Result<&Owned, NnError> {
        self.owned.get(&parameters.id()).ok_or(NnError::NotHeld)
    }

    fn owned_mut(&mut self, parameters: &Parameters) -> Result<&mut Owned, NnError> {
        self.owned.get_mut(&parameters.id()).ok_or(NnError::NotHeld)
    }

    /// The executor of this member for at least `images`' batch, and the tensors.
    fn prepare(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        images: &[f32],
    ) -> Result<(&mut Executor, &mut Owned), NnError> {
        let size = member.network().input_shape().elements().max(1) as usize;
        let batch = (images.len() / size).max(1);
        let fits = |planned: &Planned| planned.member.is(member) && planned.batch >= batch;
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
        let owned = self.owned.get_mut(&parameters.id()).ok_or(NnError::NotHeld)?;
        Ok((&mut self.planned.insert(planned).executor, owned))
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> String {
        format!("panarch-nn on the CPU, {} threads", rayon::current_num_threads())
    }

    fn create(&mut self, store: Arc<Store>) -> Result<Parameters, NnError> {
        let parameters = Parameters::new(store.layout());
        let owned = Owned {
            store,
            derived: DerivedKernel::all(parameters.layout()),
            optimiser: None,
        };
        self.owned.insert(parameters.id(), owned);
        Ok(parameters)
    }

    fn remove(&mut self, parameters: &Parameters) {
        self.owned.remove(&parameters.id());
    }

    fn save(&mut self, parameters: &Parameters) -> Result<Weights, NnError> {
        Ok(self.owned(parameters)?.store.weights())
    }

    fn load(&mut self, parameters: &Parameters, weights: &Weights) -> Result<(), NnError> {
        let owned = self.owned_mut(parameters)?;
        owned.store.places(weights)?;
        Arc::make_mut(&mut owned.store).load(weights)
    }

    fn begin(&mut self, parameters: &Parameters, options: SgdOptions) -> Result<(), NnError> {
        let owned = self.owned_mut(parameters)?;
        owned.optimiser = Some((Gradients::zeros(&owned.store), Sgd::new(&owned.store, options)));
        Ok(())
    }

    fn save_momentum(&mut self, parameters: &Parameters) -> Result<Weights, NnError> {
        let owned = self.owned(parameters)?;
        let (_, sgd) = owned.optimiser.as_ref().ok_or(NnError::NoOptimiser)?;
        let both = owned.store.tensors().iter().zip(sgd.velocity().iter());
        let own = both.filter(|(tensor, _)| has_momentum(tensor));
        let named = own.map(|(tensor, velocity)| {
            let (shape, data) = (tensor.shape().to_vec(), velocity.to_vec());
            (tensor.name().to_owned(), Tensor { shape, data })
        });
        Ok(named.collect())
    }

    fn load_momentum(&mut self, parameters: &Parameters, momentum: &Weights) -> Result<(), NnError> {
        let owned = self.owned_mut(parameters)?;
        let (_, sgd) = owned.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
        let places = owned.store.places(momentum)?;
        let buffer = |(id, _): &&(TensorId, &Tensor)| !has_momentum(&owned.store.tensors()[id.index()]);
        if places.iter().any(|place| buffer(&place)) {
            return Err(NnError::Mismatch { what: "the momentum" });
        }
        for (id, tensor) in places {
            sgd.velocity_mut().get_mut(id).copy_from_slice(&tensor.data);
        }
        Ok(())
    }

    fn train(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        images: &[f32],
        loss: &Loss<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<f32, NnError> {
        let mut gradient = std::mem::take(&mut self.gradient);
        let (executor, owned) = self.prepare(parameters, member, images)?;
        let (gradients, _) = owned.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
        let found = executor.train(&owned.store, member.views(), images)?;
        logits.clear();
        logits.extend_from_slice(found);
        gradient.clear();
        gradient.resize(logits.len(), 0.0);
        let value = loss.of(logits, &mut gradient)?;
        executor.backward(&owned.store, member.views(), &gradient, gradients, None)?;
        self.gradient = gradient;
        Ok(value)
    }

    fn step(&mut self, parameters: &Parameters, step: Step) -> Result<f64, NnError> {
        let owned = self.owned_mut(parameters)?;
        let (gradients, sgd) = owned.optimiser.as_mut().ok_or(NnError::NoOptimiser)?;
        kernel_matrices::backward(&owned.store, &owned.derived, gradients);
        let norm = match step.clip_norm {
            Some(limit) => gradients.clip(limit),
            None => 0.0,
        };
        if norm.is_finite() {
            let store = Arc::make_mut(&mut owned.store);
            sgd.step(store, gradients, step.learning_rate)?;
            kernel_matrices::refresh(store, &owned.derived);
        }
        gradients.zero();
        Ok(norm)
    }

    fn blend(&mut self, average: &Parameters, parameters: &Parameters, share: f32) -> Result<(), NnError> {
        let new = Arc::clone(&self.owned(parameters)?.store);
        let owned = self.owned_mut(average)?;
        Arc::make_mut(&mut owned.store).blend(&new, share)
    }

    fn forward(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        statistics: Statistics<'_>,
        images: &[f32],
        logits: &mut Vec<f32>,
    ) -> Result<(), NnError> {
        let (executor, owned) = self.prepare(parameters, member, images)?;
        let (store, views) = (&owned.store, member.views());
        let found = match statistics {
            Statistics::Batch => executor.train(store, views, images)?,
            Statistics::Running => executor.evaluate(store, views, None, images)?,
            Statistics::Own(statistics) => executor.evaluate(store, views, Some(statistics), images)?,
        };
        logits.clear();
        logits.extend_from_slice(found);
        Ok(())
    }

    fn recalibrate(
        &mut self,
        parameters: &Parameters,
        member: &Member,
        batches: &mut Batches<'_>,
    ) -> Result<BnStatistics, NnError> {
        let mut statistics = BnStatistics::new();
        batches(&mut |images| {
            let (executor, owned) = self.prepare(parameters, member, images)?;
            executor.train(&owned.store, member.views(), images)?;
            executor.accumulate_statistics(&mut statistics)
        })?;
        Ok(statistics)
    }
}

fn has_momentum(tensor: &StoredTensor) -> bool {
    tensor.kind().is_trainable() && !tensor.kind().is_derived()
}
