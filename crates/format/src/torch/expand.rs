//! From the nodes of a pickle, which share and may contain each other, to a tree of values that owns everything.
//!
//! What the tree may take is bounded before it is allocated: the number of values, their depth (so that what contains
//! itself ends as too deep), and the bytes of texts and tensors.

use std::collections::HashSet;

use super::limits;
use super::node::{Node, NodeId, Pickle};
use super::value::TorchValue;
use crate::FormatError;
use crate::view::View;

/// The tree under the root of a pickle; `contents` are the bytes of its storages, `file_bytes` the size of the file.
pub fn expand(pickle: &Pickle<'_>, contents: &[&[u8]], file_bytes: usize) -> Result<TorchValue, FormatError> {
    let mut expansion = Expansion {
        pickle,
        contents,
        values: 0,
        bytes: 0,
        most_bytes: limits::bytes(file_bytes),
        path: Vec::new(),
    };
    expansion.value(pickle.root)
}

/// A step from a container to what is in it.
enum Step<'p> {
    Key(&'p str),
    Index(i128),
}

struct Expansion<'p, 'a> {
    pickle: &'p Pickle<'a>,
    contents: &'p [&'a [u8]],
    values: u64,
    bytes: u64,
    most_bytes: u64,
    /// From the root to the value at work; its length is the depth.
    path: Vec<Step<'p>>,
}

