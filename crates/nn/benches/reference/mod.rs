//! What the benchmarks share: the reference network, which is also that of the PyTorch peer, and a training step.
// No benchmark uses all of it.
#![allow(dead_code)]

use std::time::Instant;

use panarch_graph::{Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Shape, stream};
use panarch_nn::{
    ActivationStorage, Executor, Gradients, Sgd, SgdOptions, Store, Views, Workspace, softmax_cross_entropy,
};

pub const BATCH: usize = 128;
pub const CLASSES: usize = 10;

struct Builder {
    inner: NetworkBuilder,
    /// Without batch normalisation and activation.
    bare: bool,
}

impl Builder {
    fn add(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.inner.add(name, op, inputs).expect("a valid node")
    }

    fn conv_bn(&mut self, name: &str, x: NodeId, conv: Conv2d, relu: bool) -> NodeId {
        let x = self.add(name, Op::Conv2d(conv), &[x]);
        if self.bare {
            return x;
        }
        let x = self.add(&format!("{name}.bn"), Op::BatchNorm(BatchNorm::default()), &[x]);
        if relu {
            self.add(&format!("{name}.relu"), Op::Activation(Activation::Relu), &[x])
        } else {
            x
        }
    }

    fn classify(mut self, x: NodeId) -> Network {
        let x = self.add("average", Op::GlobalAvgPool, &[x]);
        let out = CLASSES as u32;
        let x = self.add("linear", Op::Linear(Linear { out, bias: true }), &[x]);
        self.inner.finish(x).expect("a valid network")
    }
}

/// A stage of inverted bottlenecks.
#[derive(Clone, Copy, PartialEq)]
pub struct Stage {
    pub expand: u32,
    pub kernel: u32,
    pub channels: u32,
    pub stride: u32,
    pub repeats: u32,
}

const fn stage(expand: u32, kernel: u32, channels: u32, stride: u32, repeats: u32) -> Stage {
    Stage {
        expand,
        kernel,
        channels,
        stride,
        repeats,
    }
}

/// The stages of the reference network.
pub const REFERENCE: [Stage; 3] = [stage(4, 5, 24, 1, 2), stage(4, 5, 40, 2, 3), stage(6, 3, 80, 2, 3)];

/// Those of a network for 28-pixel images as the demo trains it.
pub const SMALL: [Stage; 3] = [stage(3, 3, 16, 1, 2), stage(4, 3, 24, 2, 2), stage(4, 5, 32, 1, 2)];

/// Those of a network of NAS-Bench-Macro's space, its key 21102120 without the head, after a stem of 32 channels.
pub const MACRO: [Stage; 6] = [
    stage(6, 5, 64, 2, 1),
    stage(3, 3, 64, 1, 1),
    stage(3, 3, 128, 2, 1),
    stage(6, 5, 128, 1, 1),
    stage(3, 3, 256, 2, 1),
    stage(6, 5, 256, 1, 1),
];

/// The residual network of 20 layers for CIFAR-10 (He et al. 2016, section 4.2), with 1×1 convolutions where shapes change.
fn residual(side: u32) -> Network {
    let mut builder = Builder {
        inner: NetworkBuilder::new("residual", Shape::new(3, side, side)),
        bare: false,
    };
    let x = builder.inner.input();
    let mut x = builder.conv_bn("stem", x, Conv2d::square(16, 3, 1), true);
    for (number, channels) in [16, 32, 64].into_iter().enumerate() {
        for repeat in 0..3 {
            let name = |part: &str| format!("stage{}.{}.{part}", number + 1, repeat + 1);
            let stride = if number > 0 && repeat == 0 { 2 } else { 1 };
            let y = builder.conv_bn(&name("first"), x, Conv2d::square(channels, 3, stride), true);
            let y = builder.conv_bn(&name("second"), y, Conv2d::square(channels, 3, 1), false);
            if stride == 2 {
                let narrow = Conv2d::square(channels, 1, 2);
                x = builder.conv_bn(&name("shortcut"), x, narrow, false);
            }
            x = builder.add(&name("add"), Op::Add, &[x, y]);
            x = builder.add(&name("relu"), Op::Activation(Activation::Relu), &[x]);
        }
    }
    builder.classify(x)
}

