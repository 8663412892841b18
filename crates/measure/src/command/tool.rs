use std::path::PathBuf;

use panarch_cost::{DeviceProfile, preset_names};
use serde::Serialize;

use super::CommandDevice;

/// What there is of one tool that embedded profiles ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolStatus {
    /// The tool's name, such as `vela`.
    pub name: String,
    /// Whether it can be used.
    #[serde(flatten)]
    pub state: ToolState,
    /// The devices that it answers for.
    pub devices: Vec<String>,
}

/// Whether a tool can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ToolState {
    /// It can.
    Available {
        /// What it states as its version.
        version: String,
        /// The program.
        program: PathBuf,
    },
    /// It is not on this machine.
    Missing {
        /// How to get it.
        help: String,
    },
    /// It is there and does not tell its version.
    Broken {
        /// The program.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// What there is of every tool that an embedded profile names. Each is asked for its version, which starts it.
#[must_use]
pub fn tools() -> Vec<ToolStatus> {
    let mut found: Vec<ToolStatus> = Vec::new();
    for profile in preset_names()
        .iter()
        .filter_map(|name| DeviceProfile::preset(name).ok())
    {
        let Some(target) = profile.command() else { continue };
        match found.iter_mut().find(|status| status.name == target.tool) {
            Some(status) => status.devices.push(profile.name().to_owned()),
            None => found.push(ToolStatus {
                name: target.tool.clone(),
                state: state(&profile),
                devices: vec![profile.name().to_owned()],
            }),
        }
    }
    found
}

fn state(profile: &DeviceProfile) -> ToolState {
    match CommandDevice::from_profile(profile) {
        Err(error) => ToolState::Missing {
            help: error.to_string(),
        },
        Ok(device) => match device.version() {
            Ok(version) => ToolState::Available {
                version: version.to_owned(),
                program: device.program,
            },
            Err(error) => ToolState::Broken {
                reason: error.to_string(),
                program: device.program,
            },
        },
    }
}
