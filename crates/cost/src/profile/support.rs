use panarch_graph::{Layer, Network, Op};

use super::Support;
use crate::refusals::Refusals;
use crate::{CostError, Operator};

/// Where in a layer a device gives up, and why.
pub(crate) struct Refused {
    /// Position among the layer's nodes; those before it can run.
    pub position: usize,
    pub operator: Operator,
    pub reason: String,
}

impl Support {
    /// Checks whether all layers can run; `device` is named in the refusal.
    ///
    /// # Errors
    /// Every layer that cannot.
    pub(crate) fn check<'a>(
        &self,
        device: &str,
        network: &Network,
        layers: impl IntoIterator<Item = &'a Layer>,
    ) -> Result<(), CostError> {
        let refused = layers.into_iter().map(|layer| {
            let refused = self.refused(network, layer);
            (layer, refused.map(|it| (it.operator.name(), it.reason)))
        });
        match Refusals::among(refused) {
            None => Ok(()),
            Some(refused) => Err(CostError::Unsupported {
                device: device.to_owned(),
                refused,
            }),
        }
    }

    /// Whether an operator can run: the profile lists it, or the one that stands for it.
    fn lists(&self, operator: Operator) -> bool {
        let listed = |operator| self.operators.value.contains(&operator);
        listed(operator) || operator.stands_in().is_some_and(listed)
    }

    /// The first operator of a layer that cannot run.
    pub(crate) fn refused(&self, network: &Network, layer: &Layer) -> Option<Refused> {
        for (position, id) in layer.nodes.iter().enumerate() {
            let Some(operator) = Operator::of(network, *id) else {
                continue;
            };
            let refused = |reason: String| Refused {
                position,
                operator,
                reason,
            };
            let node = network.node(*id);
            // A batch normalisation right behind a convolution or linear layer is folded into its weights.
            let folded = operator == Operator::BatchNorm && position == 1 && network.node(layer.anchor).op.has_kernel();
            if !folded && !self.lists(operator) {
                return Some(refused("the profile does not list the operator".to_owned()));
            }
            if let Some([high, wide]) = kernel(&node.op) {
                let largest = self.largest_kernel.value;
                if high.max(wide) > largest {
                    let reason = format!("a {high}×{wide} kernel is larger than {largest}×{largest}");
                    return Some(refused(reason));
                }
            }
        }
        None
    }
}

/// The window that a device's largest kernel bounds.
const fn kernel(op: &Op) -> Option<[u32; 2]> {
    match op {
        Op::Conv2d(conv) => Some(conv.kernel),
        Op::Input
        | Op::Slice(_)
        | Op::Shuffle { .. }
        | Op::Resize(_)
        | Op::Pad(_)
        | Op::LayerNorm(_)
        | Op::Affine(_)
        | Op::BatchNorm(_)
        | Op::Activation(_)
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Flatten
        | Op::Linear(_) => None,
    }
}
