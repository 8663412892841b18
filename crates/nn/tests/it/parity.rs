//! Logits, loss, gradients and running statistics against PyTorch's.
//!
//! A value may deviate by 1e-4 of the largest magnitude of its tensor, or of a thousandth of the network's largest
//! gradient where that is more. Some gradients are mathematically zero (a shift that the next batch normalisation takes
//! away again); PyTorch's figures for them are rounding noise of about that allowance, so that even the exact value 0
//! can miss it. Where PyTorch's whole tensor is below 2⁻²² of the largest gradient, ours has to be below three quarters
//! of that. What remains of ours is the rounding of the single gradients that are summed up, not of the sums.

use panarch_graph::Weights;
use panarch_nn::{Executor, Gradients, Store, Teacher, Views, softmax_cross_entropy};

use crate::fixture::{self, Fixture};

/// Largest deviation allowed, relative to the tensor's largest magnitude.
const TOLERANCE: f64 = 1e-4;

/// Below this share of the largest gradient, a whole tensor is rounding noise around zero.
const NOISE: f64 = 1.0 / (1_u64 << 22) as f64;

/// The worst deviation of one network, relative to what is allowed for its tensor times the tolerance.
struct Worst {
    deviation: f64,
    tensor: String,
    /// Gradients that are zero but for rounding, in PyTorch and here.
    zero_but_for_rounding: usize,
}

impl Worst {
    fn compare(&mut self, tensor: &str, found: &[f32], expected: &[f32], floor: f64) {
        assert_eq!(found.len(), expected.len(), "{tensor}");
        let scale = largest(expected).max(floor);
        let noise = 1e3 * floor * NOISE;
        if largest(expected) < noise && largest(found) < 0.75 * noise {
            self.zero_but_for_rounding += 1;
            return;
        }
        for (found, expected) in found.iter().zip(expected) {
            let deviation = (f64::from(*found) - f64::from(*expected)).abs() / scale;
            if deviation > self.deviation || deviation.is_nan() {
                self.deviation = deviation;
                self.tensor = tensor.to_owned();
            }
        }
    }
}

fn largest(values: &[f32]) -> f64 {
    // Unlike `f64::max`, lets NaN through.
    values.iter().fold(0.0, |largest, value| {
        let value = f64::from(value.abs());
        if value > largest || value.is_nan() {
            value
        } else {
            largest
        }
    })
}

