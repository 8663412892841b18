use std::collections::BTreeMap;

use panarch_graph::{Conv2d, Network, Node, Op, Shape};

use crate::scalesim::{ConvolutionRow, Noted, Topology};

/// Most rows that groups may become.
const MOST_ROWS: usize = 1 << 20;

pub(super) fn topology(network: &Network) -> Noted<Topology> {
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    let mut unsaid: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut biases = 0_u64;
    for id in network.ids() {
        let node = network.node(id);
        let Some(input) = node.inputs.first().map(|input| network.shape(*input)) else {
            continue;
        };
        match node.op {
            Op::Conv2d(conv) => {
                biases += u64::from(conv.bias);
                convolution(node, conv, input, network.shape(id), &mut rows, &mut notes);
            }
            Op::Linear(linear) => {
                biases += u64::from(linear.bias);
                rows.push(ConvolutionRow {
                    name: dense_name(&node.name, &mut notes),
                    ifmap: [1, 1],
                    filter: [1, 1],
                    channels: input.channels,
                    filters: linear.out,
                    stride: 1,
                });
            }
            _ => *unsaid.entry(node.op.name()).or_default() += 1,
        }
    }
    for (operator, count) in unsaid {
        notes.push(format!(
            "{count} × {operator} left out: a topology holds convolutions only"
        ));
    }
    if biases > 0 {
        notes.push(format!("the biases of {biases} layers are left out"));
    }
    Noted {
        value: Topology::Convolutions(rows),
        notes,
    }
}

fn convolution(
    node: &Node,
    conv: Conv2d,
    input: Shape,
    output: Shape,
    rows: &mut Vec<ConvolutionRow>,
    notes: &mut Vec<String>,
) {
    let name = &node.name;
    let stride = if conv.stride[0] == conv.stride[1] {
        conv.stride[0]
    } else {
        let [high, wide] = conv.stride;
        notes.push(format!(
            "{name}: strides {high} and {wide} are written as 1 over an input of fewer positions; cycles are right, addresses are not"
        ));
        1
    };
    if conv.dilation != [1, 1] {
        notes.push(format!(
            "{name}: the dilation is left out and the input made smaller to match; cycles are right, addresses are not"
        ));
    }
    let reach = |positions: u32, kernel: u32| {
        let reach = u64::from(positions.saturating_sub(1)) * u64::from(stride) + u64::from(kernel);
        u32::try_from(reach).unwrap_or(u32::MAX)
    };
    let groups = conv.groups.max(1);
    let row = ConvolutionRow {
        name: String::new(),
        ifmap: [
            reach(output.height, conv.kernel[0]),
            reach(output.width, conv.kernel[1]),
        ],
        filter: conv.kernel,
        channels: input.channels / groups,
        filters: conv.out / groups,
        stride,
    };
    if groups == 1 {
        let name = dense_name(name, notes);
        rows.push(ConvolutionRow { name, ..row });
    } else if groups == input.channels {
        rows.push(ConvolutionRow {
            name: format!("DP_{name}"),
            channels: input.channels,
            ..row
        });
    } else if rows.len().saturating_add(groups as usize) > MOST_ROWS {
        notes.push(format!("{name} left out: {groups} groups are too many rows"));
    } else {
        notes.push(format!("{name}: {groups} groups are written as {groups} rows"));
        let name = dense_name(name, notes);
        rows.extend((0..groups).map(|group| ConvolutionRow {
            name: format!("{name}_group{group}"),
            ..row.clone()
        }));
    }
}

/// A name that SCALE-Sim does not take for a depthwise layer's.
fn dense_name(name: &str, notes: &mut Vec<String>) -> String {
    if !name.contains("DP") {
        return name.to_owned();
    }
    let written = name.replace("DP", "dp");
    notes.push(format!(
        "{name} is written as {written}: `DP` in a name would make the layer depthwise"
    ));
    written
}
