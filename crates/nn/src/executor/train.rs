//! A training step: forward pass with the batch's statistics, backward pass.

use super::Executor;
use super::pass::{Order, Pass};
use super::share::Shared;
use crate::observer::Observer;
use crate::{Gradients, NnError, Store, Views};

impl Executor {
    /// Forward pass in training mode: batch normalisation uses the statistics of this batch.
    ///
    /// Keeps what [`Executor::backward`] needs. The store's running statistics do not change; see
    /// [`Executor::update_running_statistics`].
    ///
    /// # Errors
    /// When the input is not 1 to `batch` images, views, store and network do not belong together, or an operator has no
    /// backward pass.
    pub fn train(&mut self, store: &Store, views: &Views, input: &[f32]) -> Result<&[f32], NnError> {
        self.train_with(store, views, input, None)
    }

    /// Like [`Executor::train`]; tells an observer when each part begins and ends.
    ///
    /// # Errors
    /// As [`Executor::train`].
    pub fn train_observed(
        &mut self,
        store: &Store,
        views: &Views,
        input: &[f32],
        observer: &mut dyn Observer,
    ) -> Result<&[f32], NnError> {
        self.train_with(store, views, input, Some(observer))
    }

    fn train_with(
        &mut self,
        store: &Store,
        views: &Views,
        input: &[f32],
        observer: Option<&mut dyn Observer>,
    ) -> Result<&[f32], NnError> {
        self.check(store, views)?;
        if let Some((node, operator)) = &self.untrainable {
            let node = node.clone();
            return Err(NnError::NotTrained { node, operator });
        }
        self.images = self.count_images(input)?;
        self.trained = false;
        self.prepared = false;
        self.workspace.reserve(self.training.floats, self.training.doubles)?;
        let (pass, results) = self.pass();
        // One entry into the pool for the whole pass.
        rayon::join(|| pass.forward(store, views, input, results, observer), || ());
        self.trained = true;
        Ok(self.results())
    }

    /// Backward pass of the last training forward pass: adds the gradients of all parameters to `gradients` and, when
    /// asked, writes that of the input (NHWC).
    ///
    /// `output_gradient` is the loss's gradient over the results, in the form of [`Executor::results`]: one output's after
    /// the other's.
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
        self.backward_with(store, views, output_gradient, gradients, input_gradient, None)
    }

    /// Like [`Executor::backward`]; tells an observer when each part begins and ends.
    ///
    /// # Errors
    /// As [`Executor::backward`].
    pub fn backward_observed(
        &mut self,
        store: &Store,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<&mut [f32]>,
        observer: &mut dyn Observer,
    ) -> Result<(), NnError> {
        let observer = Some(observer);
        self.backward_with(store, views, output_gradient, gradients, input_gradient, observer)
    }

    fn backward_with(
        &mut self,
        store: &Store,
        views: &Views,
        output_gradient: &[f32],
        gradients: &mut Gradients,
        input_gradient: Option<&mut [f32]>,
        observer: Option<&mut dyn Observer>,
    ) -> Result<(), NnError> {
        self.require_training("the backward pass")?;
        self.check(store, views)?;
        gradients.check(store)?;
        let length = |what, elements: usize, found| {
            let expected = self.images * elements;
            if found == expected {
                Ok(())
            } else {
                Err(NnError::Length { what, expected, found })
            }
        };
        length(
            "the gradient of the results",
            self.result_elements(),
            output_gradient.len(),
        )?;
        if let Some(input_gradient) = &input_gradient {
            length(
                "the gradient of the input",
                self.groups[0].elements(),
                input_gradient.len(),
            )?;
        }
        for (readers, group) in self.readers.iter_mut().zip(&self.groups) {
            *readers = group.readers;
        }
        self.written.fill(false);
        let mut order = Order {
            written: std::mem::take(&mut self.written),
            readers: std::mem::take(&mut self.readers),
            edges: std::mem::take(&mut self.edges),
        };
        let (pass, _) = self.pass();
        let input_gradient = input_gradient.map(|slice| Shared::new(slice.as_mut_ptr()));
        rayon::join(
            || pass.backward(views, output_gradient, gradients, input_gradient, &mut order, observer),
            || (),
        );
        self.written = order.written;
        self.readers = order.readers;
        self.edges = order.edges;
        Ok(())
    }

    fn pass(&mut self) -> (Pass<'_>, &mut [f32]) {
        let pass = Pass {
            level: self.level,
            groups: &self.groups,
            memory: &self.training,
            floats: Shared::new(self.workspace.floats()),
            doubles: Shared::new(self.workspace.doubles()),
            shares: self.workspace.shares(),
            images: self.images,
            outputs: &self.outputs,
        };
        (pass, &mut self.results)
    }

    /// A vector of a normalised group of the last training pass.
    pub(super) fn norm_vector(&self, group: usize, which: usize) -> &[f32] {
        let place = &self.training.groups[group];
        let group = &self.groups[group];
        let start = place.norm + which * crate::plan::lines(group.channels);
        self.workspace.slice(start, group.channels)
    }
}
