use panarch_toml::did_you_mean;

use crate::{Space, SpaceError};

/// Name and text of the embedded spaces.
const PRESETS: [(&str, &str); 4] = [
    ("multi-hardware", include_str!("../../../spaces/multi-hardware.toml")),
    (
        "multi-hardware-small",
        include_str!("../../../spaces/multi-hardware-small.toml"),
    ),
    ("edgetpu", include_str!("../../../spaces/edgetpu.toml")),
    ("edgetpu-small", include_str!("../../../spaces/edgetpu-small.toml")),
];

/// The names of the embedded spaces.
#[must_use]
pub fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

impl Space {
    /// An embedded space: one of [`preset_names`].
    ///
    /// # Errors
    /// An unknown name, with the closest known one.
    pub fn preset(name: &str) -> Result<Self, SpaceError> {
        let text = Self::preset_text(name)?;
        Ok(Self::from_toml(&format!("spaces/{name}.toml"), text)?)
    }

    /// The file of an embedded space, a starting point for one's own.
    ///
    /// # Errors
    /// An unknown name, with the closest known one.
    pub fn preset_text(name: &str) -> Result<&'static str, SpaceError> {
        let found = PRESETS.iter().find(|(preset, _)| *preset == name);
        found.map(|(_, text)| *text).ok_or_else(|| SpaceError::UnknownPreset {
            name: name.to_owned(),
            suggestion: did_you_mean(name, preset_names()),
        })
    }
}
