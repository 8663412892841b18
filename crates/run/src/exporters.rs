//! The formats in which a network leaves, chosen by the extension of the file.

mod onnx;
pub mod tflite;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;

use panarch_format::atomic_write;
use panarch_graph::{Network, Weights};
use panarch_measure::VerifyReport;

use crate::Error;

/// Every exporter. A new one is a file that declares it, and a line here: the commands and their errors go by this list.
pub const EXPORTERS: [Exporter; 3] = [onnx::EXPORTER, tflite::EXPORTER, weights::EXPORTER];

/// A format in which a network leaves.
#[derive(Debug)]
pub struct Exporter {
    /// The extension of its files, without a dot.
    pub extension: &'static str,
    /// What such a file holds, in a few words.
    pub summary: &'static str,
    /// Makes the file.
    export: fn(&Outgoing<'_>) -> Result<Exported, Error>,
}

/// A network that is to be exported.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The network, with batch normalisation.
    pub network: &'a Network,
    /// Its weights; without them the seed draws some, which is enough for questions of cost.
    pub weights: Option<&'a Weights>,
    /// What a file that can hold properties is to say, such as the names of the classes.
    pub properties: &'a BTreeMap<String, String>,
    /// By which names weights are written.
    pub names: Names,
    /// Draws weights where there are none, and images where some are needed.
    pub seed: u64,
}

/// By which names weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Ours.
    #[default]
    Own,
    /// Those of the published networks, as a single network has them.
    Published,
}

/// A file, and what its numbers are worth.
pub struct Exported {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where weights and ranges come from, in sentences.
    pub notes: Vec<String>,
    /// How the file was compared with the engine; none where no runtime here reads it, or where it holds no network.
    pub check: Option<VerifyReport>,
}

/// Exports a network into a file, in the format of its extension. What can be run is run and compared with the engine before
/// the file is put in place.
///
/// # Errors
/// [`Error::Input`] for an extension of no exporter, and what the format cannot hold; [`Error::CheckFailed`] when a runtime
/// disagrees; a file that cannot be written.
pub fn export(path: &Path, outgoing: &Outgoing<'_>) -> Result<Exported, Error> {
    let extension = path.extension().map(|it| it.to_string_lossy().to_lowercase());
    let exporter = EXPORTERS
        .iter()
        .find(|exporter| Some(exporter.extension) == extension.as_deref());
    let Some(exporter) = exporter else {
        let known = EXPORTERS.map(|exporter| format!(".{} ({})", exporter.extension, exporter.summary));
        return Err(Error::Input(format!(
            "{}: a network is exported as {}",
            path.display(),
            known.join(", ")
        )));
    };
    if outgoing.names != Names::Own && exporter.extension != weights::EXPORTER.extension {
        return Err(Error::Input(format!(
            "{}: a .{} file has our names; published names are for .{} files",
            path.display(),
            exporter.extension,
            weights::EXPORTER.extension
        )));
    }
    let exported = (exporter.export)(outgoing)?;
    atomic_write(path, &exported.bytes)?;
    Ok(exported)
}

/// The weights of a network that leaves, drawn where it has none, with a note that says so.
fn weights_of(outgoing: &Outgoing<'_>) -> (Weights, Vec<String>) {
    match outgoing.weights {
        Some(weights) => (weights.clone(), Vec::new()),
        None => {
            let mut rng = panarch_graph::stream(outgoing.seed, "panarch weights of an exported network", 0);
            let note = format!(
                "random weights of seed {}: good for questions of cost, not for answers",
                outgoing.seed
            );
            (Weights::random(outgoing.network, &mut rng), vec![note])
        }
    }
}
