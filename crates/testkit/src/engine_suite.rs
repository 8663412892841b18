use std::sync::Arc;

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, Op, Shape, Tensor, Weights, random,
};
use panarch_nn::{
    Engine, Loss, Member, NnError, Parameters, SgdOptions, Statistics, Step, Store, TensorKind, kernel_matrices,
};
use rand::RngExt as _;

use crate::naive_engine::{narrow, wide, write_statistics};
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
    passes_agree_with_the_slow_executor(&mut *new());
    views_see_what_changes(&mut *new());
    gradients_match_finite_differences(&mut *new());
    gradients_add_up_and_end_with_the_step(&mut *new());
    steps_follow_the_formula(&mut *new());
    what_is_saved_can_be_loaded(&mut *new());
    recalibration_averages_over_batches(&mut *new());
    derived_kernels_follow_their_matrices(&mut *new());
    what_is_not_there_is_refused(&mut *new());
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

fn passes_agree_with_the_slow_executor(engine: &mut dyn Engine) {
    for network in [small(), large()] {
        let placed = place(engine, &supernet(), network);
        let weights = placed.weights(engine);
        for (statistics, mode) in [(Statistics::Running, Mode::Eval), (Statistics::Batch, Mode::Train)] {
            let slow = forward(placed.member.network(), &weights, &images(1), mode);
            let found = placed.forward(engine, statistics);
            near("a forward pass", &found, slow.values.last().expect("an output"));
            assert_eq!(
                found,
                placed.forward(engine, statistics),
                "the same call gives the same bits"
            );
        }
    }
}

fn views_see_what_changes(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small());
    let before = placed.forward(engine, Statistics::Running);
    // The part of a larger tensor that the small network does not use.
    let mut weights = placed.save(engine);
    let mut expand = weights.get("expand.weight").expect("a tensor").clone();
    let own = 4 * 4;
    expand.data[own..].iter_mut().for_each(|value| *value += 1.0);
    let only = |name: &str, tensor: &Tensor| -> Weights { [(name.to_owned(), tensor.clone())].into_iter().collect() };
    engine
        .load(&placed.parameters, &only("expand.weight", &expand))
        .expect("its tensor");
    assert_eq!(
        before,
        placed.forward(engine, Statistics::Running),
        "a view ends where it ends"
    );
    expand.data[..own].iter_mut().for_each(|value| *value += 1.0);
    engine
        .load(&placed.parameters, &only("expand.weight", &expand))
        .expect("its tensor");
    let after = placed.forward(engine, Statistics::Running);
    assert_ne!(before, after, "a view is no copy");
    weights.insert("expand.weight", expand);
    assert_eq!(weights, placed.save(engine), "other tensors stay");
    let slow = forward(placed.member.network(), &placed.weights(engine), &images(1), Mode::Eval);
    near(
        "a forward pass after a change",
        &after,
        slow.values.last().expect("an output"),
    );
}

/// The loss of a network in f64.
fn slow_loss(network: &Network, weights: &Weights) -> f64 {
    let pass = forward(network, weights, &images(1), Mode::Train);
    let logits = pass.values.last().expect("an output");
    let Loss { smoothing, scale, .. } = loss();
    let base = f64::from(smoothing) / CLASSES as f64;
    let rows = logits.chunks_exact(CLASSES).zip(LABELS);
    let losses = rows.map(|(row, label)| {
        let total: f64 = row.iter().map(|logit| logit.exp()).sum();
        let terms = row.iter().enumerate().map(|(class, logit)| {
            let target = base
                + if class == label as usize {
                    1.0 - f64::from(smoothing)
                } else {
                    0.0
                };
            -target * (logit - total.ln())
        });
        terms.sum::<f64>()
    });
    f64::from(scale) * losses.sum::<f64>() / IMAGES as f64
}

/// Slopes of the loss by every few values of every trainable tensor, against those of an engine.
fn check_slopes(placed: &Placed, engine: &mut dyn Engine) {
    let found = placed.gradients(engine);
    let saved = placed.save(engine);
    for tensor in placed.parameters.layout().tensors() {
        if !tensor.kind.is_trainable() || tensor.kind.is_derived() {
            continue;
        }
        let gradients = &found.get(&tensor.name).expect("every tensor").data;
        let every = (tensor.elements() / 12).max(1);
        let (mut some, mut expected) = (Vec::new(), Vec::new());
        for index in (0..tensor.elements()).step_by(every) {
            let mut sides = Vec::new();
            for change in [2e-3_f32, -2e-3] {
                let mut moved = saved.get(&tensor.name).expect("every tensor").clone();
                moved.data[index] += change;
                let at = f64::from(moved.data[index]);
                let mut store = placed.store();
                store.load(&saved).expect("the same tensors");
                store
                    .load(&[(tensor.name.clone(), moved)].into_iter().collect())
                    .expect("its tensor");
                let weights = placed.member.views().extract(&store).expect("the same layout");
                sides.push((at, slow_loss(placed.member.network(), &weights)));
            }
            some.push(gradients[index]);
            expected.push((sides[0].1 - sides[1].1) / (sides[0].0 - sides[1].0));
        }
        near_within(&format!("the gradient of {}", tensor.name), &some, &expected, 1e-2);
    }
}

