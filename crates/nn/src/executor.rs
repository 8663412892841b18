mod backward;
mod evaluate;
mod expansion;
mod forward;
mod normalise;
mod operand;
#[cfg(test)]
mod operators;
mod packing;
mod pass;
mod share;
mod train;

use std::ops::Range;

use panarch_graph::{Network, ParameterSpec};

use crate::plan::{EvaluationMemory, Group, TrainingMemory, groups};
use crate::simd::Level;
use crate::workspace::zeroed;
use crate::{BnStatistics, NnError, Store, Views, Workspace};

/// Runs one network on batches of up to a planned size.
///
/// Parameters are not owned: every call names the store and the views into it. Inputs are NHWC
/// `[images, height, width, channels]`, and so are results; those of several outputs follow one another in the network's
/// order, and gradients over them are given in the same form.
///
/// Work is spread over the threads of the current `rayon` pool. Results are the same, bit for bit, for any number of
/// threads; they depend on the workspace's number of shares and on the processor's instruction set.
#[derive(Debug)]
pub struct Executor {
    level: Level,
    groups: Vec<Group>,
    outputs: Vec<OutputPlace>,
    parameters: Vec<ParameterSpec>,
    /// The first node without a backward pass, with its operator.
    untrainable: Option<(String, &'static str)>,
    batch: usize,
    training: TrainingMemory,
    evaluation: EvaluationMemory,
    workspace: Workspace,
    /// Images of the last forward pass.
    images: usize,
    /// The workspace holds a training forward pass.
    trained: bool,
    /// The workspace holds what [`Executor::evaluate`] has prepared.
    prepared: bool,
    results: Vec<f32>,
    /// For each input of the group at hand in the backward pass: accumulate, finish.
    edges: Vec<(bool, bool)>,
    /// For each group: its gradient has been written; readers still to come.
    written: Vec<bool>,
    readers: Vec<usize>,
}

/// Where an output's values come from and go to.
#[derive(Debug, Clone)]
struct OutputPlace {
    name: String,
    group: usize,
    /// Values of one image, and those of the outputs before it.
    elements: usize,
    before: usize,
}

impl OutputPlace {
    /// Where they stand among the results of so many images.
    const fn range(&self, images: usize) -> Range<usize> {
        images * self.before..images * (self.before + self.elements)
    }
}

fn output_places(network: &Network, groups: &[usize]) -> Vec<OutputPlace> {
    let mut before = 0;
    let outputs = network.outputs().iter().zip(groups);
    outputs
        .map(|(output, group)| {
            let elements = network.shape(output.node).elements() as usize;
            before += elements;
            OutputPlace {
                name: output.name.clone(),
                group: *group,
                elements,
                before: before - elements,
            }
        })
        .collect()
}

/// Bytes that [`Executor::evaluate`] takes for a network on a batch with a new workspace, images not counted; nothing is
/// allocated.
#[must_use]
pub fn evaluation_bytes(network: &Network, batch: usize) -> u64 {
    let level = Level::detect();
    let (groups, outputs) = groups(network, level);
    let (shares, staging) = (Workspace::default().shares(), staging(&network.parameters()));
    let memory = EvaluationMemory::new(level, &groups, &outputs, batch.max(1), shares, staging);
    let results = batch.saturating_mul(network.output_elements() as usize);
    (memory.floats.saturating_add(results) as u64).saturating_mul(size_of::<f32>() as u64)
}

/// Values of the largest parameter.
fn staging(parameters: &[ParameterSpec]) -> usize {
    parameters
        .iter()
        .map(|spec| spec.elements() as usize)
        .max()
        .unwrap_or(0)
}

impl Executor {
    /// Plans a network for batches of up to `batch` images.
    ///
    /// # Errors
    /// When `batch` is 0, or there is no room for the result.
    pub fn new(network: &Network, batch: usize) -> Result<Self, NnError> {
        Self::with_workspace(network, batch, Workspace::default())
    }

