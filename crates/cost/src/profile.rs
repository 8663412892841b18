//! Device profiles: what a machine is, as data.
//!
//! A profile is a TOML file; [`preset_text`] gives the text of an embedded one to start from. At the top stand `format`,
//! `name`, `description`, `class` (`micro` or `full`), `precision`, optionally `batch`, and `kind`:
//!
//! - `measured`: a table `[measured]` names `runtime` and `threads`;
//! - `table`: a table `[table]` names the `file` of a table of block latencies, relative to the profile, and its `dialect`;
//!   `entries` may say how many it must have;
//! - `linear`: a table `[linear]` names the `file` of a published linear model and its `space`, `[error]` is as below;
//! - `accelerator`: the tables `[clock]`, `[array]`, `[depthwise]`, `[vector]`, `[memory]`, `[overhead]`, `[error]`,
//!   `[support]` and optionally `[blocking]` and `[energy]` hold the fields of [`Accelerator`] and its parts;
//! - `command`: the tables `[command]` and `[command.result]` hold the fields of [`CommandTarget`]; the tables of an
//!   accelerator may stand beside them.
//! - `ethos_u`: the table `[ethos_u]` holds the fields of [`EthosU`]; it may also stand beside the tables of an accelerator
//!   or a command, and then answers for the analytic model.
//! - `hierarchy`: the tables `[clock]`, `[array]` with `[[array.dimensions]]`, `[[memories]]` with `[[memories.ports]]`,
//!   `[error]` and `[support]` hold the fields of [`Hierarchy`] and its parts; `objective` (`cycles`, `energy` or `edp`) may
//!   stand at the top.
//!
//! Every figure of an accelerator is `{ value = …, source = "…" }` or `{ value = …, assumption = "…" }`. A source of one word
//! is an entry of the table `[sources]`; an entry that no figure names is a mistake, as is an unknown key. A quantity is a
//! number in the unit that its key names or a text with a unit, such as `"800 MHz"`. A profile may lie over a `base` and
//! name a `fallback`. [`reference`] is the page of all keys.

mod accelerator;
mod blocking;
pub mod command;
mod doubt;
mod ethos_u;
mod figure;
mod hierarchy;
mod keys;
mod outline;
mod presets;
mod read;
mod support;
mod table;

use panarch_graph::{ContentHash, Precision};
use panarch_toml::Diagnostics;
use serde::Serialize;

pub use accelerator::{
    Accelerator, Array, ArrayKind, DataflowChoice, Depthwise, DepthwiseMapping, EnergyFigures, Granule, Memory,
    ModelError, OutputStage, Overhead, PixelOrder, Pooling, Support, Systolic, VectorUnit,
};
pub use blocking::Blocking;
pub use command::CommandTarget;
pub use doubt::Doubt;
pub use ethos_u::{EthosFamily, EthosPort, EthosU};
pub use figure::{Figure, Origin, Sourced};
pub use hierarchy::{ArrayDimension, Hierarchy, HierarchyMemory, MemoryPort, Transfer};
pub use keys::{KEYS, ProfileKey, Usual, reference};
pub use outline::{GivenQuantity, Outline, OutlineKind};
pub use presets::{preset_names, preset_text};
pub use read::ReadProfile;
pub use table::{LinearTarget, TableDialect, TableTarget};

use crate::mapper::Objective;
use crate::{Checked, CostError, CostSource, FallbackModel, MappedModel, Model};

/// A device, read from TOML.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceProfile {
    name: String,
    description: String,
    class: SizeClass,
    precision: Precision,
    batch: u32,
    kind: DeviceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    ethos_u: Option<Box<EthosU>>,
    hash: ContentHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<Box<DeviceProfile>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    doubts: Vec<Doubt>,
}

/// What a profile does not say itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Unsaid {
    /// What its base says, in the order of reading.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<Inherited>,
    /// What nobody says, and what is taken instead.
    pub defaults: Vec<Absent>,
}

/// A key that a base gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inherited {
    /// Path of the key.
    pub key: String,
    /// Its value as it is written there.
    pub text: String,
    /// The file of the base.
    pub file: String,
}

/// A key that a profile does not give, and what is taken instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// Path of the key.
    pub key: String,
    /// What is taken, in words.
    pub default: &'static str,
}

/// The size of networks that a device is meant for.
///
/// A network of 4 M MACs on a device that takes 2 ms to start is nothing but that start; such pairs tell nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeClass {
    /// Networks for images of about 224 pixels, hundreds of millions of MACs.
    Full,
    /// Networks for images of about 28 to 32 pixels, millions of MACs.
    Micro,
}

