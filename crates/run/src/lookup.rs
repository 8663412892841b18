//! Spaces, devices and networks by the names that people type: presets, files, genotypes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use panarch_cost::profile::Unsaid;
use panarch_cost::{Cost, DeviceProfile, Model, SizeClass};
use panarch_format::{FileKind, OnnxModel, OnnxReadOptions};
use panarch_graph::{Network, Shape, Weights};
use panarch_space::{Genotype, Head, Space, zoo};
use panarch_train::Schedule;

use crate::{Error, ImageSize, RunFile, device_source, memory};

/// The path with the home folder in place of a `~` that stands alone at its beginning; as it is where there is none.
#[must_use]
pub fn expand_home(path: &str) -> Cow<'_, str> {
    let Some(rest) = path.strip_prefix('~') else {
        return path.into();
    };
    let home = std::env::var("HOME").ok().filter(|home| !home.is_empty());
    match home {
        Some(home) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}").into(),
        _ => path.into(),
    }
}

/// The names of a list whose items may hold several, separated by commas; a file whose own name has a comma is one.
#[must_use]
pub fn names(list: &[String]) -> Vec<String> {
    let several = |item: &String| -> Vec<String> {
        if !item.contains(',') || Path::new(expand_home(item).as_ref()).exists() {
            return vec![item.clone()];
        }
        let parts = item.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    list.iter().flat_map(several).collect()
}

/// The space of this name: a preset, or a TOML file.
///
/// # Errors
/// When there is no such preset or file, or the file has problems.
pub fn space(name: &str) -> Result<Space, Error> {
    let name = &*expand_home(name);
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
    let name = &*expand_home(name);
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
    let name = &*expand_home(name);
    if is_file(name, "toml") {
        return Ok(DeviceProfile::read(name, &read_text(Path::new(name))?, &profile_text)?);
    }
    Ok(DeviceProfile::preset(name)?)
}

/// The text of a profile that another one names.
fn profile_text(path: &Path) -> Result<String, String> {
    let path = path.display().to_string();
    read_text(Path::new(expand_home(&path).as_ref())).map_err(|error| error.to_string())
}

/// What the device profile of this name leaves to its base and to defaults.
///
/// # Errors
/// As [`device`].
pub fn device_unsaid(name: &str) -> Result<Unsaid, Error> {
    let text = device_text(name)?;
    Ok(DeviceProfile::unsaid(&expand_home(name), &text, &profile_text)?)
}

/// Sentences on the figures of profiles, and of what they fall back on, that are far from the usual.
#[must_use]
pub fn doubts(profiles: &[DeviceProfile]) -> Vec<String> {
    let mut doubts = Vec::new();
    for profile in profiles {
        let mut next = Some(profile);
        while let Some(profile) = next {
            doubts.extend(
                profile
                    .doubts()
                    .iter()
                    .map(|doubt| format!("{}: {doubt}", profile.name())),
            );
            next = profile.fallback();
        }
    }
    doubts
}

/// The TOML text of the device profile of this name.
///
/// # Errors
/// As [`device`].
pub fn device_text(name: &str) -> Result<String, Error> {
    let name = &*expand_home(name);
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

/// The device profiles that a command names; `micro`, `full` and `all` stand for several, and commas separate them.
///
/// # Errors
/// As [`device`].
pub fn devices(names: &[String]) -> Result<Vec<DeviceProfile>, Error> {
    let mut profiles: Vec<DeviceProfile> = Vec::new();
    for name in &self::names(names) {
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
            match profiles.iter().find(|known| known.name() == profile.name()) {
                None => profiles.push(profile),
                Some(known) if known.hash() == profile.hash() => {}
                Some(known) => {
                    let message = format!(
                        "two different profiles are called `{}`, so that their answers could not be told apart: give one of \
                         them another `name`",
                        known.name()
                    );
                    return Err(Error::Input(message));
                }
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
    let source = device_source::open(profile)?;
    Ok(device_source::ask(
        source.as_ref(),
        &named.network,
        named.weights.as_ref(),
    )?)
}

/// What a network costs on a device by one of the models of an accelerator.
///
/// # Errors
/// When the device cannot run the network, or its profile describes no accelerator.
pub fn modelled_cost(profile: &DeviceProfile, model: Model, network: &Network) -> Result<Cost, Error> {
    let source = profile.model(model)?;
    Ok(device_source::ask(source.as_ref(), network, None)?)
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
    pub resolution: Option<ImageSize>,
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
    let name = &*expand_home(name);
    let named = member_name(name)?;
    if named.is_none() && is_file(name, "onnx") {
        let model = onnx(Path::new(name), shape.resolution)?;
        let origin = format!("ONNX file {name}");
        return Ok(NamedNetwork {
            network: model.network,
            weights: Some(model.weights),
            origin,
            notes: model.notes,
        });
    }
    if let Some((space_name, text)) = named {
        return member(&space(space_name)?, text, name, shape);
    }
    let head = Head {
        classes: shape.classes,
        input_channels: shape.channels,
    };
    let own = || zoo::member(name).map(|(space, _)| space.default_resolution());
    let network = match shape.resolution {
        // What is not square is a square of the network's own size, stretched.
        Some(size) if size.height != size.width => {
            let input = Shape::new(shape.channels, size.height, size.width);
            let square = zoo::network_with_head(name, head, own()?)?;
            square.with_input_shape(input)?
        }
        Some(size) => zoo::network_with_head(name, head, size.height)?,
        None => zoo::network_with_head(name, head, own()?)?,
    };
    Ok(NamedNetwork {
        network,
        weights: None,
        origin: "named network".to_owned(),
        notes: Vec::new(),
    })
}

/// Most networks of one list.
const MOST_NETWORKS: usize = 50_000;

/// The networks of a file that names one on each line, each as [`network`] takes it, with their names; `#` begins a comment.
///
/// # Errors
/// A file that cannot be read, names none or too many, or a line that means no network, by its number.
pub fn networks(file: &Path, shape: NetworkShape) -> Result<Vec<(String, NamedNetwork)>, Error> {
    let text = read_text(file)?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let names = lines.map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default().trim()));
    let names: Vec<(usize, &str)> = names
        .filter(|(_, name)| !name.is_empty())
        .take(MOST_NETWORKS + 1)
        .collect();
    if names.is_empty() || names.len() > MOST_NETWORKS {
        let reason = format!(
            "{} must name a network on each line, at most {MOST_NETWORKS} of them",
            file.display()
        );
        return Err(Error::Input(reason));
    }
    // A space is read once, however many of its members the file names.
    let mut spaces: BTreeMap<&str, Space> = BTreeMap::new();
    let mut networks = Vec::with_capacity(names.len());
    for (line, name) in names {
        let found = match member_name(name)? {
            Some((space_name, text)) => {
                let space = match spaces.entry(space_name) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(space(&expand_home(space_name))?),
                };
                member(space, text, name, shape)
            }
            None => network(name, shape),
        };
        let named = found.map_err(|error| match error {
            Error::Environment(_) => error,
            error => Error::Input(format!("{}:{line}: {error}", file.display())),
        })?;
        networks.push((name.to_owned(), named));
    }
    Ok(networks)
}

/// A member of a space as a network.
fn member(space: &Space, text: &str, name: &str, shape: NetworkShape) -> Result<NamedNetwork, Error> {
    let genotype = member_of(space, text)?;
    let head = Head {
        classes: shape.classes,
        input_channels: shape.channels,
    };
    let resolution = side(shape.resolution, &format!("space {}", space.name()))?;
    let resolution = resolution.unwrap_or(space.default_resolution());
    Ok(NamedNetwork {
        network: space.lower(&genotype, head, resolution)?.with_name(name),
        weights: None,
        origin: format!("{genotype} of space {}", space.name()),
        notes: Vec::new(),
    })
}

/// The side of square images, where a size is given.
///
/// # Errors
/// When it is not square; `what` says whose images are.
pub(crate) fn side(size: Option<ImageSize>, what: &str) -> Result<Option<u32>, Error> {
    size.map(|size| size.side(what)).transpose()
}

/// The space and the member in `SPACE:MEMBER`, where the space may be a path and the path may have colons of its own.
fn member_name(name: &str) -> Result<Option<(&str, &str)>, Error> {
    let ends_in = |extension| is_file_of(name, extension);
    if ends_in("onnx") || Path::new(name).is_file() && !ends_in("toml") {
        return Ok(None);
    }
    if ends_in("toml") {
        let message = format!("{name} is a space, not a network; name one of its members: {name}:MEMBER");
        return Err(Error::Input(message));
    }
    // Members have no separators of folders in their names; behind the colon of `C:\net` or `a:b/net` there are some.
    Ok(name
        .rsplit_once(':')
        .filter(|(_, member)| !member.contains(['/', '\\'])))
}

/// An ONNX file of any tool; `size` is the height and width of the images where the file leaves them open.
///
/// # Errors
/// When the file cannot be read, or holds what has no counterpart in a network.
pub(crate) fn onnx(path: &Path, size: Option<ImageSize>) -> Result<OnnxModel, Error> {
    memory::check_file(path)?;
    let options = OnnxReadOptions {
        input_size: size.map(|size| [size.height, size.width]),
    };
    panarch_format::read_onnx_file(path, &options).map_err(Error::artefact(path))
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
    is_file_of(name, extension) || name.contains('/')
}

fn is_file_of(name: &str, extension: &str) -> bool {
    let found = Path::new(name).extension();
    found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Reads a text of a sensible size.
///
/// # Errors
/// No regular file, one that is too large, or no UTF-8.
pub fn read_text(path: &Path) -> Result<String, Error> {
    Ok(panarch_format::read_text(path, FileKind::TEXT)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_does_not_hide_the_member_behind_it() {
        for (name, expected) in [
            ("s.toml:m", Some(("s.toml", "m"))),
            ("./s.toml:m", Some(("./s.toml", "m"))),
            ("/a/b:c/s.toml:0.1.2", Some(("/a/b:c/s.toml", "0.1.2"))),
            (r"C:\s.toml:m", Some((r"C:\s.toml", "m"))),
            ("multi-hardware:m", Some(("multi-hardware", "m"))),
            ("./folder/space:m", Some(("./folder/space", "m"))),
            ("mobilenet-v2", None),
            ("./a:b/net.onnx", None),
            ("./a:b/net", None),
            (r"C:\net", None),
        ] {
            assert_eq!(member_name(name).unwrap(), expected, "{name}");
        }
        let error = member_name("./a:b/s.toml").unwrap_err().to_string();
        assert!(error.contains("./a:b/s.toml:MEMBER"), "{error}");
    }

    #[test]
    fn only_a_tilde_of_its_own_is_the_home_folder() {
        let Ok(home) = std::env::var("HOME") else { return };
        for (path, expected) in [
            ("~", home.clone()),
            ("~/a b", format!("{home}/a b")),
            ("~other/a", "~other/a".to_owned()),
            ("a/~", "a/~".to_owned()),
            ("./~/a", "./~/a".to_owned()),
        ] {
            assert_eq!(expand_home(path), expected);
        }
    }

    #[test]
    fn commas_separate_names_and_a_file_with_one_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a,b.toml").display().to_string();
        std::fs::write(&file, "").unwrap();
        let list = [
            "cube-16,host".to_owned(),
            "micro".to_owned(),
            " a, ,b ".to_owned(),
            file.clone(),
        ];
        assert_eq!(names(&list), ["cube-16", "host", "micro", "a", "b", &file]);
    }
}
