//! A network as a list of blocks, for the diagram.

use panarch_graph::{Conv2d, Macs, Network, NodeId, Op, Shape};
use serde::{Deserialize, Serialize};

/// One block of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockFacts {
    /// The block's name, such as `stage2.block1`.
    pub name: String,
    /// What it is, in words, such as "inverted bottleneck".
    pub operator: String,
    /// Edge of the largest kernel; `None` without a convolution.
    pub kernel: Option<u32>,
    /// Inner over input channels of a bottleneck.
    pub expansion: Option<f64>,
    /// By how much height shrinks.
    pub stride: u32,
    /// What comes in.
    pub input: Shape,
    /// What goes out.
    pub output: Shape,
    /// Whether the input is added to the output.
    pub residual: bool,
    /// How many such blocks follow one another, the same in every field but the name.
    pub repeats: u32,
    /// Multiply-accumulates of an image, of one repeat.
    pub macs: Macs,
    /// Trainable parameters, of one repeat.
    pub parameters: u64,
}

/// The blocks of a network, input to output. Nodes of the same block that follow one another
/// are one entry; `repeats` is 1 everywhere, see [`merge_repeats`].
pub fn blocks_of(network: &Network) -> Vec<BlockFacts> {
    let mut runs: Vec<Vec<NodeId>> = Vec::new();
    let ids = network.ids().filter(|id| !matches!(network.node(*id).op, Op::Input));
    for id in ids {
        match runs.last_mut() {
            Some(run) if network.node(run[0]).block == network.node(id).block => run.push(id),
            _ => runs.push(vec![id]),
        }
    }
    let parameters = network.parameters();
    runs.iter()
        .map(|run| {
            let trainable = parameters.iter().filter(|parameter| {
                use panarch_graph::ParameterRole::{Bias, Weight};
                run.contains(&parameter.node) && matches!(parameter.role, Weight | Bias)
            });
            let values = trainable.map(|p| p.shape.iter().map(|&n| n as u64).product::<u64>());
            BlockFacts {
                parameters: values.sum(),
                ..block(network, run)
            }
        })
        .collect()
}

/// Joins blocks that follow one another and are the same in every field but the name.
pub fn merge_repeats(blocks: &[BlockFacts]) -> Vec<BlockFacts> {
    let mut merged: Vec<BlockFacts> = Vec::new();
    for block in blocks {
        match merged.last_mut() {
            Some(last) if same(last, block) => last.repeats += block.repeats,
            _ => merged.push(block.clone()),
        }
    }
    merged
}

fn same(a: &BlockFacts, b: &BlockFacts) -> bool {
    let b = BlockFacts {
        name: a.name.clone(),
        repeats: a.repeats,
        ..b.clone()
    };
    *a == b
}

fn block(network: &Network, run: &[NodeId]) -> BlockFacts {
    let convolutions: Vec<(Conv2d, u32)> = run
        .iter()
        .filter_map(|id| match network.node(*id).op {
            Op::Conv2d(conv) => {
                let input = network.node(*id).inputs.first()?;
                Some((conv, network.shape(*input).channels))
            }
            _ => None,
        })
        .collect();
    let input = network.node(run[0]).inputs.first();
    let input = input.map_or(network.input_shape(), |id| network.shape(*id));
    let output = run.last().map_or(input, |id| network.shape(*id));
    let (operator, inner) = operator(network, run, &convolutions);
    let kernel = convolutions.iter().flat_map(|(conv, _)| conv.kernel).max();
    BlockFacts {
        name: network.node(run[0]).block.clone(),
        operator,
        kernel,
        expansion: inner.map(|inner| f64::from(inner) / f64::from(input.channels.max(1))),
        stride: convolutions.iter().map(|(conv, _)| conv.stride[0]).product(),
        input,
        output,
        residual: run.iter().any(|id| matches!(network.node(*id).op, Op::Add)),
        repeats: 1,
        macs: run.iter().map(|id| network.node_macs(*id)).sum(),
        parameters: 0,
    }
}