impl SizeClass {
    /// Every class with its name in profiles.
    pub const NAMES: [(&'static str, Self); 2] = [("full", Self::Full), ("micro", Self::Micro)];

    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Micro => "micro",
        }
    }
}

impl std::fmt::Display for SizeClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How a device is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviceKind {
    /// Described by its parts; models compute its costs.
    Accelerator(Box<Accelerator>),
    /// Described as an array and a memory hierarchy; a mapper finds how each layer runs.
    Hierarchy(Box<Hierarchy>),
    /// A real machine; a runtime measures its costs.
    Measured(MeasuredTarget),
    /// A program answers for it.
    Command(Box<CommandTarget>),
    /// A table of block latencies in a file.
    Table(TableTarget),
    /// A published linear model in a file.
    Linear(LinearTarget),
    /// Described for the model of its vendor's compiler alone; see [`DeviceProfile::ethos_u`].
    EthosU,
}

impl DeviceKind {
    /// Whether a model of its parts answers layer by layer.
    #[must_use]
    pub const fn is_described(&self) -> bool {
        match self {
            Self::Accelerator(_) | Self::Hierarchy(_) => true,
            Self::Command(target) => target.accelerator.is_some(),
            Self::Measured(_) | Self::Table(_) | Self::Linear(_) | Self::EthosU => false,
        }
    }
}

/// A real machine and the way it is to be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MeasuredTarget {
    /// Name of the inference runtime, such as `rten`.
    pub runtime: String,
    /// Threads that one inference may use.
    pub threads: u32,
}

impl DeviceProfile {
    /// Reads a profile that names no other file as its base or fallback; built-in devices it may name.
    ///
    /// # Errors
    /// As [`DeviceProfile::read`].
    pub fn from_toml(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        Self::read(file_name, text, &|_| Err("no other file is read here".to_owned()))
    }

    /// Reads a profile. `file_name` is the path of the text, to which paths in it are relative; `files` gives the texts of
    /// the profiles that it names by their paths.
    ///
    /// # Errors
    /// All problems of the text and of what it names at once, each with its file and line: syntax, unknown keys, values out
    /// of range, every figure that names neither its source nor that it is an assumption, bases and fallbacks that are not
    /// there or lead back to themselves.
    pub fn read(file_name: &str, text: &str, files: ReadProfile<'_>) -> Result<Self, Diagnostics> {
        read::profile(file_name, text, files)
    }

    /// What a profile leaves to its base and to defaults.
    ///
    /// # Errors
    /// As [`DeviceProfile::read`].
    pub fn unsaid(file_name: &str, text: &str, files: ReadProfile<'_>) -> Result<Unsaid, Diagnostics> {
        let (_, keys) = read::profile_with_keys(file_name, text, files)?;
        Ok(keys::unsaid(file_name, &keys))
    }

    /// The embedded profile of this name; see [`preset_names`].
    ///
    /// # Errors
    /// When there is none, naming those that exist.
    pub fn preset(name: &str) -> Result<Self, CostError> {
        presets::preset(name)
    }

    /// All embedded profiles of a class, in the order of [`preset_names`].
    ///
    /// # Errors
    /// When an embedded profile has problems; tests rule that out.
    pub fn presets_of(class: SizeClass) -> Result<Vec<Self>, CostError> {
        let mut profiles = Vec::new();
        for name in preset_names() {
            let profile = Self::preset(name)?;
            if profile.class == class {
                profiles.push(profile);
            }
        }
        Ok(profiles)
    }

    /// The device's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One or two sentences on what the device is.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The size of networks it is meant for.
    #[must_use]
    pub const fn class(&self) -> SizeClass {
        self.class
    }

    /// The number format in which networks run on it.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// The most images that run together, in parts where that is faster; costs are always of one image.
    #[must_use]
    pub const fn batch(&self) -> u32 {
        self.batch
    }

    /// The same device with another number of images that run together.
    #[must_use]
    pub fn with_batch(self, batch: u32) -> Self {
        Self {
            batch: batch.max(1),
            ..self
        }
    }

    /// How it is asked.
    #[must_use]
    pub const fn kind(&self) -> &DeviceKind {
        &self.kind
    }

