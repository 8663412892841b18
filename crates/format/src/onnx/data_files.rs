use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::limits;
use super::messages::{EXTERNAL, GraphProto, TensorProto};
use crate::FormatError;
use crate::outside::{FileKind, read_file};

/// The files beside an ONNX file that hold values of its constants, by name. PyTorch writes one by default.
#[derive(Debug, Default)]
pub struct DataFiles(BTreeMap<String, Vec<u8>>);

impl DataFiles {
    /// Reads the files that a graph names, from the folder of its own file.
    ///
    /// # Errors
    /// When a name is not that of a file directly in the folder, when a file cannot be read, or when all together are
    /// larger than an ONNX file may be.
    pub fn of(graph: &GraphProto, folder: &Path) -> Result<Self, FormatError> {
        let mut files = BTreeMap::new();
        let mut left = limits::BYTES;
        for tensor in graph.initializer.iter().filter(|tensor| is_external(tensor)) {
            let location = property(tensor, "location").unwrap_or_default();
            if files.contains_key(location) {
                continue;
            }
            let mut components = Path::new(location).components();
            if !matches!(
                (components.next(), components.next()),
                (Some(Component::Normal(_)), None)
            ) {
                return Err(error(
                    tensor,
                    format!("keeps its values in `{location}`, which is no file beside the model"),
                ));
            }
            let path = folder.join(location);
            let bytes = read_file(&path, FileKind::new("rest of the files beside an ONNX file", left))?;
            left -= bytes.len() as u64;
            files.insert(location.to_owned(), bytes);
        }
        Ok(Self(files))
    }

    /// Bytes of all files.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The bytes of a constant: in the file itself, or in one beside it.
    pub fn raw<'a>(&'a self, tensor: &'a TensorProto) -> Result<&'a [u8], FormatError> {
        if !is_external(tensor) {
            return Ok(tensor.raw_data.as_deref().unwrap_or_default());
        }
        let location = property(tensor, "location").unwrap_or_default();
        let Some(file) = self.0.get(location) else {
            return Err(error(
                tensor,
                format!(
                    "keeps its values in another file, `{location}`; read the model by its path, with that file beside \
                     it, or export it as one file (PyTorch: `external_data=False`)"
                ),
            ));
        };
        let place = |key: &str| property(tensor, key).map(|text| text.parse::<usize>()).transpose();
        let (Ok(offset), Ok(length)) = (place("offset"), place("length")) else {
            return Err(error(tensor, "has a place in another file that is no number"));
        };
        let offset = offset.unwrap_or(0);
        let end = length.map_or(Some(file.len()), |length| offset.checked_add(length));
        end.and_then(|end| file.get(offset..end))
            .ok_or_else(|| error(tensor, format!("lies behind the end of `{location}`")))
    }
}

fn is_external(tensor: &TensorProto) -> bool {
    !tensor.external_data.is_empty() || tensor.data_location == Some(EXTERNAL)
}

fn property<'a>(tensor: &'a TensorProto, key: &str) -> Option<&'a str> {
    let found = tensor
        .external_data
        .iter()
        .find(|entry| entry.key.as_deref() == Some(key));
    found.and_then(|entry| entry.value.as_deref())
}

fn error(tensor: &TensorProto, reason: impl Into<String>) -> FormatError {
    FormatError::tensor(tensor.name.clone().unwrap_or_default(), reason)
}