fn check(fixture: &Fixture) -> Worst {
    let tensors = &fixture.tensors;
    let network = &fixture.network;
    let weights: Weights = tensors
        .iter()
        .filter_map(|(key, tensor)| {
            let name = key.strip_prefix("param.").or_else(|| key.strip_prefix("buffer."))?;
            Some((name.to_owned(), tensor.clone()))
        })
        .collect();
    let mut store = Store::from_weights(network, &weights).unwrap();
    let views = Views::resolve(network, &store).unwrap();
    let input = to_nhwc(&tensors["input"].data, &tensors["input"].shape);
    let images = tensors["input"].shape[0];
    let mut executor = Executor::new(network, images).unwrap();
    let mut worst = Worst {
        deviation: 0.0,
        tensor: "nothing".to_owned(),
        zero_but_for_rounding: 0,
    };

    let logits = executor.evaluate(&store, &views, None, &input).unwrap();
    worst.compare("eval.logits", logits, &tensors["eval.logits"].data, 0.0);

    let logits = executor.train(&store, &views, &input).unwrap().to_vec();
    worst.compare("train.logits", &logits, &tensors["train.logits"].data, 0.0);
    let teacher = tensors.get("teacher_logits").filter(|_| fixture.distillation);
    let teacher = teacher.map(|tensor| Teacher {
        logits: &tensor.data,
        ratio: 1.0,
    });
    let mut output_gradient = vec![0.0; logits.len()];
    let classes = logits.len() / images;
    let loss = softmax_cross_entropy(
        &logits,
        classes,
        &fixture.labels,
        fixture.smoothing,
        teacher,
        &mut output_gradient,
    );
    worst.compare("train.loss", &[loss.unwrap()], &tensors["train.loss"].data, 0.0);

    let mut gradients = Gradients::zeros(&store);
    let mut input_gradient = vec![0.0; input.len()];
    executor
        .backward(
            &store,
            &views,
            &output_gradient,
            &mut gradients,
            Some(&mut input_gradient),
        )
        .unwrap();
    let grads = || {
        tensors
            .iter()
            .filter_map(|(key, tensor)| Some((key.strip_prefix("grad.")?, tensor)))
    };
    let floor = 1e-3 * grads().map(|(_, tensor)| largest(&tensor.data)).fold(0.0, f64::max);
    let mut compared = 0;
    for (name, expected) in grads() {
        if name == "input" {
            worst.compare(
                "grad.input",
                &input_gradient,
                &to_nhwc(&expected.data, &expected.shape),
                floor,
            );
        } else {
            let id = store.id(name).unwrap();
            worst.compare(&format!("grad.{name}"), gradients.get(id), &expected.data, floor);
            compared += 1;
        }
    }
    let trainable = store
        .tensors()
        .iter()
        .filter(|tensor| tensor.kind().is_trainable())
        .count();
    assert_eq!(
        compared, trainable,
        "{}: a gradient is missing from the fixture",
        fixture.name
    );

    executor.update_running_statistics(&mut store, &views).unwrap();
    for (key, expected) in tensors {
        // The fixture may count batches, which the engine does not.
        let name = key.strip_prefix("buffer_after.");
        if let Some(tensor) = name.and_then(|name| store.get(name)) {
            worst.compare(key, tensor.data(), &expected.data, 0.0);
        }
    }
    worst
}

pub fn to_nhwc(data: &[f32], shape: &[usize]) -> Vec<f32> {
    let (channels, pixels) = (shape[1], shape[2] * shape[3]);
    let mut out = vec![0.0; data.len()];
    for (index, value) in data.iter().enumerate() {
        let (image, rest) = (index / (channels * pixels), index % (channels * pixels));
        out[(image * pixels + rest % pixels) * channels + rest / pixels] = *value;
    }
    out
}

#[test]
fn parity_with_pytorch() {
    let Some((folder, told)) = fixture::folder() else {
        return;
    };
    let files = fixture::graph_files(&folder);
    if files.is_empty() {
        assert!(
            !told,
            "PANARCH_ENGINE_PARITY names {}, which holds no graph",
            folder.display()
        );
        println!("parity: skipped, no fixtures in {}", folder.display());
        return;
    }
    let mut worst = (
        String::new(),
        Worst {
            deviation: 0.0,
            tensor: String::new(),
            zero_but_for_rounding: 0,
        },
    );
    let mut zero_but_for_rounding = 0;
    let mut failed = Vec::new();
    for file in &files {
        let fixture = fixture::read(file);
        let found = check(&fixture);
        zero_but_for_rounding += found.zero_but_for_rounding;
        println!("parity: {} {:.1e} at {}", fixture.name, found.deviation, found.tensor);
        if found.deviation > TOLERANCE || found.deviation.is_nan() {
            failed.push(format!("{}: {:.1e} at {}", fixture.name, found.deviation, found.tensor));
        }
        if found.deviation > worst.1.deviation || found.deviation.is_nan() {
            worst = (fixture.name, found);
        }
    }
    println!(
        "parity: {} networks, worst {:.1e} ({}, {}); {zero_but_for_rounding} gradients are zero but for rounding in both",
        files.len(),
        worst.1.deviation,
        worst.0,
        worst.1.tensor
    );
    assert!(
        failed.is_empty(),
        "beyond {TOLERANCE:e} of PyTorch:\n{}",
        failed.join("\n")
    );
}
