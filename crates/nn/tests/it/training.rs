//! Whole training steps: finite differences, views into a larger store, determinism, statistics, partial batches.

use panarch_graph::{Network, Weights, stream};
use panarch_nn::{
    BnStatistics, CosineSchedule, Executor, Gradients, NnError, Sgd, SgdOptions, Store, Teacher, Views, Workspace,
    softmax_cross_entropy,
};
use proptest::prelude::*;
use rand::RngExt;

use crate::random::{close, network, uniform, weights};
use panarch_testkit::operators::reference::{self, Mode};

/// A step's ingredients: a random network with its own store.
pub struct Setting {
    pub network: Network,
    pub store: Store,
    pub views: Views,
    pub input: Vec<f32>,
    pub labels: Vec<u32>,
}

pub fn setting(seed: u64, images: usize) -> Setting {
    let network = network(seed, 4);
    let mut rng = stream(seed, "values", 0);
    let store = Store::from_weights(&network, &weights(&network, &mut rng)).unwrap();
    let views = Views::resolve(&network, &store).unwrap();
    let input = uniform(&mut rng, images * network.input_shape().elements() as usize);
    let labels = (0..images).map(|_| rng.random_range(0..5)).collect();
    Setting {
        network,
        store,
        views,
        input,
        labels,
    }
}

/// Logits and gradients of one step on a pool of so many threads.
fn step(setting: &Setting, images: usize, threads: usize) -> (Vec<f32>, Gradients) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut executor = Executor::new(&setting.network, images).unwrap();
        let logits = executor
            .train(&setting.store, &setting.views, &setting.input)
            .unwrap()
            .to_vec();
        let mut slope = vec![0.0; logits.len()];
        softmax_cross_entropy(&logits, 5, &setting.labels, 0.1, None, &mut slope).unwrap();
        let mut gradients = Gradients::zeros(&setting.store);
        executor
            .backward(&setting.store, &setting.views, &slope, &mut gradients, None)
            .unwrap();
        (logits, gradients)
    })
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for seed in 0..10 {
        let setting = setting(seed, 11);
        let (logits, gradients) = step(&setting, 11, 1);
        for threads in [1, 2, 3] {
            let (other_logits, other_gradients) = step(&setting, 11, threads);
            assert_eq!(logits, other_logits, "seed {seed}, {threads} threads");
            assert!(gradients == other_gradients, "seed {seed}, {threads} threads");
        }
    }
}

