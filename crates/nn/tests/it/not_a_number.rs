//! One weight that is no number reaches the logits through every layer, activation and pooling, fused or not.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Padding, Pool, PoolKind, Shape, Tensor,
    Weights, stream,
};
use panarch_nn::{Executor, Store, Views};

const IMAGES: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Layer {
    Dense,
    Pointwise,
    Depthwise,
}

fn network(layer: Layer, bn: bool, activation: Option<Activation>, pool: bool) -> Network {
    let mut builder = NetworkBuilder::new("nan", Shape::new(9, 6, 6));
    let input = builder.input();
    let conv = match layer {
        Layer::Dense => Conv2d::square(9, 3, 1),
        Layer::Pointwise => Conv2d::pointwise(9),
        Layer::Depthwise => Conv2d {
            groups: 9,
            ..Conv2d::square(9, 3, 1)
        },
    };
    let mut last = builder.add("conv", Op::Conv2d(conv), &[input]).unwrap();
    if bn {
        last = builder.add("bn", Op::BatchNorm(BatchNorm::default()), &[last]).unwrap();
    }
    if let Some(activation) = activation {
        last = builder.add("act", Op::Activation(activation), &[last]).unwrap();
    }
    if pool {
        let pool = Pool {
            kind: PoolKind::Max,
            kernel: [2, 2],
            stride: [2, 2],
            padding: Padding::NONE,
            ceil: false,
            count_padding: true,
        };
        last = builder.add("pool", Op::Pool(pool), &[last]).unwrap();
    }
    last = builder.add("gap", Op::GlobalAvgPool, &[last]).unwrap();
    last = builder
        .add("fc", Op::Linear(Linear { out: 4, bias: true }), &[last])
        .unwrap();
    builder.finish(last).unwrap()
}

fn logits(network: &Network, weights: &Weights) -> [Vec<f32>; 2] {
    let store = Store::from_weights(network, weights).unwrap();
    let views = Views::resolve(network, &store).unwrap();
    let images: Vec<f32> = (0..IMAGES * 9 * 36).map(|at| (at % 7) as f32 / 7.0).collect();
    let mut executor = Executor::new(network, IMAGES).unwrap();
    let evaluated = executor.evaluate(&store, &views, None, &images).unwrap().to_vec();
    let trained = executor.train(&store, &views, &images).unwrap().to_vec();
    [evaluated, trained]
}

#[test]
fn one_weight_reaches_the_logits() {
    let activations: Vec<Option<Activation>> = std::iter::once(None).chain(Activation::ALL.map(Some)).collect();
    for layer in [Layer::Dense, Layer::Pointwise, Layer::Depthwise] {
        for bn in [false, true] {
            for activation in &activations {
                for pool in [false, true] {
                    let network = network(layer, bn, *activation, pool);
                    let good = Weights::random(&network, &mut stream(3, "nan", 0));
                    let what = format!("{layer:?} bn {bn} {activation:?} pool {pool}");
                    for logits in logits(&network, &good) {
                        assert!(logits.iter().all(|logit| logit.is_finite()), "{what}");
                    }
                    let spoiled: &[&str] = if bn {
                        &["conv.weight", "bn.weight", "bn.bias"]
                    } else {
                        &["conv.weight"]
                    };
                    for name in spoiled {
                        let mut weights = good.clone();
                        let mut tensor: Tensor = weights.get(name).unwrap().clone();
                        *tensor.data.last_mut().unwrap() = f32::NAN;
                        weights.insert(*name, tensor);
                        for logits in logits(&network, &weights) {
                            assert!(logits.iter().all(|logit| logit.is_nan()), "{what} {name}: {logits:?}");
                        }
                    }
                }
            }
        }
    }
}
