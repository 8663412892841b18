//! Checkpoints, of PyTorch and our own: what is in them, and the networks that they hold.

mod file;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use panarch_graph::{Network, Shape, Tensor, Weights};
use panarch_space::{Genotype, Space};
use panarch_train::published::{ImportedTensors, import_network, import_supernet, published_network};
use panarch_train::{Checkpoint, Supernet, TrainError, head_of};

pub use file::{CheckpointFile, TensorFacts, presets_of};
pub use write::{default_output, write_kept, write_supernet};

use crate::exporters::{Names, Outgoing};
use crate::{Error, ImageSize, engine, lookup};

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;
/// The format that a file of one network's weights names.
pub(crate) const WEIGHTS_FORMAT: &str = "panarch weights";

/// Which network a checkpoint is of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// A preset's name or a space file.
    pub space: Option<&'a str>,
    /// A genotype or reference of the space.
    pub member: Option<&'a str>,
    /// The JSON by which its publishers describe a single network.
    pub config: Option<&'a Path>,
    /// Image size; by default that of the space or description.
    pub resolution: Option<ImageSize>,
}

/// What a checkpoint holds.
pub enum Loaded {
    /// The weights of all members of a space.
    Supernet(Box<Supernet>),
    /// One network.
    Network(Box<LoadedNetwork>),
}

/// A network with its weights.
pub struct LoadedNetwork {
    /// The network.
    pub network: Network,
    /// Its weights.
    pub weights: Weights,
    /// Properties of an ONNX file, such as the names of the classes.
    pub properties: BTreeMap<String, String>,
    /// What was left out or rewritten when a file of another tool was read.
    pub notes: Vec<String>,
}

impl LoadedNetwork {
    /// The network as one that is to be exported.
    #[must_use]
    pub fn outgoing(&self, names: Names) -> Outgoing<'_> {
        Outgoing {
            network: &self.network,
            weights: Some(&self.weights),
            properties: &self.properties,
            names,
            seed: 1,
        }
    }

    fn new(network: Network, weights: Weights) -> Box<Self> {
        Box::new(Self {
            network,
            weights,
            properties: BTreeMap::new(),
            notes: Vec::new(),
        })
    }
}

/// Reads a checkpoint as the supernet or network that it is said to be of. ONNX files are networks by themselves, and our own
/// checkpoints name their space.
///
/// # Errors
/// When the file cannot be read, does not say what it is of, or is not of what it is said to be.
pub fn load(path: &Path, subject: Subject<'_>) -> Result<(Loaded, ImportedTensors), Error> {
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("onnx")) {
        let model = lookup::onnx(path, subject.resolution)?;
        let network = LoadedNetwork {
            network: model.network,
            weights: model.weights,
            properties: model.metadata.properties,
            notes: model.notes,
        };
        return Ok((Loaded::Network(Box::new(network)), ImportedTensors::default()));
    }
    let resolution = lookup::side(subject.resolution, "a space")?;
    let file = CheckpointFile::read(path)?;
    if file.is_training() {
        let supernet = open_training(path, subject)?;
        return Ok((member_of(supernet, subject)?, ImportedTensors::default()));
    }
    if let Some(config) = subject.config {
        let (network, weights, report) = described(path, config, &file, resolution)?;
        return Ok((Loaded::Network(LoadedNetwork::new(network, weights)), report));
    }
    let Some(space) = subject.space else {
        return Err(Error::Input(format!(
            "{} does not say which network its tensors are of; name the space (--space, see `panarch space list`) or the \
             publishers' description of the network (--config FILE.json)",
            path.display()
        )));
    };
    let space = lookup::space(space)?;
    let tensors = file.values()?;
    match import_supernet(&space, tensors.clone()) {
        Ok((supernet, report)) => {
            let supernet = at_resolution(supernet, resolution)?;
            Ok((member_of(supernet, subject)?, report))
        }
        Err(error) => {
            // The weights of one member on its own have their own sizes.
            let Some(member) = subject.member else {
                return Err(error.into());
            };
            let network = lower(&space, &genotype(&space, member)?, &tensors, resolution)?;
            if let Some(hash) = file.network_hash() {
                check_member(path, hash, &network, &space)?;
            }
            let own: Weights = tensors.iter().cloned().collect();
            if own.check(&network).is_ok() {
                let loaded = Loaded::Network(LoadedNetwork::new(network, own));
                return Ok((loaded, ImportedTensors::default()));
            }
            match import_network(&network, tensors) {
                Ok((weights, report)) => Ok((Loaded::Network(LoadedNetwork::new(network, weights)), report)),
                Err(own) => Err(fewer_problems(error, own).into()),
            }
        }
    }
}

