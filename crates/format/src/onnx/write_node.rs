use std::collections::HashMap;

use panarch_graph::{Activation, Network, NodeId, Op, Output, Padding, Pool, PoolKind};

use super::messages::{AttributeProto, NodeProto, attribute_type};
use super::note::Note;
use super::pieces::Pieces;
use super::pooling::{WrittenPool, pads};
use super::write::Constants;
use super::{ONNX_INPUT, constant, tensor};

/// Number of axes of an image in ONNX: batch, channels, height, width.
const IMAGE: u8 = 4;
/// Number of axes of a vector in ONNX: batch, channels.
const VECTOR: u8 = 2;

/// Writes the nodes of a network one after the other.
///
/// In a network every value is an image; in ONNX the results of Flatten and Gemm have two axes. Where an operator
/// needs the other form, a Flatten or Unsqueeze marked as a part is put in between.
pub struct NodeWriter<'a> {
    network: &'a Network,
    written: Vec<NodeProto>,
    constants: Constants,
    /// The number of axes of each value so far.
    ranks: Vec<u8>,
    /// Values that were brought to the other rank, by node.
    converted: HashMap<NodeId, String>,
}

impl<'a> NodeWriter<'a> {
    pub fn new(network: &'a Network) -> Self {
        Self {
            network,
            written: Vec::with_capacity(network.nodes().len()),
            constants: Constants::new(),
            ranks: Vec::with_capacity(network.nodes().len()),
            converted: HashMap::new(),
        }
    }

