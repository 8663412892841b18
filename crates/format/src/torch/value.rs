use std::fmt;

use crate::typed_tensor::TypedTensor;

/// A value of a PyTorch checkpoint: a plain container, a scalar or a tensor, and nothing that could be executed.
///
/// `Display` describes it in a few words: scalars as they are, containers by their length, tensors by type and axes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TorchValue {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// Text; also a `torch.element_type`, as `torch.float32`.
    Text(String),
    /// Bytes, and a text of Python 2 that is not UTF-8.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<TorchValue>),
    /// A tuple, and a `torch.Size`.
    Tuple(Vec<TorchValue>),
    /// A dict or an `OrderedDict`, in the order of the file. No text and no integer is a key twice.
    Dict(Vec<(TorchValue, TorchValue)>),
    /// A tensor or a parameter.
    Tensor(TypedTensor),
}

impl TorchValue {
    /// The entries, if this is a dict.
    pub fn as_dict(&self) -> Option<&[(TorchValue, TorchValue)]> {
        match self {
            Self::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tensor, if this is one.
    pub fn as_tensor(&self) -> Option<&TypedTensor> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// What a dict has under a text.
    pub fn get(&self, key: &str) -> Option<&TorchValue> {
        let mut entries = self.as_dict()?.iter();
        entries
            .find(|(entry, _)| entry.as_text() == Some(key))
            .map(|(_, value)| value)
    }
}

impl fmt::Display for TorchValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Longer texts are cut.
        const CHARACTERS: usize = 80;
        match self {
            Self::None => f.write_str("none"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(CHARACTERS).collect();
                let cut = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "\"{}{cut}\"", shown.escape_debug())
            }
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::List(items) => write!(f, "list of {}", items.len()),
            Self::Tuple(items) => write!(f, "tuple of {}", items.len()),
            Self::Dict(entries) => write!(f, "dict of {}", entries.len()),
            Self::Tensor(tensor) => write!(f, "tensor {} {:?}", tensor.element_type, tensor.shape),
        }
    }
}
