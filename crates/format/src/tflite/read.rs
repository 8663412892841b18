use std::collections::{BTreeMap, HashMap};

use super::cursor::{Table, Vector};
use super::read_operator::{self, Code};
use super::structure::{Element, Graph, Quantisation, Structure, Tensor};
use super::{limits, schema};
use crate::FormatError;

/// Reads what a TFLite file holds, without the values of its constants; files of any maker.
///
/// # Errors
/// When the bytes are not such a file, are cut short or damaged, refer to what is not there, or hold more than a network
/// of this field would.
pub fn read_structure(file: &[u8]) -> Result<Structure, FormatError> {
    if file.len() as u64 > limits::READ_BYTES {
        return Err(FormatError::too_large(
            "bytes of a TFLite file",
            file.len() as u64,
            limits::READ_BYTES,
        ));
    }
    let model = Table::root(file)?;
    let mut allowance = Allowance::of(file);
    let buffers = model.vector(schema::model::BUFFERS, 4)?;
    let buffers: Vec<Table<'_>> = allowance.list(buffers.tables(), "buffers", limits::ENTRIES, 64)?;
    let codes = model.vector(schema::model::OPERATOR_CODES, 4)?;
    let codes = codes.tables().map(|code| Code::read(code?));
    let codes: Vec<Code<'_>> = allowance.list(codes, "operator codes", limits::ENTRIES, 32)?;
    let graphs = model.vector(schema::model::GRAPHS, 4)?;
    let graphs: Vec<Table<'_>> = allowance.list(graphs.tables(), "graphs", limits::ENTRIES, 160)?;
    let graphs = graphs
        .into_iter()
        .map(|graph| read_graph(graph, &buffers, &codes, &mut allowance));
    let mut graphs: Vec<Graph> = graphs.collect::<Result<_, _>>()?;
    read_signatures(&model, &mut graphs, &mut allowance)?;
    Ok(Structure {
        version: model.u32(schema::model::VERSION, 0)?,
        graphs,
        description: allowance.text(&model, schema::model::DESCRIPTION)?,
        metadata: read_metadata(&model, &buffers, &mut allowance)?,
    })
}

/// How much may still be allocated; parts of a hostile file may be named many times.
pub struct Allowance {
    left: u64,
    limit: u64,
}

/// Bytes that may be allocated for each byte of the file, and on top of that.
const FACTOR: u64 = 16;
const FLOOR: u64 = 1 << 16;

impl Allowance {
    fn of(file: &[u8]) -> Self {
        let limit = FACTOR * file.len() as u64 + FLOOR;
        Self { left: limit, limit }
    }

    pub fn take(&mut self, bytes: u64) -> Result<(), FormatError> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let found = self.limit.saturating_add(bytes);
            FormatError::too_large(
                "bytes to allocate for the structure of a TFLite file",
                found,
                self.limit,
            )
        })?;
        Ok(())
    }

    /// Collects at most `limit` items of about `bytes` bytes each.
    pub fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = Result<T, FormatError>>,
        what: &str,
        limit: u64,
        bytes: u64,
    ) -> Result<Vec<T>, FormatError> {
        let count = items.len() as u64;
        if count > limit {
            return Err(FormatError::too_large(format!("{what} of a TFLite file"), count, limit));
        }
        self.take(count * bytes)?;
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            list.push(item?);
        }
        Ok(list)
    }

    pub fn text(&mut self, table: &Table<'_>, slot: u16) -> Result<String, FormatError> {
        let text = table.text(slot)?;
        self.take(text.len() as u64)?;
        Ok(text.to_owned())
    }
}

