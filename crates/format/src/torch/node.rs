//! What a pickle builds: nodes in one list that refer to each other by index.
//!
//! A pickle can put a list into itself. Among indices that is harmless: nothing here recurses, and all nodes are dropped
//! with their list.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::global::Global;
use crate::typed_tensor::ElementType;

/// The place of a node in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(pub u32);

/// One value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    List(Vec<NodeId>),
    Tuple(Vec<NodeId>),
    Dict {
        /// Whether it is an `OrderedDict`.
        ordered: bool,
        entries: Vec<(NodeId, NodeId)>,
        /// The dict of the attributes that it was given, among them `_metadata`.
        state: Option<NodeId>,
    },
    Global(Global),
    /// A storage, by its place in [`Pickle::storages`], and which of its elements: first and count.
    Storage {
        storage: u32,
        window: Option<(u64, u64)>,
    },
    /// A tensor, with the nodes of the arguments that it was made from.
    Tensor {
        storage: NodeId,
        offset: NodeId,
        shape: NodeId,
        strides: NodeId,
    },
}

impl Node<'_> {
    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict { .. } => "a dict",
            Self::Global(_) => "a class or function",
            Self::Storage { .. } => "a storage",
            Self::Tensor { .. } => "a tensor",
        }
    }
}

/// A storage that a pickle mentions; its elements are elsewhere in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    pub key: String,
    pub element_type: ElementType,
    /// How many elements it has.
    pub elements: u64,
}

impl Storage {
    /// How many bytes it takes in the file.
    pub fn bytes(&self) -> Option<u64> {
        self.elements.checked_mul(self.element_type.bytes() as u64)
    }
}

/// What a pickle put in its memo. Python numbers what it puts there in sequence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Puts {
    pub count: u64,
    /// How many numbers do not follow the one before.
    pub breaks: u64,
}

/// What one pickle left.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub nodes: Vec<Node<'a>>,
    pub root: NodeId,
    pub puts: Puts,
    pub storages: Vec<Storage>,
    /// Places in that list by key.
    pub storage_of: BTreeMap<String, u32>,
    /// Bytes up to and with its end.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// The node with a number. Numbers are places in the list, so there always is one.
    pub fn node(&self, id: NodeId) -> &Node<'a> {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::None)
    }

    /// What the whole pickle stands for.
    pub fn root(&self) -> &Node<'a> {
        self.node(self.root)
    }

    /// What a dict has under a text.
    pub fn get(&self, dict: NodeId, key: &str) -> Option<NodeId> {
        let Node::Dict { entries, .. } = self.node(dict) else {
            return None;
        };
        let mut entries = entries.iter();
        entries
            .find(|(id, _)| self.text(*id) == Some(key))
            .map(|(_, value)| *value)
    }

    /// The text, if a node is one.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }
}