    /// Like [`Executor::new`] with the memory of an earlier executor.
    ///
    /// # Errors
    /// When `batch` is 0, or there is no room for the result.
    pub fn with_workspace(network: &Network, batch: usize, workspace: Workspace) -> Result<Self, NnError> {
        Self::with_level(network, batch, workspace, Level::detect())
    }

    pub(crate) fn with_level(
        network: &Network,
        batch: usize,
        workspace: Workspace,
        level: Level,
    ) -> Result<Self, NnError> {
        if batch == 0 {
            let image = network.input_shape().elements() as usize;
            return Err(NnError::Batch { batch, image, found: 0 });
        }
        let (groups, outputs) = groups(network, level);
        let parameters = network.parameters();
        let untrainable = groups.iter().find(|group| !group.source.is_trainable()).map(|group| {
            let node = network.find(&group.name);
            (group.name.clone(), node.map_or("", |id| network.node(id).op.name()))
        });
        let staging = staging(&parameters);
        let shares = workspace.shares();
        let widest = groups.iter().map(|group| group.inputs.len()).max().unwrap_or(0);
        Ok(Self {
            level,
            parameters,
            untrainable,
            batch,
            training: TrainingMemory::new(level, &groups, &outputs, batch, shares, staging, workspace.storage()),
            evaluation: EvaluationMemory::new(level, &groups, &outputs, batch, shares, staging),
            outputs: output_places(network, &outputs),
            workspace,
            images: 0,
            trained: false,
            prepared: false,
            results: zeroed(batch.saturating_mul(network.output_elements() as usize))?,
            edges: Vec::with_capacity(widest),
            written: vec![false; groups.len()],
            readers: vec![0; groups.len()],
            groups,
        })
    }

    /// Gives the memory back for the next executor.
    #[must_use]
    pub fn into_workspace(self) -> Workspace {
        self.workspace
    }

    /// The results of the last forward pass: `[images, height, width, channels]` of each output, one after the other.
    #[must_use]
    pub fn results(&self) -> &[f32] {
        &self.results[..self.images * self.result_elements()]
    }

    /// The result of this name of the last forward pass, `[images, height, width, channels]`.
    #[must_use]
    pub fn result(&self, name: &str) -> Option<&[f32]> {
        let place = self.outputs.iter().find(|place| place.name == name)?;
        self.results.get(place.range(self.images))
    }

    /// Values of all results of one image.
    fn result_elements(&self) -> usize {
        self.outputs.iter().map(|place| place.elements).sum()
    }

    /// The planned number of images.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// The number of images of an input.
    fn count_images(&self, input: &[f32]) -> Result<usize, NnError> {
        let image = self.groups[0].elements();
        let images = input.len() / image;
        if images * image != input.len() || images == 0 || images > self.batch {
            return Err(NnError::Batch {
                batch: self.batch,
                image,
                found: input.len(),
            });
        }
        Ok(images)
    }

    /// Fails unless the views are of this network and into this store.
    fn check(&self, store: &Store, views: &Views) -> Result<(), NnError> {
        views.check(store)?;
        let views = views.as_slice();
        let same = views.len() == self.parameters.len()
            && views
                .iter()
                .zip(&self.parameters)
                .all(|(view, spec)| view.role() == spec.role && view.shape() == spec.shape.as_slice());
        if same {
            Ok(())
        } else {
            Err(NnError::Mismatch {
                what: "the set of views",
            })
        }
    }

    fn require_training(&self, what: &'static str) -> Result<(), NnError> {
        if self.trained {
            Ok(())
        } else {
            Err(NnError::NoForward { what })
        }
    }

    /// Every batch normalisation with the number of its group.
    fn norms(&self) -> impl Iterator<Item = (usize, &crate::plan::Norm)> {
        let groups = self.groups.iter().enumerate();
        groups.filter_map(|(index, group)| Some((index, group.norm.as_ref()?)))
    }

