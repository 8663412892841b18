use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ContentHash, GraphError, Macs, NetworkBuilder, Op, Output, ParameterSpec, Shape, builder, hash, output, parameter,
};

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

/// A validated network: nodes in topological order, one input, one or several named outputs.
///
/// Shapes are inferred once, when the network is built, and hold for one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    name: String,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    consumers: Vec<Vec<NodeId>>,
    outputs: Vec<Output>,
    /// For each node: its value is an output.
    leaves: Vec<bool>,
}

impl Network {
    pub(crate) fn from_parts(name: String, nodes: Vec<Node>, shapes: Vec<Shape>, outputs: Vec<Output>) -> Self {
        let mut leaves = vec![false; nodes.len()];
        for output in &outputs {
            leaves[output.node.index()] = true;
        }
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
            outputs,
            leaves,
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
        builder.finish_with(self.outputs.clone())
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

    /// What the network hands out, in order; never empty.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The node of the first output: the network's result where it has one. What serves one output only asks for
    /// [`Network::sole_output`].
    #[must_use]
    pub fn output(&self) -> NodeId {
        self.outputs[0].node
    }

    /// The node of the only output.
    ///
    /// # Errors
    /// When there are several.
    pub fn sole_output(&self) -> Result<NodeId, GraphError> {
        match &self.outputs[..] {
            [output] => Ok(output.node),
            several => Err(GraphError::SeveralOutputs {
                network: self.name.clone(),
                names: several.iter().map(|output| output.name.clone()).collect(),
            }),
        }
    }

    /// Whether a node's value is an output: it lives to the end, and nothing may be made of it in its place.
    #[must_use]
    pub fn is_output(&self, id: NodeId) -> bool {
        self.leaves[id.index()]
    }

    /// The node that alone reads a value which nobody else gets to see: what it can be fused with.
    #[must_use]
    pub fn sole_reader(&self, id: NodeId) -> Option<NodeId> {
        match self.consumers(id) {
            [reader] if !self.is_output(id) => Some(*reader),
            _ => None,
        }
    }

    /// Values of all outputs, for one image.
    #[must_use]
    pub fn output_elements(&self) -> u64 {
        self.outputs
            .iter()
            .map(|output| self.shape(output.node).elements())
            .sum()
    }

    /// The part of the network that makes these values, which become its outputs.
    ///
    /// # Errors
    /// When there is no output, when names or nodes occur twice, when a name is empty, longer than 256 bytes or has
    /// control characters, and for the image itself beside other outputs.
    pub fn with_outputs(&self, outputs: &[Output]) -> Result<Self, GraphError> {
        output::check(outputs, &self.nodes)?;
        let needed = output::needed(self, outputs);
        let mut builder = NetworkBuilder::new(self.name.clone(), self.input_shape());
        let mut renamed = vec![NodeId::default(); self.nodes.len()];
        for id in self.ids().filter(|id| needed[id.index()]) {
            let mut node = self.node(id).clone();
            for input in &mut node.inputs {
                *input = renamed[input.index()];
            }
            renamed[id.index()] = builder.push(node)?;
        }
        let moved = |output: &Output| Output::new(output.name.clone(), renamed[output.node.index()]);
        builder.finish_with(outputs.iter().map(moved).collect())
    }

    /// The same network with further outputs after its own: taps, for whoever wants to see values in the middle. Nodes
    /// keep their identifiers. What is tapped lives to the end and is fused with nothing, so that the network may cost
    /// more, and its content hash is another.
    ///
    /// # Errors
    /// As [`Network::with_outputs`].
    pub fn tapped(&self, taps: &[Output]) -> Result<Self, GraphError> {
        self.with_outputs(&[self.outputs.as_slice(), taps].concat())
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
    /// A value lives from the node that makes it to the last node that reads it, an output to the end.
    /// Batch normalisation, activations, flattening and a gated product work in place when nothing else reads their
    /// (first) input. Workspaces such as im2col buffers are not counted.
    #[must_use]
    pub fn peak_activation_elements(&self) -> u64 {
        let mut live = 0_u64;
        let mut peak = 0_u64;
        for id in self.ids() {
            let node = self.node(id);
            let last_reader = |input: &NodeId| self.consumers(*input).last() == Some(&id) && !self.is_output(*input);
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

    /// Identifies the network: operators, attributes, edges, input shape and outputs; not weights, and no names but those
    /// of outputs, where there are several or the only one is not called [`Output::DEFAULT`].
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        hash::content_hash(self)
    }
}
