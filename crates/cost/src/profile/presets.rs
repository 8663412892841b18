use super::DeviceProfile;
use crate::CostError;

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        const NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../../../devices/", $name, ".toml"))),*];
    };
}

// Micro first, then full; within a class in the order in which tables show them.
presets![
    "ethos-u55-128",
    "ethos-u55-256",
    "cube-16",
    "cortex-a53",
    "host",
    "edgetpu-coral",
    "edgetpu-pixel4",
    "edgetpu-pixel6",
    "mobile-gpu",
    "mobile-dsp",
    "ascend-310",
    "ethos-u65-512",
    "ethos-u85-1024",
    "mobile-cpu",
    "edgetpu-v1",
    "systolic-32",
    "zigzag-edge-tpu",
];

/// The names of the embedded profiles: those for small images first, then those for images of 224 pixels.
#[must_use]
pub const fn preset_names() -> &'static [&'static str] {
    NAMES
}

/// The TOML text of an embedded profile: a model to write one's own after.
#[must_use]
pub fn preset_text(name: &str) -> Option<&'static str> {
    let position = NAMES.iter().position(|known| *known == name)?;
    TEXTS.get(position).copied()
}

/// What messages call the file of a preset.
pub(super) fn file_name(name: &str) -> String {
    format!("devices/{name}.toml")
}

pub(super) fn preset(name: &str) -> Result<DeviceProfile, CostError> {
    let text = preset_text(name).ok_or_else(|| CostError::UnknownPreset {
        name: name.to_owned(),
        known: NAMES.iter().map(|known| (*known).to_owned()).collect(),
    })?;
    Ok(DeviceProfile::from_toml(&file_name(name), text)?)
}
