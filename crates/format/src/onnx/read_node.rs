use std::collections::{HashMap, HashSet};

use panarch_graph::{Activation, NetworkBuilder, Node, NodeId, Op, Padding, PoolKind, Shape, Slope, Weights};

use super::attributes::Attributes;
use super::messages::{NodeProto, TensorProto};
use super::note::Note;
use super::pieces::Pieces;
use super::{limits, tensor};
use crate::FormatError;

/// Number of axes of an image in ONNX: batch, channels, height, width.
const IMAGE: u8 = 4;
/// Number of axes of a vector in ONNX: batch, channels.
const VECTOR: u8 = 2;

/// A node of the network and the number of axes that its value has at this place of the ONNX graph.
pub(super) type Value = (NodeId, u8);

/// Turns the nodes of a file of Panarch's own into nodes of a network, one after the other.
pub struct NodeReader {
    pub(super) builder: NetworkBuilder,
    pub(super) weights: Weights,
    /// Constants that no node has taken as a parameter yet.
    pub(super) constants: HashMap<String, TensorProto>,
    /// Constants that were read as bounds or axes; several nodes may share one.
    pub(super) shared: HashSet<String>,
    values: HashMap<String, Value>,
    /// Sigmoids that are part of a swish: what they were computed from.
    gates: HashMap<String, Value>,
    /// Zeros that are part of a pool, and what they surround.
    pub(super) padded: HashMap<String, (Value, Padding)>,
    /// The nodes so far of an operator that takes several.
    pieces: Vec<NodeProto>,
}

/// One ONNX node with what every error about it needs.
pub(super) struct Current<'a> {
    proto: &'a NodeProto,
    pub(super) name: String,
    operator: &'a str,
}

impl Current<'_> {
    pub(super) fn error(&self, reason: impl Into<String>) -> FormatError {
        FormatError::Node {
            node: self.name.clone(),
            operator: self.operator.to_owned(),
            reason: reason.into(),
        }
    }

    /// The names of the inputs, of which there must be one of these numbers; absent ones at the end do not count.
    pub(super) fn inputs(&self, numbers: std::ops::RangeInclusive<usize>) -> Result<Vec<&str>, FormatError> {
        let mut inputs: Vec<&str> = self.proto.input.iter().map(String::as_str).collect();
        while inputs.last().is_some_and(|input| input.is_empty()) {
            inputs.pop();
        }
        if numbers.contains(&inputs.len()) {
            return Ok(inputs);
        }
        let (least, most) = (numbers.start(), numbers.end());
        Err(self.error(format!("needs {least} to {most} inputs, found {}", inputs.len())))
    }
}

impl NodeReader {
    /// A reader that has met the input already.
    pub fn new(
        builder: NetworkBuilder,
        initializers: Vec<TensorProto>,
        (input, root): (String, NodeId),
    ) -> Result<Self, FormatError> {
        let mut constants = HashMap::with_capacity(initializers.len());
        for tensor in initializers {
            let name = tensor.name.clone().unwrap_or_default();
            if constants.insert(name.clone(), tensor).is_some() {
                return Err(FormatError::tensor(name, "occurs twice"));
            }
        }
        Ok(Self {
            builder,
            weights: Weights::new(),
            constants,
            shared: HashSet::new(),
            values: HashMap::from([(input, (root, IMAGE))]),
            gates: HashMap::new(),
            padded: HashMap::new(),
            pieces: Vec::new(),
        })
    }

