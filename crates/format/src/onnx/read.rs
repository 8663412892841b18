use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use panarch_graph::{Network, NetworkBuilder, Node, NodeId, Op, Output, Shape, Weights};
use prost::Message;

use super::data_files::DataFiles;
use super::messages::{FLOAT, GraphProto, ModelProto, ValueInfoProto};
use super::metadata::OnnxMetadata;
use super::read_node::NodeReader;
use super::{foreign, limits, wire};
use crate::FormatError;
use crate::outside::{FileKind, read_file};

/// The oldest and newest operator sets whose operators mean what is read here, in files of Panarch's own and of others.
const OWN_OPSETS: std::ops::RangeInclusive<i64> = 13..=25;
const FOREIGN_OPSETS: std::ops::RangeInclusive<i64> = 7..=28;

/// What an ONNX file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxModel {
    /// The network as it is in the file, with folded batch normalisation where the export folded it.
    pub network: Network,
    /// The weights of that network, by its parameters' names.
    pub weights: Weights,
    /// What the file says about itself, with the content hash of the network before folding.
    pub metadata: OnnxMetadata,
    /// What reading left out or wrote in another way, in short sentences; nothing for Panarch's own files.
    pub notes: Vec<String>,
}

/// How a file is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnnxReadOptions {
    /// Height and width of the images, for files that leave them open.
    pub input_size: Option<[u32; 2]>,
}

/// Reads the bytes of an ONNX file.
///
/// Files that [`write_onnx`](crate::write_onnx) wrote come back as they were: names, blocks, weights bit for bit, and
/// the content hash, which is checked.
///
/// Files of others, of operator sets 7 to 28, become a network that computes the same: activations that are spelled out
/// become one node, borders become padding, images with the channels last are turned round, constants are computed, and
/// what only matters in training or changes no decision (Dropout, a final Softmax, rounding to integers) is left out.
/// [`OnnxModel::notes`] tells all that is not in the network as it is in the file.
///
/// # Errors
/// Whatever is wrong with the bytes or not supported, with the node and its operator. Values kept in other files are
/// refused; [`read_onnx_file`] finds them. Memory is bounded by a multiple of the file's size.
pub fn read_onnx(bytes: &[u8]) -> Result<OnnxModel, FormatError> {
    read_onnx_with(bytes, &OnnxReadOptions::default())
}

/// As [`read_onnx`], with what the file leaves open.
///
/// # Errors
/// As [`read_onnx`], and when the options contradict the file.
pub fn read_onnx_with(bytes: &[u8], options: &OnnxReadOptions) -> Result<OnnxModel, FormatError> {
    read(bytes, options, None)
}

/// As [`read_onnx_with`], from a file; values may be in other files of the same folder, as PyTorch writes them.
///
/// # Errors
/// As [`read_onnx_with`], and when a file cannot be read.
pub fn read_onnx_file(path: impl AsRef<Path>, options: &OnnxReadOptions) -> Result<OnnxModel, FormatError> {
    let path = path.as_ref();
    let bytes = read_file(path, FileKind::new("ONNX file", limits::BYTES))?;
    read(&bytes, options, Some(path.parent().unwrap_or(Path::new(""))))
}

fn read(bytes: &[u8], options: &OnnxReadOptions, folder: Option<&Path>) -> Result<OnnxModel, FormatError> {
    wire::check(bytes)?;
    let mut model = ModelProto::decode(bytes)?;
    let graph = model
        .graph
        .take()
        .ok_or_else(|| FormatError::model("there is no graph"))?;
    let mut metadata = metadata(model)?;
    if graph.node.len() as u64 > limits::NODES {
        return Err(FormatError::too_large("nodes", graph.node.len() as u64, limits::NODES));
    }
    if metadata.is_own() {
        let (network, weights) = network(graph, &metadata)?;
        metadata.check(&network)?;
        return Ok(OnnxModel {
            network,
            weights,
            metadata,
            notes: Vec::new(),
        });
    }
    let files = match folder {
        Some(folder) => DataFiles::of(&graph, folder)?,
        None => DataFiles::default(),
    };
    let (network, weights, mut notes) = foreign::read(&graph, bytes.len(), &files, options.input_size)?;
    if metadata.check(&network).is_err() {
        metadata.content_hash = None;
        metadata.batch_norm = None;
        notes.push("Another tool changed the network after it was exported; the file records another one.".to_owned());
    }
    Ok(OnnxModel {
        network,
        weights,
        metadata,
        notes,
    })
}

