use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use panarch_graph::{Network, Shape, Weights, fold_batch_norm};
use prost::Message;

use super::messages::{
    DimensionProto, FLOAT, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::metadata::{self, BatchNormExport};
use super::write_node::NodeWriter;
use super::{BATCH, IR_VERSION, ONNX_INPUT, ONNX_OPSET, limits, tensor};
use crate::FormatError;

/// How a network is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OnnxOptions {
    /// What happens to batch normalisation; folded unless said otherwise.
    pub batch_norm: BatchNormExport,
    /// Further properties for the file's metadata, such as the names of the classes. Names that begin with `panarch.`
    /// are refused.
    pub properties: BTreeMap<String, String>,
}

/// The bytes of an ONNX file that computes this network with these weights.
///
/// Input [`ONNX_INPUT`] is f32 [batch, channels, height, width] with a symbolic batch and fixed other axes. Output
/// [`ONNX_OUTPUT`](super::ONNX_OUTPUT), or each output under its name and in its order, is [batch, channels] where it is a
/// vector, else [batch, channels, height, width].
/// Swish becomes x · sigmoid(x), for which this operator set has no operator of its own; a pool that rounds its size up
/// becomes one with wider padding, on which runtimes agree. The metadata carries the
/// content hash of `network` as it is given, before any folding. The same arguments give the same bytes.
///
/// # Errors
/// When a parameter is absent or has another shape, when the network is nothing but its input, when a property has a
/// reserved name, when an output is called like another value of the file, or when the file would be larger than protocol buffers allow (2 GiB).
pub fn write_onnx(network: &Network, weights: &Weights, options: &OnnxOptions) -> Result<Vec<u8>, FormatError> {
    weights.check(network)?;
    if network.nodes().len() < 2 {
        return Err(FormatError::model("a network without any operator cannot be written"));
    }
    let (written, weights) = match options.batch_norm {
        BatchNormExport::Folded => {
            let (network, weights) = fold_batch_norm(network, weights)?;
            (Cow::Owned(network), Cow::Owned(weights))
        }
        BatchNormExport::Kept => (Cow::Borrowed(network), Cow::Borrowed(weights)),
    };
    let properties = metadata::properties(network, &written, options.batch_norm, &options.properties)?;
    let model = model(graph(&written, &weights)?, properties);
    let size = model.encoded_len() as u64;
    if size > limits::BYTES {
        return Err(FormatError::too_large("bytes of an ONNX file", size, limits::BYTES));
    }
    Ok(model.encode_to_vec())
}

fn model(graph: GraphProto, properties: BTreeMap<String, String>) -> ModelProto {
    ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some(metadata::PRODUCER.to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: None,
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(ONNX_OPSET),
        }],
        metadata_props: properties
            .into_iter()
            .map(|(key, value)| StringStringEntryProto {
                key: Some(key),
                value: Some(value),
            })
            .collect(),
    }
}

fn graph(network: &Network, weights: &Weights) -> Result<GraphProto, FormatError> {
    let mut writer = NodeWriter::new(network);
    for id in network.ids() {
        writer.node(id);
    }
    let outputs: Vec<ValueInfoProto> = network
        .outputs()
        .iter()
        .map(|output| value_info(&output.name, network.shape(output.node), writer.result(output)))
        .collect();
    let (nodes, constants) = writer.finish();
    let mut initializer = Vec::new();
    for spec in network.parameters() {
        let found = weights.require(&spec.name, &spec.shape)?;
        initializer.push(tensor::from_f32(&spec.name, &found.shape, &found.data));
    }
    initializer.extend(constants.into_values());
    let values = nodes.iter().flat_map(|node| &node.output);
    let tensors = initializer.iter().filter_map(|tensor| tensor.name.as_ref());
    let mut names = HashSet::from([ONNX_INPUT]);
    if let Some(twice) = values.chain(tensors).find(|name| !names.insert(name.as_str())) {
        return Err(FormatError::tensor(
            twice,
            "is the name of two values; give an output of this name another one",
        ));
    }
    Ok(GraphProto {
        node: nodes,
        name: Some(network.name().to_owned()),
        initializer,
        doc_string: None,
        input: vec![value_info(ONNX_INPUT, network.input_shape(), 4)],
        output: outputs,
    })
}

/// The constants that a graph needs besides its parameters, by name.
pub(super) type Constants = BTreeMap<String, TensorProto>;

fn value_info(name: &str, shape: Shape, rank: u8) -> ValueInfoProto {
    let batch = DimensionProto {
        dim_value: None,
        dim_param: Some(BATCH.to_owned()),
    };
    let fixed = [shape.channels, shape.height, shape.width];
    let fixed = fixed.iter().take(usize::from(rank) - 1).map(|axis| DimensionProto {
        dim_value: Some(i64::from(*axis)),
        dim_param: None,
    });
    let tensor_type = TensorTypeProto {
        elem_type: Some(FLOAT),
        shape: Some(TensorShapeProto {
            dim: std::iter::once(batch).chain(fixed).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor_type),
        }),
        doc_string: None,
    }
}
