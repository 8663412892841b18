use std::sync::Arc;

use panarch_graph::{Network, ParameterSpec};

use crate::{Binding, Layout, NnError, Views, kernel_matrices};

/// A network together with the places of its parameters among an engine's tensors. No values; cheap to clone.
#[derive(Debug, Clone)]
pub struct Member(Arc<(Network, Views)>);

impl Member {
    /// Finds the parameters of a network by name; smaller kernels where matrices have made them.
    ///
    /// # Errors
    /// When a parameter is not there, of another kind, or too small.
    pub fn new(network: Network, layout: &Layout) -> Result<Self, NnError> {
        let views = Views::resolve_in(&network, layout, &|spec| {
            kernel_matrices::binding(&network, layout, spec)
        })?;
        Ok(Self(Arc::new((network, views))))
    }

    /// As [`Member::new`], where `bind` says which tensor a parameter is.
    ///
    /// # Errors
    /// As [`Member::new`].
    pub fn with_bindings(
        network: Network,
        layout: &Layout,
        bind: &dyn Fn(&ParameterSpec) -> Option<Binding>,
    ) -> Result<Self, NnError> {
        let views = Views::resolve_in(&network, layout, bind)?;
        Ok(Self(Arc::new((network, views))))
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.0.0
    }

    /// Where its parameters lie.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.0.1
    }

    /// Whether both are the same value, not only equal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
