//! A checkpoint file as it is: tensors, and what else it says.

use std::path::Path;

use panarch_format::{
    FileKind, TorchFile, TypedSafetensors, TypedTensor, read_file, read_torch, typed_safetensors_from_bytes,
};
use panarch_graph::{ParameterRole, Tensor};
use panarch_space::Space;

use super::LARGEST;
use crate::{Error, memory};

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
        memory::check_file(path)?;
        let bytes = read_file(path, FileKind::new("checkpoint", LARGEST))?;
        // A safetensors file begins with the length of its header and `{`.
        if bytes.get(8) == Some(&b'{') {
            return Ok(Self::Safetensors(
                typed_safetensors_from_bytes(&bytes).map_err(Error::artefact(path))?,
            ));
        }
        Ok(Self::Torch(read_torch(&bytes).map_err(Error::artefact(path))?))
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

    /// The tensors as f32, in the file's order; all are finite numbers, and no variance is negative.
    pub(super) fn values(&self) -> Result<Vec<(String, Tensor)>, Error> {
        let value = |name: &str, tensor: &TypedTensor| {
            let tensor = Tensor::new(tensor.shape.clone(), tensor.to_f32())?;
            tensor.check_numbers(name, ParameterRole::of_name(name))?;
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

    /// The hash of the network whose weights a file of ours holds.
    pub(super) fn network_hash(&self) -> Option<&str> {
        let Self::Safetensors(file) = self else { return None };
        let is_ours = file
            .metadata
            .get("format")
            .is_some_and(|it| it == super::WEIGHTS_FORMAT);
        file.metadata.get("hash").filter(|_| is_ours).map(String::as_str)
    }

    pub(super) fn is_training(&self) -> bool {
        match self {
            Self::Torch(_) => false,
            Self::Safetensors(file) => file.metadata.get("format").is_some_and(|it| it == "panarch training"),
        }
    }
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
