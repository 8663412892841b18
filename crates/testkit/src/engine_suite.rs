mod optimiser;
mod passes;
mod values;

use std::sync::Arc;

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Shape, Tensor, Weights, random,
};
use panarch_nn::{Engine, Loss, Member, Parameters, SgdOptions, Statistics, Step, Store, TensorKind};
use rand::RngExt as _;

use crate::naive_engine::wide;
use crate::operators::reference::{Mode, forward};

const CLASSES: usize = 3;
const IMAGES: usize = 5;
const LABELS: [u32; IMAGES] = [0, 2, 1, 1, 0];

/// Relative to the largest magnitude: what an engine in f32 may be off.
const TOLERANCE: f64 = 1e-4;

/// An optimiser that only subtracts gradients.
const PLAIN: SgdOptions = SgdOptions {
    momentum: 0.0,
    nesterov: false,
    weight_decay: 0.0,
};

/// A whole gradient, not limited.
const WHOLE: Step = Step {
    learning_rate: 1.0,
    clip_norm: None,
};

/// Checks that an engine keeps its promises; `new` makes one. What it computes is compared with a slow executor in f64, its
/// gradients with finite differences, its steps with the textbook's formula.
///
/// # Panics
/// When it does not.
pub fn engine_conformance(new: impl Fn() -> Box<dyn Engine>) {
    passes::passes_agree_with_the_slow_executor(&mut *new());
    passes::views_see_what_changes(&mut *new());
    optimiser::gradients_match_finite_differences(&mut *new());
    optimiser::gradients_add_up_and_end_with_the_step(&mut *new());
    optimiser::steps_follow_the_formula(&mut *new());
    values::what_is_saved_can_be_loaded(&mut *new());
    values::an_average_follows_what_it_is_blended_with(&mut *new());
    passes::recalibration_averages_over_batches(&mut *new());
    passes::derived_kernels_follow_their_matrices(&mut *new());
    values::what_is_not_there_is_refused(&mut *new());
}

/// A residual block between a stem and a classifier, smooth everywhere.
fn network(hidden: u32, kernel: u32) -> Network {
    let mut builder = NetworkBuilder::new("block", Shape::new(2, 6, 6));
    let smooth = || Op::Activation(Activation::Swish);
    let bn = || Op::BatchNorm(BatchNorm::default());
    let x = builder.input();
    let mut last = x;
    let mut add = |builder: &mut NetworkBuilder, name: &str, op: Op| {
        last = builder.add(name, op, &[last]).expect("a valid node");
        last
    };
    add(&mut builder, "stem", Op::Conv2d(Conv2d::square(4, 3, 1)));
    add(&mut builder, "stem_bn", bn());
    let stem = add(&mut builder, "stem_act", smooth());
    add(&mut builder, "expand", Op::Conv2d(Conv2d::pointwise(hidden)));
    add(&mut builder, "expand_bn", bn());
    add(&mut builder, "expand_act", smooth());
    add(
        &mut builder,
        "depthwise",
        Op::Conv2d(Conv2d::depthwise(hidden, kernel, 1)),
    );
    add(&mut builder, "depthwise_bn", bn());
    add(&mut builder, "depthwise_act", smooth());
    add(&mut builder, "project", Op::Conv2d(Conv2d::pointwise(4)));
    let project = add(&mut builder, "project_bn", bn());
    let sum = builder.add("sum", Op::Add, &[stem, project]).expect("a valid node");
    let pool = builder.add("pool", Op::GlobalAvgPool, &[sum]).expect("a valid node");
    let linear = Linear {
        out: CLASSES as u32,
        bias: true,
    };
    let head = builder.add("head", Op::Linear(linear), &[pool]).expect("a valid node");
    builder.finish(head).expect("a valid network")
}

fn small() -> Network {
    network(4, 3)
}

fn large() -> Network {
    network(6, 5)
}

/// A supernet of both networks, every value drawn.
fn supernet() -> Store {
    let mut store = Store::covering([&small(), &large()]).expect("one kind for each name");
    let mut rng = random::stream(11, "engine suite", 0);
    for tensor in store.tensors_mut() {
        let (low, high) = match tensor.kind() {
            TensorKind::BnWeight | TensorKind::RunningVar => (0.5, 1.5),
            _ => (-0.5, 0.5),
        };
        tensor
            .data_mut()
            .iter_mut()
            .for_each(|value| *value = rng.random_range(low..high));
    }
    store
}

