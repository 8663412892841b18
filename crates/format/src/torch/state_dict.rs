use std::collections::HashSet;

use super::limits;
use super::value::TorchValue;
use crate::FormatError;
use crate::typed_tensor::TypedTensor;

/// Where a checkpoint with more than weights has them, in the order in which they are looked for.
pub const KEYS: [&str; 4] = ["state_dict", "state_dict_ema", "model", "net"];

/// The named tensors of a checkpoint, and what else it has.
#[derive(Debug, Clone, PartialEq)]
pub struct TorchStateDict<'a> {
    /// The entry of the file that the tensors are from; `None` when the file as a whole is the state dict.
    pub key: Option<&'static str>,
    /// Every tensor with its name, in the order of the file. Names of nested dicts are joined with a dot.
    pub tensors: Vec<(String, &'a TypedTensor)>,
    /// Everything else, such as `epoch` or an optimiser's state, by its path; `Display` describes each in a few words.
    pub remaining: Vec<(String, &'a TorchValue)>,
}

impl<'a> TorchStateDict<'a> {
    /// The tensor with a name.
    pub fn get(&self, name: &str) -> Option<&'a TypedTensor> {
        self.tensors
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, tensor)| *tensor)
    }

    pub(super) fn find(root: &'a TorchValue) -> Result<Self, FormatError> {
        let Some(entries) = root.as_dict() else {
            let reason = format!("expected a state dict, found {root}");
            return Err(FormatError::torch(reason));
        };
        let mut walk = Walk::default();
        for key in KEYS {
            let Some(inner) = root.get(key).filter(|inner| inner.as_dict().is_some()) else {
                continue;
            };
            walk.dict(inner, "", key)?;
            if walk.tensors.is_empty() {
                walk = Walk::default();
                continue;
            }
            for (other, value) in entries {
                if other.as_text() != Some(key) {
                    let name = path("", "", other)?;
                    walk.remain(name, value)?;
                }
            }
            return Ok(walk.finish(Some(key)));
        }
        walk.dict(root, "", "")?;
        if walk.tensors.is_empty() {
            let names: Vec<String> = entries.iter().take(8).map(|(key, _)| key.to_string()).collect();
            let reason = format!(
                "the file holds no named tensors: neither by itself nor under {}; its first entries are {}",
                KEYS.join(", "),
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            );
            return Err(FormatError::torch(reason));
        }
        Ok(walk.finish(None))
    }
}

#[derive(Default)]
struct Walk<'a> {
    tensors: Vec<(String, &'a TypedTensor)>,
    remaining: Vec<(String, &'a TorchValue)>,
    names: HashSet<String>,
    bytes: u64,
}

impl<'a> Walk<'a> {
    /// Recurses as deep as the tree, which is bounded. `prefix` goes before the names of tensors, `origin` also before
    /// the paths of what remains.
    fn dict(&mut self, dict: &'a TorchValue, prefix: &str, origin: &str) -> Result<(), FormatError> {
        for (key, value) in dict.as_dict().unwrap_or_default() {
            let name = path("", prefix, key)?;
            match value {
                TorchValue::Tensor(tensor) => {
                    self.count(&name)?;
                    if !self.names.insert(name.clone()) {
                        return Err(FormatError::tensor(name, "occurs twice"));
                    }
                    self.tensors.push((name, tensor));
                }
                // Only texts are names: what is keyed by numbers is the state of an optimiser or the like.
                TorchValue::Dict(entries) if entries.iter().all(|(key, _)| key.as_text().is_some()) => {
                    if entries.is_empty() {
                        self.remain(path(origin, prefix, key)?, value)?;
                    }
                    self.dict(value, &name, origin)?;
                }
                other => self.remain(path(origin, prefix, key)?, other)?,
            }
        }
        Ok(())
    }

    fn remain(&mut self, name: String, value: &'a TorchValue) -> Result<(), FormatError> {
        self.count(&name)?;
        self.remaining.push((name, value));
        Ok(())
    }

    /// Names of nested dicts repeat those of the outer ones.
    fn count(&mut self, name: &str) -> Result<(), FormatError> {
        self.bytes += name.len() as u64;
        if self.bytes > limits::ALL_NAME_BYTES {
            return Err(FormatError::too_large(
                "bytes of names",
                self.bytes,
                limits::ALL_NAME_BYTES,
            ));
        }
        Ok(())
    }

    fn finish(self, key: Option<&'static str>) -> TorchStateDict<'a> {
        TorchStateDict {
            key,
            tensors: self.tensors,
            remaining: self.remaining,
        }
    }
}

/// The parts that are not empty, joined with dots; a key that is not a text is described.
fn path(origin: &str, prefix: &str, key: &TorchValue) -> Result<String, FormatError> {
    let described;
    let key = match key.as_text() {
        Some(text) => text,
        None => {
            described = key.to_string();
            &described
        }
    };
    let length = origin.len() + prefix.len() + key.len() + 2;
    if length > limits::NAME_BYTES {
        return Err(FormatError::too_large(
            "bytes of the name of a tensor",
            length as u64,
            limits::NAME_BYTES as u64,
        ));
    }
    let parts: Vec<&str> = [origin, prefix].into_iter().filter(|part| !part.is_empty()).collect();
    Ok([&parts[..], &[key]].concat().join("."))
}
