//! The opcodes that stand for a value by themselves: numbers, texts and bytes, binary or as a line of text.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::limits;
use super::node::Node;

/// What is said when bytes are missing or an argument cannot be understood.
pub const CUT_SHORT: &str = "the pickle is cut short or an argument is malformed";

/// Reads the argument of such an opcode; the error is the reason.
pub fn read<'a>(opcode: u8, cursor: &mut Cursor<'a>) -> Result<Node<'a>, String> {
    let node = match opcode {
        b'N' => Some(Node::None),
        0x88 => Some(Node::Bool(true)),
        0x89 => Some(Node::Bool(false)),
        b'I' => cursor.line().and_then(truth_or_integer),
        b'L' => cursor.line().and_then(integer),
        b'J' => cursor.array().map(|bytes| Node::Int(i32::from_le_bytes(bytes).into())),
        b'K' => cursor.u8().map(|value| Node::Int(value.into())),
        b'M' => cursor.u16().map(|value| Node::Int(value.into())),
        0x8a => {
            let length = cursor.u8().map(u64::from);
            return length.ok_or(CUT_SHORT.to_owned()).and_then(|it| long(it, cursor));
        }
        0x8b => {
            // The length is signed; what is negative is far beyond the limit as an unsigned number.
            let length = cursor.u32().map(u64::from);
            return length.ok_or(CUT_SHORT.to_owned()).and_then(|it| long(it, cursor));
        }
        b'F' => cursor.line().and_then(float),
        b'G' => cursor.array().map(|bytes| Node::Float(f64::from_be_bytes(bytes))),
        b'S' => cursor.line().and_then(quoted),
        b'V' => cursor.line().and_then(raw_unicode),
        b'T' => sized(cursor, Cursor::u32).map(python_2_text),
        b'U' => sized(cursor, Cursor::u8).map(python_2_text),
        b'X' => return text(sized(cursor, Cursor::u32)),
        0x8c => return text(sized(cursor, Cursor::u8)),
        0x8d => return text(sized(cursor, Cursor::u64)),
        b'B' => sized(cursor, Cursor::u32).map(bytes),
        b'C' => sized(cursor, Cursor::u8).map(bytes),
        0x8e | 0x96 => sized(cursor, Cursor::u64).map(bytes),
        _ => return Err(format!("{opcode:#04x} is not an opcode of a pickle")),
    };
    node.ok_or(CUT_SHORT.to_owned())
}

/// Bytes behind their length, which is checked against what is left.
fn sized<'a, L: Into<u64>>(
    cursor: &mut Cursor<'a>,
    length: impl FnOnce(&mut Cursor<'a>) -> Option<L>,
) -> Option<&'a [u8]> {
    let length = length(cursor)?.into();
    cursor.take(length)
}

fn bytes(bytes: &[u8]) -> Node<'_> {
    Node::Bytes(Cow::Borrowed(bytes))
}

fn text(bytes: Option<&[u8]>) -> Result<Node<'_>, String> {
    let text = std::str::from_utf8(bytes.ok_or(CUT_SHORT)?);
    let text = text.map_err(|_| "a text is not UTF-8")?;
    Ok(Node::Text(Cow::Borrowed(text)))
}

/// Python 2 has one type for text and bytes.
fn python_2_text(bytes: &[u8]) -> Node<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Node::Text(Cow::Borrowed(text)),
        Err(_) => Node::Bytes(Cow::Borrowed(bytes)),
    }
}

/// An integer in two's complement, of any length up to the limit.
fn long<'a>(length: u64, cursor: &mut Cursor<'a>) -> Result<Node<'a>, String> {
    if length > limits::INTEGER_BYTES as u64 {
        return Err(format!(
            "an integer of {length} bytes, the limit is {}",
            limits::INTEGER_BYTES
        ));
    }
    let bytes = cursor.take(length).ok_or(CUT_SHORT)?;
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut value = [if negative { 0xff } else { 0 }; limits::INTEGER_BYTES];
    for (to, from) in value.iter_mut().zip(bytes) {
        *to = *from;
    }
    Ok(Node::Int(i128::from_le_bytes(value)))
}

/// `00` and `01` were the truth values before there were opcodes for them.
fn truth_or_integer(line: &[u8]) -> Option<Node<'static>> {
    match line {
        b"00" => Some(Node::Bool(false)),
        b"01" => Some(Node::Bool(true)),
        line => integer(line),
    }
}

fn integer(line: &[u8]) -> Option<Node<'static>> {
    let line = line.strip_suffix(b"L").unwrap_or(line);
    std::str::from_utf8(line).ok()?.parse().ok().map(Node::Int)
}

fn float(line: &[u8]) -> Option<Node<'static>> {
    std::str::from_utf8(line).ok()?.parse().ok().map(Node::Float)
}

/// A string in quotes, with the escapes that Python writes.
fn quoted(line: &[u8]) -> Option<Node<'_>> {
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        _ => return None,
    };
    if !inner.contains(&b'\\') {
        return Some(python_2_text(inner));
    }
    let mut plain = Vec::new();
    let mut cursor = Cursor::new(inner);
    while let Some(byte) = cursor.u8() {
        plain.push(match (byte, byte == b'\\') {
            (byte, false) => byte,
            _ => match cursor.u8()? {
                byte @ (b'\\' | b'\'' | b'"') => byte,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => u8::try_from(hexadecimal(cursor.take(2)?)?).ok()?,
                _ => return None,
            },
        });
    }
    Some(match String::from_utf8(plain) {
        Ok(text) => Node::Text(Cow::Owned(text)),
        Err(error) => Node::Bytes(Cow::Owned(error.into_bytes())),
    })
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode(line: &[u8]) -> Option<Node<'_>> {
    let mut text = String::new();
    let mut cursor = Cursor::new(line);
    while let Some(byte) = cursor.u8() {
        let digits = match (byte, cursor.rest().first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        cursor.u8();
        text.push(char::from_u32(hexadecimal(cursor.take(digits)?)?)?);
    }
    Some(Node::Text(Cow::Owned(text)))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let only_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| only_digits)
}
