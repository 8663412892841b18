//! Spaces, devices and networks by the names that people type: presets, files, genotypes.

use std::io::Read;
use std::path::Path;

use panarch_cost::{Cost, CostError, CostSource, DeviceKind, DeviceProfile, Model, SizeClass};
use panarch_format::{FormatError, OnnxModel, OnnxReadOptions};
use panarch_graph::{Network, Weights};
use panarch_measure::{CommandDevice, HostDevice, Protocol};
use panarch_space::{Genotype, Head, Space, zoo};
use panarch_train::Schedule;

use crate::{Error, RunFile, device_source};

/// Largest TOML file that is read.
const LARGEST_TEXT: u64 = 4 << 20;

/// The space of this name: a preset, or a TOML file.
///
/// # Errors
/// When there is no such preset or file, or the file has problems.
pub fn space(name: &str) -> Result<Space, Error> {
    if is_file(name, "toml") {
        return Ok(Space::from_toml(name, &read_text(Path::new(name))?)?);
    }
    Ok(Space::preset(name)?)
}

/// The training schedule of this name: a preset, or a TOML file.
///
/// # Errors
/// When there is no such preset or file, or the file has problems.
pub fn schedule(name: &str) -> Result<Schedule, Error> {
    if is_file(name, "toml") {
        return Ok(Schedule::from_toml(name, &read_text(Path::new(name))?)?);
    }
    Ok(Schedule::preset(name)?)
}

/// The device profile of this name: a preset, or a TOML file.
///
/// # Errors
/// When there is no such preset or file, or the file has problems.
pub fn device(name: &str) -> Result<DeviceProfile, Error> {
    if is_file(name, "toml") {
        let profile = DeviceProfile::from_toml(name, &read_text(Path::new(name))?)?;
        return Ok(profile.in_folder(Path::new(name).parent().unwrap_or(Path::new(""))));
    }
    Ok(DeviceProfile::preset(name)?)
}

/// The TOML text of the device profile of this name.
///
/// # Errors
/// As [`device`].
pub fn device_text(name: &str) -> Result<String, Error> {
    if is_file(name, "toml") {
        return read_text(Path::new(name));
    }
    match panarch_cost::preset_text(name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(DeviceProfile::preset(name)
            .err()
            .map_or_else(|| Error::Input(format!("no text of {name}")), Error::from)),
    }
}

/// The device profiles that a command names; `micro`, `full` and `all` stand for several.
///
/// # Errors
/// As [`device`].
pub fn devices(names: &[String]) -> Result<Vec<DeviceProfile>, Error> {
    let mut profiles: Vec<DeviceProfile> = Vec::new();
    for name in names {
        let more = match name.as_str() {
            "all" => [
                DeviceProfile::presets_of(SizeClass::Full)?,
                DeviceProfile::presets_of(SizeClass::Micro)?,
            ]
            .concat(),
            "micro" => DeviceProfile::presets_of(SizeClass::Micro)?,
            "full" => DeviceProfile::presets_of(SizeClass::Full)?,
            name => vec![device(name)?],
        };
        for profile in more {
            if !profiles.iter().any(|known| known.name() == profile.name()) {
                profiles.push(profile);
            }
        }
    }
    Ok(profiles)
}

/// What a network costs on a device: by the model of its profile, from the file that it names, measured on the machine
/// itself, or by the command of the profile; the latter two with the network's own weights where there are any.
///
/// # Errors
/// When the device cannot run the network, or its runtime or program is not there.
pub fn cost(profile: &DeviceProfile, named: &NamedNetwork) -> Result<Cost, Error> {
    let network = &named.network;
    let answers = match (profile.kind(), &named.weights) {
        (DeviceKind::Measured(_), weights) => {
            let host = HostDevice::from_profile(profile, Protocol::default())?;
            match weights {
                Some(weights) => host.measure(&[(network, weights)]),
                None => host.estimate(std::slice::from_ref(network)),
            }
        }
        (DeviceKind::Command(_), Some(weights)) => CommandDevice::from_profile(profile)?.measure(&[(network, weights)]),
        _ => device_source::open(profile)?
            .source
            .estimate(std::slice::from_ref(network)),
    };
    Ok(answers.into_iter().next().unwrap_or_else(|| Err(no_answer(profile)))?)
}

/// What a network costs on a device by one of the models of an accelerator.
///
/// # Errors
/// When the device cannot run the network, or its profile describes no accelerator.
pub fn modelled_cost(profile: &DeviceProfile, model: Model, network: &Network) -> Result<Cost, Error> {
    let answers = profile.model(model)?.estimate(std::slice::from_ref(network));
    Ok(answers.into_iter().next().ok_or_else(|| no_answer(profile))??)
}

fn no_answer(profile: &DeviceProfile) -> CostError {
    CostError::Failed {
        device: profile.name().to_owned(),
        reason: "no answer".to_owned(),
    }
}

/// A network that a command names, with its weights where it has any.
pub struct NamedNetwork {
    /// The network.
    pub network: Network,
    /// Weights, from an ONNX file.
    pub weights: Option<Weights>,
    /// What it is, in words.
    pub origin: String,
    /// What was left out or rewritten when a file of another tool was read.
    pub notes: Vec<String>,
}

