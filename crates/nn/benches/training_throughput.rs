//! Training throughput of one fixed small CNN: the peer of `pytorch_training_throughput.py`, same network, same step,
//! same line of output.
//!
//! `THREADS` (default 2), `SECONDS` (a window's length, default 6), `NETWORK` (`reference`, default, or `small`: a
//! network for 28-pixel images as the demo trains it).

use std::time::Instant;

use panarch_graph::{Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Shape};
use panarch_nn::{CosineSchedule, Executor, Gradients, Sgd, SgdOptions, Store, Views, softmax_cross_entropy};

const BATCH: usize = 128;

struct Builder {
    inner: NetworkBuilder,
    count: usize,
}

impl Builder {
    fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.count += 1;
        let name = format!("n{}", self.count);
        self.inner.add(name, op, inputs).expect("a valid node")
    }

    fn conv_bn(&mut self, x: NodeId, conv: Conv2d, relu: bool) -> NodeId {
        let x = self.add(Op::Conv2d(conv), &[x]);
        let x = self.add(Op::BatchNorm(BatchNorm::default()), &[x]);
        if relu {
            self.add(Op::Activation(Activation::Relu), &[x])
        } else {
            x
        }
    }
}

/// A stem of 16 channels, stages of inverted bottlenecks (expansion, kernel, channels, stride, repeats), a linear head.
fn network(name: &str, input: Shape, stem_stride: u32, stages: &[(u32, u32, u32, u32, u32)]) -> Network {
    let mut builder = Builder {
        inner: NetworkBuilder::new(name, input),
        count: 0,
    };
    let x = builder.inner.input();
    let mut x = builder.conv_bn(x, Conv2d::square(16, 3, stem_stride), true);
    let mut channels = 16;
    for (expand, kernel, out, stride, repeats) in stages {
        for repeat in 0..*repeats {
            let (stride, middle, input) = (if repeat == 0 { *stride } else { 1 }, channels * expand, x);
            x = builder.conv_bn(x, Conv2d::pointwise(middle), true);
            x = builder.conv_bn(x, Conv2d::depthwise(middle, *kernel, stride), true);
            x = builder.conv_bn(x, Conv2d::pointwise(*out), false);
            if stride == 1 && channels == *out {
                x = builder.add(Op::Add, &[input, x]);
            }
            channels = *out;
        }
    }
    let x = builder.add(Op::GlobalAvgPool, &[x]);
    let x = builder.add(Op::Linear(Linear { out: 10, bias: true }), &[x]);
    builder.inner.finish(x).expect("a valid network")
}

fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn main() {
    let (threads, seconds) = (setting("THREADS", 2.0) as usize, setting("SECONDS", 6.0));
    let network = match std::env::var("NETWORK").as_deref() {
        Ok("small") => network(
            "small",
            Shape::new(1, 28, 28),
            2,
            &[(3, 3, 16, 1, 2), (4, 3, 24, 2, 2), (4, 5, 32, 1, 2)],
        ),
        _ => network(
            "reference",
            Shape::new(3, 32, 32),
            1,
            &[(4, 5, 24, 1, 2), (4, 5, 40, 2, 3), (6, 3, 80, 2, 3)],
        ),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    let mut rng = panarch_graph::stream(0, "benchmark", 0);
    let mut store = Store::covering([&network]).expect("a store");
    store.initialise(&mut rng);
    let views = Views::resolve(&network, &store).expect("views");
    let mut gradients = Gradients::zeros(&store);
    let options = SgdOptions {
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.0,
    };
    let mut sgd = Sgd::new(&store, options);
    let schedule = CosineSchedule {
        peak: 0.01,
        last: 0.01,
        warmup_steps: 0,
        total_steps: 1,
    };
    let mut executor = Executor::new(&network, BATCH).expect("a plan");
    // Values of no meaning, spread over (−1, 1).
    let noise = |index: usize| ((index * 7919 + index / 97) % 2003) as f32 / 1001.0 - 1.0;
    let image = network.input_shape().elements() as usize;
    let input: Vec<f32> = (0..BATCH * image).map(noise).collect();
    let labels: Vec<u32> = (0..BATCH).map(|index| (index * 7 % 10) as u32).collect();
    let mut output_gradient = vec![0.0; BATCH * 10];
    let mut step = |number: u64| {
        gradients.zero();
        let logits = executor.train(&store, &views, &input).expect("a forward pass");
        let loss = softmax_cross_entropy(logits, 10, &labels, 0.0, None, &mut output_gradient);
        executor
            .update_running_statistics(&mut store, &views)
            .expect("statistics");
        executor
            .backward(&store, &views, &output_gradient, &mut gradients, None)
            .expect("a backward pass");
        sgd.step(&mut store, &gradients, schedule.at(number) as f32)
            .expect("an update");
        loss.expect("a loss")
    };
    let (rates, losses) = pool.install(|| {
        let first = step(0);
        let mut last = step(1);
        let mut rates: Vec<f64> = (0..3)
            .map(|_| {
                let (start, mut steps) = (Instant::now(), 0);
                while start.elapsed().as_secs_f64() < seconds {
                    last = step(2);
                    steps += 1;
                }
                f64::from(steps) * BATCH as f64 / start.elapsed().as_secs_f64()
            })
            .collect();
        let printed: Vec<f64> = rates.iter().map(|rate| (rate * 10.0).round() / 10.0).collect();
        rates.sort_by(f64::total_cmp);
        ((rates[1], printed), (first, last))
    });
    println!(
        "panarch-nn {} {} parameters f32 nhwc threads={threads}: {:.1} img/s {:?} (loss {:.3} -> {:.3})",
        env!("CARGO_PKG_VERSION"),
        network.parameter_count(),
        rates.0,
        rates.1,
        losses.0,
        losses.1
    );
}
