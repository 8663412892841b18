//! The stack of the opcode machine, with its marks, its count of work and its errors.

use std::borrow::Cow;

use super::node::{Node, NodeId};
use super::pickle::Machine;
use super::{limits, literal};
use crate::FormatError;

impl<'a> Machine<'a> {
    /// The node with a number.
    pub fn node(&self, id: NodeId) -> &Node<'a> {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::None)
    }

    /// Puts a new node on the stack.
    pub fn push(&mut self, node: Node<'a>) -> Result<(), FormatError> {
        // Never out of range: there are fewer nodes than steps.
        let id = u32::try_from(self.nodes.len()).map_err(|_| self.error("too many values"))?;
        self.nodes.push(node);
        self.stack.push(NodeId(id));
        Ok(())
    }

    /// Puts a node on the stack that was there before.
    pub fn push_again(&mut self, id: NodeId) {
        self.stack.push(id);
    }

    pub fn push_dict(&mut self, ordered: bool, entries: Vec<(NodeId, NodeId)>) -> Result<(), FormatError> {
        self.push(Node::Dict {
            ordered,
            entries,
            state: None,
        })
    }

    pub fn pop(&mut self) -> Result<NodeId, FormatError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    pub fn top(&self) -> Result<NodeId, FormatError> {
        let fence = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(id) if self.stack.len() > fence => Ok(*id),
            _ => Err(self.error("takes more from the stack than is there")),
        }
    }

    /// Drops the top of the stack, or the mark that stands there.
    pub fn drop_top(&mut self) -> Result<(), FormatError> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    /// Takes everything above the last mark, and the mark.
    pub fn take_to_mark(&mut self) -> Result<Vec<NodeId>, FormatError> {
        match self.marks.pop() {
            // Collected, so that it is as large as its items, whatever the stack has grown to.
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.drain(mark..).collect()),
            _ => Err(self.error("there is no mark on the stack")),
        }
    }

    /// Counts work, so that a short pickle cannot ask for much.
    pub fn spend(&mut self, steps: u64) -> Result<(), FormatError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > limits::STEPS {
            return Err(FormatError::too_large("steps of a pickle", self.steps, limits::STEPS));
        }
        Ok(())
    }

    /// What was read, or the error that there was too little.
    pub fn need<T>(&self, read: Option<T>) -> Result<T, FormatError> {
        read.ok_or_else(|| self.error(literal::CUT_SHORT))
    }

    /// An error at the opcode at work.
    pub fn error(&self, reason: impl Into<Cow<'static, str>>) -> FormatError {
        FormatError::TorchPickle {
            offset: self.opcode_at,
            reason: reason.into().into_owned(),
        }
    }
}
