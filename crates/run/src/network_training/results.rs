//! What a training leaves in its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_data::{Dataset, Normalisation};
use panarch_format::{FileKind, atomic_write};
use panarch_graph::{Accuracy, ContentHash, Estimate, Inputs};
use panarch_nn::Engine;
use panarch_train::{EpochRecord, TrainedNetwork, Validator};
use serde::{Deserialize, Serialize};

use super::NetworkTraining;
use crate::Error;
use crate::classify::{CLASSES, DEPTH, classes_text};
use crate::event::Watch;
use crate::exporters::{self, Names, Outgoing};

/// The network with its weights.
pub const NETWORK: &str = "network.onnx";
/// The weights alone, with batch normalisation apart.
pub const WEIGHTS: &str = "weights.safetensors";
/// Every epoch of the training.
pub const CURVE: &str = "curve.csv";
/// The recipe with every key, as the command takes it.
pub const RECIPE: &str = "recipe.toml";
/// What came out.
pub const RESULT: &str = "result.json";
/// The columns of [`CURVE`].
pub const CURVE_HEADER: &str = "epoch,learning_rate,train_loss,validation_accuracy,seconds";

/// Images a batch when testing.
const TEST_BATCH: usize = 200;
/// The version of [`RESULT`].
const VERSION: u32 = 1;

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingResult {
    version: u32,
    /// The network's name.
    pub network: String,
    /// The hash of its structure.
    pub content_hash: ContentHash,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Numbers that were trained.
    pub parameters: u64,
    /// The dataset's name.
    pub dataset: String,
    /// Passes over the training images.
    pub epochs: f64,
    /// Seconds that the training has taken, validation among them.
    pub seconds: f64,
    /// Accuracy on the validation images, with Wilson's 95 % interval.
    pub validation: Estimate<Accuracy>,
    /// Accuracy on the official test images, which nothing was chosen by, with Wilson's 95 % interval.
    pub test: Estimate<Accuracy>,
    /// How the exported file was compared with the engine.
    pub export_checks: Vec<String>,
    /// The folder with everything.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The hash of the weights' file.
    weights: ContentHash,
    /// The hash of the test images.
    test_images: ContentHash,
    inputs: Inputs,
}

/// What is written down.
pub(super) struct Made<'a> {
    pub(super) asked: &'a NetworkTraining,
    pub(super) dataset: &'a Dataset,
    pub(super) normalisation: &'a Normalisation,
    pub(super) trained: &'a TrainedNetwork,
    pub(super) records: &'a [EpochRecord],
    pub(super) inputs: Inputs,
}

/// Exports the network, tests it once, and writes everything into the folder.
pub(super) fn write(
    made: &Made<'_>,
    engine: &mut dyn Engine,
    validator: &Validator,
    folder: &Path,
    watch: &mut Watch<'_>,
) -> Result<TrainingResult, Error> {
    let TrainedNetwork { network, weights } = made.trained;
    let validation = validator.finished(engine, network, weights)?.accuracy();
    let properties = properties(made);
    let outgoing = Outgoing {
        network,
        weights: Some(weights),
        properties: &properties,
        names: Names::Own,
        seed: made.asked.seed,
    };
    let exported = exporters::export(&folder.join(NETWORK), &outgoing)?;
    let kept = exporters::export(&folder.join(WEIGHTS), &outgoing)?;
    atomic_write(folder.join(RECIPE), made.asked.recipe.to_toml().as_bytes())?;
    let report = exported.check.iter().flat_map(|report| &report.checks);
    let export_checks = report
        .map(|check| format!("{} {}", check.runtime, check.version))
        .collect();
    watch.check()?;
    // Nothing is chosen from here on.
    let images = made.dataset.test_split();
    let test = panarch_train::test(engine, network, weights, &images, made.normalisation, TEST_BATCH)?;
    let result = TrainingResult {
        version: VERSION,
        network: network.name().to_owned(),
        content_hash: network.content_hash(),
        macs: network.macs().0,
        parameters: network.parameter_count(),
        dataset: made.dataset.name().to_owned(),
        epochs: made.asked.recipe.epochs,
        seconds: made.records.last().map_or(0.0, |record| f64::from(record.seconds)),
        validation,
        test: test.accuracy(),
        export_checks,
        folder: folder.to_owned(),
        weights: ContentHash::plain(&kept.bytes),
        test_images: images.content_hash(),
        inputs: made.inputs.clone(),
    };
    let mut text = serde_json::to_string_pretty(&result).map_err(|error| Error::Input(error.to_string()))?;
    text.push('\n');
    atomic_write(folder.join(RESULT), text.as_bytes())?;
    Ok(result)
}

/// What the exported file says of itself.
fn properties(made: &Made<'_>) -> BTreeMap<String, String> {
    let join = |values: &[f32]| {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        texts.join(" ")
    };
    let mut properties = BTreeMap::from([
        (CLASSES.to_owned(), classes_text(made.dataset.classes())),
        ("input.mean".to_owned(), join(&made.normalisation.mean)),
        ("input.deviation".to_owned(), join(&made.normalisation.deviation)),
    ]);
    if made.dataset.depth() < 16 {
        properties.insert(DEPTH.to_owned(), made.dataset.depth().to_string());
    }
    properties
}

/// What an earlier process has written, where it is of this very training and its files are still there.
pub(super) fn kept(folder: &Path, inputs: &Inputs, test_images: ContentHash) -> Option<TrainingResult> {
    let text = crate::lookup::read_text(&folder.join(RESULT)).ok()?;
    let mut result: TrainingResult = serde_json::from_str(&text).ok()?;
    let weights = panarch_format::read_file(folder.join(WEIGHTS), FileKind::new("weights", 4 << 30)).ok()?;
    let same = result.version == VERSION
        && result.inputs.key() == inputs.key()
        && result.test_images == test_images
        && result.weights == ContentHash::plain(&weights)
        && folder.join(NETWORK).is_file();
    folder.clone_into(&mut result.folder);
    same.then_some(result)
}

/// The curve, written anew after each epoch. The first error ends the writing, not the training.
pub(super) struct CurveFile {
    path: PathBuf,
    records: Vec<EpochRecord>,
    result: Result<(), Error>,
}

impl CurveFile {
    /// With the epochs that are done.
    pub(super) fn new(folder: &Path, records: &[EpochRecord]) -> Self {
        Self {
            path: folder.join(CURVE),
            records: records.to_vec(),
            result: Ok(()),
        }
    }

    pub(super) fn push(&mut self, record: EpochRecord) {
        self.records.push(record);
        if self.result.is_ok() {
            self.result = self.write();
        }
    }

    fn write(&self) -> Result<(), Error> {
        let mut text = format!("{CURVE_HEADER}\n");
        for record in &self.records {
            let accuracy = record.score.accuracy().value.share();
            text.push_str(&format!(
                "{},{},{},{accuracy},{:.1}\n",
                record.epoch, record.learning_rate, record.loss, record.seconds
            ));
        }
        Ok(atomic_write(&self.path, text.as_bytes())?)
    }

    /// Writes what there is, so that a file that was lost is there again.
    pub(super) fn finish(self) -> Result<(), Error> {
        self.result.as_ref().map_or(Ok(()), |()| self.write())?;
        self.result
    }
}
