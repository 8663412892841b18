use std::collections::BTreeMap;

use panarch_graph::{ContentHash, Network};

use crate::FormatError;

/// What an export does with batch normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BatchNormExport {
    /// Taken into the convolution or linear layer before it, for inference.
    #[default]
    Folded,
    /// Left as it is, so that the file reads back as the same network.
    Kept,
}

impl BatchNormExport {
    const fn name(self) -> &'static str {
        match self {
            Self::Folded => "folded",
            Self::Kept => "kept",
        }
    }
}

/// What an ONNX file says about itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OnnxMetadata {
    /// The network that was exported, before any folding. None in files of others.
    pub content_hash: Option<ContentHash>,
    /// What the export did with batch normalisation. None in files of others.
    pub batch_norm: Option<BatchNormExport>,
    /// The program that wrote the file.
    pub producer: String,
    /// That program's version.
    pub producer_version: String,
    /// The version of the standard operator set.
    pub opset: i64,
    /// Every property of the file as it stands, Panarch's own included.
    pub properties: BTreeMap<String, String>,
}

/// The producer that Panarch's files name.
pub(super) const PRODUCER: &str = "panarch";
/// Properties that Panarch writes; names with this prefix are its own.
const PREFIX: &str = "panarch.";
const CONTENT_HASH: &str = "panarch.content_hash";
const GRAPH_HASH: &str = "panarch.graph_hash";
const BATCH_NORM: &str = "panarch.batch_norm";
const VERSION: &str = "panarch.version";
/// How many properties were written, this one included: the properties end the file, and a file cut short between two of
/// them would otherwise look whole.
const COUNT: &str = "panarch.properties";
const INPUT_NAME: &str = "panarch.input.name";
const INPUT_BLOCK: &str = "panarch.input.block";

/// The properties of an export: `original` is the network as searched and trained, `written` what the file holds,
/// `further` what the caller adds.
pub(super) fn properties(
    original: &Network,
    written: &Network,
    batch_norm: BatchNormExport,
    further: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, FormatError> {
    if let Some(key) = further.keys().find(|key| key.starts_with(PREFIX)) {
        let reason = format!("names that begin with `{PREFIX}` are reserved");
        return Err(FormatError::Metadata {
            key: key.clone(),
            reason,
        });
    }
    let mut properties = further.clone();
    let mut own = |key: &str, value: String| properties.insert(key.to_owned(), value);
    own(CONTENT_HASH, original.content_hash().to_string());
    own(GRAPH_HASH, written.content_hash().to_string());
    own(BATCH_NORM, batch_norm.name().to_owned());
    own(VERSION, env!("CARGO_PKG_VERSION").to_owned());
    if let Some(input) = written.nodes().first() {
        own(INPUT_NAME, input.name.clone());
        own(INPUT_BLOCK, input.block.clone());
    }
    let count = properties.len() + 1;
    properties.insert(COUNT.to_owned(), count.to_string());
    Ok(properties)
}

impl OnnxMetadata {
    /// Name and block of the input node, as the file records them or by default.
    pub(super) fn input_node(&self) -> (String, String) {
        let property = |key: &str, default: &str| self.properties.get(key).map_or(default, String::as_str).to_owned();
        (property(INPUT_NAME, "input"), property(INPUT_BLOCK, "input"))
    }

    /// Whether Panarch wrote the file.
    pub(super) fn is_own(&self) -> bool {
        self.producer == PRODUCER
    }

    /// Understands Panarch's own properties.
    pub(super) fn interpret(&mut self) -> Result<(), FormatError> {
        if self.is_own() {
            self.check_complete()?;
        }
        self.content_hash = hash_of(&self.properties, CONTENT_HASH)?;
        self.batch_norm = match self.properties.get(BATCH_NORM).map(String::as_str) {
            None => None,
            Some("folded") => Some(BatchNormExport::Folded),
            Some("kept") => Some(BatchNormExport::Kept),
            Some(other) => {
                let reason = format!("expected `folded` or `kept`, found `{other}`");
                return Err(FormatError::Metadata {
                    key: BATCH_NORM.to_owned(),
                    reason,
                });
            }
        };
        Ok(())
    }

    /// A file of Panarch's own has its hashes and at least as many properties as it was written with; other tools may
    /// add some.
    fn check_complete(&self) -> Result<(), FormatError> {
        let fail = |key: &str, reason: String| {
            Err(FormatError::Metadata {
                key: key.to_owned(),
                reason,
            })
        };
        for key in [CONTENT_HASH, GRAPH_HASH, BATCH_NORM] {
            if !self.properties.contains_key(key) {
                return fail(key, "is missing; the file was cut short or edited".to_owned());
            }
        }
        let found = self.properties.len();
        let written = self.properties.get(COUNT).and_then(|text| text.parse::<usize>().ok());
        match written {
            Some(written) if written <= found => Ok(()),
            _ => fail(
                COUNT,
                format!("is missing or more than the {found} found; the file was cut short"),
            ),
        }
    }

    /// Checks the graph that was read against the hashes that the file records.
    pub(super) fn check(&self, network: &Network) -> Result<(), FormatError> {
        let computed = network.content_hash();
        let own = hash_of(&self.properties, GRAPH_HASH)?;
        let kept = self
            .content_hash
            .filter(|_| self.batch_norm == Some(BatchNormExport::Kept));
        match [own, kept].into_iter().flatten().find(|recorded| *recorded != computed) {
            Some(recorded) => Err(FormatError::HashMismatch { recorded, computed }),
            None => Ok(()),
        }
    }
}

fn hash_of(properties: &BTreeMap<String, String>, key: &str) -> Result<Option<ContentHash>, FormatError> {
    properties
        .get(key)
        .map(|text| {
            text.parse::<ContentHash>().map_err(|error| FormatError::Metadata {
                key: key.to_owned(),
                reason: error.to_string(),
            })
        })
        .transpose()
}
