use panarch_toml::did_you_mean;

use crate::{Space, SpaceError};

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and text of the embedded spaces.
        const PRESETS: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../spaces/", $name, ".toml")),
        )),*];
    };
}
presets! {
    "multi-hardware",
    "multi-hardware-small",
    "edgetpu",
    "edgetpu-small",
    "ofa-mbv3-w1.0",
    "ofa-mbv3-w1.2",
    "ofa-proxyless-w1.3",
    "ofa-resnet50",
    "compofa-fixed",
    "compofa-elastic",
    "ofa-small",
    "compofa-small",
    "tunas-proxyless",
    "tunas-proxyless-enlarged",
    "tunas-mbv3",
    "isynet",
    "nas-bench-macro",
    "mnasnet-anb",
    "mnasnet-anb-table",
}

/// Name and text of the embedded spaces whose members are rows of a published table and have no network here.
const TABLES: &[(&str, &str)] = &[("nas-bench-201", include_str!("../../../spaces/nas-bench-201.toml"))];

/// The names of the embedded spaces whose members are rows of a published table: [`Space::preset`] knows them,
/// [`Space::lower`] refuses them.
#[must_use]
pub fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|(name, _)| *name).collect()
}

/// The names of the embedded spaces of networks.
#[must_use]
pub fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

impl Space {
    /// An embedded space: one of [`preset_names`] or [`table_names`].
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
        text(name).ok_or_else(|| SpaceError::UnknownPreset {
            name: name.to_owned(),
            suggestion: closest(name, [preset_names(), table_names()].concat()),
        })
    }
}

/// The name that was most likely meant: a close one, or one that begins so.
pub(crate) fn closest(name: &str, names: Vec<&'static str>) -> Option<String> {
    let begins = || names.iter().find(|known| name.len() > 2 && known.starts_with(name));
    did_you_mean(name, &names).or_else(|| begins().map(|known| (*known).to_owned()))
}

pub(crate) fn text(name: &str) -> Option<&'static str> {
    let found = PRESETS.iter().chain(TABLES).find(|(preset, _)| *preset == name);
    found.map(|(_, text)| *text)
}
