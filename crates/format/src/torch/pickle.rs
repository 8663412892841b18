//! The opcode machine: a pickle of protocol 0 to 5 that holds tensors and plain containers only.
//!
//! The opcodes are those of Python's `pickletools`. Nothing is looked up or called by name; the few names that are
//! allowed are data ([`super::global`]), and what they may be applied to is in [`super::construct`]. The stack is in
//! [`super::stack`].

use std::collections::{BTreeMap, HashMap};

use super::cursor::Cursor;
use super::global::global;
use super::literal;
use super::node::{Node, NodeId, Pickle, Puts, Storage};
use crate::FormatError;

/// The state between two opcodes.
pub struct Machine<'a> {
    pub cursor: Cursor<'a>,
    /// Where the opcode at work begins.
    pub opcode_at: usize,
    pub steps: u64,
    pub nodes: Vec<Node<'a>>,
    pub stack: Vec<NodeId>,
    /// Heights of the stack; nothing below the last one can be reached.
    pub marks: Vec<usize>,
    memo: HashMap<u32, NodeId>,
    last_put: Option<u32>,
    puts: Puts,
    pub storages: Vec<Storage>,
    pub storage_of: BTreeMap<String, u32>,
}

/// Runs the pickle at the beginning of `bytes`.
///
/// # Errors
/// When it is cut short or malformed, when it wants anything but tensors and plain containers, or when it is larger than
/// the limits.
pub fn unpickle(bytes: &[u8]) -> Result<Pickle<'_>, FormatError> {
    let mut machine = Machine {
        cursor: Cursor::new(bytes),
        opcode_at: 0,
        steps: 0,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        last_put: None,
        puts: Puts::default(),
        storages: Vec::new(),
        storage_of: BTreeMap::new(),
    };
    loop {
        machine.opcode_at = machine.cursor.at();
        machine.spend(1)?;
        let opcode = machine.cursor.u8();
        let opcode = machine.need(opcode)?;
        if opcode == b'.' {
            break;
        }
        machine.step(opcode)?;
    }
    let root = machine.pop()?;
    Ok(Pickle {
        nodes: machine.nodes,
        root,
        puts: machine.puts,
        storages: machine.storages,
        storage_of: machine.storage_of,
        length: machine.cursor.at(),
    })
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<(), FormatError> {
        match opcode {
            0x80 => self.protocol(),
            0x95 => self.frame(),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.drop_top(),
            b'1' => self.take_to_mark().map(drop),
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top, top]);
                Ok(())
            }
            b'p' | b'q' | b'r' | 0x94 => self.put(opcode),
            b'g' | b'h' | b'j' => self.get(opcode),
            b')' => self.push(Node::Tuple(Vec::new())),
            b't' => {
                let items = self.take_to_mark()?;
                self.push(Node::Tuple(items))
            }
            0x85..=0x87 => {
                let mut items = Vec::new();
                for _ in 0x85..=opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Node::Tuple(items))
            }
            b']' => self.push(Node::List(Vec::new())),
            b'l' => {
                let items = self.take_to_mark()?;
                self.push(Node::List(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])
            }
            b'e' => {
                let items = self.take_to_mark()?;
                self.append(&items)
            }
            b'}' => self.push_dict(false, Vec::new()),
            b'd' => {
                let items = self.take_to_mark()?;
                self.push_dict(false, Vec::new())?;
                self.set(&items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])
            }
            b'u' => {
                let items = self.take_to_mark()?;
                self.set(&items)
            }
            b'c' => {
                let node = self.global_by_lines()?;
                self.push(node)
            }
            0x93 => self.global_by_stack(),
            b'R' => self.reduce(),
            b'b' => self.build(),
            b'Q' => self.persistent(),
            _ => self.refused_or_literal(opcode),
        }
    }

    /// The opcodes that make objects by other ways are known and refused; the rest are literals.
    fn refused_or_literal(&mut self, opcode: u8) -> Result<(), FormatError> {
        let name = match opcode {
            b'P' => "PERSID (a persistent name as text)",
            b'i' => {
                // A name that is not allowed is the better reason.
                self.global_by_lines()?;
                "INST (an instance of a class)"
            }
            b'o' => "OBJ (an instance of a class)",
            0x81 => "NEWOBJ (an instance of a class)",
            0x92 => "NEWOBJ_EX (an instance of a class)",
            0x82..=0x84 => "EXT (a name from a registry)",
            0x8f => "EMPTY_SET (a set)",
            0x90 => "ADDITEMS (a set)",
            0x91 => "FROZENSET (a set)",
            0x97 => "NEXT_BUFFER (a buffer outside the pickle)",
            0x98 => "READONLY_BUFFER (a buffer outside the pickle)",
            _ => {
                let node = literal::read(opcode, &mut self.cursor);
                let node = node.map_err(|reason| self.error(reason))?;
                return self.push(node);
            }
        };
        Err(self.error(format!(
            "opcode {name} is refused: a checkpoint may hold only tensors and plain containers; nothing was executed"
        )))
    }

    fn protocol(&mut self) -> Result<(), FormatError> {
        let version = self.cursor.u8();
        match self.need(version)? {
            0..=5 => Ok(()),
            version => Err(self.error(format!("protocol {version} is not known, the last one is 5"))),
        }
    }

    fn frame(&mut self) -> Result<(), FormatError> {
        let length = self.cursor.u64();
        let length = self.need(length)?;
        if length > self.cursor.rest().len() as u64 {
            return Err(self.error(format!("a frame of {length} bytes ends behind the file")));
        }
        Ok(())
    }

    fn put(&mut self, opcode: u8) -> Result<(), FormatError> {
        let index = if opcode == 0x94 {
            u32::try_from(self.memo.len()).ok()
        } else {
            self.memo_index(opcode == b'p', opcode == b'q')
        };
        let index = self.need(index)?;
        let top = self.pop()?;
        self.stack.push(top);
        self.memo.insert(index, top);
        self.puts.count += 1;
        let next = self.last_put.map_or(index, |last| last.saturating_add(1));
        self.puts.breaks += u64::from(index != next);
        self.last_put = Some(index);
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<(), FormatError> {
        let index = self.memo_index(opcode == b'g', opcode == b'h');
        let index = self.need(index)?;
        match self.memo.get(&index) {
            Some(id) => self.stack.push(*id),
            None => return Err(self.error(format!("memo {index} was never put"))),
        }
        Ok(())
    }

    fn memo_index(&mut self, text: bool, byte: bool) -> Option<u32> {
        if text {
            return std::str::from_utf8(self.cursor.line()?).ok()?.parse().ok();
        }
        if byte {
            return self.cursor.u8().map(u32::from);
        }
        self.cursor.u32()
    }

    fn append(&mut self, items: &[NodeId]) -> Result<(), FormatError> {
        let id = self.top()?;
        match self.nodes.get_mut(id.0 as usize) {
            Some(Node::List(list)) => list.extend_from_slice(items),
            _ => return Err(self.error("appends to what is not a list")),
        }
        Ok(())
    }

    fn set(&mut self, items: &[NodeId]) -> Result<(), FormatError> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.error("a key of a dict has no value"));
        }
        let id = self.top()?;
        match self.nodes.get_mut(id.0 as usize) {
            Some(Node::Dict { entries, .. }) => entries.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            _ => return Err(self.error("sets entries of what is not a dict")),
        }
        Ok(())
    }

    fn global_by_lines(&mut self) -> Result<Node<'a>, FormatError> {
        let module = self.cursor.line();
        let module = self.need(module)?;
        let name = self.cursor.line();
        global(module, self.need(name)?)
    }

    fn global_by_stack(&mut self) -> Result<(), FormatError> {
        let name = self.pop()?;
        let module = self.pop()?;
        let (Node::Text(module), Node::Text(name)) = (self.node(module), self.node(name)) else {
            return Err(self.error("the name of a global is not a text"));
        };
        let node = global(module.as_bytes(), name.as_bytes())?;
        self.push(node)
    }
}
