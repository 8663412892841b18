//! Checkpoints, of PyTorch and our own: what is in them, and the networks that they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_format::{
    BatchNormExport, OnnxOptions, TorchFile, TypedSafetensors, TypedTensor, atomic_write, read_torch,
    typed_safetensors_from_bytes, write_onnx, write_safetensors,
};
use panarch_graph::{ContentHash, Network, Shape, Tensor, Weights, stream};
use panarch_measure::{VerifyReport, verify_export};
use panarch_nn::Store;
use panarch_space::{Genotype, Head, Space};
use panarch_train::published::{ImportedTensors, import_network, import_supernet, published_names, published_network};
use panarch_train::{Checkpoint, CpuEngine, Engine, Member, Supernet, TrainError};
use rand::RngExt;

use crate::{Error, lookup};

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;
/// Largest description of a network that is read, in bytes.
const LARGEST_CONFIG: u64 = 4 << 20;
/// Random images by which an exported file is compared with the engine.
const CHECKED_IMAGES: usize = 4;
/// The format that a file of weights names.
const WEIGHTS_FORMAT: &str = "panarch weights";

/// A file that has been read, and what it was read as.
pub enum CheckpointFile {
    /// `torch.save`, zip or legacy.
    Torch(TorchFile),
    /// Safetensors of any origin.
    Safetensors(TypedSafetensors),
}

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorFacts {
    /// Its name in the file.
    pub name: String,
    /// Its element type in the file.
    pub element_type: String,
    /// Its axes.
    pub shape: Vec<usize>,
}

