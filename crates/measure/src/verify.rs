use std::sync::Arc;

use panarch_format::read_onnx;
use panarch_graph::{ContentHash, Tensor};
use serde::{Deserialize, Serialize};

use crate::memory::require_run;
use crate::runtime::check_depth;
use crate::{MeasureError, Runtime, RuntimeStatus, available_runtimes, runtimes};

/// Largest difference of a logit, as a share of the largest logit.
const TOLERANCE: f64 = 1e-4;

/// What came out of running an exported file and comparing it with the training engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifyReport {
    /// The network that the file holds, as searched and trained.
    pub network: ContentHash,
    /// Number of images compared.
    pub images: usize,
    /// What each runtime that is here said; never empty.
    pub checks: Vec<RuntimeCheck>,
    /// The runtimes that could not be asked, and why.
    pub not_run: Vec<RuntimeStatus>,
}

impl VerifyReport {
    /// True when every runtime that is here agrees with the engine.
    #[must_use]
    pub fn ok(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.ok)
    }
}

/// How far one runtime agrees with the training engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeCheck {
    /// The runtime.
    pub runtime: String,
    /// Its version.
    pub version: String,
    /// Largest |difference| of a logit over all images; none when the runtime failed or a value is not finite. Of several
    /// outputs, each is compared by itself, and this and the following are of the one that is furthest from passing.
    pub largest_difference: Option<f64>,
    /// Largest |logit| of the engine over all images.
    pub largest_logit: f64,
    /// Largest difference that passes: 1e-4 of the largest logit.
    pub tolerance: f64,
    /// Whether the difference is within the tolerance.
    pub ok: bool,
    /// Why there is no difference to report.
    pub failure: Option<String>,
}

/// Runs an exported file in every runtime that is here and compares the results with the training engine's.
///
/// `images` are [batch, channels, height, width], `logits` the engine's results for them in evaluation mode, in the order
/// of ONNX ([`Network::channels_first`](panarch_graph::Network::channels_first)): those of each output of the network, one
/// output after the other. `expected` is the content hash of the network as it was searched, which the file must record.
/// The images are run at once, and the first alone, so that the symbolic batch is tested too. Every output is compared.
///
/// # Errors
/// When the file cannot be read, holds another network, or `images` and `logits` do not belong together; when the threads of
/// a runtime cannot be started. A runtime that
/// fails or disagrees is not an error but in the report.
pub fn verify_export(
    onnx: &[u8],
    expected: &ContentHash,
    images: &Tensor,
    logits: &Tensor,
) -> Result<VerifyReport, MeasureError> {
    let asked = available_runtimes(1);
    let mut report = verify_export_in(&asked, onnx, expected, images, logits)?;
    report.not_run = runtimes()
        .into_iter()
        .filter(|status| asked.iter().all(|runtime| runtime.name() != status.name))
        .collect();
    Ok(report)
}

/// As [`verify_export`], in these runtimes.
///
/// # Errors
/// As [`verify_export`].
pub fn verify_export_in(
    runtimes: &[Arc<dyn Runtime>],
    onnx: &[u8],
    expected: &ContentHash,
    images: &Tensor,
    logits: &Tensor,
) -> Result<VerifyReport, MeasureError> {
    let model = read_onnx(onnx)?;
    let found = model.metadata.content_hash.ok_or(MeasureError::UnknownNetwork)?;
    if found != *expected {
        return Err(MeasureError::OtherNetwork {
            expected: *expected,
            found,
        });
    }
    let batch = images.shape.first().copied().unwrap_or(0);
    let all = model.network.output_elements() as usize * batch;
    if batch == 0 || logits.data.len() != all || !images.data.len().is_multiple_of(batch) {
        return Err(MeasureError::Length {
            what: "results of the engine",
            expected: all,
            found: logits.data.len(),
        });
    }
    let outputs: Vec<Expected> = model
        .network
        .outputs()
        .iter()
        .map(|output| Expected {
            name: output.name.clone(),
            elements: model.network.shape(output.node).elements() as usize,
        })
        .collect();
    check_depth(&model.network)?;
    require_run(&model.network, batch)?;
    drop(model);
    let checks = runtimes
        .iter()
        .map(|runtime| check(runtime.as_ref(), onnx, batch, &images.data, &logits.data, &outputs))
        .collect::<Result<_, _>>()?;
    Ok(VerifyReport {
        network: found,
        images: batch,
        checks,
        not_run: Vec::new(),
    })
}

