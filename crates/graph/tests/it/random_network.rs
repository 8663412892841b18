//! Random valid networks for property tests.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape,
};
use proptest::prelude::*;

/// A chain of blocks drawn from what this field uses, with residuals, gates and concatenations.
pub fn networks() -> impl Strategy<Value = Network> {
    (
        1_u32..4,
        7_u32..20,
        7_u32..20,
        prop::collection::vec((0_u8..7, 1_u32..4, 1_u32..3, 1_u32..5), 1..8),
    )
        .prop_map(|(channels, height, width, steps)| build(Shape::new(channels, height, width), &steps))
}

fn build(input: Shape, steps: &[(u8, u32, u32, u32)]) -> Network {
    let mut builder = NetworkBuilder::new("random", input);
    let mut at = builder.input();
    for (index, &(kind, half_kernel, stride, width)) in steps.iter().enumerate() {
        builder.scope(format!("block{index}"));
        at = step(&mut builder, at, index, kind, 2 * half_kernel - 1, stride, width * 4);
    }
    builder.scope("head");
    let pooled = builder.add("pool", Op::GlobalAvgPool, &[at]).unwrap();
    let out = builder
        .add("linear", Op::Linear(Linear { out: 10, bias: true }), &[pooled])
        .unwrap();
    builder.finish(out).unwrap()
}

fn step(b: &mut NetworkBuilder, at: NodeId, index: usize, kind: u8, kernel: u32, stride: u32, out: u32) -> NodeId {
    let name = |part: &str| format!("b{index}.{part}");
    let channels = b.shape(at).channels;
    let conv = |b: &mut NetworkBuilder, part: &str, conv: Conv2d, from: NodeId| {
        let c = b.add(name(&format!("{part}.conv")), Op::Conv2d(conv), &[from]).unwrap();
        let n = b
            .add(name(&format!("{part}.bn")), Op::BatchNorm(BatchNorm::default()), &[c])
            .unwrap();
        b.add(name(&format!("{part}.act")), Op::Activation(Activation::Relu), &[n])
            .unwrap()
    };
    match kind {
        0 => conv(b, "dense", Conv2d::square(out, kernel, stride), at),
        1 => conv(b, "depthwise", Conv2d::depthwise(channels, kernel, stride), at),
        2 => {
            let branch = conv(b, "branch", Conv2d::square(channels, kernel, 1), at);
            b.add(name("add"), Op::Add, &[branch, at]).unwrap()
        }
        3 => {
            let pooled = b.add(name("se.pool"), Op::GlobalAvgPool, &[at]).unwrap();
            let gate = b
                .add(
                    name("se.conv"),
                    Op::Conv2d(Conv2d::pointwise(channels).with_bias(true)),
                    &[pooled],
                )
                .unwrap();
            let gate = b
                .add(name("se.gate"), Op::Activation(Activation::HardSigmoid), &[gate])
                .unwrap();
            b.add(name("se.mul"), Op::Mul, &[at, gate]).unwrap()
        }
        4 => {
            let left = conv(b, "left", Conv2d::pointwise(out), at);
            let right = conv(b, "right", Conv2d::pointwise(4), at);
            b.add(name("concat"), Op::Concat, &[left, right]).unwrap()
        }
        5 => {
            let Shape { height, width, .. } = b.shape(at);
            // A window of three fits into two positions and one zero.
            let padding = if height.min(width) > 1 {
                Padding {
                    before: [1, 0],
                    after: [out / 4 % 2, 1],
                }
            } else {
                Padding::both([1, 1])
            };
            let pool = Pool {
                kind: PoolKind::Max,
                kernel: [3, 3],
                stride: [stride; 2],
                padding,
                ceil: out.is_multiple_of(8),
                count_padding: true,
            };
            b.add(name("pool"), Op::Pool(pool), &[at]).unwrap()
        }
        _ => b.add(name("norm"), Op::BatchNorm(BatchNorm::default()), &[at]).unwrap(),
    }
}
