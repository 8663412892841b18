//! The input of a graph: its size, and where its channels are.

use std::collections::HashSet;

use panarch_graph::Shape;

use super::super::limits;
use super::super::messages::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, NodeProto, ValueInfoProto};
use super::notes::Notes;
use super::view::{Axis, IMAGE};
use crate::FormatError;

/// The largest batch that a file may be fixed to.
const LARGEST_BATCH: i64 = 1 << 12;

/// What is known of the input before any node is read.
pub struct Input {
    pub shape: Shape,
    pub axes: Vec<Axis>,
    pub batch: u64,
}

/// Reads the description of the input; `size` is the height and width to take where the file leaves them open.
pub fn input(
    value: &ValueInfoProto,
    nodes: &[NodeProto],
    size: Option<[u32; 2]>,
    notes: &mut Notes,
) -> Result<Input, FormatError> {
    let name = value.name.as_deref().unwrap_or_default();
    let fail = |reason: String| Err(FormatError::tensor(name, reason));
    let tensor = value.r#type.as_ref().and_then(|found| found.tensor_type.as_ref());
    let Some((element, shape)) = tensor.and_then(|tensor| Some((tensor.elem_type?, tensor.shape.as_ref()?))) else {
        return fail("must be a tensor of known rank".to_owned());
    };
    match element {
        FLOAT => {}
        FLOAT16 | DOUBLE | BFLOAT16 => {
            notes.say("The input is another kind of float in the file; everything is computed in f32.".to_owned());
        }
        other => return fail(format!("must hold floats, found data type {other}")),
    }
    // Lengths below 1 are another way to leave an axis open.
    let dims: Vec<Option<i64>> = shape
        .dim
        .iter()
        .map(|axis| axis.dim_value.filter(|length| *length > 0))
        .collect();
    let &[batch, second, third, fourth] = &dims[..] else {
        return fail(format!(
            "must be [batch, channels, height, width], found {} axes",
            dims.len()
        ));
    };
    let last = channels_last(name, nodes, [second, third, fourth]);
    let (channels, height, width) = if last {
        (fourth, second, third)
    } else {
        (second, third, fourth)
    };
    let Some(channels) = channels else {
        return fail("leaves the number of its channels open; export the model with fixed channels".to_owned());
    };
    let (height, width) = match (height, width, size) {
        (Some(height), Some(width), None) => (height, width),
        (_, _, Some([tall, wide])) => {
            let (tall, wide) = (i64::from(tall), i64::from(wide));
            if height.is_some_and(|height| height != tall) || width.is_some_and(|width| width != wide) {
                let fixed = |axis: Option<i64>| axis.map_or_else(|| "any".to_owned(), |axis| axis.to_string());
                let (height, width) = (fixed(height), fixed(width));
                return fail(format!(
                    "is fixed to {height} by {width} pixels; another size cannot be chosen"
                ));
            }
            (tall, wide)
        }
        _ => {
            return fail(
                "leaves its height or width open; say the image size that the network is for (`input_size`, on the \
                 command line --resolution), or export the model with fixed height and width"
                    .to_owned(),
            );
        }
    };
    let batch = batch.unwrap_or(1);
    let fits = (1..=limits::CHANNELS).contains(&channels)
        && [height, width].iter().all(|axis| (1..=limits::PIXELS).contains(axis))
        && batch <= LARGEST_BATCH;
    if !fits {
        return fail(format!("has an axis out of range in {dims:?}"));
    }
    let mut axes = IMAGE.to_vec();
    if last {
        axes = vec![Axis::Batch, Axis::Rows, Axis::Columns, Axis::Channels];
        notes.say("The input has its channels last in the file, and first here.".to_owned());
    }
    Ok(Input {
        shape: Shape::new(channels as u32, height as u32, width as u32),
        axes,
        batch: batch as u64,
    })
}

/// Whether the input is [batch, height, width, channels]: the first transposition says so, else the lengths.
fn channels_last(input: &str, nodes: &[NodeProto], [second, _, fourth]: [Option<i64>; 3]) -> bool {
    let mut reached = HashSet::from([input]);
    for node in nodes {
        if !node.input.iter().any(|name| reached.contains(name.as_str())) {
            continue;
        }
        match node.op_type.as_deref().unwrap_or_default() {
            "Transpose" => {
                let order = node
                    .attribute
                    .iter()
                    .find(|found| found.name.as_deref() == Some("perm"));
                return order.is_some_and(|order| order.ints == [0, 3, 1, 2]);
            }
            "Conv" | "MaxPool" | "AveragePool" | "BatchNormalization" => return false,
            "Identity" | "Cast" | "Add" | "Sub" | "Mul" | "Div" | "Pad" | "QuantizeLinear" | "DequantizeLinear" => {
                reached.extend(node.output.iter().map(String::as_str));
            }
            _ => {}
        }
    }
    fourth.is_some_and(|length| length <= 4) && second.is_none_or(|length| length > 4)
}
