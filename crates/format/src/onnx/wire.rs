//! A walk over the wire format before anything is decoded, to bound what decoding will allocate.
//!
//! A field of two bytes can decode to an object a hundred times its size. The walk counts the fields of the messages
//! that will be decoded, so that a file made of millions of empty ones is refused by its count.

use super::limits;
use crate::FormatError;

/// The messages whose fields are themselves walked.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    TensorShape,
    /// Strings and numbers only.
    Flat,
}

impl Message {
    /// The message behind a length-delimited field, where it is one that is decoded.
    fn behind(self, field: u64) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) => Some(Self::Graph),
            (Self::Model, 8 | 14) | (Self::Tensor, 13) | (Self::TensorShape, 1) => Some(Self::Flat),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Graph | Self::Attribute, 5) => Some(Self::Tensor),
            (Self::Graph, 11 | 12) => Some(Self::ValueInfo),
            (Self::ValueInfo, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::TensorShape),
            _ => None,
        }
    }
}

/// Checks that `bytes` are well-formed fields and that there are not too many of them.
pub fn check(bytes: &[u8]) -> Result<(), FormatError> {
    if bytes.len() as u64 > limits::BYTES {
        return Err(FormatError::too_large(
            "bytes of an ONNX file",
            bytes.len() as u64,
            limits::BYTES,
        ));
    }
    let mut fields = 0;
    // Depth is bounded by the table in `behind`, so this could recurse; a list of work keeps the offsets simple.
    let mut work = vec![(Message::Model, 0, bytes.len())];
    while let Some((message, start, end)) = work.pop() {
        let mut reader = Reader { bytes, at: start, end };
        while reader.at < reader.end {
            fields += 1;
            if fields > limits::FIELDS {
                return Err(FormatError::too_large("fields of an ONNX file", fields, limits::FIELDS));
            }
            let key = reader.varint()?;
            match key & 7 {
                0 => {
                    reader.varint()?;
                }
                1 => reader.skip(8)?,
                2 => {
                    let length = reader.varint()?;
                    let start = reader.at;
                    reader.skip(length)?;
                    if let Some(inner) = message.behind(key >> 3) {
                        work.push((inner, start, reader.at));
                    }
                }
                5 => reader.skip(4)?,
                _ => return Err(reader.error("a field of an unknown wire type")),
            }
        }
    }
    Ok(())
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn error(&self, reason: &'static str) -> FormatError {
        FormatError::Wire {
            offset: self.at,
            reason,
        }
    }

    fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0_u64;
        for position in 0..10 {
            let byte = match self.bytes.get(self.at) {
                Some(byte) if self.at < self.end => *byte,
                _ => return Err(self.error("the file ends inside a number")),
            };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error("a number of more than ten bytes"))
    }

    fn skip(&mut self, length: u64) -> Result<(), FormatError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.end - self.at => {
                self.at += length;
                Ok(())
            }
            _ => Err(self.error("a field is longer than what contains it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_millions_of_empty_nodes_before_decoding() {
        let nodes = 2_000_000_usize;
        let graph: Vec<u8> = [0x0a, 0x00].repeat(nodes);
        let mut file = vec![0x3a];
        prost::encoding::encode_varint(graph.len() as u64, &mut file);
        file.extend(graph);
        let error = check(&file).unwrap_err();
        assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn names_the_place_of_a_length_that_runs_over_the_end() {
        let error = check(&[0x3a, 0x7f, 0x00]).unwrap_err();
        assert!(matches!(error, FormatError::Wire { offset: 2, .. }), "{error}");
    }
}