fn images(number: u64) -> Vec<f32> {
    let mut rng = random::stream(number, "engine suite images", 0);
    (0..IMAGES * 2 * 6 * 6).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn loss() -> Loss<'static> {
    Loss {
        labels: &LABELS,
        mixed: None,
        smoothing: 0.1,
        teacher: None,
        scale: 0.5,
    }
}

/// A network in an engine that holds a store.
struct Placed {
    parameters: Parameters,
    member: Member,
}

fn place(engine: &mut dyn Engine, store: &Store, network: Network) -> Placed {
    let parameters = engine.create(Arc::new(store.clone())).expect("room for a small store");
    let member = Member::new(network, parameters.layout()).expect("every parameter is there");
    Placed { parameters, member }
}

impl Placed {
    fn begun(self, engine: &mut dyn Engine, options: SgdOptions) -> Self {
        engine.begin(&self.parameters, options).expect("it holds the tensors");
        self
    }

    fn forward(&self, engine: &mut dyn Engine, statistics: Statistics<'_>) -> Vec<f32> {
        // What was there before must not show.
        let mut logits = vec![7.0; 99];
        engine
            .forward(&self.parameters, &self.member, statistics, &images(1), &mut logits)
            .expect("a forward pass");
        logits
    }

    fn train(&self, engine: &mut dyn Engine) -> f32 {
        let mut logits = vec![7.0; 99];
        let value = engine
            .train(&self.parameters, &self.member, &images(1), &loss(), &mut logits)
            .expect("a step");
        let weights = self.weights(engine);
        let pass = forward(self.member.network(), &weights, &images(1), Mode::Train);
        near(
            "the logits of training",
            &logits,
            pass.values.last().expect("an output"),
        );
        value
    }

    fn step(&self, engine: &mut dyn Engine, step: Step) -> f64 {
        engine.step(&self.parameters, step).expect("a step")
    }

    fn save(&self, engine: &mut dyn Engine) -> Weights {
        engine.save(&self.parameters).expect("it holds the tensors")
    }

    /// The member's own weights, through what the engine saves.
    fn weights(&self, engine: &mut dyn Engine) -> Weights {
        let mut store = self.store();
        store.load(&self.save(engine)).expect("the same tensors");
        self.member.views().extract(&store).expect("the same layout")
    }

    /// A store of the engine's layout.
    fn store(&self) -> Store {
        let mut store = Store::new();
        for tensor in self.parameters.layout().tensors() {
            let zeros = vec![0.0; tensor.elements()];
            let inserted = store.insert(tensor.name.clone(), tensor.kind, tensor.shape.clone(), zeros);
            inserted.expect("each name once");
        }
        store
    }

    /// The gradient of every tensor: what a plain step of length 1 takes away. The weights are put back.
    fn gradients(&self, engine: &mut dyn Engine) -> Weights {
        let before = self.save(engine);
        engine.begin(&self.parameters, PLAIN).expect("it holds the tensors");
        self.train(engine);
        self.step(engine, WHOLE);
        let after = self.save(engine);
        engine.load(&self.parameters, &before).expect("what it saved");
        let difference = |(name, tensor): (&str, &Tensor)| {
            let after = after.get(name).expect("the same tensors");
            let both = wide(&tensor.data).into_iter().zip(wide(&after.data));
            let data = both.map(|(before, after)| (before - after) as f32).collect();
            let shape = tensor.shape.clone();
            (name.to_owned(), Tensor { shape, data })
        };
        before.iter().map(difference).collect()
    }
}

/// Whether values agree relative to the largest of those expected.
fn near(what: &str, found: &[f32], expected: &[f64]) {
    near_within(what, found, expected, TOLERANCE);
}

fn near_within(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3_f64, |most, value| most.max(value.abs()));
    for (index, (found, expected)) in wide(found).into_iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= tolerance * largest,
            "{what}, value {index}: {found}, expected {expected}"
        );
    }
}