    /// Reads the next node.
    pub fn node(&mut self, index: usize, proto: &NodeProto) -> Result<(), FormatError> {
        let operator = proto.op_type.as_deref().unwrap_or_default();
        let name = match proto.name.as_deref() {
            None | Some("") => format!("node{index}"),
            Some(name) => name.to_owned(),
        };
        if let Some(domain) = proto
            .domain
            .as_deref()
            .filter(|domain| !matches!(*domain, "" | "ai.onnx"))
        {
            let operator = format!("{domain}.{operator}");
            return Err(FormatError::UnsupportedOperator { node: name, operator });
        }
        let current = Current { proto, name, operator };
        let [output] = &proto.output[..] else {
            return Err(current.error(format!("needs 1 output, found {}", proto.output.len())));
        };
        let note = Note::parse(proto.doc_string.as_deref().unwrap_or_default());
        if matches!(note, Note::Piece | Note::Spelled { .. }) {
            self.pieces.push(proto.clone());
            if let Note::Spelled { op, block } = note {
                let value = self.spelled(&current, *op, block)?;
                self.name(&current, output, value)?;
            }
            return Ok(());
        }
        let mut attributes = Attributes::new(&current.name, operator, proto);
        let value = match (operator, &note) {
            ("Sigmoid", Note::Part) => {
                let source = self.value(&current, current.inputs(1..=1)?[0])?;
                attributes.finish()?;
                if self.gates.insert(output.clone(), source).is_some() {
                    return Err(current.error("its output has the name of another"));
                }
                return Ok(());
            }
            ("Pad", Note::Part) => {
                let part = self.pad_part(&current)?;
                attributes.finish()?;
                if self.padded.insert(output.clone(), part).is_some() {
                    return Err(current.error("its output has the name of another"));
                }
                return Ok(());
            }
            ("Flatten", Note::Part) => self.flatten_part(&current, &mut attributes)?,
            ("Unsqueeze", _) => self.unsqueeze(&current)?,
            _ => self.operator(&current, &note, &mut attributes)?,
        };
        attributes.finish()?;
        self.name(&current, output, value)
    }

    fn name(&mut self, current: &Current<'_>, output: &str, value: Value) -> Result<(), FormatError> {
        if output.is_empty() || self.constants.contains_key(output) {
            return Err(current.error("its output has no name of its own"));
        }
        if self.values.insert(output.to_owned(), value).is_some() {
            return Err(current.error("its output has the name of another"));
        }
        Ok(())
    }

    /// An operator of several nodes, which must be those that it is written as.
    fn spelled(&mut self, current: &Current<'_>, op: Op, block: Option<String>) -> Result<Value, FormatError> {
        let mut found = std::mem::take(&mut self.pieces);
        found.iter_mut().for_each(|piece| piece.doc_string = None);
        let (name, operator) = (current.name.clone(), op.name());
        let wrong = || current.error(format!("does not end the nodes that a {operator} is written as"));
        let inputs = found.iter().flat_map(|piece| &piece.input);
        let known = inputs
            .filter_map(|input| Some((input.clone(), *self.values.get(input)?)))
            .next();
        let Some((input, source)) = known else {
            return Err(wrong());
        };
        let parameters: Vec<String> = op
            .parameters(self.builder.shape(source.0).channels)
            .into_iter()
            .map(|(role, _)| role.suffix().to_owned())
            .collect();
        let from = self.builder.shape(source.0);
        let output = current.proto.output.first().cloned().unwrap_or_default();
        let note = Note::Node {
            block,
            momentum: None,
            swish: false,
            ceil: None,
        };
        let value = self.add(current, &note, op.clone(), vec![source])?;
        let shapes = [from, self.builder.shape(value.0)];
        let pieces = Pieces::new(&op, &name, [&input, &output], shapes).ok_or_else(wrong)?;
        let constants = pieces.constants.iter().all(|constant| {
            let stored = self.constants.get(constant.name.as_deref().unwrap_or_default());
            stored == Some(constant)
        });
        if pieces.nodes != found || !constants {
            return Err(wrong());
        }
        let names = pieces.constants.into_iter().filter_map(|constant| constant.name);
        self.shared.extend(names);
        for suffix in parameters {
            let named = format!("{name}.{suffix}");
            let parameter = self.parameter(current, &suffix, &named)?;
            self.weights.insert(named, parameter);
        }
        Ok(value)
    }

    /// The node and the number of axes of the graph's output.
    pub fn result(&self, output: &str) -> Result<Value, FormatError> {
        self.values
            .get(output)
            .copied()
            .ok_or_else(|| FormatError::model(format!("no node computes the output `{output}`")))
    }