/// A stem of 16 channels, stages of inverted bottlenecks, a linear head; without batch normalisation and activation
/// when `bare`.
pub fn build(name: &str, input: Shape, stem_stride: u32, stages: &[Stage], bare: bool) -> Network {
    let mut builder = Builder {
        inner: NetworkBuilder::new(name, input),
        bare,
    };
    let x = builder.inner.input();
    let mut channels = if stages == MACRO { 32 } else { 16 };
    let mut x = builder.conv_bn("stem", x, Conv2d::square(channels, 3, stem_stride), true);
    for (number, stage) in stages.iter().enumerate() {
        for repeat in 0..stage.repeats {
            let name = |part: &str| format!("stage{}.{}.{part}", number + 1, repeat + 1);
            let (middle, input) = (channels * stage.expand, x);
            let stride = if repeat == 0 { stage.stride } else { 1 };
            x = builder.conv_bn(&name("expand"), x, Conv2d::pointwise(middle), true);
            let depthwise = Conv2d::depthwise(middle, stage.kernel, stride);
            x = builder.conv_bn(&name("depthwise"), x, depthwise, true);
            x = builder.conv_bn(&name("project"), x, Conv2d::pointwise(stage.channels), false);
            if stride == 1 && channels == stage.channels {
                x = builder.add(&name("add"), Op::Add, &[input, x]);
            }
            channels = stage.channels;
        }
    }
    builder.classify(x)
}

/// The reference network, or the one that the environment's `NETWORK` names (`reference`, `macro`, `residual` or `small`), for
/// images of `SIDE` pixels (default 32; `small` takes 28).
pub fn network() -> Network {
    let side = setting("SIDE", 32.0) as u32;
    match std::env::var("NETWORK").as_deref() {
        Ok("small") => build("small", Shape::new(1, 28, 28), 2, &SMALL, false),
        Ok("macro") => build("macro", Shape::new(3, side, side), 1, &MACRO, false),
        Ok("residual") => residual(side),
        _ => build("reference", Shape::new(3, side, side), 1, &REFERENCE, false),
    }
}

/// A number from the environment.
pub fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Number of threads, from the environment's `THREADS` (default 2), and a pool of so many.
pub fn pool() -> (usize, rayon::ThreadPool) {
    let threads = setting("THREADS", 2.0) as usize;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    (threads, pool.expect("threads"))
}

/// An empty workspace that keeps values as the environment's `STORAGE` says (`f32`, default, or `bf16`), and the name.
pub fn workspace() -> (&'static str, Workspace) {
    let (name, storage) = match std::env::var("STORAGE").as_deref() {
        Ok("bf16") => ("f32-bf16", ActivationStorage::Bf16),
        _ => ("f32", ActivationStorage::F32),
    };
    (name, Workspace::default().with_storage(storage))
}

/// Values of no meaning, spread over (−1, 1).
pub fn noise(count: usize) -> Vec<f32> {
    let value = |index: usize| ((index * 7919 + index / 97) % 2003) as f32 / 1001.0 - 1.0;
    (0..count).map(value).collect()
}

/// Seconds that something takes.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// A store with initial weights and everything that trains it.
pub struct Trainer {
    pub store: Store,
    pub gradients: Gradients,
    pub sgd: Sgd,
    pub input: Vec<f32>,
    pub labels: Vec<u32>,
    pub output_gradient: Vec<f32>,
}

impl Trainer {
    /// A trainer of everything that the networks share; all have the same input.
    pub fn new(networks: &[&Network]) -> Self {
        let mut store = Store::covering(networks.iter().copied()).expect("a store");
        store.initialise(&mut stream(0, "benchmark", 0));
        let options = SgdOptions {
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
        };
        Self {
            gradients: Gradients::zeros(&store),
            sgd: Sgd::new(&store, options),
            input: noise(BATCH * networks[0].input_shape().elements() as usize),
            labels: (0..BATCH).map(|index| (index * 7 % CLASSES) as u32).collect(),
            output_gradient: vec![0.0; BATCH * CLASSES],
            store,
        }
    }

    pub fn views(&self, network: &Network) -> Views {
        Views::resolve(network, &self.store).expect("views")
    }

    /// One step of a network, as the PyTorch peer does it; returns the loss.
    pub fn step(&mut self, executor: &mut Executor, views: &Views) -> f32 {
        self.gradients.zero();
        let loss = self.forward_and_backward(executor, views);
        self.update();
        loss
    }

    pub fn forward_and_backward(&mut self, executor: &mut Executor, views: &Views) -> f32 {
        let logits = executor.train(&self.store, views, &self.input).expect("a forward pass");
        let slope = &mut self.output_gradient;
        let loss = softmax_cross_entropy(logits, CLASSES, &self.labels, 0.0, None, slope);
        executor
            .update_running_statistics(&mut self.store, views)
            .expect("statistics");
        executor
            .backward(&self.store, views, slope, &mut self.gradients, None)
            .expect("a backward pass");
        loss.expect("a loss")
    }

    pub fn update(&mut self) {
        self.sgd
            .step(&mut self.store, &self.gradients, 0.01)
            .expect("an update");
    }
}
