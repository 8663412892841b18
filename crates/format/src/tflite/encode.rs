//! A drafted graph as the bytes of a file.

use std::collections::BTreeMap;

use flatbuffers::{FlatBufferBuilder, Push, TableFinishedWIPOffset, WIPOffset};

use super::draft::Draft;
use super::schema::{self, WindowSlots};
use super::structure::{Fused, Operator, OperatorKind, Quantisation, Tensor, Window};

/// Runtimes map a file into memory and want the values of constants at multiples of this.
const ALIGNMENT: usize = 16;

type Builder = FlatBufferBuilder<'static>;
type Table = WIPOffset<TableFinishedWIPOffset>;

/// The offset of a slot within a table's list of fields, behind two lengths of two bytes each.
const fn field(slot: u16) -> u16 {
    4 + 2 * slot
}

/// The bytes of a file with one graph. Buffer 0 is empty, as the schema asks; then come the constants in the order of
/// their tensors, then the metadata.
pub fn encode(draft: &Draft, name: &str, description: &str, metadata: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut builder = Builder::with_capacity(draft.estimated_bytes() as usize);
    let b = &mut builder;
    let mut buffers = vec![table(b, |_| {})];
    let tensors = draft.tensors.iter().map(|(tensor, data)| {
        let number = data.as_ref().map_or(0, |data| {
            buffers.push(buffer(b, data));
            buffers.len() as u32 - 1
        });
        encode_tensor(b, tensor, number)
    });
    let tensors: Vec<Table> = tensors.collect();
    let metadata = metadata.iter().map(|(name, value)| {
        buffers.push(buffer(b, value));
        let number = buffers.len() as u32 - 1;
        let name = b.create_string(name);
        table(b, |b| {
            b.push_slot_always(field(schema::metadata::NAME), name);
            b.push_slot_always(field(schema::metadata::BUFFER), number);
        })
    });
    let metadata: Vec<Table> = metadata.collect();
    let signatures: Vec<Table> = if draft.output_names.is_empty() {
        Vec::new()
    } else {
        vec![encode_signature(b, draft)]
    };
    let mut codes = Codes::default();
    let operators: Vec<Table> = draft
        .operators
        .iter()
        .map(|it| encode_operator(b, it, &mut codes))
        .collect();
    let codes: Vec<Table> = codes
        .0
        .iter()
        .map(|(code, version)| encode_code(b, *code, *version))
        .collect();

    let [inputs, outputs] = [&draft.inputs, &draft.outputs].map(|list| numbers(b, list.iter().map(|it| Some(*it))));
    let tensors = b.create_vector(&tensors);
    let operators = b.create_vector(&operators);
    let name = b.create_string(name);
    let graph = table(b, |b| {
        b.push_slot_always(field(schema::graph::TENSORS), tensors);
        b.push_slot_always(field(schema::graph::INPUTS), inputs);
        b.push_slot_always(field(schema::graph::OUTPUTS), outputs);
        b.push_slot_always(field(schema::graph::OPERATORS), operators);
        b.push_slot_always(field(schema::graph::NAME), name);
    });
    let graphs = b.create_vector(&[graph]);
    let codes = b.create_vector(&codes);
    let buffers = b.create_vector(&buffers);
    let metadata = b.create_vector(&metadata);
    let signatures = (!signatures.is_empty()).then(|| b.create_vector(&signatures));
    let description = b.create_string(description);
    let model = table(b, |b| {
        b.push_slot_always(field(schema::model::VERSION), schema::VERSION);
        b.push_slot_always(field(schema::model::OPERATOR_CODES), codes);
        b.push_slot_always(field(schema::model::GRAPHS), graphs);
        b.push_slot_always(field(schema::model::DESCRIPTION), description);
        b.push_slot_always(field(schema::model::BUFFERS), buffers);
        b.push_slot_always(field(schema::model::METADATA), metadata);
        if let Some(signatures) = signatures {
            b.push_slot_always(field(schema::model::SIGNATURES), signatures);
        }
    });
    // A flat buffer grows from its end, so that alignment counts from there; the root's offset and the identifier are to
    // come.
    fill(b, 8);
    b.finish(model, Some(schema::IDENTIFIER));
    let (mut bytes, head) = builder.collapse();
    bytes.drain(..head);
    bytes
}

/// Zeros until what is written, and `more` bytes, end at a multiple of the alignment.
fn fill(b: &mut Builder, more: usize) {
    let used = b.unfinished_data().len() + more;
    for _ in used..used.next_multiple_of(ALIGNMENT) {
        b.push(0_u8);
    }
}

fn table(b: &mut Builder, fields: impl FnOnce(&mut Builder)) -> Table {
    let start = b.start_table();
    fields(b);
    b.end_table(start)
}

fn buffer(b: &mut Builder, data: &[u8]) -> Table {
    fill(b, data.len());
    let data = b.create_vector(data);
    table(b, |b| b.push_slot_always(field(schema::buffer::DATA), data))
}

/// The names of the ends of the first graph, as LiteRT's signature runner knows them.
fn encode_signature(b: &mut Builder, draft: &Draft) -> Table {
    let mut named = |tensors: &[usize], names: &[String]| {
        let maps: Vec<Table> = tensors
            .iter()
            .zip(names)
            .map(|(tensor, name)| {
                let name = b.create_string(name);
                table(b, |b| {
                    b.push_slot_always(field(schema::tensor_map::NAME), name);
                    b.push_slot_always(field(schema::tensor_map::TENSOR), *tensor as u32);
                })
            })
            .collect();
        b.create_vector(&maps)
    };
    let inputs = named(&draft.inputs, &["input".to_owned()]);
    let outputs = named(&draft.outputs, &draft.output_names);
    let key = b.create_string("serving_default");
    table(b, |b| {
        b.push_slot_always(field(schema::signature::INPUTS), inputs);
        b.push_slot_always(field(schema::signature::OUTPUTS), outputs);
        b.push_slot_always(field(schema::signature::KEY), key);
        b.push_slot_always(field(schema::signature::GRAPH), 0_u32);
    })
}