fn gradients_match_finite_differences(engine: &mut dyn Engine) {
    for network in [small(), large()] {
        let placed = place(engine, &supernet(), network).begun(engine, PLAIN);
        let expected = slow_loss(placed.member.network(), &placed.weights(engine));
        near("the loss", &[placed.train(engine)], &[expected]);
        check_slopes(&placed, engine);
    }
}

fn gradients_add_up_and_end_with_the_step(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small()).begun(engine, PLAIN);
    let once = placed.gradients(engine);
    let before = placed.save(engine);
    engine.begin(&placed.parameters, PLAIN).expect("it holds the tensors");
    placed.train(engine);
    placed.train(engine);
    assert_eq!(before, placed.save(engine), "only a step changes weights");
    placed.step(engine, WHOLE);
    let after = placed.save(engine);
    for (name, gradient) in once.iter() {
        let both = before
            .get(name)
            .expect("it")
            .data
            .iter()
            .zip(&after.get(name).expect("it").data);
        let moved: Vec<f32> = both.map(|(before, after)| before - after).collect();
        let twice: Vec<f64> = gradient.data.iter().map(|value| 2.0 * f64::from(*value)).collect();
        near_within(&format!("two gradients of {name}"), &moved, &twice, 1e-3);
    }
    placed.step(engine, WHOLE);
    assert_eq!(after, placed.save(engine), "a step without gradients changes nothing");
}

fn steps_follow_the_formula(engine: &mut dyn Engine) {
    for (nesterov, clip_norm) in [(true, Some(0.05)), (true, None), (false, Some(1e6))] {
        let options = SgdOptions {
            momentum: 0.8,
            nesterov,
            weight_decay: 0.1,
        };
        let learning_rate = 0.3;
        let placed = place(engine, &supernet(), large());
        // The same tensors once more, to read gradients off.
        let other = place(engine, &supernet(), large());
        engine.begin(&placed.parameters, options).expect("it holds the tensors");
        let tensors = placed.parameters.layout().tensors();
        let mut velocity: Vec<Vec<f64>> = tensors.iter().map(|tensor| vec![0.0; tensor.elements()]).collect();
        for round in 0..3 {
            let before = placed.save(engine);
            engine.load(&other.parameters, &before).expect("the same tensors");
            let gradients = other.gradients(engine);
            let squares = gradients.iter().flat_map(|(_, tensor)| wide(&tensor.data));
            let norm = squares.map(|value| value * value).sum::<f64>().sqrt();
            let factor = clip_norm.map_or(1.0, |limit: f64| (limit / (norm + 1e-6)).min(1.0));
            placed.train(engine);
            let step = Step {
                learning_rate,
                clip_norm,
            };
            let found = placed.step(engine, step);
            let expected = if clip_norm.is_some() { norm } else { 0.0 };
            assert!(
                (found - expected).abs() <= 1e-3 * norm,
                "norm {found}, expected {expected}"
            );
            let after = placed.save(engine);
            let momentum = engine.save_momentum(&placed.parameters).expect("an optimiser");
            for (tensor, velocity) in tensors.iter().zip(&mut velocity) {
                let name = &tensor.name;
                let (before, after) = (before.get(name).expect("it"), after.get(name).expect("it"));
                if !tensor.kind.is_trainable() {
                    assert_eq!(before, after, "{name} is not trained");
                    assert!(momentum.get(name).is_none(), "{name} has no momentum");
                    continue;
                }
                let decay = if tensor.kind.decays() { 0.1_f32 } else { 0.0 };
                let gradients = wide(&gradients.get(name).expect("it").data);
                let weights = wide(&before.data).into_iter().zip(gradients).zip(velocity.iter_mut());
                let expected: Vec<f64> = weights
                    .map(|((weight, gradient), velocity)| {
                        let gradient = factor * gradient + f64::from(decay) * weight;
                        *velocity = f64::from(options.momentum) * *velocity + gradient;
                        let nesterovs = gradient + f64::from(options.momentum) * *velocity;
                        weight - f64::from(learning_rate) * if nesterov { nesterovs } else { *velocity }
                    })
                    .collect();
                near_within(&format!("{name} after step {round}"), &after.data, &expected, 1e-3);
                let found = &momentum.get(name).expect("momentum").data;
                near_within(&format!("the momentum of {name}"), found, velocity, 1e-2);
            }
        }
        // A new beginning forgets the momentum.
        engine.begin(&placed.parameters, options).expect("it holds the tensors");
        let momentum = engine.save_momentum(&placed.parameters).expect("an optimiser");
        assert!(
            momentum
                .iter()
                .all(|(_, tensor)| tensor.data.iter().all(|value| *value == 0.0))
        );
    }
}