    /// Writes the next node; nodes come in their order.
    pub fn node(&mut self, id: NodeId) {
        let network = self.network;
        let node = network.node(id);
        let rank = self.output_rank(id);
        if self.spelled(id, rank) {
            return;
        }
        let (input_rank, operator) = match &node.op {
            Op::Input => {
                self.ranks.push(rank);
                return;
            }
            Op::Linear(_) => (VECTOR, "Gemm"),
            Op::Flatten => (self.rank_of_first(id), "Flatten"),
            Op::Conv2d(_) => (IMAGE, "Conv"),
            Op::BatchNorm(_) => (IMAGE, "BatchNormalization"),
            Op::Pool(Pool {
                kind: PoolKind::Max, ..
            }) => (IMAGE, "MaxPool"),
            Op::Pool(Pool {
                kind: PoolKind::Average,
                ..
            }) => (IMAGE, "AveragePool"),
            Op::GlobalAvgPool => (IMAGE, "GlobalAveragePool"),
            Op::Activation(activation) => (rank, activation_operator(*activation)),
            Op::Add => (rank, "Add"),
            Op::Mul => (rank, "Mul"),
            Op::Concat => (rank, "Concat"),
            // Spelled out already.
            Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) | Op::LayerNorm(_) | Op::Affine(_) => return,
        };
        let mut inputs: Vec<String> = node.inputs.iter().map(|input| self.value(*input, input_rank)).collect();
        let (mut momentum, mut swish, mut ceil) = (None, false, None);
        match &node.op {
            Op::Activation(Activation::Relu6) => {
                for (bound, value) in [(constant::ZERO, 0.0), (constant::SIX, 6.0)] {
                    self.constants
                        .insert(bound.to_owned(), tensor::from_f32(bound, &[], &[value]));
                    inputs.push(bound.to_owned());
                }
            }
            Op::Activation(Activation::Swish) => {
                let gate = format!("{}:sigmoid", node.name);
                self.part("Sigmoid", inputs.clone(), gate.clone(), Vec::new());
                inputs.push(gate);
                swish = true;
            }
            Op::BatchNorm(bn) => momentum = Some(bn.momentum),
            Op::Pool(pool) => {
                if pool.ceil {
                    ceil = Some((pool.padding, pool.count_padding));
                    let zeros = self.written_pool(id, pool).zeros;
                    if zeros != Padding::NONE {
                        inputs = vec![self.pad(id, inputs, zeros)];
                    }
                }
            }
            Op::Activation(
                Activation::Relu
                | Activation::HardSwish
                | Activation::HardSigmoid
                | Activation::Sigmoid
                | Activation::LeakyRelu(_)
                | Activation::Gelu
                | Activation::GeluTanh,
            )
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_)
            | Op::Input
            | Op::Conv2d(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Linear(_) => {}
        }
        let note = Note::Node {
            block: Some(node.block.clone()),
            momentum,
            swish,
            ceil,
        };
        // Convolution, Gemm and BatchNormalization take them in this order.
        inputs.extend(network.node_parameters(id).into_iter().map(|spec| spec.name));
        self.ranks.push(rank);
        let output = self.own_name(id);
        self.written.push(NodeProto {
            input: inputs,
            output: vec![output],
            name: Some(node.name.clone()),
            op_type: Some(operator.to_owned()),
            attribute: self.attributes(id),
            doc_string: Some(note.text()),
            domain: None,
        });
    }

    /// Writes an operator that takes several nodes; false where it is one.
    fn spelled(&mut self, id: NodeId, rank: u8) -> bool {
        let network = self.network;
        let node = network.node(id);
        let Some(source) = node.inputs.first() else {
            return false;
        };
        let shapes = [network.shape(*source), network.shape(id)];
        if Pieces::new(&node.op, &node.name, ["", ""], shapes).is_none() {
            return false;
        }
        let input = self.value(*source, rank);
        self.ranks.push(rank);
        let output = self.own_name(id);
        if let Some(Pieces { nodes, constants }) = Pieces::new(&node.op, &node.name, [&input, &output], shapes) {
            let last = nodes.len();
            for (position, mut piece) in nodes.into_iter().enumerate() {
                let note = if position + 1 == last {
                    Note::Spelled {
                        op: Box::new(node.op.clone()),
                        block: Some(node.block.clone()),
                    }
                } else {
                    Note::Piece
                };
                piece.doc_string = Some(note.text());
                self.written.push(piece);
            }
            for constant in constants {
                self.constants
                    .insert(constant.name.clone().unwrap_or_default(), constant);
            }
        }
        true
    }

    /// Makes sure that an output is called what it must be, and returns its number of axes.
    pub fn result(&mut self, output: &Output) -> u8 {
        let rank = self.ranks[output.node.index()];
        if self.needs_flattening(output.node) {
            let inputs = vec![self.own_name(output.node)];
            self.part("Flatten", inputs, output.name.clone(), vec![int("axis", 1)]);
            return VECTOR;
        }
        rank
    }

    pub fn finish(self) -> (Vec<NodeProto>, Constants) {
        (self.written, self.constants)
    }

    /// Whether a node that is an output makes an image of one position, which the file hands out as a vector.
    fn needs_flattening(&self, output: NodeId) -> bool {
        self.network.shape(output).is_vector() && self.ranks[output.index()] == IMAGE
    }

    fn rank_of_first(&self, id: NodeId) -> u8 {
        self.network
            .node(id)
            .inputs
            .first()
            .map_or(IMAGE, |input| self.ranks[input.index()])
    }

    fn output_rank(&self, id: NodeId) -> u8 {
        let node = self.network.node(id);
        match node.op {
            Op::Linear(_) | Op::Flatten => VECTOR,
            Op::Activation(_) | Op::Add | Op::Mul | Op::Concat => node
                .inputs
                .iter()
                .map(|input| self.ranks[input.index()])
                .max()
                .unwrap_or(IMAGE),
            Op::Input
            | Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_) => IMAGE,
        }
    }

    /// The name of a node's value as the node itself makes it. The colon keeps it apart from parameters' names.
    fn own_name(&self, id: NodeId) -> String {
        let node = self.network.node(id);
        let output = self.network.outputs().iter().find(|output| output.node == id);
        match output {
            _ if matches!(node.op, Op::Input) => ONNX_INPUT.to_owned(),
            Some(output) if !self.needs_flattening(id) => output.name.clone(),
            _ => format!("{}:0", node.name),
        }
    }

    /// The name of a node's value with this number of axes, converted if need be.
    fn value(&mut self, id: NodeId, rank: u8) -> String {
        if self.ranks[id.index()] == rank {
            return self.own_name(id);
        }
        if let Some(name) = self.converted.get(&id) {
            return name.clone();
        }
        let own = self.own_name(id);
        let name = &self.network.node(id).name;
        let converted = if rank == VECTOR {
            let converted = format!("{name}:flat");
            self.part("Flatten", vec![own], converted.clone(), vec![int("axis", 1)]);
            converted
        } else {
            let converted = format!("{name}:image");
            self.constants
                .insert(constant::AXES.to_owned(), tensor::from_i64(constant::AXES, &[2, 3]));
            self.part(
                "Unsqueeze",
                vec![own, constant::AXES.to_owned()],
                converted.clone(),
                Vec::new(),
            );
            converted
        };
        self.converted.insert(id, converted.clone());
        converted
    }

    fn written_pool(&self, id: NodeId, pool: &Pool) -> WrittenPool {
        let to = self.network.shape(id);
        let input = self.network.node(id).inputs.first();
        let from = input.map_or(to, |input| self.network.shape(*input));
        WrittenPool::new(pool, from, to)
    }

    /// Puts zeros around a node's input, and returns the name of the result.
    fn pad(&mut self, id: NodeId, mut inputs: Vec<String>, zeros: Padding) -> String {
        let name = &self.network.node(id).name;
        let (padded, widths) = (format!("{name}:padded"), format!("{name}:pads"));
        let [top, left, bottom, right] = pads(zeros).map(i64::from);
        let values = [0, 0, top, left, 0, 0, bottom, right];
        self.constants
            .insert(widths.clone(), tensor::from_i64(&widths, &values));
        inputs.push(widths);
        self.part("Pad", inputs, padded.clone(), Vec::new());
        padded
    }

    fn attributes(&self, id: NodeId) -> Vec<AttributeProto> {
        match &self.network.node(id).op {
            Op::Conv2d(conv) => vec![
                ints("dilations", &conv.dilation),
                int("group", i64::from(conv.groups)),
                ints("kernel_shape", &conv.kernel),
                ints("pads", &pads(conv.padding)),
                ints("strides", &conv.stride),
            ],
            // ONNX weighs the old statistics where PyTorch weighs the new.
            Op::BatchNorm(bn) => vec![float("epsilon", bn.eps), float("momentum", 1.0 - bn.momentum)],
            Op::Activation(activation) => activation_attributes(*activation),
            Op::Concat | Op::Flatten => vec![int("axis", 1)],
            Op::Linear(_) => vec![
                float("alpha", 1.0),
                float("beta", 1.0),
                int("transA", 0),
                int("transB", 1),
            ],
            Op::Pool(pool) => pool_attributes(pool, &self.written_pool(id, pool)),
            Op::Input
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_)
            | Op::Add
            | Op::Mul
            | Op::GlobalAvgPool => Vec::new(),
        }
    }

    fn part(&mut self, operator: &str, input: Vec<String>, output: String, attribute: Vec<AttributeProto>) {
        self.written.push(NodeProto {
            input,
            name: Some(output.clone()),
            output: vec![output],
            op_type: Some(operator.to_owned()),
            attribute,
            doc_string: Some(Note::Part.text()),
            domain: None,
        });
    }
}

