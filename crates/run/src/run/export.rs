//! A finalist as an ONNX file that has been run and compared before anything is said of it.

use std::collections::BTreeMap;

use panarch_data::{Batch, Loader};
use panarch_format::{FileKind, OnnxOptions, atomic_write, write_onnx};
use panarch_graph::{Bytes, ContentHash, Network, Tensor, Weights};
use panarch_measure::verify_export;
use panarch_report::run_report::{ExportCheck, ExportFacts, Role};
use panarch_space::Genotype;
use panarch_train::TrainedNetwork;

use super::finalists::{file_name, labels};
use super::{Setup, Watch};
use crate::Error;
use crate::classify::{CLASSES, DEPTH, classes_text};
use crate::engine::engine;

/// Real images that go through engine and runtimes.
const CHECKED_IMAGES: usize = 32;
/// The largest file that is compared with what is to be in its place, in bytes.
const LARGEST: u64 = 4 << 30;

/// Writes the ONNX file and compares it with the engine on real images.
pub(super) fn write(
    setup: &Setup,
    genotype: &Genotype,
    roles: &[Role],
    trained: &TrainedNetwork,
    watch: &mut Watch<'_>,
) -> Result<ExportFacts, Error> {
    let TrainedNetwork { network, weights } = trained;
    let normalisation = &setup.splits.normalisation;
    let mut properties = BTreeMap::from([
        ("genotype".to_owned(), genotype.to_string()),
        ("space".to_owned(), setup.space.name().to_owned()),
        (CLASSES.to_owned(), classes_text(setup.dataset.classes())),
        ("input.mean".to_owned(), join(&normalisation.mean)),
        ("input.deviation".to_owned(), join(&normalisation.deviation)),
        ("found_for".to_owned(), labels(roles)),
    ]);
    if setup.dataset.depth() < 16 {
        properties.insert(DEPTH.to_owned(), setup.dataset.depth().to_string());
    }
    let options = OnnxOptions {
        properties,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(network, weights, &options)?;
    let (images, logits) = engine_logits(setup, network, weights)?;
    let report = verify_export(&bytes, &network.content_hash(), &images, &logits)?;
    let file = format!("{}.onnx", file_name(genotype));
    let path = setup.folder.join(&file);
    match panarch_format::read_file(&path, FileKind::new("exported network", LARGEST)) {
        Ok(before) if before == bytes => {}
        before => {
            if before.is_ok() {
                watch.note(format!(
                    "{file} is written again: {}",
                    why(setup, &file, &before.unwrap_or_default())?
                ));
            }
            atomic_write(&path, &bytes)?;
        }
    }
    let checks = report.checks.iter().map(|check| {
        // A network that answers 0 to everything has no largest logit to compare with.
        let scale = check.largest_logit.max(f64::MIN_POSITIVE);
        let failure = check
            .failure
            .as_ref()
            .map(|failure| format!(" ({failure})"))
            .unwrap_or_default();
        ExportCheck {
            runtime: format!("{} {}{failure}", check.runtime, check.version),
            images: report.images as u32,
            worst_difference: check.largest_difference.map(|difference| difference / scale),
            tolerance: check.tolerance / scale,
            passed: check.ok,
        }
    });
    Ok(ExportFacts {
        file,
        file_hash: ContentHash::plain(&bytes),
        bytes: Bytes(bytes.len() as u64),
        checks: checks.collect(),
    })
}

/// Why a file that is there is not the one that is to be there.
fn why(setup: &Setup, file: &str, before: &[u8]) -> Result<&'static str, Error> {
    let hash = ContentHash::plain(before).to_string();
    let finalists = setup.study.storage().finalists()?;
    let known = finalists
        .iter()
        .flat_map(|finalist| &finalist.files)
        .find(|known| known.path == file);
    Ok(match known {
        Some(known) if known.blake3 != hash => "it was damaged, or changed after it was written",
        _ => "its weights or what is said in it changed",
    })
}

/// Validation images [batch, channels, height, width] and what the engine says of them.
fn engine_logits(setup: &Setup, network: &Network, weights: &Weights) -> Result<(Tensor, Tensor), Error> {
    let images = setup.splits.validation.sample(CHECKED_IMAGES, setup.file.seed);
    let loader = Loader::evaluation(images, &setup.splits.normalisation, CHECKED_IMAGES)?;
    let mut batch = Batch::new(loader.shape());
    loader.epoch(0).fill(0, &mut batch);
    let logits = panarch_train::answers(engine().as_mut(), network, weights, batch.images())?;
    let shape = loader.shape();
    let (channels, height, width) = (shape.channels as usize, shape.height as usize, shape.width as usize);
    let pixels = height * width;
    // The engine takes [batch, height, width, channels], ONNX [batch, channels, height, width].
    let mut planes = Vec::with_capacity(batch.images().len());
    for image in batch.images().chunks_exact(pixels * channels) {
        for channel in 0..channels {
            planes.extend(image.iter().skip(channel).step_by(channels));
        }
    }
    let images = Tensor::new(vec![batch.len(), channels, height, width], planes)?;
    let logits = network.channels_first(&logits, batch.len());
    let values = logits.len() / batch.len().max(1);
    Ok((images, Tensor::new(vec![batch.len(), values], logits)?))
}

fn join(values: &[f32]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(" ")
}