fn what_is_saved_can_be_loaded(engine: &mut dyn Engine) {
    let options = SgdOptions::default();
    let step = Step {
        learning_rate: 0.1,
        clip_norm: Some(1.0),
    };
    let placed = place(engine, &supernet(), large()).begun(engine, options);
    let began = placed.save(engine);
    assert_eq!(began, supernet().weights(), "what was handed in");
    placed.train(engine);
    placed.step(engine, step);
    let (weights, momentum) = (placed.save(engine), engine.save_momentum(&placed.parameters));
    let momentum = momentum.expect("an optimiser");
    let mut zeros = supernet();
    zeros
        .tensors_mut()
        .iter_mut()
        .for_each(|tensor| tensor.data_mut().fill(0.0));
    let other = place(engine, &zeros, large()).begun(engine, options);
    engine.load(&other.parameters, &weights).expect("the same tensors");
    engine
        .load_momentum(&other.parameters, &momentum)
        .expect("the same tensors");
    assert_eq!(weights, other.save(engine));
    assert_eq!(momentum, engine.save_momentum(&other.parameters).expect("an optimiser"));
    // Both go on in the same way, and neither knows of the other.
    for placed in [&placed, &other] {
        placed.train(engine);
        placed.step(engine, step);
    }
    let (one, two) = (placed.save(engine), other.save(engine));
    for (name, tensor) in one.iter() {
        near_within(name, &two.get(name).expect("it").data, &wide(&tensor.data), 1e-5);
    }
    engine.remove(&other.parameters);
    assert_eq!(one, placed.save(engine));
}

fn recalibration_averages_over_batches(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small());
    let weights = placed.weights(engine);
    let batches = [images(1), images(2)[..2 * 72].to_vec(), images(3)];
    let statistics = engine
        .recalibrate(&placed.parameters, &placed.member, &mut |take| {
            batches.iter().try_for_each(|images| take(images))
        })
        .expect("statistics");
    let all: usize = batches.iter().map(|images| images.len() / 72).sum();
    assert_eq!(statistics.images(), all as u64);
    let network = placed.member.network();
    for id in network
        .ids()
        .filter(|id| matches!(network.node(*id).op, Op::BatchNorm(_)))
    {
        let node = &network.node(id).name;
        let channels = network.shape(id).channels as usize;
        let (mut means, mut variances) = (vec![0.0; channels], vec![0.0; channels]);
        for images in &batches {
            let share = (images.len() / 72) as f64 / all as f64;
            let count = (images.len() / 72 * 36) as f64;
            let pass = forward(network, &weights, images, Mode::Train);
            let (mean, variance) = &pass.moments[node];
            for channel in 0..channels {
                means[channel] += share * mean[channel];
                variances[channel] += share * variance[channel] * count / (count - 1.0);
            }
        }
        let (mean, variance) = statistics.get(node).expect("every batch normalisation");
        near(&format!("the mean of {node}"), &mean, &means);
        near(&format!("the variance of {node}"), &variance, &variances);
    }
    assert_eq!(weights, placed.weights(engine), "recalibration changes no weights");
    let mut own = weights;
    write_statistics(&placed.member, &statistics, &mut own).expect("every batch normalisation");
    let slow = forward(network, &own, &images(1), Mode::Eval);
    let found = placed.forward(engine, Statistics::Own(&statistics));
    near("a recalibrated pass", &found, slow.values.last().expect("an output"));
}