/// The block in words and, for bottlenecks, its inner channels.
///
/// Squeeze-and-excite branches end in a product and hold pointwise convolutions on vectors; they
/// are told by the product and their convolutions do not count as part of the main path.
fn operator(network: &Network, run: &[NodeId], all: &[(Conv2d, u32)]) -> (String, Option<u32>) {
    let gated = run.iter().any(|id| matches!(network.node(*id).op, Op::Mul));
    let main: Vec<(Conv2d, u32)> = run
        .iter()
        .filter(|id| matches!(network.node(**id).op, Op::Conv2d(_)))
        .zip(all)
        .filter(|(id, _)| !(gated && network.shape(**id).is_vector()))
        .map(|(_, conv)| *conv)
        .collect();
    let depthwise = main.iter().position(|(conv, input)| conv.is_depthwise(*input));
    let classifier = run.iter().any(|id| matches!(network.node(*id).op, Op::Linear(_)));
    let (words, inner) = match (depthwise, main.as_slice()) {
        (_, convolutions) if classifier => {
            let pooled = run.iter().any(|id| matches!(network.node(*id).op, Op::GlobalAvgPool));
            let parts = [
                (!convolutions.is_empty(), "convolution"),
                (pooled, "pooling"),
                (true, "classifier"),
            ];
            let parts: Vec<&str> = parts
                .iter()
                .filter(|(there, _)| *there)
                .map(|(_, part)| *part)
                .collect();
            (parts.join(" + "), None)
        }
        (Some(0), [_]) => ("depthwise convolution".to_owned(), None),
        (Some(0), [_, _]) => ("separable convolution".to_owned(), None),
        (Some(1), [(expand, _), _, _]) => ("inverted bottleneck".to_owned(), Some(expand.out)),
        (None, [(expand, _), (project, _)]) if project.kernel == [1, 1] && expand.kernel != [1, 1] => {
            ("fused inverted bottleneck".to_owned(), Some(expand.out))
        }
        (None, [_]) => ("convolution".to_owned(), None),
        (_, []) => {
            let mut names: Vec<&str> = run.iter().map(|id| network.node(*id).op.name()).collect();
            names.dedup();
            (names.join(" + ").replace('_', " "), None)
        }
        _ => (format!("{} convolutions", main.len()), None),
    };
    (if gated { format!("{words} + SE") } else { words }, inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use panarch_graph::{Activation, BatchNorm, Linear, NetworkBuilder};

    fn network() -> Network {
        let mut b = NetworkBuilder::new("n", Shape::new(3, 32, 32));
        let mut count = 0;
        let mut add = |b: &mut NetworkBuilder, op: Op, inputs: &[NodeId]| {
            count += 1;
            b.add(format!("node{count}"), op, inputs).unwrap()
        };
        let x = b.input();
        b.scope("stem");
        let x = add(&mut b, Op::Conv2d(Conv2d::square(16, 3, 2)), &[x]);
        let x = add(&mut b, Op::BatchNorm(BatchNorm::default()), &[x]);
        b.scope("stage1.block1");
        let e = add(&mut b, Op::Conv2d(Conv2d::pointwise(64)), &[x]);
        let e = add(&mut b, Op::Activation(Activation::Relu), &[e]);
        let e = add(&mut b, Op::Conv2d(Conv2d::depthwise(64, 5, 1)), &[e]);
        let g = add(&mut b, Op::GlobalAvgPool, &[e]);
        let g = add(&mut b, Op::Conv2d(Conv2d::pointwise(8)), &[g]);
        let g = add(&mut b, Op::Conv2d(Conv2d::pointwise(64)), &[g]);
        let e = add(&mut b, Op::Mul, &[e, g]);
        let e = add(&mut b, Op::Conv2d(Conv2d::pointwise(16)), &[e]);
        let mut x = add(&mut b, Op::Add, &[e, x]);
        for block in ["stage2.block1", "stage2.block2", "stage2.block3"] {
            b.scope(block);
            let stride = if block.ends_with('1') { 2 } else { 1 };
            let e = add(&mut b, Op::Conv2d(Conv2d::square(48, 3, stride)), &[x]);
            x = add(&mut b, Op::Conv2d(Conv2d::pointwise(16)), &[e]);
        }
        b.scope("head");
        let x = add(&mut b, Op::GlobalAvgPool, &[x]);
        let x = add(&mut b, Op::Linear(Linear { out: 10, bias: true }), &[x]);
        b.finish(x).unwrap()
    }

    #[test]
    fn blocks_are_told_by_their_nodes() {
        let blocks = blocks_of(&network());
        let told: Vec<_> = blocks
            .iter()
            .map(|b| (b.operator.as_str(), b.kernel, b.expansion, b.stride, b.residual))
            .collect();
        assert_eq!(
            told,
            [
                ("convolution", Some(3), None, 2, false),
                ("inverted bottleneck + SE", Some(5), Some(4.0), 1, true),
                ("fused inverted bottleneck", Some(3), Some(3.0), 2, false),
                ("fused inverted bottleneck", Some(3), Some(3.0), 1, false),
                ("fused inverted bottleneck", Some(3), Some(3.0), 1, false),
                ("pooling + classifier", None, None, 1, false),
            ]
        );
        assert_eq!(blocks[2].input, Shape::new(16, 16, 16));
        assert_eq!(blocks[2].output, Shape::new(16, 8, 8));
    }

    #[test]
    fn counts_add_up_to_the_network() {
        let network = network();
        let blocks = blocks_of(&network);
        assert_eq!(blocks.iter().map(|b| b.macs).sum::<Macs>(), network.macs());
        assert_eq!(
            blocks.iter().map(|b| b.parameters).sum::<u64>(),
            network.parameter_count()
        );
    }

    #[test]
    fn equal_neighbours_merge() {
        let merged = merge_repeats(&blocks_of(&network()));
        assert_eq!(merged.iter().map(|b| b.repeats).collect::<Vec<_>>(), [1, 1, 1, 2, 1]);
    }
}