const fn activation_operator(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "Relu",
        Activation::Relu6 => "Clip",
        Activation::HardSwish => "HardSwish",
        Activation::HardSigmoid => "HardSigmoid",
        Activation::Sigmoid => "Sigmoid",
        Activation::Swish => "Mul",
        Activation::LeakyRelu(_) => "LeakyRelu",
        Activation::Gelu | Activation::GeluTanh => "Gelu",
    }
}

fn activation_attributes(activation: Activation) -> Vec<AttributeProto> {
    match activation {
        Activation::HardSigmoid => vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)],
        Activation::LeakyRelu(slope) => vec![float("alpha", slope.get())],
        Activation::Relu
        | Activation::Relu6
        | Activation::HardSwish
        | Activation::Sigmoid
        | Activation::Swish
        | Activation::Gelu
        | Activation::GeluTanh => Vec::new(),
    }
}

fn pool_attributes(pool: &Pool, form: &WrittenPool) -> Vec<AttributeProto> {
    let mut written = vec![
        int("ceil_mode", 0),
        ints("kernel_shape", &pool.kernel),
        ints("pads", &pads(form.padding)),
        ints("strides", &pool.stride),
    ];
    if pool.kind == PoolKind::Average {
        written.push(int("count_include_pad", i64::from(form.count_padding)));
    }
    written
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        i: Some(value),
        r#type: Some(attribute_type::INT),
        ..AttributeProto::default()
    }
}

pub(super) fn ints(name: &str, values: &[u32]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ints: values.iter().map(|value| i64::from(*value)).collect(),
        r#type: Some(attribute_type::INTS),
        ..AttributeProto::default()
    }
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        f: Some(value),
        r#type: Some(attribute_type::FLOAT),
        ..AttributeProto::default()
    }
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.as_bytes().to_vec()),
        r#type: Some(attribute_type::STRING),
        ..AttributeProto::default()
    }
}
