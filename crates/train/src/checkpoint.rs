//! Checkpoints: one safetensors file with weights, momentum and position.
//!
//! Everything random in a training follows from (seed, step), so the position is all of the generator's state.
//! Layout: tensors `weights/NAME` (kernel matrices included, but not what they make), `momentum/NAME`, and
//! `state/NAME` for what a schedule has to remember (a frozen teacher, a policy); metadata `format`, `version`, `kind`, `name`, `hash`, `step`, `settings` and `inputs` (JSON).
//! Version 2 had neither inputs nor a checksum: such a file can be opened, and no training goes on from it.

use std::collections::BTreeMap;
use std::path::Path;

use panarch_format::{FormatError, read_safetensors, write_safetensors};
use panarch_graph::{Inputs, Network, Tensor, Weights};
use panarch_nn::{Store, StoredTensor, TensorKind, kernel_matrices};
use panarch_space::{Head, Space};
use serde_json::Value;

use crate::{Supernet, TrainError};

const FORMAT: &str = "panarch training";
const VERSION: &str = "3";
/// The version without inputs and checksum.
const BEFORE: &str = "2";
const WEIGHTS: &str = "weights/";
const MOMENTUM: &str = "momentum/";
const STATE: &str = "state/";

/// What was trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `supernet` or `network`.
    pub kind: String,
    /// The name of the space or the network.
    pub name: String,
    /// The hash of the space or the network, hexadecimal.
    pub hash: String,
}

impl Subject {
    pub(crate) fn of_space(space: &Space) -> Self {
        Self {
            kind: "supernet".into(),
            name: space.name().into(),
            hash: space.hash().to_string(),
        }
    }

    pub(crate) fn of_network(network: &Network) -> Self {
        Self {
            kind: "network".into(),
            name: network.name().into(),
            hash: network.content_hash().to_string(),
        }
    }
}

/// The state of a training between two steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What was trained.
    pub subject: Subject,
    /// Steps done.
    pub step: u64,
    /// The settings of the training, data included.
    pub settings: Value,
    /// All that the training is made of; none for what was imported, or written before inputs were kept.
    pub inputs: Option<Inputs>,
    weights: Weights,
    momentum: Weights,
    state: Weights,
}

impl Checkpoint {
    /// The state of a supernet that no training here has touched.
    pub(crate) fn of_supernet(supernet: &Supernet, settings: Value) -> Self {
        Self {
            subject: Subject::of_space(&supernet.family.space),
            step: 0,
            settings,
            inputs: None,
            weights: supernet.store.weights(),
            momentum: Weights::new(),
            state: Weights::new(),
        }
    }

    /// The weights, by name.
    #[must_use]
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What a schedule had to remember.
    pub(crate) fn into_state(self) -> Weights {
        self.state
    }

    /// Classes and input channels of the supernet of `space` whose weights these are; see [`head_of`](crate::head_of).
    ///
    /// # Errors
    /// A space whose largest member cannot be built.
    pub fn head(&self, space: &Space) -> Result<Head, TrainError> {
        let shapes = self.weights.iter().map(|(name, tensor)| (name, &tensor.shape[..]));
        crate::head_of(space, &space.largest(), shapes)
    }

    /// Takes the state of a training.
    pub(crate) fn take(
        (subject, settings, inputs): (Subject, Value, Inputs),
        step: u64,
        weights: Weights,
        momentum: Weights,
        state: Weights,
    ) -> Self {
        Self {
            subject,
            step,
            settings,
            inputs: Some(inputs),
            weights,
            momentum,
            state,
        }
    }

