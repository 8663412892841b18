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
    /// Largest |difference| of a logit over all images; none when the runtime failed or a value is not finite.
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
/// `images` are [batch, channels, height, width], `logits` the engine's results for them in evaluation mode, and
/// `expected` the content hash of the network as it was searched, which the file must record. The images are run at
/// once, and the first alone, so that the symbolic batch is tested too.
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
    let fits = batch > 0
        && logits.shape.first() == Some(&batch)
        && !logits.data.is_empty()
        && images.data.len().is_multiple_of(batch)
        && logits.data.len().is_multiple_of(batch);
    if !fits {
        let found = logits.shape.first().copied().unwrap_or(0);
        return Err(MeasureError::Length {
            what: "results of the engine",
            expected: batch,
            found,
        });
    }
    check_depth(&model.network)?;
    require_run(&model.network, batch)?;
    drop(model);
    let checks = runtimes
        .iter()
        .map(|runtime| check(runtime.as_ref(), onnx, batch, &images.data, &logits.data))
        .collect::<Result<_, _>>()?;
    Ok(VerifyReport {
        network: found,
        images: batch,
        checks,
        not_run: Vec::new(),
    })
}

fn check(
    runtime: &dyn Runtime,
    onnx: &[u8],
    batch: usize,
    images: &[f32],
    logits: &[f32],
) -> Result<RuntimeCheck, MeasureError> {
    let largest_logit = logits
        .iter()
        .fold(0.0, |largest: f64, logit| largest.max(f64::from(logit.abs())));
    let tolerance = TOLERANCE * largest_logit;
    let compared = compare(runtime, onnx, batch, images, logits);
    let (largest_difference, failure) = match compared {
        Ok(difference) if difference.is_finite() => (Some(difference), None),
        Ok(_) => (None, Some("a logit is not finite".to_owned())),
        // Nothing is known of a file that no runtime could be started for.
        Err(error @ MeasureError::Threads { .. }) => return Err(error),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(RuntimeCheck {
        runtime: runtime.name().to_owned(),
        version: runtime.version().to_owned(),
        largest_difference,
        largest_logit,
        tolerance,
        ok: largest_difference.is_some_and(|difference| difference <= tolerance),
        failure,
    })
}

fn compare(
    runtime: &dyn Runtime,
    onnx: &[u8],
    batch: usize,
    images: &[f32],
    logits: &[f32],
) -> Result<f64, MeasureError> {
    let mut session = runtime.load(onnx)?;
    let (image, result) = (images.len() / batch, logits.len() / batch);
    let together = difference(&session.run(images, batch)?, logits)?;
    let alone = difference(&session.run(&images[..image], 1)?, &logits[..result])?;
    // `max` would hide a NaN.
    Ok(if alone.is_nan() || alone > together {
        alone
    } else {
        together
    })
}

/// The largest |difference|; NaN when any value is not finite.
fn difference(found: &[f32], expected: &[f32]) -> Result<f64, MeasureError> {
    if found.len() != expected.len() {
        let (expected, found) = (expected.len(), found.len());
        return Err(MeasureError::Length {
            what: "results of the runtime",
            expected,
            found,
        });
    }
    let mut largest = 0.0_f64;
    for (found, expected) in found.iter().zip(expected) {
        let difference = (f64::from(*found) - f64::from(*expected)).abs();
        if !difference.is_finite() {
            return Ok(f64::NAN);
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}
