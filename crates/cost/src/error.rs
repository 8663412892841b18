use panarch_toml::Diagnostics;

use crate::refusals::Refusals;

/// What can go wrong between a profile and a cost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CostError {
    /// The device cannot run some of the network's layers; all of them are listed.
    #[error("`{device}` cannot run {refused}")]
    Unsupported {
        /// Name of the device profile.
        device: String,
        /// The layers, by operator and reason.
        refused: Refusals,
    },
    /// The profile names a real machine that has to be measured; no model answers for it.
    #[error("`{device}` is a measured target: it answers through its runtime, not through a model")]
    Measured {
        /// Name of the device profile.
        device: String,
    },
    /// The profile names a command and not the parts of the device; no model answers for it.
    #[error("`{device}` answers through its command; for a model, its profile needs the tables of an accelerator")]
    Command {
        /// Name of the device profile.
        device: String,
    },
    /// The profile describes its device for the model of the vendor's compiler only.
    #[error(
        "`{device}` is described for the model of its compiler, which answers as `analytic`; other models need the tables of an \
         accelerator"
    )]
    EthosU {
        /// Name of the device profile.
        device: String,
    },
    /// The profile has no table for the model of the vendor's compiler.
    #[error("`{device}` has no table `[ethos_u]`, which the model of the vendor's compiler computes with")]
    NoEthosU {
        /// Name of the device profile.
        device: String,
    },
    /// The profile is a memory hierarchy; the mapper answers for it, not the analytic model.
    #[error("`{device}` is a memory hierarchy: the mapper answers for it, which needs no --model")]
    Hierarchy {
        /// Name of the device profile.
        device: String,
    },
    /// The profile names a file that answers; no model does.
    #[error("`{device}` answers from its file, not through a model")]
    FromFile {
        /// Name of the device profile.
        device: String,
    },
    /// The profile is no memory hierarchy, so that there is nothing to map layers onto.
    #[error("`{device}` is no memory hierarchy; the mapper needs a profile of the kind `hierarchy`")]
    NoHierarchy {
        /// Name of the device profile.
        device: String,
    },
    /// A device is outlined with what its kind does not have.
    #[error("{reason}")]
    Outline {
        /// What does not fit, in words.
        reason: String,
    },
    /// No preset has this name.
    #[error("there is no device `{name}`{}; known are {}", meant(.name, .known), .known.join(", "))]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A profile's text has problems; all of them are listed.
    #[error("the device profile has problems\n{0}")]
    Profile(#[from] Diagnostics),
    /// A table has no entry for a block of the network.
    #[error("`{device}` does not know block `{block}`: its table has no `{key}`{}", .nearest.as_ref().map_or_else(String::new, |key| format!("; the nearest is `{key}`")))]
    NotInTable {
        /// Name of the device profile.
        device: String,
        /// The block of the network.
        block: String,
        /// The key that was looked up.
        key: String,
        /// The key of the table that is most like it.
        nearest: Option<String>,
    },
    /// A model that holds for other networks than this one.
    #[error("`{device}` has no answer for this network: {reason}")]
    OtherNetworks {
        /// Name of the device profile.
        device: String,
        /// Which networks it holds for, in words.
        reason: String,
    },
    /// A source outside this crate (a runtime, a process) could not give a cost.
    #[error("`{device}` gave no cost: {reason}")]
    Failed {
        /// Name of the device profile.
        device: String,
        /// Why not, in words.
        reason: String,
    },
    /// A source said what cannot be.
    #[error(
        "`{device}` answers {what} for network `{network}`; such an answer is not used: correct the profile, table, model or \
         program behind the device"
    )]
    Impossible {
        /// Name of the device profile.
        device: String,
        /// Name of the network.
        network: String,
        /// The answer, in words.
        what: String,
    },
    /// A figure that was to be fitted is not in the profile.
    #[error(
        "the profile has no figure `{path}` of the form `key = {{ value = NUMBER, … }}`: name it as section.key, such as array.utilisation"
    )]
    NoFigure {
        /// The figure, as it was asked for.
        path: String,
    },
    /// A matrix product of which a dimension is 0.
    #[error("a matrix product of m = {m}, n = {n}, k = {k} does nothing: every dimension must be at least 1")]
    EmptyGemm {
        /// Rows of the first operand.
        m: u64,
        /// Columns of the second operand.
        n: u64,
        /// The dimension that is summed over.
        k: u64,
    },
    /// A matrix product of which the counts do not fit 64 bits.
    #[error("a matrix product of m = {m}, n = {n}, k = {k} has counts beyond 64 bits: check its dimensions")]
    HugeGemm {
        /// Rows of the first operand.
        m: u64,
        /// Columns of the second operand.
        n: u64,
        /// The dimension that is summed over.
        k: u64,
    },
    /// A systolic array without processing elements.
    #[error("a systolic array of {rows} rows and {columns} columns is empty: both must be at least 1")]
    EmptyArray {
        /// Its rows.
        rows: u32,
        /// Its columns.
        columns: u32,
    },
}

/// "; did you mean `…`?", where a known name is close.
fn meant(name: &str, known: &[String]) -> String {
    panarch_toml::did_you_mean(name, known).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}