    /// Writes the file: at every instant it holds the old state or the new one.
    ///
    /// # Errors
    /// [`TrainError::CheckpointFile`] when the operating system refuses.
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        let prefixed = |prefix: &'static str, weights: &Weights| {
            let tensors = weights
                .iter()
                .map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()));
            tensors.collect::<Vec<_>>()
        };
        let tensors = prefixed(WEIGHTS, &self.weights)
            .into_iter()
            .chain(prefixed(MOMENTUM, &self.momentum))
            .chain(prefixed(STATE, &self.state));
        let metadata = [
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_owned()),
            ("kind", self.subject.kind.clone()),
            ("name", self.subject.name.clone()),
            ("hash", self.subject.hash.clone()),
            ("step", self.step.to_string()),
            ("settings", self.settings.to_string()),
        ];
        let inputs = self.inputs.as_ref().map(serde_json::to_string).transpose();
        let inputs = inputs.map_err(|error| TrainError::CheckpointContent {
            path: path.into(),
            reason: format!("its inputs cannot be written: {error}"),
        })?;
        let metadata = metadata.into_iter().chain(inputs.map(|inputs| ("inputs", inputs)));
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value)).collect();
        write_safetensors(path, &tensors.collect(), &metadata).map_err(|source| file_error(path, source))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TrainError::CheckpointFile`] when it is absent, cut short or damaged, [`TrainError::CheckpointContent`] when
    /// it is another kind of file or of another version.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let file = read_safetensors(path).map_err(|source| file_error(path, source))?;
        let metadata = Metadata {
            path,
            values: file.metadata,
        };
        if metadata.get("format")? != FORMAT {
            return Err(metadata.error("it does not come from a training"));
        }
        let version = metadata.get("version")?;
        if version != VERSION && version != BEFORE {
            return Err(metadata.error(&format!(
                "it has version {version}, this program reads versions {BEFORE} and {VERSION}"
            )));
        }
        if version == VERSION && !file.sealed {
            return Err(metadata.error("it has lost its checksum: it was changed after it was written"));
        }
        let step = metadata
            .get("step")?
            .parse()
            .map_err(|_| metadata.error("its step is not a number"))?;
        let settings = serde_json::from_str(metadata.get("settings")?)
            .map_err(|error| metadata.error(&format!("its settings cannot be read: {error}")))?;
        let inputs = metadata.values.get("inputs").map(|text| serde_json::from_str(text));
        let inputs = inputs
            .transpose()
            .map_err(|error| metadata.error(&format!("its inputs cannot be read: {error}")))?;
        let text = |key| metadata.get(key).map(str::to_owned);
        let subject = Subject {
            kind: text("kind")?,
            name: text("name")?,
            hash: text("hash")?,
        };
        let [mut weights, mut momentum, mut state] = [Weights::new(), Weights::new(), Weights::new()];
        for (name, tensor) in file.weights.iter() {
            if let Some(name) = name.strip_prefix(WEIGHTS) {
                weights.insert(name, tensor.clone());
            } else if let Some(name) = name.strip_prefix(MOMENTUM) {
                momentum.insert(name, tensor.clone());
            } else if let Some(name) = name.strip_prefix(STATE) {
                state.insert(name, tensor.clone());
            } else {
                return Err(metadata.error(&format!("unknown tensor `{name}`")));
            }
        }
        Ok(Self {
            subject,
            step,
            settings,
            inputs,
            weights,
            momentum,
            state,
        })
    }

    /// Whether the checkpoint is a supernet of this space.
    ///
    /// # Errors
    /// [`TrainError::CheckpointOfAnotherSpace`] and [`TrainError::CheckpointOfAnother`] when it is not; `path` is named in them.
    pub fn check_space(&self, path: &Path, space: &Space) -> Result<(), TrainError> {
        let ours = Subject::of_space(space);
        if self.subject.kind != ours.kind {
            return self.check_subject(path, &ours);
        }
        if self.subject.hash == ours.hash {
            return Ok(());
        }
        let label = |subject: &Subject| {
            let hash: String = subject.hash.chars().take(12).collect();
            format!("`{}` (hash {hash})", subject.name)
        };
        Err(TrainError::CheckpointOfAnotherSpace {
            path: path.into(),
            theirs: label(&self.subject),
            ours: label(&ours),
        })
    }

    /// Fails when the checkpoint is of another space or network.
    fn check_subject(&self, path: &Path, expected: &Subject) -> Result<(), TrainError> {
        let differences = self.other_subject(expected);
        if differences.is_empty() {
            return Ok(());
        }
        Err(TrainError::CheckpointOfAnother {
            path: path.into(),
            changed: format!("the {} changed", expected.kind),
            differences,
        })
    }

    fn other_subject(&self, expected: &Subject) -> Vec<String> {
        let ours = [&expected.kind, &expected.name, &expected.hash];
        let theirs = [&self.subject.kind, &self.subject.name, &self.subject.hash];
        let both = ["kind", "name", "hash"].into_iter().zip(theirs.into_iter().zip(ours));
        both.filter(|(_, (theirs, ours))| theirs != ours)
            .map(|(key, (theirs, ours))| difference(&format!("{} {key}", expected.kind), theirs, ours))
            .collect()
    }

    /// Fails when anything that the training is made of is not what it was: the inputs decide, subject and settings say
    /// more of where they differ.
    pub(crate) fn check_inputs(
        &self,
        path: &Path,
        (subject, settings, inputs): (&Subject, &Value, &Inputs),
    ) -> Result<(), TrainError> {
        let changed = match &self.inputs {
            Some(before) => inputs.difference(before),
            None => Some("it does not say what it was made of".to_owned()),
        };
        let Some(changed) = changed else { return Ok(()) };
        let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
        flatten("", &self.settings, &mut theirs);
        flatten("", settings, &mut ours);
        let keys: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        let shown = |map: &BTreeMap<String, String>, key: &String| map.get(key).cloned().unwrap_or("absent".into());
        let leaves = keys
            .into_iter()
            .filter(|key| theirs.get(*key) != ours.get(*key))
            .map(|key| difference(key, &shown(&theirs, key), &shown(&ours, key)));
        let mut differences = self.other_subject(subject);
        differences.extend(leaves);
        Err(TrainError::CheckpointOfAnother {
            path: path.into(),
            changed,
            differences,
        })
    }

    /// Gives a store the kernel matrices that the checkpoint has and it has not.
    pub(crate) fn install_matrices(&self, path: &Path, store: &mut Store) -> Result<(), TrainError> {
        for (name, tensor) in self.weights.iter() {
            let Some((conv, from)) = kernel_matrices::parse(name).filter(|_| store.id(name).is_none()) else {
                continue;
            };
            let weight = store.get(&format!("{conv}.weight"));
            let weight = weight.filter(|weight| weight.kind() == TensorKind::DepthwiseWeight);
            let largest = weight.and_then(|weight| weight.shape().get(2).copied()).unwrap_or(0);
            if !kernel_matrices::fits(name, &tensor.shape) || from > largest {
                let reason = format!("`{name}` of shape {:?} is no kernel matrix", tensor.shape);
                let path = path.into();
                return Err(TrainError::CheckpointContent { path, reason });
            }
            kernel_matrices::install(store, conv, from, tensor.data.clone())?;
        }
        Ok(())
    }

    /// Puts the weights into a store of the same tensors.
    pub(crate) fn restore_weights(&self, path: &Path, store: &mut Store) -> Result<(), TrainError> {
        for tensor in kept(store) {
            self.matching(path, &self.weights, tensor.name(), tensor.shape())?;
        }
        if self.weights.len() != kept(store).count() {
            let reason = format!(
                "it has {} tensors, expected {}",
                self.weights.len(),
                kept(store).count()
            );
            return Err(TrainError::CheckpointContent {
                path: path.into(),
                reason,
            });
        }
        Ok(store.load(&self.weights)?)
    }

    /// The momentum of the trainable tensors of a store.
    pub(crate) fn momentum(&self, path: &Path, store: &Store) -> Result<Weights, TrainError> {
        let trainable = kept(store).filter(|tensor| tensor.kind().is_trainable());
        let saved = trainable.map(|tensor| {
            let saved = self.matching(path, &self.momentum, tensor.name(), tensor.shape())?;
            Ok((tensor.name().to_owned(), saved.clone()))
        });
        saved.collect()
    }

    fn matching<'a>(
        &self,
        path: &Path,
        weights: &'a Weights,
        name: &str,
        shape: &[usize],
    ) -> Result<&'a Tensor, TrainError> {
        weights
            .require(name, shape)
            .map_err(|error| TrainError::CheckpointContent {
                path: path.into(),
                reason: error.to_string(),
            })
    }
}

/// The tensors of a store that are not made of others.
fn kept(store: &Store) -> impl Iterator<Item = &StoredTensor> {
    store.tensors().iter().filter(|tensor| !tensor.kind().is_derived())
}

struct Metadata<'a> {
    path: &'a Path,
    values: BTreeMap<String, String>,
}

impl Metadata<'_> {
    fn get(&self, key: &str) -> Result<&str, TrainError> {
        self.values
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| self.error(&format!("it does not state its {key}")))
    }

    fn error(&self, reason: &str) -> TrainError {
        TrainError::CheckpointContent {
            path: self.path.into(),
            reason: reason.into(),
        }
    }
}

fn file_error(path: &Path, source: FormatError) -> TrainError {
    if source.names_file() {
        return TrainError::File(source);
    }
    TrainError::CheckpointFile {
        path: path.into(),
        source,
    }
}

fn difference(key: &str, theirs: &str, ours: &str) -> String {
    format!("{key}: in the checkpoint {theirs}, here {ours}")
}

/// Every leaf of a JSON value by its dotted path; lists of plain values are leaves.
fn flatten(prefix: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    let mut below = |key: &str, value: &Value| {
        let path = if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}.{key}")
        };
        flatten(&path, value, leaves);
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| below(key, value)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, value)| below(&index.to_string(), value));
        }
        leaf => {
            leaves.insert(prefix.to_owned(), leaf.to_string());
        }
    }
}