fn metadata(model: ModelProto) -> Result<OnnxMetadata, FormatError> {
    let standard = model
        .opset_import
        .iter()
        .find(|set| matches!(set.domain.as_deref(), None | Some("" | "ai.onnx")))
        .and_then(|set| set.version)
        .ok_or_else(|| FormatError::model("it does not say which operator set it uses"))?;
    let mut properties = BTreeMap::new();
    for entry in model.metadata_props {
        let key = entry.key.unwrap_or_default();
        if properties
            .insert(key.clone(), entry.value.unwrap_or_default())
            .is_some()
        {
            return Err(FormatError::Metadata {
                key,
                reason: "occurs twice".to_owned(),
            });
        }
    }
    let mut metadata = OnnxMetadata {
        producer: model.producer_name.unwrap_or_default(),
        producer_version: model.producer_version.unwrap_or_default(),
        opset: standard,
        properties,
        ..OnnxMetadata::default()
    };
    metadata.interpret()?;
    let opsets = if metadata.is_own() { OWN_OPSETS } else { FOREIGN_OPSETS };
    if !opsets.contains(&standard) {
        let (oldest, newest) = (opsets.start(), opsets.end());
        return Err(FormatError::model(format!(
            "operator set {standard} is not supported, only {oldest} to {newest}"
        )));
    }
    Ok(metadata)
}

fn network(graph: GraphProto, metadata: &OnnxMetadata) -> Result<(Network, Weights), FormatError> {
    let GraphProto {
        node: nodes,
        name,
        initializer,
        input: inputs,
        output: outputs,
        ..
    } = graph;
    let constants: HashSet<Option<&str>> = initializer.iter().map(|tensor| tensor.name.as_deref()).collect();
    // Before IR version 4 constants were listed among the inputs.
    let inputs: Vec<&ValueInfoProto> = inputs
        .iter()
        .filter(|input| !constants.contains(&input.name.as_deref()))
        .collect();
    let [input] = &inputs[..] else {
        return Err(FormatError::model(format!(
            "exactly one input is supported, found {}",
            inputs.len()
        )));
    };
    let mut builder = NetworkBuilder::new(name.unwrap_or_default(), input_shape(input)?);
    let (name, block) = metadata.input_node();
    let root = builder.push(Node {
        name,
        op: Op::Input,
        inputs: Vec::new(),
        block,
    })?;
    let input_name = input.name.clone().unwrap_or_default();
    let mut reader = NodeReader::new(builder, initializer, (input_name, root))?;
    for (index, node) in nodes.iter().enumerate() {
        reader.node(index, node)?;
    }
    let name_of = |output: &ValueInfoProto| output.name.clone().unwrap_or_default();
    let results: Vec<(NodeId, u8)> = outputs
        .iter()
        .map(|output| reader.result(&name_of(output)))
        .collect::<Result<_, _>>()?;
    let (builder, weights) = reader.finish()?;
    for (output, result) in outputs.iter().zip(&results) {
        check_output(output, *result, builder.shape(result.0))?;
    }
    let named = outputs.iter().zip(&results);
    let network = builder.finish_with(
        named
            .map(|(output, (node, _))| Output::new(name_of(output), *node))
            .collect(),
    )?;
    weights.check(&network)?;
    Ok((network, weights))
}

/// The axes of a value: a length where it is fixed.
fn axes(value: &ValueInfoProto) -> Result<Vec<Option<i64>>, FormatError> {
    let name = value.name.as_deref().unwrap_or_default();
    let tensor = value.r#type.as_ref().and_then(|found| found.tensor_type.as_ref());
    let Some(shape) = tensor
        .filter(|tensor| tensor.elem_type == Some(FLOAT))
        .and_then(|tensor| tensor.shape.as_ref())
    else {
        return Err(FormatError::tensor(name, "must be an f32 tensor of known rank"));
    };
    Ok(shape.dim.iter().map(|axis| axis.dim_value).collect())
}

fn input_shape(input: &ValueInfoProto) -> Result<Shape, FormatError> {
    let name = input.name.as_deref().unwrap_or_default();
    let axes = axes(input)?;
    let [_, Some(channels), Some(height), Some(width)] = axes[..] else {
        let reason = format!("must be [batch, channels, height, width] with all but the batch fixed, found {axes:?}");
        return Err(FormatError::tensor(name, reason));
    };
    let fits = (1..=limits::CHANNELS).contains(&channels)
        && [height, width].iter().all(|axis| (1..=limits::PIXELS).contains(axis));
    match [channels, height, width].map(u32::try_from) {
        [Ok(channels), Ok(height), Ok(width)] if fits => Ok(Shape::new(channels, height, width)),
        _ => Err(FormatError::tensor(
            name,
            format!("has an axis out of range in {axes:?}"),
        )),
    }
}

/// What the file says about the output must be what the graph computes.
fn check_output(output: &ValueInfoProto, result: (NodeId, u8), shape: Shape) -> Result<(), FormatError> {
    let computed = [shape.channels, shape.height, shape.width].map(i64::from);
    let computed = computed.iter().take(usize::from(result.1) - 1);
    let stated = axes(output)?;
    let agrees = stated.len() == usize::from(result.1)
        && stated
            .iter()
            .skip(1)
            .zip(computed)
            .all(|(stated, computed)| stated.is_none_or(|stated| stated == *computed));
    if agrees {
        return Ok(());
    }
    let name = output.name.as_deref().unwrap_or_default();
    Err(FormatError::tensor(
        name,
        format!("is stated as {stated:?} and computed as {shape}"),
    ))
}