/// A checkpoint of a training here, or of an import.
fn open_training(path: &Path, subject: Subject<'_>) -> Result<Supernet, Error> {
    let checkpoint = Checkpoint::read(path)?;
    let space = lookup::space(subject.space.unwrap_or(&checkpoint.subject.name))?;
    checkpoint.check_space(path, &space)?;
    let head = checkpoint.head(&space)?;
    let resolution = lookup::side(subject.resolution, "a space")?.unwrap_or(space.default_resolution());
    Ok(Supernet::open(path, &space, head, resolution)?)
}

fn at_resolution(supernet: Supernet, resolution: Option<u32>) -> Result<Supernet, Error> {
    Ok(match resolution {
        Some(resolution) => supernet.with_resolution(resolution)?,
        None => supernet,
    })
}

/// The member that is asked for, or the whole supernet.
fn member_of(supernet: Supernet, subject: Subject<'_>) -> Result<Loaded, Error> {
    let Some(member) = subject.member else {
        return Ok(Loaded::Supernet(Box::new(supernet)));
    };
    let genotype = genotype(supernet.space(), member)?;
    let (network, weights) = supernet.extract(&genotype)?;
    Ok(Loaded::Network(LoadedNetwork::new(network, weights)))
}

/// A genotype, a reference, `largest` or `smallest`.
fn genotype(space: &Space, member: &str) -> Result<Genotype, Error> {
    Ok(match member {
        "largest" => space.largest(),
        "smallest" => space.smallest(),
        member => lookup::member_of(space, member)?,
    })
}

/// The network of a genotype, with the classes and channels of the tensors.
fn lower(
    space: &Space,
    member: &Genotype,
    tensors: &[(String, Tensor)],
    resolution: Option<u32>,
) -> Result<Network, Error> {
    let shapes = tensors.iter().map(|(name, tensor)| (&name[..], &tensor.shape[..]));
    let head = head_of(space, member, shapes)?;
    Ok(space.lower(member, head, resolution.unwrap_or(space.default_resolution()))?)
}

/// Fails when weights are of another network, for images of whatever size, than the member that is asked for: members may
/// differ in what has no weights, such as a residual.
fn check_member(path: &Path, hash: &str, member: &Network, space: &Space) -> Result<(), Error> {
    let sizes = space.resolutions().iter().copied().chain([member.input_shape().height]);
    for size in sizes {
        let shape = Shape {
            height: size,
            width: size,
            ..member.input_shape()
        };
        if member.clone().with_input_shape(shape)?.content_hash().to_string() == hash {
            return Ok(());
        }
    }
    let label: String = hash.chars().take(12).collect();
    Err(Error::Input(format!(
        "{} holds the weights of network {label}, which is not this member of {}",
        path.display(),
        space.name()
    )))
}

fn described(
    path: &Path,
    config: &Path,
    file: &CheckpointFile,
    resolution: Option<u32>,
) -> Result<(Network, Weights, ImportedTensors), Error> {
    let json = lookup::read_text(config)?;
    let name = path
        .file_stem()
        .map_or_else(|| "network".into(), |stem| stem.to_string_lossy());
    let space = published_network(&name, &json, resolution.unwrap_or(224))?;
    let tensors = file.values()?;
    let network = lower(&space, &space.smallest(), &tensors, resolution)?;
    let (weights, report) = import_network(&network, tensors)?;
    Ok((network.with_name(name.into_owned()), weights, report))
}

/// The error that says more: that of the reading which fits better.
fn fewer_problems(a: TrainError, b: TrainError) -> TrainError {
    let count = |error: &TrainError| match error {
        TrainError::PublishedTensors(other) => other.missing.len() + other.surplus.len() + other.misshapen.len(),
        _ => usize::MAX,
    };
    if count(&b) < count(&a) { b } else { a }
}

/// The engine's logits for images [batch, height, width, channels].
pub(crate) fn logits(network: &Network, weights: &Weights, images: &[f32]) -> Result<Vec<f32>, Error> {
    Ok(panarch_train::answers(
        engine::engine().as_mut(),
        network,
        weights,
        images,
    )?)
}