impl<'p> Expansion<'p, '_> {
    /// Recurses no deeper than the limit.
    fn value(&mut self, id: NodeId) -> Result<TorchValue, FormatError> {
        self.count_values(1)?;
        let pickle = self.pickle;
        Ok(match pickle.node(id) {
            Node::None => TorchValue::None,
            Node::Bool(value) => TorchValue::Bool(*value),
            Node::Int(value) => TorchValue::Int(*value),
            Node::Float(value) => TorchValue::Float(*value),
            Node::Text(text) => {
                self.count_bytes(text.len() as u64)?;
                TorchValue::Text(text.to_string())
            }
            Node::Bytes(bytes) => {
                self.count_bytes(bytes.len() as u64)?;
                TorchValue::Bytes(bytes.to_vec())
            }
            Node::List(items) => TorchValue::List(self.items(items)?),
            Node::Tuple(items) => TorchValue::Tuple(self.items(items)?),
            Node::Dict { entries, .. } => TorchValue::Dict(self.entries(entries)?),
            Node::Tensor {
                storage,
                offset,
                shape,
                strides,
            } => {
                let view = self.view(*storage, *offset, *shape, *strides)?;
                self.count_bytes(view.bytes())?;
                TorchValue::Tensor(view.tensor())
            }
            other @ (Node::Global(_) | Node::Storage { .. }) => {
                let reason = format!("`{}` is {}, not a tensor or plain data", self.name(), other.kind());
                return Err(FormatError::torch(reason));
            }
        })
    }

    fn items(&mut self, items: &'p [NodeId]) -> Result<Vec<TorchValue>, FormatError> {
        let mut values = Vec::new();
        for (index, id) in items.iter().enumerate() {
            values.push(self.inside(Step::Index(index as i128), *id)?);
        }
        Ok(values)
    }

    fn entries(&mut self, entries: &'p [(NodeId, NodeId)]) -> Result<Vec<(TorchValue, TorchValue)>, FormatError> {
        let pickle = self.pickle;
        let (mut texts, mut integers) = (HashSet::new(), HashSet::new());
        let mut pairs = Vec::new();
        for (key, value) in entries {
            let (step, new) = match pickle.node(*key) {
                Node::Text(text) => {
                    // Counted before it is hashed: a long text can be a key many times.
                    self.count_bytes(text.len() as u64)?;
                    (Step::Key(text), texts.insert(text))
                }
                Node::Int(index) => (Step::Index(*index), integers.insert(*index)),
                Node::None | Node::Bool(_) | Node::Float(_) | Node::Bytes(_) | Node::Tuple(_) => {
                    (Step::Key("(key)"), true)
                }
                other => {
                    let reason = format!("`{}` has {} for a key", self.name(), other.kind());
                    return Err(FormatError::torch(reason));
                }
            };
            if !new {
                let reason = format!("`{}` has a key twice", self.name_with(&step));
                return Err(FormatError::torch(reason));
            }
            let key = self.inside(Step::Key("(key)"), *key)?;
            pairs.push((key, self.inside(step, *value)?));
        }
        Ok(pairs)
    }

    fn inside(&mut self, step: Step<'p>, id: NodeId) -> Result<TorchValue, FormatError> {
        if self.path.len() >= limits::DEPTH {
            let reason = format!("containers nest deeper than {} or contain themselves", limits::DEPTH);
            return Err(FormatError::torch(reason));
        }
        self.path.push(step);
        let value = self.value(id);
        self.path.pop();
        value
    }

    /// The view that a tensor is of its storage.
    fn view(
        &mut self,
        storage: NodeId,
        offset: NodeId,
        shape: NodeId,
        strides: NodeId,
    ) -> Result<View<'p>, FormatError> {
        let pickle = self.pickle;
        let Node::Storage { storage, window } = pickle.node(storage) else {
            return Err(self.tensor_error("has no storage"));
        };
        let place = *storage as usize;
        let (Some(storage), Some(bytes)) = (pickle.storages.get(place), self.contents.get(place)) else {
            return Err(self.tensor_error("has no storage"));
        };
        let mut bytes: &'p [u8] = bytes;
        if let Some((first, count)) = window {
            let size = storage.element_type.bytes() as u64;
            let begin = first.checked_mul(size);
            let end = first.checked_add(*count).and_then(|end| end.checked_mul(size));
            let range = begin.zip(end).and_then(|(begin, end)| {
                let range = usize::try_from(begin).ok()?..usize::try_from(end).ok()?;
                bytes.get(range)
            });
            bytes = range.ok_or_else(|| self.tensor_error("is in a window that leaves its storage"))?;
        }
        let offset = match pickle.node(offset) {
            Node::Int(offset) => usize::try_from(*offset).ok(),
            _ => None,
        };
        let offset = offset.ok_or_else(|| self.tensor_error("has an offset that is not a count"))?;
        let shape = self.axes(shape, "axes")?;
        let strides = self.axes(strides, "strides")?;
        // A view counts with its axes, so that many tensors of many axes are bounded too.
        self.count_values(shape.len() as u64)?;
        View::new(storage.element_type, bytes, offset, shape, &strides).map_err(|reason| self.tensor_error(reason))
    }

    fn axes(&self, id: NodeId, what: &str) -> Result<Vec<usize>, FormatError> {
        let (Node::Tuple(items) | Node::List(items)) = self.pickle.node(id) else {
            return Err(self.tensor_error(format!("has {what} that are not a tuple")));
        };
        if items.len() > limits::AXES {
            return Err(self.tensor_error(format!("has {} {what}, the limit is {}", items.len(), limits::AXES)));
        }
        let count = |id: &NodeId| match self.pickle.node(*id) {
            Node::Int(count) => usize::try_from(*count).ok(),
            _ => None,
        };
        let counts: Option<Vec<usize>> = items.iter().map(count).collect();
        counts.ok_or_else(|| self.tensor_error(format!("has {what} that are not counts")))
    }

    fn count_values(&mut self, values: u64) -> Result<(), FormatError> {
        self.values = self.values.saturating_add(values);
        if self.values > limits::VALUES {
            return Err(FormatError::too_large(
                "values of a checkpoint",
                self.values,
                limits::VALUES,
            ));
        }
        Ok(())
    }

    fn count_bytes(&mut self, bytes: u64) -> Result<(), FormatError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.most_bytes {
            return Err(FormatError::too_large(
                "bytes of texts and tensors, more than the file can have without repeating itself",
                self.bytes,
                self.most_bytes,
            ));
        }
        Ok(())
    }

    fn tensor_error(&self, reason: impl Into<String>) -> FormatError {
        FormatError::tensor(self.name(), reason)
    }

    /// The dotted path to the value at work, cut where it is long.
    fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            push(&mut name, step);
        }
        if name.is_empty() { "the root".to_owned() } else { name }
    }

    fn name_with(&self, last: &Step<'_>) -> String {
        let mut name = if self.path.is_empty() {
            String::new()
        } else {
            self.name()
        };
        push(&mut name, last);
        name
    }
}

fn push(name: &mut String, step: &Step<'_>) {
    if name.len() > limits::NAME_BYTES {
        return;
    }
    if !name.is_empty() {
        name.push('.');
    }
    match step {
        Step::Key(key) => name.extend(key.chars().take(limits::NAME_BYTES).flat_map(char::escape_debug)),
        Step::Index(index) => name.push_str(&index.to_string()),
    }
}
