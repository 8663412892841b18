//! Content hashes that must never change: they name networks in studies and exported files.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Padding, Pool, PoolKind, Shape,
};

/// Every operator, with attributes other than their defaults.
fn network(pools: [Pool; 2], stem: Conv2d) -> Network {
    let mut b = NetworkBuilder::new("pinned", Shape::new(3, 17, 19));
    let mut at = b.input();
    for (name, op) in [
        ("stem", Op::Conv2d(stem)),
        ("bn", Op::BatchNorm(BatchNorm::default())),
        ("act", Op::Activation(Activation::HardSwish)),
        ("max", Op::Pool(pools[0])),
        ("average", Op::Pool(pools[1])),
    ] {
        at = b.add(name, op, &[at]).unwrap();
    }
    let side = b.add("side", Op::Conv2d(Conv2d::depthwise(8, 5, 1)), &[at]).unwrap();
    let sum = b.add("sum", Op::Add, &[side, at]).unwrap();
    let both = b.add("both", Op::Concat, &[sum, at]).unwrap();
    let mean = b.add("mean", Op::GlobalAvgPool, &[both]).unwrap();
    let scaled = b.add("scaled", Op::Mul, &[both, mean]).unwrap();
    let flat = b.add("flat", Op::Flatten, &[scaled]).unwrap();
    let out = b
        .add("out", Op::Linear(Linear { out: 7, bias: true }), &[flat])
        .unwrap();
    b.finish(out).unwrap()
}

/// The pools and the first convolution of a network that the first release could write.
fn plain() -> ([Pool; 2], Conv2d) {
    let pool = |kind, kernel, padding| Pool {
        kind,
        kernel: [kernel; 2],
        stride: [2, 1],
        padding: Padding::both(padding),
        ceil: false,
        count_padding: true,
    };
    let stem = Conv2d {
        padding: Padding::both([1, 0]),
        dilation: [1, 2],
        ..Conv2d::square(8, 3, 2)
    };
    (
        [pool(PoolKind::Max, 3, [1, 0]), pool(PoolKind::Average, 2, [0, 1])],
        stem,
    )
}

#[test]
fn a_network_of_the_first_release_keeps_its_hash() {
    let (pools, stem) = plain();
    let net = network(pools, stem);
    assert_eq!(
        net.content_hash().to_string(),
        "a580d6668252d0652942e1495dbf9f2af73f0cd5f1e89ddf215584983f90cd93"
    );
}

#[test]
fn every_new_attribute_counts() {
    let (pools, stem) = plain();
    let mut hashes = vec![network(pools, stem).content_hash()];
    let mut made = |edit: &dyn Fn(&mut [Pool; 2], &mut Conv2d)| {
        let (mut pools, mut stem) = (pools, stem);
        edit(&mut pools, &mut stem);
        hashes.push(network(pools, stem).content_hash());
    };
    made(&|_, stem| stem.padding.after[1] = 1);
    made(&|_, stem| stem.padding.after[0] = 0);
    made(&|_, stem| stem.padding.before[1] = 1);
    made(&|pools, _| pools[0].padding.after[1] = 1);
    made(&|pools, _| pools[0].padding.before[0] = 0);
    made(&|pools, _| pools[0].ceil = true);
    made(&|pools, _| pools[1].ceil = true);
    made(&|pools, _| pools[1].count_padding = false);
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// A maximum never counts its padding, and without padding there is nothing to count.
#[test]
fn what_makes_no_difference_does_not_count() {
    let (mut pools, stem) = plain();
    pools[1].padding = Padding::NONE;
    let expected = network(pools, stem);
    pools[0].count_padding = false;
    pools[1].count_padding = false;
    assert_eq!(network(pools, stem), expected);
}