fn encode_tensor(b: &mut Builder, tensor: &Tensor, buffer: u32) -> Table {
    let shape = b.create_vector_from_iter(tensor.shape.iter().map(|axis| *axis as i32));
    let quantisation = tensor.quantisation.as_ref().map(|it| encode_quantisation(b, it));
    let name = b.create_string(&tensor.name);
    table(b, |b| {
        b.push_slot_always(field(schema::tensor::SHAPE), shape);
        b.push_slot_always(field(schema::tensor::ELEMENT), tensor.element.code());
        b.push_slot_always(field(schema::tensor::BUFFER), buffer);
        b.push_slot_always(field(schema::tensor::NAME), name);
        if let Some(quantisation) = quantisation {
            b.push_slot_always(field(schema::tensor::QUANTISATION), quantisation);
        }
    })
}

fn encode_quantisation(b: &mut Builder, quantisation: &Quantisation) -> Table {
    let scales = b.create_vector(&quantisation.scales);
    let zero_points = b.create_vector(&quantisation.zero_points);
    table(b, |b| {
        b.push_slot_always(field(schema::quantisation::SCALES), scales);
        b.push_slot_always(field(schema::quantisation::ZERO_POINTS), zero_points);
        b.push_slot(field(schema::quantisation::AXIS), quantisation.axis as i32, 0);
    })
}

/// The operators' codes with their versions, in the order of their first use.
#[derive(Default)]
struct Codes(Vec<(i32, i32)>);

impl Codes {
    fn number(&mut self, code: i32, version: i32) -> u32 {
        let found = self.0.iter().position(|it| *it == (code, version));
        found.unwrap_or_else(|| {
            self.0.push((code, version));
            self.0.len() - 1
        }) as u32
    }
}

fn encode_code(b: &mut Builder, code: i32, version: i32) -> Table {
    table(b, |b| {
        let short = code.min(schema::SHORT_CODE_LIMIT) as i8;
        b.push_slot_always(field(schema::operator_code::SHORT_CODE), short);
        b.push_slot_always(field(schema::operator_code::VERSION), version);
        b.push_slot_always(field(schema::operator_code::CODE), code);
    })
}

fn encode_operator(b: &mut Builder, operator: &Operator, codes: &mut Codes) -> Table {
    let (code, version, tag) = schema::numbers(&operator.kind);
    let number = codes.number(code, version);
    let inputs = numbers(b, operator.inputs.iter().copied());
    let outputs = numbers(b, operator.outputs.iter().map(|it| Some(*it)));
    let options = (tag != 0).then(|| table(b, |b| push_options(b, &operator.kind)));
    table(b, |b| {
        b.push_slot_always(field(schema::operator::CODE), number);
        b.push_slot_always(field(schema::operator::INPUTS), inputs);
        b.push_slot_always(field(schema::operator::OUTPUTS), outputs);
        if let Some(options) = options {
            b.push_slot_always(field(schema::operator::OPTIONS_TAG), tag);
            b.push_slot_always(field(schema::operator::OPTIONS), options);
        }
    })
}

fn push_options(b: &mut Builder, kind: &OperatorKind) {
    match kind {
        OperatorKind::Add(fused) | OperatorKind::Mul(fused) | OperatorKind::FullyConnected(fused) => {
            push(b, schema::FUSED, fused.code());
        }
        OperatorKind::AveragePool2d(window, fused) | OperatorKind::MaxPool2d(window, fused) => {
            push_window(b, window, *fused, &schema::POOL);
        }
        OperatorKind::Conv2d(window, fused) => push_window(b, window, *fused, &schema::CONV),
        OperatorKind::DepthwiseConv2d(window, multiplier, fused) => {
            push_window(b, window, *fused, &schema::DEPTHWISE);
            push(b, schema::MULTIPLIER, *multiplier as i32);
        }
        OperatorKind::Concatenation(axis) => push(b, schema::CONCATENATION_AXIS, *axis),
        OperatorKind::Mean(keep) => push(b, schema::KEEP_AXES, *keep),
        _ => {}
    }
}

fn push_window(b: &mut Builder, window: &Window, fused: Fused, slots: &WindowSlots) {
    let pairs = [
        (Some(schema::STRIDE), window.stride),
        (slots.dilation, window.dilation),
        (slots.size, window.size),
    ];
    push(b, schema::PADDING, window.padding.code());
    push(b, slots.fused, fused.code());
    for (slot, [height, width]) in pairs {
        if let Some(slot) = slot {
            push(b, slot, width as i32);
            push(b, slot + 1, height as i32);
        }
    }
}

fn push<T: Push>(b: &mut Builder, slot: u16, value: T) {
    b.push_slot_always(field(slot), value);
}

/// Numbers of tensors; −1 for one that is left out.
fn numbers(
    b: &mut Builder,
    list: impl ExactSizeIterator<Item = Option<usize>> + DoubleEndedIterator,
) -> WIPOffset<flatbuffers::Vector<'static, i32>> {
    b.create_vector_from_iter(list.map(|number| number.map_or(-1, |number| number as i32)))
}