    /// What has been read. Everything in the file must have been used.
    pub fn finish(self) -> Result<(NetworkBuilder, Weights), FormatError> {
        if let Some(piece) = self.pieces.first() {
            let name = piece.name.clone().unwrap_or_default();
            return Err(FormatError::model(format!("no operator ends with the piece `{name}`")));
        }
        if let Some(name) = self.padded.keys().min() {
            return Err(FormatError::model(format!("no pool uses the padding `{name}`")));
        }
        if self.gates.is_empty()
            && let Some(name) = self.constants.keys().filter(|name| !self.shared.contains(*name)).min()
        {
            return Err(FormatError::tensor(name, "is never used"));
        }
        match self.gates.keys().min() {
            Some(name) => Err(FormatError::model(format!("no swish uses the sigmoid `{name}`"))),
            None => Ok((self.builder, self.weights)),
        }
    }

    fn operator(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        attributes: &mut Attributes<'_>,
    ) -> Result<Value, FormatError> {
        let activation = |activation| (Op::Activation(activation), 1..=1);
        let (op, inputs) = match current.operator {
            "Conv" => return self.convolution(current, note, attributes),
            "Gemm" => return self.linear(current, note, attributes),
            "BatchNormalization" => return self.batch_norm(current, note, attributes),
            "Mul" if matches!(note, Note::Node { swish: true, .. }) => return self.swish(current, note),
            "MaxPool" => return self.pool(current, note, PoolKind::Max, attributes),
            "AveragePool" => return self.pool(current, note, PoolKind::Average, attributes),
            "GlobalAveragePool" => (Op::GlobalAvgPool, 1..=1),
            "Flatten" => {
                attributes.int_must_be("axis", 1, 1)?;
                (Op::Flatten, 1..=1)
            }
            "Relu" => activation(Activation::Relu),
            "Sigmoid" => activation(Activation::Sigmoid),
            "HardSwish" => activation(Activation::HardSwish),
            "HardSigmoid" => {
                attributes.float_must_be("alpha", 0.2, 1.0 / 6.0)?;
                attributes.float_must_be("beta", 0.5, 0.5)?;
                activation(Activation::HardSigmoid)
            }
            "LeakyRelu" => {
                let slope = attributes.float("alpha", 0.01)?;
                let slope = Slope::new(slope).ok_or_else(|| attributes.error("alpha", "must be finite"))?;
                activation(Activation::LeakyRelu(slope))
            }
            "Clip" => {
                let inputs = current.inputs(3..=3)?;
                let bounds = [self.scalar(inputs[1])?, self.scalar(inputs[2])?];
                if bounds != [0.0, 6.0] {
                    return Err(current.error(format!("only bounds 0 and 6 are supported, found {bounds:?}")));
                }
                let source = self.value(current, inputs[0])?;
                return self.add(current, note, Op::Activation(Activation::Relu6), vec![source]);
            }
            "Add" => (Op::Add, 2..=2),
            "Mul" => (Op::Mul, 2..=2),
            "Concat" => {
                // There is no default; a missing axis is as wrong as another one.
                attributes.int_must_be("axis", 0, 1)?;
                (Op::Concat, 2..=usize::MAX)
            }
            _ => {
                return Err(FormatError::UnsupportedOperator {
                    node: current.name.clone(),
                    operator: current.operator.to_owned(),
                });
            }
        };
        let mut sources = Vec::new();
        for input in current.inputs(inputs)? {
            sources.push(self.value(current, input)?);
        }
        if let (Op::Mul, [first, second]) = (&op, &mut sources[..]) {
            // A product commutes; a network wants the gate second.
            if self.builder.shape(first.0).is_vector() && !self.builder.shape(second.0).is_vector() {
                std::mem::swap(first, second);
            }
        }
        self.add(current, note, op, sources)
    }

