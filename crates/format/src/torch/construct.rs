//! What a pickle may construct: a dict, a size, a tensor, a parameter, and a storage that the file holds elsewhere.

use super::global::Global;
use super::limits;
use super::node::{Node, NodeId, Storage};
use super::pickle::Machine;
use crate::FormatError;

/// One part more than a persistent name can have.
const MOST_PARTS: usize = 7;

impl Machine<'_> {
    /// Applies one of the allowed names to its arguments.
    pub fn reduce(&mut self) -> Result<(), FormatError> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let Node::Global(function) = *self.node(function) else {
            return Err(self.error(format!("calls {}", self.node(function).kind())));
        };
        let Node::Tuple(arguments) = self.node(arguments) else {
            return Err(self.error("the arguments of a call are not a tuple"));
        };
        match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push_dict(true, Vec::new()),
            (Global::OrderedDict, &[items]) => {
                let entries = self.pairs(items)?;
                self.push_dict(true, entries)
            }
            (Global::Size, &[size]) if matches!(self.node(size), Node::Tuple(_)) => {
                self.push_again(size);
                Ok(())
            }
            // Whether a gradient is wanted, hooks and metadata do not matter here.
            (
                Global::RebuildTensor,
                &[storage, offset, shape, strides, _, _] | &[storage, offset, shape, strides, _, _, _],
            ) if matches!(self.node(storage), Node::Storage { .. }) => self.push(Node::Tensor {
                storage,
                offset,
                shape,
                strides,
            }),
            (Global::RebuildParameter, &[tensor, _, _]) if matches!(self.node(tensor), Node::Tensor { .. }) => {
                self.push_again(tensor);
                Ok(())
            }
            (function, arguments) => {
                let reason = format!(
                    "{function:?} is called with {} arguments that do not fit it",
                    arguments.len()
                );
                Err(self.error(reason))
            }
        }
    }

    /// The entries of an `OrderedDict` that is made from a list of pairs, as Python 2 does.
    fn pairs(&mut self, items: NodeId) -> Result<Vec<(NodeId, NodeId)>, FormatError> {
        let (Node::List(items) | Node::Tuple(items)) = self.node(items) else {
            return Err(self.error("an OrderedDict is made from what is not a list"));
        };
        let count = items.len() as u64;
        let pair = |id: &NodeId| match self.node(*id) {
            Node::List(pair) | Node::Tuple(pair) => match pair.as_slice() {
                &[key, value] => Some((key, value)),
                _ => None,
            },
            _ => None,
        };
        let entries: Option<Vec<_>> = items.iter().map(pair).collect();
        let entries = entries.ok_or_else(|| self.error("an OrderedDict is made from what is not pairs"))?;
        self.spend(count)?;
        Ok(entries)
    }

    /// Sets the state of an object: only that of an `OrderedDict`, where a state dict has its `_metadata`. It is kept as
    /// a witness of names ([`super::integrity`]) and is no part of the value.
    pub fn build(&mut self) -> Result<(), FormatError> {
        let state_id = self.pop()?;
        let object = self.top()?;
        let is_dict = matches!(self.node(state_id), Node::Dict { .. });
        if let Some(Node::Dict {
            ordered: true, state, ..
        }) = self.nodes.get_mut(object.0 as usize)
            && is_dict
        {
            *state = Some(state_id);
            return Ok(());
        }
        let (object, state) = (self.node(object).kind(), self.node(state_id).kind());
        Err(self.error(format!("sets the state of {object} to {state}: refused")))
    }

    /// A storage, by the tuple that names it: `("storage", type, key, place, elements)`, and in old files a window of it.
    pub fn persistent(&mut self) -> Result<(), FormatError> {
        let name = self.pop()?;
        let Node::Tuple(parts) = self.node(name) else {
            return Err(self.error("a persistent name is not a tuple"));
        };
        let parts: Vec<&Node<'_>> = parts.iter().take(MOST_PARTS).map(|id| self.node(*id)).collect();
        let (kind, parts) = match parts.as_slice() {
            [Node::Text(kind), parts @ ..] => (kind.as_ref(), parts),
            _ => return Err(self.error("a persistent name is not that of a storage")),
        };
        let (element_type, key, elements, rest) = match (kind, parts) {
            ("module", _) => {
                return Err(self.error("a pickled module with its source text; only its state dict can be read"));
            }
            (
                "storage",
                [
                    Node::Global(Global::Storage(element_type)),
                    Node::Text(key),
                    Node::Text(_),
                    Node::Int(elements),
                    rest @ ..,
                ],
            ) => (*element_type, key, *elements, rest),
            _ => return Err(self.error("a persistent name is not that of a storage")),
        };
        let Ok(elements) = u64::try_from(elements) else {
            return Err(self.error(format!("a storage of {elements} elements")));
        };
        let window = match rest {
            [] | [Node::None] => None,
            [Node::Tuple(window)] => Some(self.window(window)?),
            _ => return Err(self.error("a persistent name has more than the parts of a storage")),
        };
        if key.len() > limits::KEY_BYTES {
            let found = key.len() as u64;
            return Err(FormatError::too_large(
                "bytes of a storage's key",
                found,
                limits::KEY_BYTES as u64,
            ));
        }
        let storage = Storage {
            key: key.to_string(),
            element_type,
            elements,
        };
        let storage = self.register(storage)?;
        self.push(Node::Storage { storage, window })
    }

    /// Key, first element and count; the key is not used.
    fn window(&self, parts: &[NodeId]) -> Result<(u64, u64), FormatError> {
        let window = match parts {
            &[_, first, count] => match (self.node(first), self.node(count)) {
                (Node::Int(first), Node::Int(count)) => u64::try_from(*first).ok().zip(u64::try_from(*count).ok()),
                _ => None,
            },
            _ => None,
        };
        window.ok_or_else(|| self.error("a window of a storage is malformed"))
    }

    /// The place of a storage; one key has one type and one length throughout.
    fn register(&mut self, storage: Storage) -> Result<u32, FormatError> {
        if let Some(place) = self.storage_of.get(&storage.key) {
            return match self.storages.get(*place as usize) {
                Some(known) if *known == storage => Ok(*place),
                _ => {
                    let reason = format!("storage `{}` has two types or lengths", storage.key.escape_debug());
                    Err(self.error(reason))
                }
            };
        }
        let place = u32::try_from(self.storages.len()).map_err(|_| self.error("too many storages"))?;
        self.storage_of.insert(storage.key.clone(), place);
        self.storages.push(storage);
        Ok(place)
    }
}