    /// The description of its parts, when it has one.
    #[must_use]
    pub fn accelerator(&self) -> Option<&Accelerator> {
        match &self.kind {
            DeviceKind::Accelerator(accelerator) => Some(accelerator),
            DeviceKind::Command(target) => target.accelerator.as_deref(),
            DeviceKind::Hierarchy(_)
            | DeviceKind::Measured(_)
            | DeviceKind::Table(_)
            | DeviceKind::Linear(_)
            | DeviceKind::EthosU => None,
        }
    }

    /// The description of its parts, for models that cannot do without.
    ///
    /// # Errors
    /// When it has none: the error says what answers instead.
    pub fn described(&self) -> Result<&Accelerator, CostError> {
        let device = || self.name.clone();
        self.accelerator().ok_or_else(|| match self.kind {
            DeviceKind::Command(_) if self.ethos_u.is_some() => CostError::EthosU { device: device() },
            DeviceKind::Command(_) => CostError::Command { device: device() },
            DeviceKind::Hierarchy(_) => CostError::Hierarchy { device: device() },
            DeviceKind::Table(_) | DeviceKind::Linear(_) => CostError::FromFile { device: device() },
            DeviceKind::EthosU => CostError::EthosU { device: device() },
            DeviceKind::Accelerator(_) | DeviceKind::Measured(_) => CostError::Measured { device: device() },
        })
    }

    /// The machine to be measured, when it is one.
    #[must_use]
    pub fn measured(&self) -> Option<&MeasuredTarget> {
        match &self.kind {
            DeviceKind::Measured(target) => Some(target),
            _ => None,
        }
    }

    /// The program that answers for it, when one does.
    #[must_use]
    pub fn command(&self) -> Option<&CommandTarget> {
        match &self.kind {
            DeviceKind::Command(target) => Some(target),
            _ => None,
        }
    }

    /// The device that runs what this one cannot, where one is named.
    #[must_use]
    pub fn fallback(&self) -> Option<&Self> {
        self.fallback.as_deref()
    }

    /// Figures that are far from the usual: notes, never errors. Those of the fallback are its own.
    #[must_use]
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// Identifies the profile's text, comments included, with those of its bases and its fallback: costs may be cached under
    /// the network's hash and this one.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Identifies what answers depend on that are made of this profile: by which revision of which model, and of what else
    /// than the profile, such as the text of a file.
    #[must_use]
    pub fn protocol(&self, revision: &str, content: &str) -> ContentHash {
        let text = format!("{} {}{content}", self.hash, env!("CARGO_PKG_VERSION"));
        ContentHash::of(revision, text.as_bytes())
    }

    /// The same profile of a hierarchy with mappings chosen for something else; others stay as they are.
    #[must_use]
    pub fn with_objective(mut self, objective: Objective) -> Self {
        if let DeviceKind::Hierarchy(hierarchy) = &mut self.kind
            && hierarchy.objective != objective
        {
            hierarchy.objective = objective;
            let text = format!("{} {objective}", self.hash);
            self.hash = ContentHash::of("panarch device profile for an objective v1", text.as_bytes());
        }
        self
    }

    /// The memory hierarchy, when it is described by one.
    #[must_use]
    pub fn hierarchy(&self) -> Option<&Hierarchy> {
        match &self.kind {
            DeviceKind::Hierarchy(hierarchy) => Some(hierarchy),
            _ => None,
        }
    }

    /// What the model of the vendor's compiler needs, where the profile has it: the table `[ethos_u]`.
    #[must_use]
    pub fn ethos_u(&self) -> Option<&EthosU> {
        self.ethos_u.as_deref()
    }

    /// The model of a described machine, ready to be asked: analytic for an accelerator, also one whose own answers come
    /// from a command, and the mapper for a hierarchy; with the fallback, if there is one.
    ///
    /// # Errors
    /// When the profile does not say what parts the device has: its runtime, its command or its file answers.
    pub fn cost_source(&self) -> Result<Box<dyn CostSource>, CostError> {
        match &self.kind {
            DeviceKind::Hierarchy(_) if self.fallback.is_some() => {
                Ok(Box::new(Checked::new(FallbackModel::new(self, Model::Analytic)?)))
            }
            DeviceKind::Hierarchy(_) => Ok(Box::new(Checked::new(MappedModel::new(self.clone())?))),
            DeviceKind::Accelerator(_)
            | DeviceKind::Measured(_)
            | DeviceKind::Command(_)
            | DeviceKind::Table(_)
            | DeviceKind::Linear(_)
            | DeviceKind::EthosU => self.model(Model::Analytic),
        }
    }
}