/// How a genotype or a name becomes a network.
#[derive(Debug, Clone, Copy)]
pub struct NetworkShape {
    /// Height and width of the images; the space's or the network's own when absent.
    pub resolution: Option<u32>,
    /// Channels of the images.
    pub channels: u32,
    /// Number of classes.
    pub classes: u32,
}

/// The network that `name` means: a name of the zoo, `SPACE:GENOTYPE`, `SPACE:REFERENCE`, or an ONNX file.
///
/// # Errors
/// When the name means nothing, or what it means cannot be read or built.
pub fn network(name: &str, shape: NetworkShape) -> Result<NamedNetwork, Error> {
    if is_file(name, "onnx") {
        let model = onnx(Path::new(name), shape.resolution)?;
        let origin = format!("ONNX file {name}");
        return Ok(NamedNetwork {
            network: model.network,
            weights: Some(model.weights),
            origin,
            notes: model.notes,
        });
    }
    if let Some((space_name, member)) = name.rsplit_once(':') {
        let space = space(space_name)?;
        let genotype = member_of(&space, member)?;
        let head = Head {
            classes: shape.classes,
            input_channels: shape.channels,
        };
        let resolution = shape.resolution.unwrap_or(space.default_resolution());
        let network = space.lower(&genotype, head, resolution)?.with_name(name);
        return Ok(NamedNetwork {
            network,
            weights: None,
            origin: format!("{genotype} of space {}", space.name()),
            notes: Vec::new(),
        });
    }
    let head = Head {
        classes: shape.classes,
        input_channels: shape.channels,
    };
    let resolution = shape
        .resolution
        .map_or_else(|| zoo::member(name).map(|(space, _)| space.default_resolution()), Ok)?;
    let network = zoo::network_with_head(name, head, resolution)?;
    Ok(NamedNetwork {
        network,
        weights: None,
        origin: "named network".to_owned(),
        notes: Vec::new(),
    })
}

/// An ONNX file of any tool; `size` is the height and width of the images where the file leaves them open.
///
/// # Errors
/// When the file cannot be read, or holds what has no counterpart in a network.
pub(crate) fn onnx(path: &Path, size: Option<u32>) -> Result<OnnxModel, Error> {
    if !path.exists() {
        return Err(Error::Input(format!("there is no file {}", path.display())));
    }
    let options = OnnxReadOptions {
        input_size: size.map(|size| [size; 2]),
    };
    match panarch_format::read_onnx_file(path, &options) {
        Err(FormatError::Io { source, path, .. }) => Err(Error::reading(&path)(source)),
        other => other.map_err(Error::artefact(path)),
    }
}

/// A member of a space by the name of a reference or by its genotype.
///
/// # Errors
/// When the text is neither.
pub fn member_of(space: &Space, member: &str) -> Result<Genotype, Error> {
    if let Some(genotype) = space.reference(member) {
        return Ok(genotype.clone());
    }
    space.parse_genotype(member).map_err(|error| {
        let names: Vec<&str> = space
            .references()
            .iter()
            .map(|reference| reference.name.as_str())
            .collect();
        let known = if names.is_empty() {
            "it names none".to_owned()
        } else {
            format!("it names {}", names.join(", "))
        };
        Error::Input(format!(
            "`{member}` is neither a reference of space {} ({known}) nor a genotype: {error}",
            space.name()
        ))
    })
}

/// Whether a name means a run file: a TOML file that is there, whatever folder it lies in.
#[must_use]
pub fn is_run_file(name: &str) -> bool {
    let path = Path::new(name);
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"))
        && !path.is_dir()
}

/// The run file at a path, with overrides of the form `key.path=value` applied.
///
/// # Errors
/// When the file cannot be read, or every problem in it and in the overrides at once.
pub fn run_file(path: &Path, overrides: &[String]) -> Result<RunFile, Error> {
    Ok(RunFile::parse(
        &path.display().to_string(),
        &read_text(path)?,
        overrides,
    )?)
}

/// Whether a name means a file: it has the extension, or a `/`. A file that happens to be called as a preset does not hide
/// the preset.
pub(crate) fn is_file(name: &str, extension: &str) -> bool {
    let path = Path::new(name);
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
        || name.contains('/')
}

/// Reads a TOML file of a sensible size.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = read_bytes(path, LARGEST_TEXT)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        Error::Input(format!("{}: line {line} is not valid UTF-8", path.display()))
    })
}

pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = std::fs::File::open(path).map_err(|source| missing(path, source))?;
    let mut bytes = Vec::new();
    // The length that a file claims means nothing for a pipe or a device.
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::reading(path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::Input(format!(
            "{} has more than the {limit} bytes that are read",
            path.display()
        )));
    }
    Ok(bytes)
}

fn missing(path: &Path, source: std::io::Error) -> Error {
    match source.kind() {
        std::io::ErrorKind::NotFound => Error::Input(format!("there is no file {}", path.display())),
        _ => Error::reading(path)(source),
    }
}
