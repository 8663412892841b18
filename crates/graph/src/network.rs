use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ContentHash, GraphError, Macs, NetworkBuilder, Op, ParameterSpec, Shape, builder, hash, parameter};

/// The number of a node in its network; the default is the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The position of the node in [`Network::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One operator of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique in the network; parameters are named after it.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// What it reads, in order.
    pub inputs: Vec<NodeId>,
    /// The block it belongs to, such as `stem`, `stage2.block1` or `head`; survives every rewriting.
    pub block: String,
}

impl Node {
    /// The output shape for inputs of these shapes, without building a network.
    ///
    /// # Errors
    /// When shapes and attributes do not fit, or the output would be too large. The input node has no inputs to infer
    /// anything from.
    pub fn infer_shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        builder::infer_checked(self, inputs)
    }
}

/// A validated network: nodes in topological order, one input, one output.
///
/// Shapes are inferred once, when the network is built, and hold for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: String,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    consumers: Vec<Vec<NodeId>>,
    output: NodeId,
}

impl Network {
    pub(crate) fn from_parts(name: String, nodes: Vec<Node>, shapes: Vec<Shape>, output: NodeId) -> Self {
        let mut consumers = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            for input in &node.inputs {
                let readers: &mut Vec<NodeId> = &mut consumers[input.index()];
                let id = NodeId(index as u32);
                if readers.last() != Some(&id) {
                    readers.push(id);
                }
            }
        }
        Self {
            name,
            nodes,
            shapes,
            consumers,
            output,
        }
    }

    /// A name for people; not part of the content hash.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same network under another name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The shape of one image.
    #[must_use]
    pub fn input_shape(&self) -> Shape {
        self.shapes[0]
    }

    /// The same network for images of another shape.
    ///
    /// # Errors
    /// When the shapes no longer fit, for instance a different number of channels under a grouped convolution.
    pub fn with_input_shape(&self, input: Shape) -> Result<Self, GraphError> {
        let mut builder = NetworkBuilder::new(self.name.clone(), input);
        for node in &self.nodes {
            builder.push(node.clone())?;
        }
        builder.finish(self.output)
    }

    /// All nodes in topological order; the first is the input.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The identifiers of all nodes, in topological order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node with this identifier, which must be of this network.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The node with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes
            .iter()
            .position(|node| node.name == name)
            .map(|index| NodeId(index as u32))
    }

    /// The output shape of a node, for one image.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> Shape {
        self.shapes[id.index()]
    }

    /// The node whose value is the network's result.
    #[must_use]
    pub const fn output(&self) -> NodeId {
        self.output
    }

    /// The nodes that read a node, each once, in topological order.
    #[must_use]
    pub fn consumers(&self, id: NodeId) -> &[NodeId] {
        &self.consumers[id.index()]
    }

    /// Multiply-accumulates of one node for one image, as [`Op::macs`] counts them.
    #[must_use]
    pub fn node_macs(&self, id: NodeId) -> Macs {
        self.node(id).op.macs(self.first_shape(id), self.shape(id))
    }

    /// The shape of a node's first input; of the image for the input itself.
    pub(crate) fn first_shape(&self, id: NodeId) -> Shape {
        let input = self.node(id).inputs.first();
        input.map_or(self.input_shape(), |input| self.shape(*input))
    }

    /// Multiply-accumulates of the whole network for one image.
    #[must_use]
    pub fn macs(&self) -> Macs {
        Macs(self.ids().map(|id| self.node_macs(id).0).sum())
    }

    /// Every parameter and buffer, in topological order of their nodes.
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        self.ids().flat_map(|id| self.node_parameters(id)).collect()
    }

    /// The parameters and buffers of one node.
    #[must_use]
    pub fn node_parameters(&self, id: NodeId) -> Vec<ParameterSpec> {
        parameter::of_node(self, id)
    }

    /// Number of trainable values (running statistics are not).
    #[must_use]
    pub fn parameter_count(&self) -> u64 {
        self.parameters()
            .iter()
            .filter(|spec| spec.role.is_trainable())
            .map(ParameterSpec::elements)
            .sum()
    }

    /// The largest number of activation values alive at once, for one image, in this topological order.
    ///
    /// A value lives from the node that makes it to the last node that reads it.
    /// Batch normalisation, activations, flattening and a gated product work in place when nothing else reads their
    /// (first) input. Workspaces such as im2col buffers are not counted.
    #[must_use]
    pub fn peak_activation_elements(&self) -> u64 {
        let mut live = 0_u64;
        let mut peak = 0_u64;
        for id in self.ids() {
            let node = self.node(id);
            let last_reader = |input: &NodeId| self.consumers(*input).last() == Some(&id) && *input != self.output;
            let in_place = node.op.works_in_place()
                && node.inputs.first().is_some_and(|first| {
                    last_reader(first) && self.shape(*first).elements() == self.shape(id).elements()
                });
            if !in_place {
                live += self.shape(id).elements();
                peak = peak.max(live);
            }
            for (position, input) in node.inputs.iter().enumerate() {
                let repeated = node.inputs[..position].contains(input);
                if last_reader(input) && !repeated && !(in_place && position == 0) {
                    live -= self.shape(*input).elements();
                }
            }
        }
        peak
    }

    /// Identifies the network: operators, attributes, edges and input shape; not names, not weights.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        hash::content_hash(self)
    }
}