fn derived_kernels_follow_their_matrices(engine: &mut dyn Engine) {
    let mut store = supernet();
    kernel_matrices::install_identities(&mut store, &|_| 3).expect("a depthwise kernel of 5");
    let mut rng = random::stream(12, "engine suite", 0);
    let matrix = store.get_mut("depthwise.5to3_matrix").expect("the matrix");
    matrix
        .data_mut()
        .iter_mut()
        .for_each(|value| *value += rng.random_range(-0.2..0.2));
    kernel_matrices::refresh_all(&mut store);
    let placed = place(engine, &store, small());
    let weights = placed.weights(engine);
    assert!(
        placed.save(engine).get("depthwise.weight@3").is_none(),
        "what is made is not saved"
    );
    let slow = forward(placed.member.network(), &weights, &images(1), Mode::Eval);
    let found = placed.forward(engine, Statistics::Running);
    near(
        "a pass with a derived kernel",
        &found,
        slow.values.last().expect("an output"),
    );
    check_slopes(&placed, engine);
    // After a step, and after a change of the matrix alone, kernels are made anew.
    engine
        .begin(&placed.parameters, SgdOptions::default())
        .expect("it holds the tensors");
    placed.train(engine);
    let step = Step {
        learning_rate: 0.5,
        clip_norm: None,
    };
    placed.step(engine, step);
    for round in 0..2 {
        let slow = forward(placed.member.network(), &placed.weights(engine), &images(1), Mode::Eval);
        let found = placed.forward(engine, Statistics::Running);
        near(
            "a pass with a kernel made anew",
            &found,
            slow.values.last().expect("an output"),
        );
        if round == 0 {
            let mut matrix = placed.save(engine).get("depthwise.5to3_matrix").expect("it").clone();
            matrix.data.reverse();
            let changed = [("depthwise.5to3_matrix".to_owned(), matrix)].into_iter().collect();
            engine.load(&placed.parameters, &changed).expect("its tensor");
        }
    }
}

fn what_is_not_there_is_refused(engine: &mut dyn Engine) {
    let placed = place(engine, &supernet(), small());
    let Placed { parameters, member } = &placed;
    let (images, mut logits) = (images(1), Vec::new());
    let trained = engine.train(parameters, member, &images, &loss(), &mut logits);
    assert!(matches!(trained, Err(NnError::NoOptimiser)), "{trained:?}");
    assert!(matches!(engine.step(parameters, WHOLE), Err(NnError::NoOptimiser)));
    assert!(matches!(engine.save_momentum(parameters), Err(NnError::NoOptimiser)));
    let before = placed.save(engine);
    let name = "head.bias".to_owned();
    let good = Tensor {
        shape: vec![CLASSES],
        data: narrow(&[1.0; CLASSES]),
    };
    for (other, shape, data) in [
        ("nobody.bias", vec![CLASSES], vec![0.0; CLASSES]),
        ("stem_bn.bias", vec![CLASSES], vec![0.0; CLASSES]),
        ("stem_bn.bias", vec![4], vec![0.0; 3]),
    ] {
        let wrong = Tensor { shape, data };
        let both: Weights = [(name.clone(), good.clone()), (other.to_owned(), wrong)]
            .into_iter()
            .collect();
        assert!(engine.load(parameters, &both).is_err(), "{other}");
    }
    assert_eq!(before, placed.save(engine), "what is refused changes nothing");
    let odd = engine.forward(parameters, member, Statistics::Running, &images[1..], &mut logits);
    assert!(odd.is_err(), "half an image");
    engine.begin(parameters, PLAIN).expect("it holds the tensors");
    let labels = [0, 1, CLASSES as u32, 0, 0];
    let loss = Loss {
        labels: &labels,
        ..loss()
    };
    assert!(
        engine.train(parameters, member, &images, &loss, &mut logits).is_err(),
        "no such class"
    );
    let elsewhere = of_another_network();
    let foreign = engine.forward(parameters, &elsewhere, Statistics::Running, &images, &mut logits);
    assert!(foreign.is_err(), "a member of other tensors");
    engine.remove(parameters);
    assert!(matches!(engine.save(parameters), Err(NnError::NotHeld)));
    let gone = engine.forward(parameters, member, Statistics::Running, &images, &mut logits);
    assert!(matches!(gone, Err(NnError::NotHeld)), "{gone:?}");
    let others = Parameters::new(parameters.layout().clone());
    assert!(matches!(engine.load(&others, &before), Err(NnError::NotHeld)));
}

/// A member whose views lie in a store of fewer tensors.
fn of_another_network() -> Member {
    let mut builder = NetworkBuilder::new("other", Shape::new(2, 6, 6));
    let x = builder.input();
    let pool = builder.add("pool", Op::GlobalAvgPool, &[x]).expect("a valid node");
    let linear = Linear {
        out: CLASSES as u32,
        bias: true,
    };
    let head = builder.add("head", Op::Linear(linear), &[pool]).expect("a valid node");
    let network = builder.finish(head).expect("a valid network");
    let store = Store::covering([&network]).expect("one network");
    Member::new(network, &store.layout()).expect("its own store")
}