impl CheckpointFile {
    /// Reads a file; its content says which kind it is.
    ///
    /// # Errors
    /// When it is neither, is damaged, or holds anything but tensors and plain containers.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = lookup::read_bytes(path, LARGEST)?;
        // A safetensors file begins with the length of its header and `{`.
        if bytes.get(8) == Some(&b'{') {
            return Ok(Self::Safetensors(typed_safetensors_from_bytes(&bytes)?));
        }
        Ok(Self::Torch(read_torch(&bytes)?))
    }

    /// What the file is, in words.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Torch(file) => match file.form {
                panarch_format::TorchForm::Zip => "PyTorch checkpoint (zip form)".to_owned(),
                panarch_format::TorchForm::Legacy => "PyTorch checkpoint (legacy form)".to_owned(),
            },
            Self::Safetensors(file) => match file.metadata.get("format") {
                Some(format) if format.starts_with("panarch") => format!("safetensors file, {format}"),
                _ => "safetensors file".to_owned(),
            },
        }
    }

    /// Every tensor, in the file's order.
    ///
    /// # Errors
    /// When there are no tensors with names.
    pub fn tensors(&self) -> Result<Vec<TensorFacts>, Error> {
        let facts = |name: &str, tensor: &TypedTensor| TensorFacts {
            name: name.to_owned(),
            element_type: tensor.element_type.to_string(),
            shape: tensor.shape.clone(),
        };
        Ok(match self {
            Self::Torch(file) => {
                let state = file.state_dict()?;
                state.tensors.iter().map(|(name, tensor)| facts(name, tensor)).collect()
            }
            Self::Safetensors(file) => file.tensors.iter().map(|(name, tensor)| facts(name, tensor)).collect(),
        })
    }

    /// What else the file says: an epoch, an accuracy, metadata.
    ///
    /// # Errors
    /// As [`CheckpointFile::tensors`].
    pub fn remarks(&self) -> Result<Vec<(String, String)>, Error> {
        Ok(match self {
            Self::Torch(file) => {
                let state = file.state_dict()?;
                let key = state.key.map(|key| ("tensors".to_owned(), format!("under `{key}`")));
                let rest = state.remaining.iter();
                let rest = rest.map(|(name, value)| (name.clone(), value.to_string()));
                key.into_iter().chain(rest).collect()
            }
            Self::Safetensors(file) => file.metadata.clone().into_iter().collect(),
        })
    }

    /// The tensors as f32, in the file's order.
    fn values(&self) -> Result<Vec<(String, Tensor)>, Error> {
        let value = |name: &str, tensor: &TypedTensor| {
            let tensor = Tensor::new(tensor.shape.clone(), tensor.to_f32())?;
            Ok::<_, Error>((name.to_owned(), tensor))
        };
        match self {
            Self::Torch(file) => {
                let state = file.state_dict()?;
                state.tensors.iter().map(|(name, tensor)| value(name, tensor)).collect()
            }
            Self::Safetensors(file) => file.tensors.iter().map(|(name, tensor)| value(name, tensor)).collect(),
        }
    }

    fn is_training(&self) -> bool {
        match self {
            Self::Torch(_) => false,
            Self::Safetensors(file) => file.metadata.get("format").is_some_and(|it| it == "panarch training"),
        }
    }
}

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
    pub resolution: Option<u32>,
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
    let file = CheckpointFile::read(path)?;
    if file.is_training() {
        let supernet = open_training(path, subject)?;
        return Ok((member_of(supernet, subject)?, ImportedTensors::default()));
    }
    if let Some(config) = subject.config {
        let (network, weights, report) = described(path, config, &file, subject.resolution)?;
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
            let supernet = at_resolution(supernet, subject.resolution)?;
            Ok((member_of(supernet, subject)?, report))
        }
        Err(error) => {
            // The weights of one member on its own have their own sizes.
            let Some(member) = subject.member else {
                return Err(error.into());
            };
            let network = lower(&space, member, &tensors, subject.resolution)?;
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
    let head = checkpoint.head().ok_or_else(|| {
        Error::Input(format!(
            "{} holds no classifier, so that it is no supernet",
            path.display()
        ))
    })?;
    let resolution = subject.resolution.unwrap_or(space.default_resolution());
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

fn lower(space: &Space, member: &str, tensors: &[(String, Tensor)], size: Option<u32>) -> Result<Network, Error> {
    let genotype = genotype(space, member)?;
    let resolution = size.unwrap_or(space.default_resolution());
    Ok(space.lower(&genotype, head_of(tensors), resolution)?)
}

fn described(
    path: &Path,
    config: &Path,
    file: &CheckpointFile,
    resolution: Option<u32>,
) -> Result<(Network, Weights, ImportedTensors), Error> {
    let json = lookup::read_bytes(config, LARGEST_CONFIG)?;
    let json =
        String::from_utf8(json).map_err(|_| Error::Input(format!("{} is not text in UTF-8", config.display())))?;
    let name = path
        .file_stem()
        .map_or_else(|| "network".into(), |stem| stem.to_string_lossy());
    let space = published_network(&name, &json, resolution.unwrap_or(224))?;
    let tensors = file.values()?;
    let resolution = resolution.unwrap_or(space.default_resolution());
    let network = space.lower(&space.smallest(), head_of(&tensors), resolution)?;
    let (weights, report) = import_network(&network, tensors)?;
    Ok((network.with_name(name.into_owned()), weights, report))
}

/// Classes and channels by the tensors that every published network has.
fn head_of(tensors: &[(String, Tensor)]) -> Head {
    let axis = |name: &str, axis: usize| {
        let found = tensors.iter().find(|(known, _)| known.ends_with(name));
        found.and_then(|(_, tensor)| u32::try_from(*tensor.shape.get(axis)?).ok())
    };
    Head {
        classes: axis("classifier.linear.weight", 0)
            .or_else(|| axis("classifier.linear.linear.weight", 0))
            .unwrap_or(1000),
        input_channels: axis("first_conv.conv.weight", 1).unwrap_or(3),
    }
}

/// The error that says more: that of the reading which fits better.
fn fewer_problems(a: TrainError, b: TrainError) -> TrainError {
    let count = |error: &TrainError| match error {
        TrainError::PublishedTensors(other) => other.missing.len() + other.surplus.len() + other.misshapen.len(),
        _ => usize::MAX,
    };
    if count(&b) < count(&a) { b } else { a }
}

/// The presets whose supernet has exactly a file's tensors.
///
/// # Errors
/// When there are no tensors with names.
pub fn presets_of(file: &CheckpointFile) -> Result<Vec<&'static str>, Error> {
    let shapes: Vec<(String, Vec<usize>)> = file.tensors()?.into_iter().map(|it| (it.name, it.shape)).collect();
    let fits = |name: &&'static str| {
        let Ok(space) = Space::preset(name) else { return false };
        panarch_train::published::is_supernet_of(&space, &shapes)
    };
    Ok(panarch_space::preset_names().into_iter().filter(fits).collect())
}

/// Writes a supernet as a checkpoint of ours.
///
/// # Errors
/// When the file cannot be written.
pub fn write_supernet(path: &Path, supernet: &Supernet, source: &Path) -> Result<(), Error> {
    let settings = serde_json::json!({ "imported from": source.display().to_string() });
    Ok(supernet.checkpoint(settings).write(path)?)
}

/// By which names weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Ours.
    Own,
    /// Those of the published networks, as a single network has them.
    Published,
}

/// What was written of a network.
pub struct Written {
    /// The network's hash, with batch normalisation.
    pub network: ContentHash,
    /// How the file was compared with the engine; none for weights alone.
    pub check: Option<VerifyReport>,
}

