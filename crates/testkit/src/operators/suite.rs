//! Who computes each operator rightly, who refuses it by name, and who is wrong.

use std::sync::Arc;

use panarch_format::tflite::{Ranges, Values, read_structure, write};
use panarch_format::{BatchNormExport, OnnxOptions, read_onnx, write_onnx};
use panarch_graph::{Network, NodeId, Shape, Tensor, Weights, stream};
use panarch_measure::{RtenRuntime, Runtime, available_runtimes, verify_export_in};
use panarch_nn::{Executor, Store, Views};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::cases::{SUBJECT, cases, several_outputs};
use super::costs::{answer, cost_kinds};
use super::gradients::{self, Departure};
use super::reference::{Mode, forward};

/// Images of a batch.
pub(super) const IMAGES: usize = 3;
/// Distance of values that are drawn: coarse enough that a step of finite differences moves none over another.
const GRAIN: f32 = 1.0 / 32.0;
/// Images that gradients are tried with before all are said to lie at a kink.
const DRAWS: u64 = 20;

/// What somebody says to an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is computed, and rightly.
    Yes,
    /// It is refused, in these words, which name it.
    Refused(String),
    /// Something else: a wrong number, a refusal without a name, work for nothing.
    Wrong(String),
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Their name in the table.
    pub name: String,
    /// The answer.
    pub answer: Answer,
}

/// The answers to one setting of one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The operator, or `several outputs`.
    pub operator: String,
    /// What is special about the case.
    pub setting: String,
    /// All answers, in the same order in every row.
    pub columns: Vec<Column>,
}

/// Asks everybody about every case, and about networks of several outputs.
///
/// # Panics
/// When a case is no network or a preset cannot be opened.
#[must_use]
pub fn rows() -> Vec<Row> {
    let kinds = cost_kinds();
    let row = |operator: &str, setting: &str, network: &Network, words: &[&str]| {
        let subject = network.find(SUBJECT);
        let columns = Subject::new(network, words)
            .columns()
            .into_iter()
            .map(|(name, answer)| Column {
                name: name.to_owned(),
                answer,
            });
        let costs = kinds.iter().map(|kind| Column {
            name: kind.name.to_owned(),
            answer: answer(kind, network, subject, words),
        });
        Row {
            operator: operator.to_owned(),
            setting: setting.to_owned(),
            columns: columns.chain(costs).collect(),
        }
    };
    let mut rows: Vec<Row> = cases()
        .iter()
        .map(|case| {
            let words = [SUBJECT, case.operator.name()];
            row(case.operator.name(), &case.setting, &case.network, &words)
        })
        .collect();
    for (setting, network) in several_outputs() {
        rows.push(row("several outputs", &setting, &network, &["output", "swish"]));
    }
    rows
}

/// A refusal, if it names what it refuses.
pub(super) fn refused(text: &str, words: &[&str]) -> Answer {
    if words.iter().any(|word| text.contains(word)) {
        Answer::Refused(text.to_owned())
    } else {
        Answer::Wrong(format!("refused without a name: {text}"))
    }
}

/// A network with numbers for everything.
struct Subject<'a> {
    network: &'a Network,
    words: &'a [&'a str],
    weights: Weights,
    /// `[images, height, width, channels]`.
    images: Vec<f32>,
}