fn read_graph(
    graph: Table<'_>,
    buffers: &[Table<'_>],
    codes: &[Code<'_>],
    allowance: &mut Allowance,
) -> Result<Graph, FormatError> {
    let tensors = graph.vector(schema::graph::TENSORS, 4)?;
    let tensors: Vec<Table<'_>> = allowance.list(tensors.tables(), "tensors", limits::ENTRIES, 192)?;
    let tensors: Vec<Tensor> = tensors
        .into_iter()
        .map(|tensor| read_tensor(tensor, buffers, allowance))
        .collect::<Result<_, _>>()?;
    let operators = graph.vector(schema::graph::OPERATORS, 4)?;
    let operators: Vec<Table<'_>> = allowance.list(operators.tables(), "operators", limits::ENTRIES, 192)?;
    let operators = operators
        .into_iter()
        .map(|operator| read_operator::read(operator, codes, tensors.len(), allowance))
        .collect::<Result<_, _>>()?;
    let mut ends = |slot| {
        let list = graph.vector(slot, 4)?;
        tensor_numbers(&graph, list, tensors.len(), allowance)
    };
    let (inputs, outputs) = (ends(schema::graph::INPUTS)?, ends(schema::graph::OUTPUTS)?);
    Ok(Graph {
        name: allowance.text(&graph, schema::graph::NAME)?,
        tensors,
        operators,
        inputs,
        outputs,
        output_names: Vec::new(),
    })
}

/// Gives the outputs of graphs the names of the first signature that is theirs and names them all.
fn read_signatures(model: &Table<'_>, graphs: &mut [Graph], allowance: &mut Allowance) -> Result<(), FormatError> {
    let signatures = model.vector(schema::model::SIGNATURES, 4)?;
    let signatures: Vec<Table<'_>> = allowance.list(signatures.tables(), "signatures", limits::ENTRIES, 32)?;
    for signature in signatures {
        let number = signature.u32(schema::signature::GRAPH, 0)? as usize;
        let Some(graph) = graphs.get_mut(number) else {
            return Err(signature.wrong("names a graph that does not exist"));
        };
        let maps = signature.vector(schema::signature::OUTPUTS, 4)?;
        let maps: Vec<Table<'_>> = allowance.list(maps.tables(), "named outputs", limits::OPERANDS, 32)?;
        let mut names: HashMap<usize, String> = HashMap::new();
        for map in maps {
            let tensor = map.u32(schema::tensor_map::TENSOR, 0)? as usize;
            names.insert(tensor, allowance.text(&map, schema::tensor_map::NAME)?);
        }
        if graph.output_names.is_empty() {
            let named = graph.outputs.iter().map(|output| names.remove(output));
            graph.output_names = named.collect::<Option<_>>().unwrap_or_default();
        }
    }
    Ok(())
}

/// The numbers of tensors, all of which must exist.
pub fn tensor_numbers(
    table: &Table<'_>,
    list: Vector<'_>,
    tensors: usize,
    allowance: &mut Allowance,
) -> Result<Vec<usize>, FormatError> {
    let numbers = list.elements().map(|number| {
        usize::try_from(i32::from_le_bytes(number))
            .ok()
            .filter(|number| *number < tensors)
            .ok_or_else(|| table.wrong("names a tensor that does not exist"))
    });
    allowance.list(numbers, "operands", limits::OPERANDS, 8)
}

fn read_tensor(tensor: Table<'_>, buffers: &[Table<'_>], allowance: &mut Allowance) -> Result<Tensor, FormatError> {
    let axes = tensor.vector(schema::tensor::SHAPE, 4)?;
    let axes = axes.elements().map(|axis| {
        u32::try_from(i32::from_le_bytes(axis)).map_err(|_| tensor.wrong("a tensor has an axis of unknown length"))
    });
    let shape: Vec<u32> = allowance.list(axes, "axes of a tensor", limits::AXES, 4)?;
    let number = tensor.u32(schema::tensor::BUFFER, 0)?;
    let buffer = buffers.get(number as usize);
    let constant_bytes = match (number, buffer) {
        (0, _) => None,
        (_, Some(buffer)) => buffer_bytes(buffer)?,
        (_, None) => return Err(tensor.wrong("a tensor names a buffer that does not exist")),
    };
    let quantisation = match tensor.table(schema::tensor::QUANTISATION)? {
        Some(table) => read_quantisation(table, &shape, allowance)?,
        None => None,
    };
    Ok(Tensor {
        name: allowance.text(&tensor, schema::tensor::NAME)?,
        shape,
        element: Element::from_code(tensor.i8(schema::tensor::ELEMENT)?),
        quantisation,
        constant_bytes,
    })
}

/// The length of a buffer's data, here or behind the flat buffer; none where there are no data.
fn buffer_bytes(buffer: &Table<'_>) -> Result<Option<u64>, FormatError> {
    let within = buffer.vector(schema::buffer::DATA, 1)?.data().len() as u64;
    let behind = match buffer.u64(schema::buffer::OFFSET)? {
        0 | 1 => 0,
        _ => buffer.u64(schema::buffer::SIZE)?,
    };
    Ok(Some(within.max(behind)).filter(|bytes| *bytes > 0))
}

fn read_quantisation(
    table: Table<'_>,
    shape: &[u32],
    allowance: &mut Allowance,
) -> Result<Option<Quantisation>, FormatError> {
    let scales = table.vector(schema::quantisation::SCALES, 4)?;
    let zero_points = table.vector(schema::quantisation::ZERO_POINTS, 8)?;
    if scales.data().is_empty() {
        return Ok(None);
    }
    let scales = scales.elements().map(|scale| Ok(f32::from_le_bytes(scale)));
    let scales: Vec<f32> = allowance.list(scales, "scales of a tensor", u64::MAX, 4)?;
    let zero_points = zero_points.elements().map(|zero| Ok(i64::from_le_bytes(zero)));
    let zero_points: Vec<i64> = allowance.list(zero_points, "zero points of a tensor", u64::MAX, 8)?;
    if zero_points.len() != scales.len() {
        return Err(table.wrong("as many zero points as scales are needed"));
    }
    let axis = u32::try_from(table.i32(schema::quantisation::AXIS, 0)?)
        .map_err(|_| table.wrong("the quantised axis is negative"))?;
    let along = shape.get(axis as usize).map(|length| *length as usize);
    if scales.len() > 1 && along != Some(scales.len()) {
        return Err(table.wrong("the quantised axis has another length than there are scales"));
    }
    Ok(Some(Quantisation {
        scales,
        zero_points,
        axis,
    }))
}

fn read_metadata(
    model: &Table<'_>,
    buffers: &[Table<'_>],
    allowance: &mut Allowance,
) -> Result<BTreeMap<String, Vec<u8>>, FormatError> {
    let entries = model.vector(schema::model::METADATA, 4)?;
    let entries: Vec<Table<'_>> = allowance.list(entries.tables(), "entries of metadata", limits::ENTRIES, 128)?;
    let mut metadata = BTreeMap::new();
    for entry in entries {
        let number = entry.u32(schema::metadata::BUFFER, 0)?;
        let buffer = buffers
            .get(number as usize)
            .ok_or_else(|| entry.wrong("an entry of the metadata names a buffer that does not exist"))?;
        let data = buffer.vector(schema::buffer::DATA, 1)?.data();
        if data.len() as u64 > limits::METADATA {
            return Err(FormatError::too_large(
                "bytes of an entry of a TFLite file's metadata",
                data.len() as u64,
                limits::METADATA,
            ));
        }
        allowance.take(data.len() as u64)?;
        metadata.insert(allowance.text(&entry, schema::metadata::NAME)?, data.to_vec());
    }
    Ok(metadata)
}