#[test]
fn a_store_covers_several_networks_and_gradients_add_up() {
    // The same names in two sizes: a larger kernel and more channels, as a supernet has them.
    let build = |middle: u32, kernel: u32, out: u32| {
        use panarch_graph::{BatchNorm, Conv2d, Linear, NetworkBuilder, Op, Shape};
        let mut builder = NetworkBuilder::new("member", Shape::new(2, 9, 7));
        let x = builder.input();
        let x = builder
            .add("expand", Op::Conv2d(Conv2d::pointwise(middle)), &[x])
            .unwrap();
        let x = builder
            .add("expand_bn", Op::BatchNorm(BatchNorm::default()), &[x])
            .unwrap();
        let depthwise = Conv2d::depthwise(middle, kernel, 2);
        let x = builder.add("depth", Op::Conv2d(depthwise), &[x]).unwrap();
        let x = builder
            .add("depth_bn", Op::BatchNorm(BatchNorm::default()), &[x])
            .unwrap();
        let dense = Conv2d::square(out, kernel, 1).with_bias(true);
        let x = builder.add("dense", Op::Conv2d(dense), &[x]).unwrap();
        let x = builder.add("pool", Op::GlobalAvgPool, &[x]).unwrap();
        let x = builder
            .add("linear", Op::Linear(Linear { out: 3, bias: true }), &[x])
            .unwrap();
        builder.finish(x).unwrap()
    };
    let (large, small) = (build(20, 5, 10), build(12, 3, 7));
    let mut store = Store::covering([&small, &large]).unwrap();
    assert_eq!(store.get("depth.weight").unwrap().shape(), [20, 1, 5, 5]);
    store.initialise(&mut stream(5, "supernet", 0));
    let mut gradients = Gradients::zeros(&store);
    let input = uniform(&mut stream(5, "input", 0), 4 * 2 * 9 * 7);
    let slope = uniform(&mut stream(5, "slope", 0), 4 * 3);
    let wide: Vec<f64> = slope.iter().map(|value| f64::from(*value)).collect();
    let mut expected: Vec<Vec<f64>> = store
        .tensors()
        .iter()
        .map(|tensor| vec![0.0; tensor.data().len()])
        .collect();
    let mut workspace = Workspace::with_shares(3);
    for network in [&large, &small] {
        let views = Views::resolve(network, &store).unwrap();
        let weights = views.extract(&store).unwrap();
        let mut executor = Executor::with_workspace(network, 4, workspace).unwrap();
        let slow = reference::forward(network, &weights, &input, Mode::Train);
        let logits = executor.train(&store, &views, &input).unwrap();
        close("logits", logits, &slow.values[network.output().index()], 1e-3).unwrap();
        executor.backward(&store, &views, &slope, &mut gradients, None).unwrap();
        let (parameters, _) = reference::backward(network, &weights, &slow, &wide);
        for (name, values) in parameters {
            let id = store.id(&name).unwrap();
            let (shape, own) = (
                store.tensors()[id.index()].shape().to_vec(),
                weights.get(&name).unwrap(),
            );
            for (position, value) in values.iter().enumerate() {
                // From an index into the view to one into the stored tensor.
                let (mut rest, mut at, mut stride) = (position, 0, 1);
                for axis in (0..shape.len()).rev() {
                    let crop = if axis >= 2 {
                        (shape[axis] - own.shape[axis]) / 2
                    } else {
                        0
                    };
                    at += (rest % own.shape[axis] + crop) * stride;
                    rest /= own.shape[axis];
                    stride *= shape[axis];
                }
                expected[id.index()][at] += value;
            }
        }
        workspace = executor.into_workspace();
    }
    for (tensor, expected) in store.tensors().iter().zip(&expected) {
        let id = store.id(tensor.name()).unwrap();
        if tensor.kind().is_trainable() {
            close(tensor.name(), gradients.get(id), expected, 1e-2).unwrap();
        }
    }
    // What is taken out can be put back, and reading a network from its own weights changes nothing.
    let views = Views::resolve(&small, &store).unwrap();
    let taken = views.extract(&store).unwrap();
    let mut copy = store.clone();
    for tensor in copy.tensors_mut() {
        tensor.data_mut().fill(0.0);
    }
    views.write(&taken, &mut copy).unwrap();
    assert_eq!(views.extract(&copy).unwrap(), taken);
    let alone = Store::from_weights(&small, &taken).unwrap();
    let alone_views = Views::resolve(&small, &alone).unwrap();
    let mut executor = Executor::with_workspace(&small, 4, workspace).unwrap();
    let shared = executor.evaluate(&store, &views, None, &input).unwrap().to_vec();
    assert_eq!(executor.evaluate(&alone, &alone_views, None, &input).unwrap(), shared);
    let foreign = executor.evaluate(&store, &alone_views, None, &input);
    assert!(foreign.is_err(), "views of another store must be refused");
}

