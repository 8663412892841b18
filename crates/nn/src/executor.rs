use panarch_graph::{Network, Tensor, Weights};

use crate::reference::{self, Mode, Pass};
use crate::{BnStatistics, Gradients, NnError, Store, Views};

/// Memory that executors pass on to each other, so that a new sub-network allocates nothing.
#[derive(Debug, Default)]
pub struct Workspace {}

/// Runs one network on batches of up to a planned size.
///
/// Parameters are not owned: every call names the store and the views into it. Inputs are NHWC
/// `[images, height, width, channels]`; results are `[images, outputs]`.
pub struct Executor {
    network: Network,
    batch: usize,
    pass: Option<(Pass, Weights)>,
    logits: Vec<f32>,
}

impl Executor {
    /// Plans a network for batches of up to `batch` images.
    ///
    /// # Errors
    /// When `batch` is 0.
    pub fn new(network: &Network, batch: usize) -> Result<Self, NnError> {
        Self::with_workspace(network, batch, Workspace::default())
    }

    /// Like [`Executor::new`] with the memory of an earlier executor.
    ///
    /// # Errors
    /// When `batch` is 0.
    pub fn with_workspace(network: &Network, batch: usize, _workspace: Workspace) -> Result<Self, NnError> {
        Ok(Self {
            network: network.clone(),
            batch,
            pass: None,
            logits: Vec::new(),
        })
    }

    /// Gives the memory back for the next executor.
    #[must_use]
    pub fn into_workspace(self) -> Workspace {
        Workspace::default()
    }

    fn images(&self, input: &[f32]) -> Result<usize, NnError> {
        let image = self.network.input_shape().elements() as usize;
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

    /// Forward pass in training mode: batch normalisation uses the statistics of this batch.
    ///
    /// Keeps what [`Executor::backward`] needs. The store's running statistics do not change; see
    /// [`Executor::update_running_statistics`].
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, or views, store and network do not belong together.
    pub fn train(&mut self, store: &Store, views: &Views, input: &[f32]) -> Result<&[f32], NnError> {
        self.images(input)?;
        let weights = views.extract(store)?;
        let pass = reference::forward(&self.network, &weights, input, Mode::Train);
        let output = &pass.values[self.network.output().index()];
        self.logits = output.iter().map(|value| *value as f32).collect();
        self.pass = Some((pass, weights));
        Ok(&self.logits)
    }

    /// Result of the last forward pass, `[images, outputs]`.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn moments(&self, what: &'static str) -> Result<Vec<(String, f32, Vec<f32>, Vec<f32>)>, NnError> {
        let (pass, _) = self.pass.as_ref().ok_or(NnError::NoForward { what })?;
        let images = pass.values[0].len() / self.network.input_shape().elements() as usize;
        let mut all = Vec::new();
        for id in self.network.ids() {
            let node = self.network.node(id);
            if let panarch_graph::Op::BatchNorm(bn) = node.op {
                let count = images as f64 * self.network.shape(id).pixels() as f64;
                let (mean, variance) = &pass.moments[&node.name];
                let correction = count / (count - 1.0).max(1.0);
                all.push((
                    node.name.clone(),
                    bn.momentum,
                    mean.iter().map(|value| *value as f32).collect(),
                    variance.iter().map(|value| (*value * correction) as f32).collect(),
                ));
            }
        }
        Ok(all)
    }

    /// Moves the store's running statistics towards those of the last training forward pass:
    /// running ← (1 − momentum)·running + momentum·batch, with the unbiased variance.
    ///
    /// # Errors
    /// When there was no training forward pass or the store is another.
    pub fn update_running_statistics(&self, store: &mut Store, views: &Views) -> Result<(), NnError> {
        let mut weights: Weights = views.extract(store)?;
        for (node, momentum, mean, variance) in self.moments("updating running statistics")? {
            for (suffix, values) in [("running_mean", mean), ("running_var", variance)] {
                let name = format!("{node}.{suffix}");
                let old = weights.require(&name, &[values.len()])?;
                let data = old
                    .data
                    .iter()
                    .zip(&values)
                    .map(|(old, new)| old + momentum * (new - old))
                    .collect();
                weights.insert(
                    name,
                    Tensor {
                        shape: vec![values.len()],
                        data,
                    },
                );
            }
        }
        views.write(&weights, store)
    }

    /// Takes the batch statistics of the last training forward pass into an average over batches.
    ///
    /// # Errors
    /// When there was no training forward pass.
    pub fn accumulate_statistics(&self, statistics: &mut BnStatistics) -> Result<(), NnError> {
        let all = self.moments("accumulating statistics")?;
        let images = self.logits.len() / self.network.shape(self.network.output()).elements() as usize;
        statistics.images += images as u64;
        let weight = images as f64 / statistics.images as f64;
        for (node, _, mean, variance) in all {
            statistics.add(&node, weight, &mean, &variance);
        }
        Ok(())
    }

    /// Backward pass of the last training forward pass: adds the gradients of all parameters to `gradients` and, when
    /// asked, writes that of the input (NHWC).
    ///
    /// `output_gradient` is the loss's gradient over the result, `[images, outputs]`.
    ///
    /// # Errors
    /// When there was no training forward pass, or slices and buffers do not fit.
    pub fn backward(
        &mut self,
        store: &Store,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<&mut [f32]>,
    ) -> Result<(), NnError> {
        views.check(store)?;
        gradients.check(store)?;
        let what = "the backward pass";
        let (pass, weights) = self.pass.as_ref().ok_or(NnError::NoForward { what })?;
        let dy: Vec<f64> = output_gradient.iter().map(|value| f64::from(*value)).collect();
        let (parameters, dx) = reference::backward(&self.network, weights, pass, &dy);
        for view in views.as_slice() {
            if let Some(values) = parameters.get(view.name()) {
                let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                view.scatter_add(&values, gradients.get_mut(view.tensor()));
            }
        }
        if let Some(input_gradient) = input_gradient {
            for (to, from) in input_gradient.iter_mut().zip(&dx) {
                *to = *from as f32;
            }
        }
        Ok(())
    }

    /// Forward pass in evaluation mode, with the store's running statistics or, when given, a network's own.
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, views, store and network do not belong together, or a batch
    /// normalisation is absent from the statistics.
    pub fn evaluate(
        &mut self,
        store: &Store,
        views: &Views,
        statistics: Option<&BnStatistics>,
        input: &[f32],
    ) -> Result<&[f32], NnError> {
        self.images(input)?;
        let mut weights = views.extract(store)?;
        for id in self.network.ids() {
            let node = self.network.node(id);
            if let (panarch_graph::Op::BatchNorm(_), Some(statistics)) = (&node.op, statistics) {
                let (mean, variance) = statistics.get(&node.name).ok_or(NnError::Mismatch {
                    what: "a set of statistics",
                })?;
                for (suffix, data) in [("running_mean", mean), ("running_var", variance)] {
                    weights.insert(
                        format!("{}.{suffix}", node.name),
                        Tensor {
                            shape: vec![data.len()],
                            data,
                        },
                    );
                }
            }
        }
        let pass = reference::forward(&self.network, &weights, input, Mode::Eval);
        let output = &pass.values[self.network.output().index()];
        self.logits = output.iter().map(|value| *value as f32).collect();
        self.pass = None;
        Ok(&self.logits)
    }
}