/// An output that the file must have, and its values for one image.
struct Expected {
    name: String,
    elements: usize,
}

/// How one output came out.
#[derive(Clone, Copy)]
struct Compared {
    /// NaN when a value is not finite.
    difference: f64,
    largest: f64,
}

impl Compared {
    fn tolerance(self) -> f64 {
        TOLERANCE * self.largest
    }

    /// How far it is from passing; NaN is furthest.
    fn excess(self) -> f64 {
        let excess = self.difference / self.tolerance().max(f64::MIN_POSITIVE);
        if excess.is_nan() { f64::INFINITY } else { excess }
    }
}

fn check(
    runtime: &dyn Runtime,
    onnx: &[u8],
    batch: usize,
    images: &[f32],
    logits: &[f32],
    outputs: &[Expected],
) -> Result<RuntimeCheck, MeasureError> {
    let largest = |values: &[f32]| {
        values
            .iter()
            .fold(0.0, |largest: f64, it| largest.max(f64::from(it.abs())))
    };
    let compared = compare(runtime, onnx, batch, images, logits, outputs).map(|differences| {
        let mut start = 0;
        let each = outputs.iter().zip(differences).map(|(output, difference)| {
            let end = start + batch * output.elements;
            let own = Compared {
                difference,
                largest: largest(&logits[start..end]),
            };
            start = end;
            (own, output.name.as_str())
        });
        each.max_by(|(a, _), (b, _)| a.excess().total_cmp(&b.excess()))
    });
    let (worst, failure) = match compared {
        Ok(Some((worst, _))) if worst.difference.is_finite() => (Some(worst), None),
        Ok(Some((_, name))) if outputs.len() > 1 => (None, Some(format!("a value of `{name}` is not finite"))),
        Ok(_) => (None, Some("a logit is not finite".to_owned())),
        // Nothing is known of a file that no runtime could be started for.
        Err(error @ MeasureError::Threads { .. }) => return Err(error),
        Err(error) => (None, Some(error.to_string())),
    };
    let of = worst.unwrap_or(Compared {
        difference: f64::NAN,
        largest: largest(logits),
    });
    Ok(RuntimeCheck {
        runtime: runtime.name().to_owned(),
        version: runtime.version().to_owned(),
        largest_difference: worst.map(|worst| worst.difference),
        largest_logit: of.largest,
        tolerance: of.tolerance(),
        ok: worst.is_some_and(|worst| worst.difference <= worst.tolerance()),
        failure,
    })
}

/// The largest |difference| of each output.
fn compare(
    runtime: &dyn Runtime,
    onnx: &[u8],
    batch: usize,
    images: &[f32],
    logits: &[f32],
    outputs: &[Expected],
) -> Result<Vec<f64>, MeasureError> {
    let mut session = runtime.load(onnx)?;
    let found = session.outputs();
    if found.iter().ne(outputs.iter().map(|output| &output.name)) {
        return Err(MeasureError::Run {
            runtime: runtime.name().to_owned(),
            reason: format!("it names the outputs `{}`", found.join("`, `")),
        });
    }
    let image = images.len() / batch;
    let together = session.run(images, batch)?;
    let alone = session.run(&images[..image], 1)?;
    let of_one: usize = outputs.iter().map(|output| output.elements).sum();
    for (results, expected) in [(&together, of_one * batch), (&alone, of_one)] {
        if results.len() != expected {
            return Err(MeasureError::Length {
                what: "results of the runtime",
                expected,
                found: results.len(),
            });
        }
    }
    let mut before = 0;
    let each = outputs.iter().map(|Expected { elements, .. }| {
        let (start, first) = (before * batch, before);
        before += elements;
        let whole = start..start + elements * batch;
        let together = difference(&together[whole.clone()], &logits[whole]);
        let alone = difference(&alone[first..first + elements], &logits[start..start + elements]);
        // `max` would hide a NaN.
        if alone.is_nan() || alone > together {
            alone
        } else {
            together
        }
    });
    Ok(each.collect())
}

/// The largest |difference|; NaN when any value is not finite.
fn difference(found: &[f32], expected: &[f32]) -> f64 {
    let mut largest = 0.0_f64;
    for (found, expected) in found.iter().zip(expected) {
        let difference = (f64::from(*found) - f64::from(*expected)).abs();
        if !difference.is_finite() {
            return f64::NAN;
        }
        largest = largest.max(difference);
    }
    largest
}
