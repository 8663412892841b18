//! The form that `torch.save` wrote before version 1.6, and writes still if asked: five pickles one after the other
//! (magic number, protocol, machine, value, keys of the storages), then the storages in the order of the keys.

use std::collections::BTreeSet;

use super::cursor::Cursor;
use super::expand::expand;
use super::integrity;
use super::node::{Node, Pickle};
use super::pickle::unpickle;
use super::value::TorchValue;
use crate::FormatError;

/// The first pickle.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// The second pickle.
const PROTOCOL: i128 = 1001;

pub fn read_legacy(bytes: &[u8]) -> Result<TorchValue, FormatError> {
    let mut cursor = Cursor::new(bytes);
    if *next(&mut cursor, "magic number")?.root() != Node::Int(MAGIC) {
        return Err(FormatError::torch(
            "this is a pickle, but not one of torch.save: it does not begin with its magic number",
        ));
    }
    let protocol = next(&mut cursor, "protocol")?;
    if *protocol.root() != Node::Int(PROTOCOL) {
        let reason = format!("the protocol should be {PROTOCOL}, found {}", protocol.root().kind());
        return Err(FormatError::torch(reason));
    }
    let machine = next(&mut cursor, "machine")?;
    let little_endian = machine.get(machine.root, "little_endian");
    if little_endian.map(|id| machine.node(id)) != Some(&Node::Bool(true)) {
        return Err(FormatError::torch(
            "the byte order is not said to be little, and no other is supported",
        ));
    }
    let value = next(&mut cursor, "value")?;
    let keys = next(&mut cursor, "keys of storages")?;
    let contents = storages(&mut cursor, &value, &keys)?;
    let root = expand(&value, &contents, bytes.len())?;
    integrity::check(&value)?;
    Ok(root)
}

fn next<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<Pickle<'a>, FormatError> {
    let start = cursor.at();
    let pickle = unpickle(cursor.rest()).map_err(|error| match error {
        FormatError::TorchPickle { offset, reason } => FormatError::TorchPickle {
            offset: start + offset,
            reason: format!("({what}) {reason}"),
        },
        other => other,
    })?;
    cursor.take(pickle.length as u64);
    Ok(pickle)
}

/// The bytes of every storage that the value mentions, in the order of its list.
fn storages<'a>(cursor: &mut Cursor<'a>, value: &Pickle<'a>, keys: &Pickle<'a>) -> Result<Vec<&'a [u8]>, FormatError> {
    let Node::List(list) = keys.root() else {
        return Err(FormatError::torch("the keys of the storages are not a list"));
    };
    let mut missing: BTreeSet<u32> = value.storage_of.values().copied().collect();
    let mut contents: Vec<&[u8]> = vec![&[]; value.storages.len()];
    for id in list {
        let Node::Text(key) = keys.node(*id) else {
            return Err(FormatError::torch("the key of a storage is not a text"));
        };
        let wrong = |reason: String| FormatError::torch(format!("storage `{}` {reason}", key.escape_debug()));
        let place = value.storage_of.get(key.as_ref()).filter(|place| missing.remove(place));
        let place = place.map(|place| *place as usize);
        let known = place.and_then(|place| value.storages.get(place).zip(contents.get_mut(place)));
        let Some((storage, content)) = known else {
            return Err(wrong(
                "is stored, but no tensor uses it or it is stored twice".to_owned(),
            ));
        };
        let elements = cursor.u64().ok_or_else(|| wrong("is cut short".to_owned()))?;
        if elements != storage.elements {
            let reason = format!("should have {} elements, stored are {elements}", storage.elements);
            return Err(wrong(reason));
        }
        let bytes = storage.bytes().and_then(|length| cursor.take(length));
        *content = bytes.ok_or_else(|| wrong(format!("is cut short: {elements} elements reach beyond the file")))?;
    }
    if !missing.is_empty() {
        return Err(FormatError::torch(format!(
            "{} storages are not in the file",
            missing.len()
        )));
    }
    if !cursor.rest().is_empty() {
        let rest = cursor.rest().len();
        return Err(FormatError::torch(format!("{rest} bytes follow the last storage")));
    }
    Ok(contents)
}
