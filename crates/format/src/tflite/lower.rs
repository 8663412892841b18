//! A folded network as operators of TFLite.

mod activation;
mod dense;
mod window;

use std::collections::HashMap;

use panarch_graph::{Activation, Network, Node, NodeId, Op, Output, PoolKind, Shape};

use super::draft::Draft;
use super::quantise::Affine;
use super::source::Source;
use super::structure::{Fused, OperatorKind};
use crate::FormatError;

/// The form of an image: [1, height, width, channels].
const IMAGE: usize = 4;
/// The form of a vector: [1, channels].
const VECTOR: usize = 2;

/// Lowers a network without foldable batch normalisation; one quantisation for each of its nodes.
pub fn lower(network: &Network, source: &Source<'_>, affines: &[Affine]) -> Result<Draft, FormatError> {
    let mut lowering = Lowering {
        network,
        source,
        affines,
        draft: Draft::default(),
        values: vec![Value::default(); network.nodes().len()],
        converted: HashMap::new(),
    };
    for id in network.ids() {
        if lowering.fused_host(id).is_none() {
            lowering.node(id)?;
        } else {
            // The host's operator has made this value already.
            let host = network.node(id).inputs[0];
            lowering.values[id.index()] = lowering.values[host.index()];
        }
    }
    for output in network.outputs() {
        let rank = if network.shape(output.node).is_vector() {
            VECTOR
        } else {
            IMAGE
        };
        let mut result = lowering.value(output.node, rank);
        if lowering.draft.outputs.contains(&result) {
            // A vector is its own flattening; each output is a tensor of its own.
            result = lowering.copied(output.node, result, rank);
        }
        lowering.draft.outputs.push(result);
    }
    if !matches!(network.outputs(), [only] if only.name == Output::DEFAULT) {
        lowering.draft.output_names = network.outputs().iter().map(|output| output.name.clone()).collect();
    }
    let output = network.output();
    if lowering.draft.operators.is_empty() {
        return Err(FormatError::TfliteLayer {
            node: network.node(output).name.clone(),
            operator: network.node(output).op.name(),
            reason: "a network without any operator".to_owned(),
        });
    }
    Ok(lowering.draft)
}

/// The tensor that holds a node's value, and its number of axes.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    tensor: usize,
    rank: usize,
}

