use panarch_graph::{Layer, Network, Op};

use super::Support;
use crate::{CostError, Operator};

impl Support {
    /// Checks whether a layer can run; `device` is named in the refusal.
    ///
    /// # Errors
    /// The first operator that cannot.
    pub(crate) fn check(&self, device: &str, network: &Network, layer: &Layer) -> Result<(), CostError> {
        let refuse = |operator: Operator, reason: String| CostError::Unsupported {
            device: device.to_owned(),
            layer: layer.name.clone(),
            operator: operator.name().to_owned(),
            reason,
        };
        for (position, id) in layer.nodes.iter().enumerate() {
            let Some(operator) = Operator::of(network, *id) else {
                continue;
            };
            let node = network.node(*id);
            // A batch normalisation right behind a convolution or linear layer is folded into its weights.
            let folded = operator == Operator::BatchNorm
                && position == 1
                && matches!(network.node(layer.anchor).op, Op::Conv2d(_) | Op::Linear(_));
            if !folded && !self.operators.value.contains(&operator) {
                let reason = "the profile does not list the operator".to_owned();
                return Err(refuse(operator, reason));
            }
            if let Op::Conv2d(conv) = &node.op {
                let [high, wide] = conv.kernel;
                let largest = self.largest_kernel.value;
                if high.max(wide) > largest {
                    let reason = format!("a {high}×{wide} kernel is larger than {largest}×{largest}");
                    return Err(refuse(operator, reason));
                }
            }
        }
        Ok(())
    }
}