    /// Adds a node, checks how many axes its inputs have, and says how many its output has.
    pub(super) fn add(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        op: Op,
        sources: Vec<Value>,
    ) -> Result<Value, FormatError> {
        let rank = match (&op, sources.first()) {
            (Op::Linear(_), _) => VECTOR,
            (
                Op::Conv2d(_)
                | Op::Pool(_)
                | Op::GlobalAvgPool
                | Op::Slice(_)
                | Op::Shuffle { .. }
                | Op::Resize(_)
                | Op::Pad(_)
                | Op::LayerNorm(_)
                | Op::Affine(_),
                _,
            )
            | (_, None) => IMAGE,
            (_, Some(first)) => first.1,
        };
        if let Some(other) = sources.iter().find(|source| source.1 != rank) {
            return Err(current.error(format!("needs inputs of {rank} axes, found {}", other.1)));
        }
        let result_rank = if matches!(op, Op::Flatten) { VECTOR } else { rank };
        let block = match note {
            Note::Node { block: Some(block), .. } => block.clone(),
            _ => block_of(&current.name).to_owned(),
        };
        let inputs = sources.iter().map(|source| source.0).collect();
        let id = self.builder.push(Node {
            name: current.name.clone(),
            op,
            inputs,
            block,
        })?;
        let Shape { height, width, .. } = self.builder.shape(id);
        let largest = i64::from(height.max(width));
        if largest > limits::PIXELS {
            let what = format!("height or width of node `{}`", current.name);
            return Err(FormatError::too_large(what, largest as u64, limits::PIXELS as u64));
        }
        Ok((id, result_rank))
    }

    fn swish(&mut self, current: &Current<'_>, note: &Note) -> Result<Value, FormatError> {
        let inputs = current.inputs(2..=2)?;
        let source = self.value(current, inputs[0])?;
        if self.gates.remove(inputs[1]) != Some(source) {
            return Err(current.error("is marked as a swish and does not multiply by its input's sigmoid"));
        }
        self.add(current, note, Op::Activation(Activation::Swish), vec![source])
    }

    /// A Flatten that the network does not have: it only takes away the two axes of a vector.
    fn flatten_part(&mut self, current: &Current<'_>, attributes: &mut Attributes<'_>) -> Result<Value, FormatError> {
        attributes.int_must_be("axis", 1, 1)?;
        let source = self.value(current, current.inputs(1..=1)?[0])?;
        if !self.builder.shape(source.0).is_vector() {
            return Err(current.error("is marked as a part and does not flatten a vector"));
        }
        Ok((source.0, VECTOR))
    }

    fn unsqueeze(&mut self, current: &Current<'_>) -> Result<Value, FormatError> {
        let inputs = current.inputs(2..=2)?;
        let axes = match self.constants.get(inputs[1]) {
            Some(constant) if constant.dims == [2] => tensor::to_i64(constant)?,
            _ => return Err(current.error("needs two constant axes")),
        };
        self.shared.insert(inputs[1].to_owned());
        let source = self.value(current, inputs[0])?;
        if axes != [2, 3] || source.1 != VECTOR {
            return Err(current.error("only axes 2 and 3 for a vector are supported"));
        }
        Ok((source.0, IMAGE))
    }

    pub(super) fn value(&self, current: &Current<'_>, name: &str) -> Result<Value, FormatError> {
        self.values.get(name).copied().ok_or_else(|| {
            let reason = if self.constants.contains_key(name) {
                format!("reads the constant `{name}` where a computed value is needed")
            } else {
                format!("reads `{name}`, which nothing before it computes")
            };
            current.error(reason)
        })
    }

    fn scalar(&mut self, name: &str) -> Result<f32, FormatError> {
        let constant = self
            .constants
            .get(name)
            .ok_or_else(|| FormatError::tensor(name, "must be a constant"))?;
        self.shared.insert(name.to_owned());
        tensor::to_scalar(constant)
    }
}

/// The block of a node in a file of others: what stands before the last separator of its name.
fn block_of(name: &str) -> &str {
    name.rsplit_once(['.', '/']).map_or("network", |(block, _)| block)
}