#[test]
fn a_bias_before_a_batch_normalisation_has_no_gradient() {
    use panarch_graph::{BatchNorm, Conv2d, NetworkBuilder, Op, Shape};
    let mut builder = NetworkBuilder::new("biases", Shape::new(3, 7, 7));
    let mut x = builder.input();
    for (index, conv) in [
        Conv2d::square(5, 3, 2),
        Conv2d::pointwise(9),
        Conv2d::depthwise(9, 3, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let conv = Op::Conv2d(conv.with_bias(true));
        x = builder.add(format!("conv{index}"), conv, &[x]).unwrap();
        let norm = Op::BatchNorm(BatchNorm::default());
        x = builder.add(format!("norm{index}"), norm, &[x]).unwrap();
    }
    x = builder.add("average", Op::GlobalAvgPool, &[x]).unwrap();
    let network = builder.finish(x).unwrap();
    let mut store = Store::covering([&network]).unwrap();
    store.initialise(&mut stream(2, "initial", 0));
    let views = Views::resolve(&network, &store).unwrap();
    let mut executor = Executor::new(&network, 4).unwrap();
    let mut gradients = Gradients::zeros(&store);
    let mut rng = stream(2, "values", 0);
    let (input, slope) = (uniform(&mut rng, 4 * 3 * 7 * 7), uniform(&mut rng, 4 * 9));
    executor.train(&store, &views, &input).unwrap();
    executor.backward(&store, &views, &slope, &mut gradients, None).unwrap();
    for index in 0..3 {
        let bias = gradients.get(store.id(&format!("conv{index}.bias")).unwrap());
        assert!(bias.iter().all(|value| *value == 0.0), "conv{index}: {bias:?}");
    }
}

#[test]
fn recalibrated_statistics_average_over_batches() {
    let setting = setting(3, 6);
    let image = setting.network.input_shape().elements() as usize;
    let mut executor = Executor::new(&setting.network, 6).unwrap();
    let mut statistics = BnStatistics::new();
    let weights: Weights = setting.views.extract(&setting.store).unwrap();
    let mut expected: std::collections::BTreeMap<String, Vec<f64>> = Default::default();
    for part in [&setting.input[..2 * image], &setting.input[2 * image..]] {
        executor.train(&setting.store, &setting.views, part).unwrap();
        executor.accumulate_statistics(&mut statistics).unwrap();
        let share = part.len() as f64 / setting.input.len() as f64;
        for (name, (mean, _)) in reference::forward(&setting.network, &weights, part, Mode::Train).moments {
            let sums = expected.entry(name).or_insert_with(|| vec![0.0; mean.len()]);
            sums.iter_mut().zip(&mean).for_each(|(sum, mean)| *sum += share * mean);
        }
    }
    assert_eq!(statistics.images(), 6);
    assert!(
        !expected.is_empty(),
        "the network of this seed has batch normalisations"
    );
    for (name, mean) in &expected {
        close(name, &statistics.get(name).unwrap().0, mean, 0.1).unwrap();
    }
    // Evaluating with them is evaluating with a store that holds them.
    let mut store = setting.store.clone();
    for name in expected.keys() {
        let (mean, variance) = statistics.get(name).unwrap();
        store
            .get_mut(&format!("{name}.running_mean"))
            .unwrap()
            .data_mut()
            .copy_from_slice(&mean);
        store
            .get_mut(&format!("{name}.running_var"))
            .unwrap()
            .data_mut()
            .copy_from_slice(&variance);
    }
    let own = executor
        .evaluate(&setting.store, &setting.views, Some(&statistics), &setting.input)
        .unwrap()
        .to_vec();
    let stored = executor.evaluate(&store, &setting.views, None, &setting.input).unwrap();
    let wide: Vec<f64> = own.iter().map(|value| f64::from(*value)).collect();
    close("logits", stored, &wide, 1e-3).unwrap();
    let empty = BnStatistics::new();
    assert!(
        executor
            .evaluate(&setting.store, &setting.views, Some(&empty), &setting.input)
            .is_err()
    );
}

#[test]
fn wrong_sizes_are_errors() {
    let setting = setting(1, 2);
    let mut executor = Executor::new(&setting.network, 2).unwrap();
    let Setting {
        store, views, input, ..
    } = &setting;
    let mut gradients = Gradients::zeros(store);
    assert!(Executor::new(&setting.network, 0).is_err());
    assert!(
        executor
            .backward(store, views, &[0.0; 10], &mut gradients, None)
            .is_err(),
        "nothing to go back from"
    );
    assert!(executor.train(store, views, &input[1..]).is_err());
    assert!(executor.train(store, views, &[]).is_err());
    let three = [&input[..], &input[..input.len() / 2]].concat();
    assert!(executor.evaluate(store, views, None, &three).is_err());
    executor.train(store, views, input).unwrap();
    assert!(
        executor
            .backward(store, views, &[0.0; 9], &mut gradients, None)
            .is_err()
    );
    let mut short = vec![0.0; input.len() - 1];
    assert!(
        executor
            .backward(store, views, &[0.0; 10], &mut gradients, Some(&mut short))
            .is_err()
    );
    assert!(Views::resolve(&setting.network, &Store::new()).is_err());
}

#[test]
fn training_resumes_with_the_same_bits() {
    let Setting {
        network,
        mut store,
        views,
        input,
        labels,
    } = setting(8, 9);
    let mut executor = Executor::new(&network, 9).unwrap();
    let mut sgd = Sgd::new(&store, SgdOptions::default());
    let schedule = CosineSchedule {
        peak: 0.05,
        last: 0.0,
        warmup_steps: 2,
        total_steps: 12,
    };
    let mut run = |store: &mut Store, sgd: &mut Sgd, steps: std::ops::Range<u64>| {
        let mut gradients = Gradients::zeros(store);
        let mut last = 0.0;
        for number in steps {
            gradients.zero();
            let logits = executor.train(store, &views, &input).unwrap();
            let teacher = vec![0.5; logits.len()];
            let mut slope = vec![0.0; logits.len()];
            let teacher = Some(Teacher {
                logits: &teacher,
                ratio: 0.1,
            });
            last = softmax_cross_entropy(logits, 5, &labels, 0.1, teacher, &mut slope).unwrap();
            executor.backward(store, &views, &slope, &mut gradients, None).unwrap();
            executor.update_running_statistics(store, &views).unwrap();
            gradients.clip(5.0);
            sgd.step(store, &gradients, schedule.at(number) as f32).unwrap();
        }
        last
    };
    let first = run(&mut store.clone(), &mut sgd.clone(), 0..1);
    run(&mut store, &mut sgd, 0..5);
    let (mut resumed, mut fresh) = (store.clone(), Sgd::new(&store, SgdOptions::default()));
    for tensor in store.tensors() {
        let id = store.id(tensor.name()).unwrap();
        fresh.velocity_mut().get_mut(id).copy_from_slice(sgd.velocity().get(id));
    }
    let last = run(&mut store, &mut sgd, 5..12);
    run(&mut resumed, &mut fresh, 5..12);
    assert!(last < first, "the loss falls: {first} -> {last}");
    assert!(store == resumed && sgd == fresh);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Along a random direction in all parameters and the input, the loss changes as the gradients say. The slow
    /// executor in f64 gives the two losses, so that the quotient is exact to a few digits.
    #[test]
    fn gradients_match_finite_differences(seed in any::<u64>()) {
        let Setting { network, store, views, input, .. } = setting(seed, 4);
        let mut rng = stream(seed, "direction", 0);
        let slope = uniform(&mut rng, 4 * 5);
        let mut executor = Executor::new(&network, 4).unwrap();
        let mut gradients = Gradients::zeros(&store);
        let mut input_gradient = vec![0.0; input.len()];
        executor.train(&store, &views, &input).unwrap();
        executor.backward(&store, &views, &slope, &mut gradients, Some(&mut input_gradient)).unwrap();
        let weights = views.extract(&store).unwrap();
        let input_direction = uniform(&mut rng, input.len());
        let (mut predicted, mut size) = (0.0, 0.0_f64);
        let mut add = |gradient: &[f32], direction: &[f32]| {
            for (gradient, direction) in gradient.iter().zip(direction) {
                let product = f64::from(*gradient) * f64::from(*direction);
                predicted += product;
                size += product.abs();
            }
        };
        add(&input_gradient, &input_direction);
        let directions: Vec<(String, Vec<f32>)> = network
            .parameters()
            .iter()
            .filter(|spec| spec.role.is_trainable())
            .map(|spec| (spec.name.clone(), uniform(&mut rng, spec.elements() as usize)))
            .collect();
        for (name, direction) in &directions {
            add(gradients.get(store.id(name).unwrap()), direction);
        }
        let loss = |step: f32| {
            let mut moved = weights.clone();
            for (name, direction) in &directions {
                let mut tensor = moved.remove(name).unwrap();
                tensor.data.iter_mut().zip(direction).for_each(|(value, by)| *value += step * by);
                moved.insert(name.clone(), tensor);
            }
            let input: Vec<f32> = input.iter().zip(&input_direction).map(|(value, by)| value + step * by).collect();
            let pass = reference::forward(&network, &moved, &input, Mode::Train);
            let output = &pass.values[network.output().index()];
            output.iter().zip(&slope).map(|(value, slope)| value * f64::from(*slope)).sum::<f64>()
        };
        // Kinks of activations and maxima disturb a quotient now and then; of several step lengths the best counts.
        let error = [3e-3, 1e-3, 3e-4, 1e-4].map(|step: f32| {
            let found = (loss(step) - loss(-step)) / (2.0 * f64::from(step));
            (found - predicted).abs() / (size + 1e-6)
        });
        let best = error.iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert!(best < 1e-2, "errors {:?} of {} predicted {}", error, size, predicted);
    }
}

/// An evaluation that is repeated has the parameters of the one before it, and a training pass takes them away.
#[test]
fn evaluating_again_prepares_nothing() {
    let setting = setting(3, 8);
    let (store, views) = (&setting.store, &setting.views);
    let mut executor = Executor::new(&setting.network, 8).unwrap();
    assert!(matches!(
        executor.evaluate_again(&setting.input),
        Err(NnError::NoEvaluation)
    ));
    let all = executor.evaluate(store, views, None, &setting.input).unwrap().to_vec();
    assert_eq!(executor.evaluate_again(&setting.input).unwrap(), all);
    let image = setting.input.len() / 8;
    let outputs = all.len() / 8;
    let one = executor.evaluate_again(&setting.input[image..2 * image]).unwrap();
    assert_eq!(one, &all[outputs..2 * outputs]);
    assert!(executor.evaluate_again(&setting.input[1..]).is_err());
    executor.train(store, views, &setting.input).unwrap();
    assert!(matches!(
        executor.evaluate_again(&setting.input),
        Err(NnError::NoEvaluation)
    ));
}
