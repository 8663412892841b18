use panarch_toml::Diagnostics;

/// What can go wrong between a profile and a cost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CostError {
    /// The device cannot run one of the network's operators.
    #[error("`{device}` cannot run layer `{layer}` ({operator}): {reason}")]
    Unsupported {
        /// Name of the device profile.
        device: String,
        /// Name of the layer in the network.
        layer: String,
        /// The operator, as profiles write it, such as `depthwise_conv2d` or `hard_swish`.
        operator: String,
        /// Why it cannot, in words.
        reason: String,
    },
    /// The profile names a real machine that has to be measured; no model answers for it.
    #[error("`{device}` is a measured target: it answers through its runtime, not through a model")]
    Measured {
        /// Name of the device profile.
        device: String,
    },
    /// The profile is a memory hierarchy; the mapper answers for it, not the analytic model.
    #[error("`{device}` is a memory hierarchy: ask `MappedModel`, not the analytic model")]
    Hierarchy {
        /// Name of the device profile.
        device: String,
    },
    /// The profile is no memory hierarchy, so that there is nothing to map layers onto.
    #[error("`{device}` is no memory hierarchy; the mapper needs a profile of the kind `hierarchy`")]
    NoHierarchy {
        /// Name of the device profile.
        device: String,
    },
    /// No preset has this name.
    #[error("there is no device `{name}`; the devices are {}", .known.join(", "))]
    UnknownPreset {
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A profile's text has problems; all of them are listed.
    #[error("the device profile has problems\n{0}")]
    Profile(#[from] Diagnostics),
    /// A source outside this crate (a runtime, a process) could not give a cost.
    #[error("`{device}` gave no cost: {reason}")]
    Failed {
        /// Name of the device profile.
        device: String,
        /// Why not, in words.
        reason: String,
    },
}