/// Writes a network as ONNX, which is run and compared with the engine before it is put in place, or its weights alone as
/// safetensors: by the extension.
///
/// # Errors
/// Another extension, a runtime that disagrees, a file that cannot be written.
pub fn write_network(path: &Path, loaded: &LoadedNetwork, names: Names) -> Result<Written, Error> {
    let LoadedNetwork {
        network,
        weights,
        properties,
        ..
    } = loaded;
    let hash = network.content_hash();
    let extension = path.extension().map(|it| it.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("onnx") if names == Names::Own => {
            let own = |key: &String| !key.starts_with("panarch.");
            let properties = properties.iter().filter(|(key, _)| own(key));
            let options = OnnxOptions {
                properties: properties.map(|(key, value)| (key.clone(), value.clone())).collect(),
                ..OnnxOptions::default()
            };
            let bytes = write_onnx(network, weights, &options)?;
            let report = verify(network, weights, &bytes)?;
            if !report.ok() {
                let failed = report.checks.iter().filter(|check| !check.ok);
                let failed: Vec<String> = failed.map(|check| format!("{check:?}")).collect();
                let message = format!("the exported file does not compute the network: {}", failed.join("; "));
                return Err(Error::CheckFailed(message));
            }
            atomic_write(path, &bytes)?;
            Ok(Written {
                network: hash,
                check: Some(report),
            })
        }
        Some("safetensors") => {
            let tensors = match names {
                Names::Own => weights.clone(),
                Names::Published => {
                    let renamed = published_names(network)?.into_iter();
                    let renamed = renamed.filter_map(|(spec, name)| Some((name, weights.get(&spec.name)?.clone())));
                    renamed.collect()
                }
            };
            let metadata = BTreeMap::from([
                ("format".to_owned(), WEIGHTS_FORMAT.to_owned()),
                ("network".to_owned(), network.name().to_owned()),
                ("hash".to_owned(), hash.to_string()),
            ]);
            write_safetensors(path, &tensors, &metadata)?;
            Ok(Written {
                network: hash,
                check: None,
            })
        }
        _ => Err(Error::Input(format!(
            "{}: a network is written as .onnx with our names, or its weights as .safetensors",
            path.display()
        ))),
    }
}

/// Writes a network as ONNX with batch normalisation kept, so that the file reads back as the same network.
///
/// # Errors
/// As [`write_network`].
pub fn write_kept(path: &Path, loaded: &LoadedNetwork) -> Result<(), Error> {
    let options = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(&loaded.network, &loaded.weights, &options)?;
    Ok(atomic_write(path, &bytes)?)
}

/// Compares an exported file with the engine on random images.
fn verify(network: &Network, weights: &Weights, onnx: &[u8]) -> Result<VerifyReport, Error> {
    let Shape {
        channels,
        height,
        width,
    } = network.input_shape();
    let shape = [channels, height, width].map(|axis| axis as usize);
    let mut rng = stream(1, "panarch checkpoint verify", 0);
    let count = CHECKED_IMAGES * shape.iter().product::<usize>();
    let images: Vec<f32> = (0..count).map(|_| rng.random::<f32>().mul_add(4.0, -2.0)).collect();
    let images = Tensor::new([&[CHECKED_IMAGES], &shape[..]].concat(), images)?;
    let logits = logits(network, weights, &images.channels_last())?;
    let classes = logits.len() / CHECKED_IMAGES;
    let logits = Tensor::new(vec![CHECKED_IMAGES, classes], logits)?;
    Ok(verify_export(onnx, &network.content_hash(), &images, &logits)?)
}

/// The engine's logits for images [batch, height, width, channels].
pub(crate) fn logits(network: &Network, weights: &Weights, images: &[f32]) -> Result<Vec<f32>, Error> {
    let store = Store::from_weights(network, weights).map_err(TrainError::from)?;
    let member = Member::new(network.clone(), &store)?;
    let mut logits = Vec::new();
    CpuEngine::new().evaluate(&member, &store, None, images, &mut logits)?;
    Ok(logits)
}

/// Where an import goes when nobody says: beside the working folder's other files, named after the source.
#[must_use]
pub fn default_output(source: &Path, loaded: &Loaded) -> PathBuf {
    let stem = source
        .file_stem()
        .map_or_else(|| "network".into(), |stem| stem.to_string_lossy());
    match loaded {
        Loaded::Supernet(_) => PathBuf::from(format!("{stem}.supernet.safetensors")),
        Loaded::Network(_) => PathBuf::from(format!("{stem}.onnx")),
    }
}
