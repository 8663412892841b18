use super::DeviceProfile;
use crate::CostError;

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        const NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../../../devices/", $name, ".toml"))),*];
    };
}

// Micro first, then full; within a class in the order in which tables show them.
presets!["ethos-u55-128",];

/// The names of the embedded profiles: those for small images first, then those for images of 224 pixels.
#[must_use]
pub const fn preset_names() -> &'static [&'static str] {
    NAMES
}

pub(super) fn preset(name: &str) -> Result<DeviceProfile, CostError> {
    let unknown = || CostError::UnknownPreset {
        name: name.to_owned(),
        known: NAMES.iter().map(|known| (*known).to_owned()).collect(),
    };
    let text = NAMES
        .iter()
        .zip(TEXTS)
        .find(|(known, _)| **known == name)
        .map(|(_, text)| *text)
        .ok_or_else(unknown)?;
    Ok(DeviceProfile::from_toml(
        &format!("devices/{name}.toml"),
        text,
    )?)
}