impl<'a> Subject<'a> {
    fn new(network: &'a Network, words: &'a [&'a str]) -> Self {
        let mut rng = stream(7, network.name(), 0);
        let mut weights = Weights::new();
        for spec in network.parameters() {
            let variance = spec.name.ends_with("running_var");
            let values = grains(&mut rng, spec.elements() as usize, 1.0);
            let data = values.into_iter().map(|it| if variance { it.abs() + 0.5 } else { it });
            let tensor = Tensor {
                shape: spec.shape,
                data: data.collect(),
            };
            weights.insert(spec.name, tensor);
        }
        Self {
            network,
            words,
            weights,
            images: apart(&mut rng, network.input_shape()),
        }
    }

    fn columns(&self) -> Vec<(&'static str, Answer)> {
        let answer = |found: Result<(), Answer>| found.err().unwrap_or(Answer::Yes);
        vec![
            ("engine", answer(self.engine())),
            ("backward", answer(self.backward())),
            ("ONNX", answer(self.onnx())),
            ("rten", answer(self.runtimes())),
            ("TFLite int8", answer(self.tflite())),
        ]
    }

    fn refused(&self, error: impl std::fmt::Display) -> Answer {
        refused(&error.to_string(), self.words)
    }

    /// The outputs of the reference, one after the other, as the engine gives them.
    fn expected(&self) -> Vec<f64> {
        results(self.network, &self.weights, &self.images, Mode::Eval)
    }

    /// The engine's forward pass, in evaluation and in training, against the reference, output by output.
    fn engine(&self) -> Result<(), Answer> {
        let store = Store::from_weights(self.network, &self.weights).map_err(|error| self.refused(error))?;
        let views = Views::resolve(self.network, &store).map_err(|error| self.refused(error))?;
        let mut executor = Executor::new(self.network, IMAGES).map_err(|error| self.refused(error))?;
        let found = executor.evaluate(&store, &views, None, &self.images);
        found.map_err(|error| self.refused(error))?;
        self.compare(&executor, Mode::Eval, 3e-5)?;
        match executor.train(&store, &views, &self.images).map(drop) {
            Ok(()) => self.compare(&executor, Mode::Train, 1e-4),
            // What cannot be trained says so, and is no less computed.
            Err(error) => match self.refused(error) {
                Answer::Wrong(reason) => Err(Answer::Wrong(reason)),
                Answer::Refused(_) | Answer::Yes => Ok(()),
            },
        }
    }

    /// Every result of the last pass, which is found by its name and in its order.
    fn compare(&self, executor: &Executor, mode: Mode, tolerance: f64) -> Result<(), Answer> {
        let values = forward(self.network, &self.weights, &self.images, mode).values;
        let mut rest = executor.results();
        for output in self.network.outputs() {
            let expected = &values[output.node.index()];
            let Some((own, others)) = rest.split_at_checked(expected.len()) else {
                return Err(Answer::Wrong(format!("the results end before `{}`", output.name)));
            };
            if executor.result(&output.name) != Some(own) {
                return Err(Answer::Wrong(format!("the result `{}` is another's", output.name)));
            }
            close(&output.name, own, expected, tolerance)?;
            rest = others;
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(Answer::Wrong(format!("{} values of no output", rest.len())))
        }
    }

    /// The engine's gradients against finite differences of the reference; with other images where a step crosses a kink.
    fn backward(&self) -> Result<(), Answer> {
        for draw in 0..DRAWS {
            let images = match draw {
                0 => self.images.clone(),
                _ => apart(&mut stream(7, self.network.name(), draw), self.network.input_shape()),
            };
            match gradients::compare(self.network, &self.weights, &images) {
                Ok(()) => return Ok(()),
                Err(Departure::Kink) => {}
                Err(Departure::Far(reason)) => return Err(Answer::Wrong(reason)),
                Err(Departure::Refused(error)) => return Err(self.refused(error)),
            }
        }
        Err(Answer::Wrong(format!("{DRAWS} draws of images all lie at a kink")))
    }

    /// Written and read back, the network and its weights are the same.
    fn onnx(&self) -> Result<(), Answer> {
        let kept = OnnxOptions {
            batch_norm: BatchNormExport::Kept,
            ..OnnxOptions::default()
        };
        let bytes = write_onnx(self.network, &self.weights, &kept).map_err(|error| self.refused(error))?;
        let model = read_onnx(&bytes).map_err(|error| Answer::Wrong(error.to_string()))?;
        if model.network != *self.network || model.network.content_hash() != self.network.content_hash() {
            return Err(Answer::Wrong("another network came back".to_owned()));
        }
        if model.weights != self.weights {
            return Err(Answer::Wrong("other weights came back".to_owned()));
        }
        Ok(())
    }

    /// The folded export in rten, and in every other runtime that is here, against the reference.
    fn runtimes(&self) -> Result<(), Answer> {
        let bytes = write_onnx(self.network, &self.weights, &OnnxOptions::default());
        let bytes = bytes.map_err(|error| self.refused(error))?;
        let expected = self.expected();
        let expected: Vec<f32> = expected.into_iter().map(|value| value as f32).collect();
        let results = self.network.channels_first(&expected, IMAGES);
        let results = Tensor {
            shape: vec![IMAGES, results.len() / IMAGES],
            data: results,
        };
        let images = Tensor {
            shape: vec![IMAGES, self.images.len() / IMAGES],
            data: planes(&self.images, self.network.input_shape()),
        };
        let hash = self.network.content_hash();
        let rten: Arc<dyn Runtime> = Arc::new(RtenRuntime::new(1));
        let others = available_runtimes(1)
            .into_iter()
            .filter(|runtime| runtime.name() != RtenRuntime::NAME);
        for runtime in std::iter::once(rten).chain(others) {
            let name = runtime.name().to_owned();
            let report = verify_export_in(&[runtime], &bytes, &hash, &images, &results);
            let report = report.map_err(|error| Answer::Wrong(format!("{name}: {error}")))?;
            if let Some(check) = report.checks.iter().find(|check| !check.ok) {
                return Err(Answer::Wrong(format!("{name}: {check:?}")));
            }
        }
        Ok(())
    }

    /// The file reads back, is of this network, and has its outputs in their shapes.
    fn tflite(&self) -> Result<(), Answer> {
        let written = write(self.network, Values::Given(&self.weights), &Ranges::plausible());
        let bytes = written.map_err(|error| self.refused(error))?;
        let wrong = |what: String| Err(Answer::Wrong(what));
        let file = read_structure(&bytes).map_err(|error| Answer::Wrong(error.to_string()))?;
        let [graph] = &file.graphs[..] else {
            return wrong(format!("{} graphs", file.graphs.len()));
        };
        if file.content_hash() != Some(self.network.content_hash()) {
            return wrong("the hash of another network".to_owned());
        }
        let shape = |id: NodeId| {
            let shape = self.network.shape(id);
            if shape.is_vector() {
                vec![1, shape.channels]
            } else {
                vec![1, shape.height, shape.width, shape.channels]
            }
        };
        let expected: Vec<Vec<u32>> = self.network.outputs().iter().map(|output| shape(output.node)).collect();
        let found: Vec<Vec<u32>> = graph
            .outputs
            .iter()
            .map(|output| graph.tensors[*output].shape.clone())
            .collect();
        if found != expected {
            return wrong(format!("outputs {found:?} instead of {expected:?}"));
        }
        let names: Vec<&str> = self
            .network
            .outputs()
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        let unnamed = names == [panarch_graph::Output::DEFAULT] && graph.output_names.is_empty();
        if !unnamed && graph.output_names != names {
            return wrong(format!("outputs called {:?} instead of {names:?}", graph.output_names));
        }
        let made = |output: &usize| graph.operators.iter().any(|operator| operator.outputs.contains(output));
        if graph.outputs.iter().all(made) {
            Ok(())
        } else {
            wrong("no operator makes an output".to_owned())
        }
    }
}

/// The outputs of the reference, one after the other, as the engine gives them.
pub(super) fn results(network: &Network, weights: &Weights, images: &[f32], mode: Mode) -> Vec<f64> {
    let values = forward(network, weights, images, mode).values;
    let outputs = network.outputs().iter();
    outputs.flat_map(|output| values[output.node.index()].clone()).collect()
}

/// Multiples of [`GRAIN`] up to a bound.
pub(super) fn grains(rng: &mut ChaCha8Rng, count: usize, bound: f32) -> Vec<f32> {
    let most = (bound / GRAIN) as i32;
    (0..count)
        .map(|_| rng.random_range(-most..=most) as f32 * GRAIN)
        .collect()
}

/// Images whose values all differ and lie apart from the kinks of activations, which are whole numbers.
fn apart(rng: &mut ChaCha8Rng, shape: Shape) -> Vec<f32> {
    let count = IMAGES * shape.elements() as usize;
    let middle = count as f32 / 2.0;
    let mut left: Vec<f32> = (0..count)
        .map(|step| (step as f32 - middle.floor() + 0.5) * GRAIN)
        .collect();
    (0..count)
        .map(|_| left.swap_remove(rng.random_range(0..left.len())))
        .collect()
}

/// Images with their channels first.
fn planes(images: &[f32], shape: Shape) -> Vec<f32> {
    let channels = shape.channels as usize;
    let of_image = |image: &[f32]| -> Vec<f32> {
        (0..channels)
            .flat_map(|channel| {
                image
                    .iter()
                    .skip(channel)
                    .step_by(channels)
                    .copied()
                    .collect::<Vec<_>>()
            })
            .collect()
    };
    images
        .chunks_exact(shape.elements() as usize)
        .flat_map(of_image)
        .collect()
}

fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) -> Result<(), Answer> {
    let largest = expected
        .iter()
        .fold(1e-3_f64, |largest, value| largest.max(value.abs()));
    let far = |(found, expected): &(&f32, &f64)| {
        let difference = (f64::from(**found) - **expected).abs();
        difference.is_nan() || difference > tolerance * largest
    };
    match found.iter().zip(expected).find(far) {
        Some((found, expected)) => Err(Answer::Wrong(format!("`{what}` is {found} instead of {expected}"))),
        None => Ok(()),
    }
}
