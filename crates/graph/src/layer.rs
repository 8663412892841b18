use crate::{Network, NodeId, Op};

/// One operator together with the batch normalisation and activation that directly follow it.
///
/// What a cost model, a compiler and the report call a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The anchor's name.
    pub name: String,
    /// The anchor's block.
    pub block: String,
    /// The operator that does the work.
    pub anchor: NodeId,
    /// The anchor and what is fused behind it, in order.
    pub nodes: Vec<NodeId>,
    /// The last of them, whose value leaves the layer.
    pub output: NodeId,
}

/// Groups a network into layers, in topological order of their anchors; the input node belongs to none.
///
/// A batch normalisation or activation joins the layer before it when nothing else reads that layer's value.
#[must_use]
pub fn fused_layers(network: &Network) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    // The layer that each node belongs to.
    let mut layer_of = vec![None; network.nodes().len()];
    for id in network.ids() {
        let node = network.node(id);
        if matches!(node.op, Op::Input) {
            continue;
        }
        let follows = node.op.joins_layer_before();
        let host = node.inputs.first().and_then(|input| {
            if follows && network.sole_reader(*input) == Some(id) {
                layer_of[input.index()]
            } else {
                None
            }
        });
        let index = host.unwrap_or_else(|| {
            layers.push(Layer {
                name: node.name.clone(),
                block: node.block.clone(),
                anchor: id,
                nodes: Vec::new(),
                output: id,
            });
            layers.len() - 1
        });
        layer_of[id.index()] = Some(index);
        layers[index].nodes.push(id);
        layers[index].output = id;
    }
    layers
}
