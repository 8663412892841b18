use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Macs, NetworkBuilder, Op, Padding, Pool, PoolKind, Shape, fused_layers,
};
use proptest::prelude::*;

use crate::random_network::networks;

/// (input size, kernel, stride, padding, dilation) → output size, worked out by hand from the formula.
#[test]
fn window_sizes_follow_the_formula() {
    for (size, kernel, stride, padding, dilation, expected) in [
        (224, 3, 2, 1, 1, 112),
        (28, 3, 2, 1, 1, 14),
        (17, 7, 2, 3, 1, 9),
        (7, 7, 1, 0, 1, 1),
        (9, 3, 1, 2, 2, 9),
        (5, 2, 2, 0, 1, 2),
    ] {
        let mut b = NetworkBuilder::new("n", Shape::new(2, size, size));
        let conv = Conv2d {
            padding: Padding::both([padding; 2]),
            dilation: [dilation; 2],
            ..Conv2d::square(4, kernel, stride)
        };
        let input = b.input();
        let out = b.add("conv", Op::Conv2d(conv), &[input]).unwrap();
        assert_eq!(
            b.shape(out),
            Shape::new(4, expected, expected),
            "n={size} k={kernel} s={stride} p={padding} d={dilation}"
        );
    }
}

/// (input size, kernel, stride, before, after, ceil) → output size: what PyTorch 2.15 gives where it has the form, else by
/// hand.
#[test]
fn pool_sizes_follow_the_formula() {
    for (size, kernel, stride, before, after, ceil, expected) in [
        (112, 3, 2, 0, 1, false, 56),
        (112, 3, 2, 0, 0, false, 55),
        (112, 3, 2, 0, 0, true, 56),
        (111, 3, 2, 0, 0, true, 55),
        (113, 3, 2, 1, 1, true, 57),
        // The third window would begin behind the image and its padding.
        (3, 2, 2, 1, 1, true, 2),
        (4, 2, 3, 1, 1, true, 2),
        // A window that is larger than the image.
        (2, 3, 2, 0, 0, true, 1),
    ] {
        let mut b = NetworkBuilder::new("n", Shape::new(2, size, size));
        let pool = Pool {
            kind: PoolKind::Average,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding {
                before: [before; 2],
                after: [after; 2],
            },
            ceil,
            count_padding: false,
        };
        let input = b.input();
        let out = b.add("pool", Op::Pool(pool), &[input]).unwrap();
        assert_eq!(
            b.shape(out),
            Shape::new(2, expected, expected),
            "n={size} k={kernel} s={stride} before={before} after={after} ceil={ceil}"
        );
    }
}

#[test]
fn counts_of_an_inverted_bottleneck() {
    let mut b = NetworkBuilder::new("ib", Shape::new(8, 10, 10));
    let mut at = b.input();
    for (name, conv) in [
        ("expand", Conv2d::pointwise(24)),
        ("depthwise", Conv2d::depthwise(24, 3, 2)),
        ("project", Conv2d::pointwise(16)),
    ] {
        at = b.add(name, Op::Conv2d(conv), &[at]).unwrap();
        at = b
            .add(format!("{name}.bn"), Op::BatchNorm(BatchNorm::default()), &[at])
            .unwrap();
    }
    let pooled = b.add("pool", Op::GlobalAvgPool, &[at]).unwrap();
    let out = b
        .add("fc", Op::Linear(Linear { out: 10, bias: true }), &[pooled])
        .unwrap();
    let net = b.finish(out).unwrap();
    // 8·24·100 + 24·9·25 + 24·16·25 + 16·10
    assert_eq!(net.macs(), Macs(19_200 + 5_400 + 9_600 + 160));
    // kernels 192 + 216 + 384, BN 2·(24 + 24 + 16), linear 160 + 10
    assert_eq!(net.parameter_count(), 192 + 216 + 384 + 128 + 170);
    // The expanded map (2400) with its input (800); BN in place.
    assert_eq!(net.peak_activation_elements(), 3_200);
    let layers: Vec<_> = fused_layers(&net)
        .into_iter()
        .map(|layer| (layer.name, layer.nodes.len()))
        .collect();
    let expected = [("expand", 2), ("depthwise", 2), ("project", 2), ("pool", 1), ("fc", 1)];
    assert_eq!(layers, expected.map(|(name, nodes)| (name.to_owned(), nodes)));
}

#[test]
fn a_residual_keeps_its_input_alive() {
    let mut b = NetworkBuilder::new("residual", Shape::new(4, 5, 5));
    let input = b.input();
    let conv = b.add("conv", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input]).unwrap();
    let act = b.add("act", Op::Activation(Activation::Relu), &[conv]).unwrap();
    let sum = b.add("sum", Op::Add, &[act, input]).unwrap();
    let net = b.finish(sum).unwrap();
    assert_eq!(net.peak_activation_elements(), 300);
}

#[test]
fn too_much_padding_and_misfits_are_errors() {
    let mut b = NetworkBuilder::new("n", Shape::new(6, 8, 8));
    let input = b.input();
    let pool = Pool {
        kind: PoolKind::Average,
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding {
            before: [1, 1],
            after: [1, 2],
        },
        ceil: false,
        count_padding: true,
    };
    assert!(b.add("pool", Op::Pool(pool), &[input]).is_err());
    assert!(
        b.add("groups", Op::Conv2d(Conv2d::pointwise(8).with_groups(4)), &[input])
            .is_err()
    );
    assert!(
        b.add(
            "large",
            Op::Conv2d(Conv2d {
                padding: Padding::NONE,
                ..Conv2d::square(4, 9, 1)
            }),
            &[input]
        )
        .is_err()
    );
    assert!(
        b.add("linear", Op::Linear(Linear { out: 3, bias: false }), &[input])
            .is_err()
    );
    assert!(b.add("add", Op::Add, &[input]).is_err());
    assert!(
        b.add("huge", Op::Conv2d(Conv2d::pointwise(u32::MAX)), &[input])
            .is_err()
    );
}

proptest! {
    /// Peak memory against a replay that looks at every value's last reader.
    #[test]
    fn peak_memory_is_at_least_the_largest_step(net in networks()) {
        let peak = net.peak_activation_elements();
        let total: u64 = net.ids().map(|id| net.shape(id).elements()).sum();
        for id in net.ids() {
            prop_assert!(peak >= net.shape(id).elements());
            if let Op::Conv2d(_) = net.node(id).op {
                let input = net.shape(net.node(id).inputs[0]).elements();
                prop_assert!(peak >= input + net.shape(id).elements());
            }
        }
        prop_assert!(peak <= total);
    }

    #[test]
    fn layers_partition_the_network(net in networks()) {
        let layers = fused_layers(&net);
        let mut seen: Vec<_> = layers.iter().flat_map(|layer| layer.nodes.clone()).collect();
        seen.sort();
        let expected: Vec<_> = net.ids().skip(1).collect();
        prop_assert_eq!(seen, expected);
        let macs: u64 = layers.iter().map(|layer| net.node_macs(layer.anchor).0).sum();
        prop_assert_eq!(macs, net.macs().0);
    }
}
