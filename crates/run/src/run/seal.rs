//! What a report was made of, beside its data: so that it is never drawn again for something else.

use std::collections::BTreeMap;
use std::path::Path;

use panarch_cost::DeviceKind;
use panarch_format::FileKind;
use panarch_graph::{ContentHash, Inputs};
use serde::{Deserialize, Serialize};

use super::setup::Images;
use super::{Setup, Watch};
use crate::{Error, RunFile, device_source, lookup};

/// The version of the file.
const VERSION: u32 = 1;
/// The largest file that is hashed, in bytes.
const LARGEST: u64 = 16 << 30;
/// The file in the folder of a run.
const SEAL: &str = "report.seal.json";
/// Keys of the run file that say where things lie; what lies there is an input of its own.
const PLACES: [&str; 5] = [
    "output.directory",
    "data.dataset",
    "space.file",
    "train.schedule",
    "train.teacher",
];

/// The inputs of a report, and the files that it speaks of with the hashes of their bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    version: u32,
    inputs: Inputs,
    files: BTreeMap<String, ContentHash>,
}

/// Everything that a report hangs on and a person may change.
pub(super) fn inputs(file: &RunFile, images: &Images) -> Result<Inputs, Error> {
    let space = lookup::space(file.space.source.as_str())?;
    let schedule = file.train.resolve(lookup::schedule(&file.train.schedule)?)?;
    let mut keys = super::inputs::keys(&file.resolved_toml());
    keys.retain(|key, _| !PLACES.contains(&key.as_str()));
    let mut inputs = Inputs::new();
    for (key, value) in keys {
        inputs = inputs.with_text(format!("key `{key}`"), value);
    }
    inputs = inputs
        .with_text("space", space.hash())
        .with_text("schedule", format!("{schedule:?}"))
        .with_text("classes", images.dataset.classes().join("\n"))
        .with_all(&images.splits.inputs())
        .with("validation pictures", images.splits.validation.content_hash())
        .with("test pictures", images.dataset.test_split().content_hash());
    if let Some(teacher) = &file.train.teacher {
        inputs = inputs.with("teacher", hash_of(Path::new(teacher))?);
    }
    for name in &file.devices.names {
        let profile = lookup::device(name)?;
        // A real device is not asked for this: its profile says which one it is.
        let hash = match profile.kind() {
            DeviceKind::Measured(_) | DeviceKind::Command(_) => profile.hash(),
            _ => device_source::open_with(&profile, file.devices.model)?.protocol()?,
        };
        inputs = inputs.with(format!("device {}", profile.name()), hash);
    }
    Ok(inputs)
}

/// Seals the report of a run; `files` are relative to its folder.
pub(super) fn write(setup: &Setup, files: &[String]) -> Result<(), Error> {
    let images = Images {
        resolution: setup.resolution,
        dataset: setup.dataset.clone(),
        splits: setup.splits.clone(),
        validator: setup.validator.clone(),
    };
    let files = files
        .iter()
        .map(|file| Ok((file.clone(), hash_of(&setup.folder.join(file))?)));
    let seal = Seal {
        version: VERSION,
        inputs: inputs(&setup.file, &images)?,
        files: files.collect::<Result<_, Error>>()?,
    };
    let text = serde_json::to_vec_pretty(&seal).map_err(|error| Error::Input(error.to_string()))?;
    Ok(panarch_format::atomic_write(setup.folder.join(SEAL), &text)?)
}

/// Fails when the report in the folder of a run is of other inputs, or a file that it speaks of is not what it was.
pub(super) fn check(file: &RunFile, watch: &mut Watch<'_>) -> Result<(), Error> {
    let folder = &file.output.directory;
    let path = folder.join(SEAL);
    let again = "`panarch run` on the same file makes it again";
    if !path.is_file() {
        watch.note(format!("this report does not say what it was made of; {again}"));
        return Ok(());
    }
    let text = panarch_format::read_file(&path, FileKind::TEXT)?;
    let stale = |why: String| {
        Error::CheckFailed(format!(
            "the report in {} is not of this run: {why}; {again}",
            folder.display()
        ))
    };
    let seal: Seal = serde_json::from_slice(&text).map_err(|error| stale(format!("{SEAL} is damaged: {error}")))?;
    if seal.version != VERSION {
        return Err(stale(format!(
            "{SEAL} has version {}, only {VERSION} is known",
            seal.version
        )));
    }
    for (name, hash) in &seal.files {
        match hash_of(&folder.join(name)) {
            Ok(found) if found == *hash => {}
            Ok(_) => return Err(stale(format!("{name} was damaged, or changed after it was written"))),
            Err(error) => return Err(stale(error.to_string())),
        }
    }
    let space = lookup::space(file.space.source.as_str())?;
    let now = match Images::open(file, &space, watch) {
        Ok(images) => inputs(file, &images)?,
        Err(error) => {
            watch.note(format!(
                "whether the pictures are still the same was not looked at: {error}"
            ));
            return Ok(());
        }
    };
    match now.difference(&seal.inputs) {
        Some(why) => Err(stale(why)),
        None => Ok(()),
    }
}

fn hash_of(path: &Path) -> Result<ContentHash, Error> {
    let bytes = panarch_format::read_file(path, FileKind::new("file of a run", LARGEST))?;
    Ok(ContentHash::plain(&bytes))
}
