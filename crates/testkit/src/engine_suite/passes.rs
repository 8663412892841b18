//! Forward passes, and what they depend on.

use panarch_graph::{Op, Tensor, Weights, random};
use panarch_nn::{Engine, SgdOptions, Statistics, Step, kernel_matrices};
use rand::RngExt as _;

use super::optimiser::check_slopes;
use super::{images, large, near, place, small, supernet};
use crate::naive_engine::write_statistics;
use crate::operators::reference::{Mode, forward};

pub(super) fn passes_agree_with_the_slow_executor(engine: &mut dyn Engine) {
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

pub(super) fn views_see_what_changes(engine: &mut dyn Engine) {
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

pub(super) fn recalibration_averages_over_batches(engine: &mut dyn Engine) {
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

pub(super) fn derived_kernels_follow_their_matrices(engine: &mut dyn Engine) {
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