struct Lowering<'a> {
    network: &'a Network,
    source: &'a Source<'a>,
    affines: &'a [Affine],
    draft: Draft,
    values: Vec<Value>,
    /// Values that were brought to the other form, by node.
    converted: HashMap<NodeId, usize>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        match &node.op {
            Op::Input => {
                let tensor = self.result(id, IMAGE);
                self.draft.inputs.push(tensor);
            }
            Op::Conv2d(conv) => self.convolution(id, conv)?,
            Op::BatchNorm(bn) => self.normalisation(id, bn)?,
            Op::Linear(linear) => self.linear(id, linear)?,
            Op::Activation(activation) => self.activation(id, *activation)?,
            Op::Pool(pool) => self.pool(id, pool)?,
            Op::Add => {
                let kind = OperatorKind::Add(self.fused(id));
                self.element_wise(id, kind);
            }
            Op::Mul => {
                let kind = OperatorKind::Mul(self.fused(id));
                self.element_wise(id, kind);
            }
            Op::Concat => self.concatenation(id),
            Op::GlobalAvgPool => {
                let input = self.value(node.inputs[0], IMAGE);
                let axes = self.draft.indices(format!("{}:axes", node.name), vec![2], &[1, 2]);
                let output = self.result(id, IMAGE);
                self.draft.operator(OperatorKind::Mean(true), &[input, axes], output);
            }
            Op::Flatten => self.flatten(id),
            Op::Affine(affine) => self.scaling(id, affine)?,
            Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) | Op::LayerNorm(_) => {
                return Err(refused(node, NOT_WRITTEN));
            }
        }
        Ok(())
    }

    fn element_wise(&mut self, id: NodeId, kind: OperatorKind) {
        let rank = self.widest(id);
        let inputs = self.inputs(id, rank);
        let output = self.result(id, rank);
        self.draft.operator(kind, &inputs, output);
    }

    fn concatenation(&mut self, id: NodeId) {
        let network = self.network;
        let node = network.node(id);
        let rank = self.widest(id);
        let own = self.affines[id.index()];
        let mut inputs = self.inputs(id, rank);
        for (position, (tensor, input)) in inputs.iter_mut().zip(&node.inputs).enumerate() {
            if self.affines[input.index()] != own {
                let name = format!("{}:input{position}", node.name);
                let same = self.draft.value(name, axes(network.shape(*input), rank), own);
                self.draft.operator(OperatorKind::Quantize, &[*tensor], same);
                *tensor = same;
            }
        }
        let output = self.result(id, rank);
        self.draft
            .operator(OperatorKind::Concatenation(rank as i32 - 1), &inputs, output);
    }

    /// A vector is already flat. An image whose readers are all linear layers stays in the order height, width,
    /// channels, and they turn their matrices; for any other reader it is turned.
    fn flatten(&mut self, id: NodeId) {
        let network = self.network;
        let node = network.node(id);
        let input = node.inputs[0];
        let shape = network.shape(input);
        if self.values[input.index()].rank == VECTOR {
            self.values[id.index()] = self.values[input.index()];
            return;
        }
        let mut tensor = self.values[input.index()].tensor;
        if !self.is_channels_last(id) && !shape.is_vector() && shape.channels > 1 {
            let order = self
                .draft
                .indices(format!("{}:order", node.name), vec![4], &[0, 3, 1, 2]);
            let turned_shape = vec![1, shape.channels, shape.height, shape.width];
            let turned = self
                .draft
                .value(format!("{}:turned", node.name), turned_shape, self.affines[id.index()]);
            self.draft.operator(OperatorKind::Transpose, &[tensor, order], turned);
            tensor = turned;
        }
        let output = self.result(id, VECTOR);
        self.reshape(&node.name, tensor, output);
    }

    /// Whether the value of a flattening keeps the order height, width, channels.
    fn is_channels_last(&self, id: NodeId) -> bool {
        let readers = self.network.consumers(id);
        !self.network.is_output(id)
            && readers
                .iter()
                .all(|it| matches!(self.network.node(*it).op, Op::Linear(_)))
    }

    fn reshape(&mut self, name: &str, input: usize, output: usize) {
        let shape: Vec<i32> = self.draft.tensors[output]
            .0
            .shape
            .iter()
            .map(|axis| *axis as i32)
            .collect();
        let rank = shape.len() as u32;
        let wanted = self.draft.indices(format!("{name}:shape{rank}"), vec![rank], &shape);
        self.draft.operator(OperatorKind::Reshape, &[input, wanted], output);
    }

    fn fused_host(&self, id: NodeId) -> Option<NodeId> {
        fused_host(self.network, id)
    }

    /// The activation that is fused into a node, if any.
    fn fused_reader(&self, id: NodeId) -> Option<NodeId> {
        let reader = *self.network.consumers(id).first()?;
        (self.fused_host(reader) == Some(id)).then_some(reader)
    }

    fn fused(&self, id: NodeId) -> Fused {
        match self.fused_reader(id).map(|it| &self.network.node(it).op) {
            Some(Op::Activation(Activation::Relu)) => Fused::Relu,
            Some(Op::Activation(Activation::Relu6)) => Fused::Relu6,
            // What [`fused_host`] does not fuse is an operator of its own.
            _ => Fused::None,
        }
    }

    /// Makes the tensor for a node's value, behind what is fused into the node.
    fn result(&mut self, id: NodeId, rank: usize) -> usize {
        let named = self.fused_reader(id).unwrap_or(id);
        let name = self.network.node(named).name.clone();
        let shape = axes(self.network.shape(id), rank);
        let tensor = self.draft.value(name, shape, self.affines[named.index()]);
        self.values[id.index()] = Value { tensor, rank };
        tensor
    }

    /// The tensor of a node's value with this number of axes, reshaped if need be.
    fn value(&mut self, id: NodeId, rank: usize) -> usize {
        let own = self.values[id.index()];
        if own.rank == rank {
            return own.tensor;
        }
        if let Some(tensor) = self.converted.get(&id) {
            return *tensor;
        }
        let name = &self.network.node(id).name;
        let form = if rank == VECTOR { "vector" } else { "image" };
        let shape = axes(self.network.shape(id), rank);
        let tensor = self.draft.value(format!("{name}:{form}"), shape, self.affine(id));
        self.reshape(name, own.tensor, tensor);
        self.converted.insert(id, tensor);
        tensor
    }

    /// The same values in another tensor.
    fn copied(&mut self, id: NodeId, tensor: usize, rank: usize) -> usize {
        let name = &self.network.node(id).name;
        let shape = axes(self.network.shape(id), rank);
        let copy = self.draft.value(format!("{name}:output"), shape, self.affine(id));
        self.reshape(&format!("{name}:output"), tensor, copy);
        copy
    }

    fn inputs(&mut self, id: NodeId, rank: usize) -> Vec<usize> {
        let network = self.network;
        network
            .node(id)
            .inputs
            .iter()
            .map(|input| self.value(*input, rank))
            .collect()
    }

    /// The most axes that an input has.
    fn widest(&self, id: NodeId) -> usize {
        let inputs = self.network.node(id).inputs.iter();
        inputs
            .map(|input| self.values[input.index()].rank)
            .max()
            .unwrap_or(IMAGE)
    }

    /// The quantisation of a node's value as its readers see it.
    fn affine(&self, id: NodeId) -> Affine {
        let named = self.fused_reader(id).unwrap_or(id);
        self.affines[named.index()]
    }
}

/// Of a ReLU or ReLU6 that alone reads a layer which can do it along with its own work: that layer.
pub fn fused_host(network: &Network, id: NodeId) -> Option<NodeId> {
    let node = network.node(id);
    if !matches!(node.op, Op::Activation(Activation::Relu | Activation::Relu6)) {
        return None;
    }
    let host = *node.inputs.first()?;
    let fuses = matches!(
        network.node(host).op,
        Op::Conv2d(_) | Op::BatchNorm(_) | Op::Affine(_) | Op::Linear(_) | Op::Add | Op::Mul
    );
    (fuses && network.sole_reader(host) == Some(id)).then_some(host)
}

fn axes(shape: Shape, rank: usize) -> Vec<u32> {
    if rank == VECTOR {
        // Every vector has height and width 1, and a flattened image all its values as channels.
        vec![1, shape.channels]
    } else {
        vec![1, shape.height, shape.width, shape.channels]
    }
}

fn refused(node: &Node, reason: impl Into<String>) -> FormatError {
    FormatError::TfliteLayer {
        node: node.name.clone(),
        operator: node.op.name(),
        reason: reason.into(),
    }
}

/// Of operators that the int8 writer has no form of.
const NOT_WRITTEN: &str = "is not written in int8; export the network as ONNX";

/// Whether a pool takes the largest value.
fn is_maximum(kind: PoolKind) -> bool {
    kind == PoolKind::Max
}