    /// Moves the store's running statistics towards those of the last training forward pass:
    /// running ← (1 − momentum)·running + momentum·batch, with the unbiased variance.
    ///
    /// # Errors
    /// When there was no training forward pass or the store is another.
    pub fn update_running_statistics(&self, store: &mut Store, views: &Views) -> Result<(), NnError> {
        self.require_training("updating running statistics")?;
        self.check(store, views)?;
        for (index, norm) in self.norms() {
            let [_, _, mean, variance] = norm.parameters;
            let momentum = norm.momentum;
            let places = [(mean, normalise::MEAN), (variance, normalise::VARIANCE)];
            for (parameter, vector) in places {
                let view = &views.as_slice()[parameter];
                let channels = view.elements();
                let fresh = self.norm_vector(index, vector);
                // A view of a vector is a prefix.
                let stored = &mut store.tensors_mut()[view.tensor().index()].data[..channels];
                for (old, new) in stored.iter_mut().zip(fresh) {
                    *old = (1.0 - momentum) * *old + momentum * new;
                }
            }
        }
        Ok(())
    }

    /// Takes the batch statistics of the last training forward pass into an average over batches.
    ///
    /// # Errors
    /// When there was no training forward pass.
    pub fn accumulate_statistics(&self, statistics: &mut BnStatistics) -> Result<(), NnError> {
        self.require_training("accumulating statistics")?;
        statistics.images += self.images as u64;
        let weight = self.images as f64 / statistics.images as f64;
        for (index, norm) in self.norms() {
            let mean = self.norm_vector(index, normalise::MEAN);
            let variance = self.norm_vector(index, normalise::VARIANCE);
            statistics.add(&norm.name, weight, mean, variance);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use panarch_graph::{Activation, BatchNorm, Conv2d, Linear, NetworkBuilder, Op, Shape, stream};
    use rand::RngExt;

    use super::*;
    use crate::Gradients;

    /// A whole step on every instruction set agrees with the scalar one.
    #[test]
    fn levels_agree_on_a_step() {
        let mut builder = NetworkBuilder::new("levels", Shape::new(3, 9, 11));
        let mut x = builder.input();
        let convolutions = [
            Conv2d::square(10, 3, 1),
            Conv2d::pointwise(37),
            Conv2d::depthwise(37, 5, 2),
            Conv2d::pointwise(18),
            Conv2d::square(12, 3, 2).with_groups(3),
        ];
        for (index, conv) in convolutions.into_iter().enumerate() {
            x = builder.add(format!("conv{index}"), Op::Conv2d(conv), &[x]).unwrap();
            x = builder
                .add(format!("bn{index}"), Op::BatchNorm(BatchNorm::default()), &[x])
                .unwrap();
            let activation = Op::Activation(Activation::ALL[index]);
            x = builder.add(format!("act{index}"), activation, &[x]).unwrap();
        }
        x = builder.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
        x = builder
            .add("linear", Op::Linear(Linear { out: 7, bias: true }), &[x])
            .unwrap();
        let network = builder.finish(x).unwrap();
        let mut rng = stream(1, "levels", 0);
        let mut store = Store::covering([&network]).unwrap();
        store.initialise(&mut rng);
        let views = Views::resolve(&network, &store).unwrap();
        let mut noise = |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let (input, slope) = (noise(5 * 3 * 9 * 11), noise(5 * 7));
        let run = |level| {
            let workspace = Workspace::default();
            let mut executor = Executor::with_level(&network, 5, workspace, level).unwrap();
            let mut all = executor.evaluate(&store, &views, None, &input).unwrap().to_vec();
            all.extend(executor.train(&store, &views, &input).unwrap());
            let mut gradients = Gradients::zeros(&store);
            let mut input_gradient = vec![0.0; input.len()];
            let into = Some(&mut input_gradient[..]);
            executor.backward(&store, &views, &slope, &mut gradients, into).unwrap();
            all.extend(gradients.iter().flatten());
            all.extend(input_gradient);
            all
        };
        let expected = run(Level::Portable);
        for level in Level::available() {
            for (found, expected) in run(level).iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-3 * expected.abs().max(0.1),
                    "{level:?}: {found} {expected}"
                );
            }
        }
    }
}
