/// What a training pass does with one group of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Gathering the parameters out of the store and packing them for the kernels.
    Prepare,
    /// The forward pass over all images, with the batch statistics.
    Forward,
    /// The backward pass over all images: the inputs' gradients and the sums of the parameters' gradients.
    Backward,
    /// Joining the sums and adding them to the store-wide gradients.
    Collect,
}

/// Told when a training pass begins and ends each of its parts; the engine itself reads no clock.
///
/// A part is a phase of one group: a node together with the batch normalisation and the activation that alone read it,
/// under the name of that node. Parts follow each other on the calling thread and never overlap, while the work inside
/// of each is spread over all threads. See [`Executor::train_observed`](crate::Executor::train_observed) and
/// [`Executor::backward_observed`](crate::Executor::backward_observed).
pub trait Observer: Send {
    /// A part begins.
    fn begin(&mut self, phase: Phase, node: &str);
    /// The part that began last is done.
    fn end(&mut self, phase: Phase, node: &str);
}

/// Runs `work` between the two calls of an observer, if there is one.
pub(crate) fn observed(observer: &mut Option<&mut dyn Observer>, phase: Phase, node: &str, work: impl FnOnce()) {
    if let Some(observer) = observer {
        observer.begin(phase, node);
    }
    work();
    if let Some(observer) = observer {
        observer.end(phase, node);
    }
}
