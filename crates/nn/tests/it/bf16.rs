//! Training with values kept as bf16 against training with all of them in f32.

use panarch_graph::stream;
use panarch_nn::{ActivationStorage, Executor, Gradients, Workspace};

use crate::random::uniform;
use crate::training::{Setting, setting};

/// Logits and gradients of one step.
fn step(setting: &Setting, images: usize, storage: ActivationStorage) -> (Vec<f32>, Vec<f32>, usize) {
    let workspace = Workspace::default().with_storage(storage);
    let mut executor = Executor::with_workspace(&setting.network, images, workspace).unwrap();
    let (store, views) = (&setting.store, &setting.views);
    let logits = executor.train(store, views, &setting.input).unwrap().to_vec();
    let slope = uniform(&mut stream(0, "slope", 0), logits.len());
    let mut gradients = Gradients::zeros(store);
    executor.backward(store, views, &slope, &mut gradients, None).unwrap();
    let gradients = gradients.iter().flatten().copied().collect();
    (logits, gradients, executor.into_workspace().bytes())
}

/// The Euclidean distance over the length of what is expected.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let pairs = found.iter().zip(expected);
    let apart = squares(&mut pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)));
    apart / (squares(&mut expected.iter().map(|value| f64::from(*value))) + 1e-6)
}

/// A bf16 value is off by 2⁻⁹ of itself at most. A handful of layers and batch normalisations over few values blow that
/// up several times, and a rectifier that switches or a maximum that moves changes a gradient by leaps; hence bounds on
/// the median network and on all.
#[test]
fn gradients_with_bf16_are_near_those_with_f32() {
    let mut found = Vec::new();
    for seed in 0..200 {
        let setting = setting(seed, 6);
        let (logits, gradients, _) = step(&setting, 6, ActivationStorage::F32);
        let (near_logits, near_gradients, _) = step(&setting, 6, ActivationStorage::Bf16);
        found.push((
            distance(&near_gradients, &gradients),
            distance(&near_logits, &logits),
            seed,
        ));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("bf16: median {:?}, worst {:?}", found[100], found[199]);
    assert!(found[100].0 < 1.0 / 256.0, "median network {:?}", found[100]);
    assert!(found[199].0 < 1.0 / 16.0, "worst network {:?}", found[199]);
    let logits = found.iter().map(|(_, logits, _)| *logits).fold(0.0, f64::max);
    assert!(logits < 1.0 / 16.0, "logits {logits}");
}

#[test]
fn bf16_takes_less_memory_and_does_not_depend_on_the_number_of_threads() {
    let setting = setting(4, 11);
    let on = |threads: usize, storage: ActivationStorage| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| step(&setting, 11, storage))
    };
    let (logits, gradients, bytes) = on(1, ActivationStorage::Bf16);
    for threads in [2, 3] {
        let (other_logits, other_gradients, _) = on(threads, ActivationStorage::Bf16);
        assert_eq!(logits, other_logits);
        assert_eq!(gradients, other_gradients);
    }
    assert!(bytes < on(1, ActivationStorage::F32).2);
}
