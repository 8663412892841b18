//! The training engine's own forward pass against every runtime that is here, over the exported file.

use panarch_format::{OnnxOptions, write_onnx};
use panarch_graph::{Network, NetworkBuilder, Op, Padding, Pool, PoolKind, Shape, Weights};
use panarch_measure::available_runtimes;
use panarch_nn::{Executor, Store, Views};

use crate::random_network::random_network;

/// What the engine computes for one image in C, H, W order, in the same order.
pub fn evaluate(network: &Network, weights: &Weights, image: &[f32]) -> Vec<f32> {
    let store = Store::from_weights(network, weights).unwrap();
    let views = Views::resolve(network, &store).unwrap();
    let mut executor = Executor::new(network, 1).unwrap();
    let from = network.input_shape();
    let (channels, pixels) = (from.channels as usize, from.pixels() as usize);
    let mut turned = vec![0.0; image.len()];
    for (index, value) in image.iter().enumerate() {
        turned[index % pixels * channels + index / pixels] = *value;
    }
    let found = executor.evaluate(&store, &views, None, &turned).unwrap();
    let to = network.shape(network.output());
    let (channels, pixels) = (to.channels as usize, to.pixels() as usize);
    (0..found.len())
        .map(|index| found[index % pixels * channels + index / pixels])
        .collect()
}

fn agrees(network: &Network, weights: &Weights, what: &str) {
    let image: Vec<f32> = (0..network.input_shape().elements())
        .map(|index| ((index as f32) * 0.37).sin())
        .collect();
    let expected = evaluate(network, weights, &image);
    let onnx = write_onnx(network, weights, &OnnxOptions::default()).unwrap();
    let largest = expected
        .iter()
        .fold(1e-3_f32, |largest, value| largest.max(value.abs()));
    for runtime in available_runtimes(1) {
        let found = runtime.load(&onnx).unwrap().run(&image, 1).unwrap();
        assert_eq!(found.len(), expected.len(), "{what}, {}", runtime.name());
        for (found, expected) in found.iter().zip(&expected) {
            assert!(
                (found - expected).abs() <= 1e-4 * largest,
                "{what}, {}: {found} instead of {expected}",
                runtime.name()
            );
        }
    }
}

#[test]
fn random_networks_give_the_engines_logits() {
    for seed in 0..120 {
        let (network, weights) = random_network(seed);
        agrees(&network, &weights, &format!("seed {seed}"));
    }
}

/// Every small pool alone: sizes that the windows fit and do not fit, every padding, each way to round and to count.
#[test]
fn every_small_pool_gives_the_engines_means_and_maxima() {
    let mut made = 0;
    for size in 2..8 {
        for [kernel, stride, before, after] in (0..108).map(|n| [1 + n % 4, 1 + n / 4 % 3, n / 12 % 3, n / 36]) {
            for (kind, ceil, count_padding) in [
                (PoolKind::Max, false, true),
                (PoolKind::Max, true, true),
                (PoolKind::Average, false, false),
                (PoolKind::Average, false, true),
                (PoolKind::Average, true, false),
                (PoolKind::Average, true, true),
            ] {
                let pool = Pool {
                    kind,
                    kernel: [kernel, 2],
                    stride: [stride, 2],
                    padding: Padding {
                        before: [before, 0],
                        after: [after, 1],
                    },
                    ceil,
                    count_padding,
                };
                let mut builder = NetworkBuilder::new("pool", Shape::new(2, size, 9 - size));
                let input = builder.input();
                let Ok(output) = builder.add("pool", Op::Pool(pool), &[input]) else {
                    continue;
                };
                let network = builder.finish(output).unwrap();
                agrees(
                    &network,
                    &Weights::new(),
                    &format!("{pool:?} of {}", network.input_shape()),
                );
                made += 1;
            }
        }
    }
    assert!(made > 500, "{made}");
}
