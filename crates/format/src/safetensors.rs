//! The safetensors format, written for f32 tensors and read for all that PyTorch saves: eight bytes of header length, a JSON header, the values.
//!
//! Written here and not by the `safetensors` crate, because that one writes the metadata in an order that changes from
//! run to run, and its reader overflows on hostile offsets; the tests compare the two.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use panarch_graph::{ContentHash, Tensor, Weights};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::FormatError;
use crate::atomic::atomic_write;
use crate::outside::{FileKind, read_file};
use crate::typed_tensor::{ElementType, TypedData, TypedTensor};

/// The name in the header under which the metadata stand; no tensor can have it.
const METADATA: &str = "__metadata__";
/// The key in the metadata of the checksum that files of ours carry; readers take it out again.
const CHECKSUM: &str = "panarch.checksum";
/// Bytes that hold the header's length.
const LENGTH_BYTES: usize = 8;
/// The longest header that is read; the format's own bound.
const LONGEST_HEADER: u64 = 100_000_000;

/// The largest file that is read.
const LARGEST_FILE: u64 = 4 << 30;

/// Tensors and metadata of a safetensors file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SafetensorsFile {
    /// The tensors by name.
    pub weights: Weights,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// Whether the file carried a checksum over all of it, as every file has that is written here.
    pub sealed: bool,
}

/// Writes weights and metadata into a file, by [`atomic_write`].
///
/// # Errors
/// As [`safetensors_bytes`], and when the operating system refuses.
pub fn write_safetensors(
    path: impl AsRef<Path>,
    weights: &Weights,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    atomic_write(path, &safetensors_bytes(weights, metadata)?)
}

/// Reads a file.
///
/// # Errors
/// As [`safetensors_from_bytes`], and when the operating system refuses.
pub fn read_safetensors(path: impl AsRef<Path>) -> Result<SafetensorsFile, FormatError> {
    let path = path.as_ref();
    let bytes = read_file(path, FileKind::new("safetensors file", LARGEST_FILE))?;
    safetensors_from_bytes(&bytes)
}

/// The bytes of a file; the same arguments give the same bytes.
///
/// # Errors
/// When a tensor's values do not fill its axes, or it has the name that is reserved for the metadata.
pub fn safetensors_bytes(weights: &Weights, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, FormatError> {
    let mut header = Header {
        metadata: metadata.clone(),
        entries: Vec::new(),
    };
    let mut end = 0_u64;
    for (name, tensor) in weights.iter() {
        let shape: Vec<u64> = tensor.shape.iter().map(|axis| *axis as u64).collect();
        let length = tensor.data.len() as u64 * 4;
        if byte_length(&shape, 4) != Some(length) || name == METADATA {
            let reason = format!("axes {shape:?} with {} values cannot be written", tensor.data.len());
            return Err(FormatError::tensor(name, reason));
        }
        let begin = end;
        end += length;
        let entry = Entry {
            dtype: "F32".to_owned(),
            shape,
            data_offsets: [begin, end],
        };
        header.entries.push((name.to_owned(), entry));
    }
    let mut values = Vec::with_capacity(end as usize);
    for (_, tensor) in weights.iter() {
        values.extend(tensor.data.iter().flat_map(|value| value.to_le_bytes()));
    }
    let checksum = header.checksum(&values)?;
    header.metadata.insert(CHECKSUM.to_owned(), checksum.to_string());
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(LENGTH_BYTES), b' ');
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + header.len() + end as usize);
    bytes.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&values);
    Ok(bytes)
}

/// A safetensors file of any origin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TypedSafetensors {
    /// The tensors by name, in the order of their values.
    pub tensors: Vec<(String, TypedTensor)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// Whether the file carried the checksum of ours.
    pub sealed: bool,
}

/// Reads the bytes of a file of ours: f32 tensors.
///
/// # Errors
/// When the file is cut short or longer than its header says, when tensors overlap or leave gaps, when one is not f32 or
/// has a value that is not finite or a negative variance, when the header is not the JSON it should be, or when the file
/// carries a checksum of ours and is not what was written.
pub fn safetensors_from_bytes(bytes: &[u8]) -> Result<SafetensorsFile, FormatError> {
    let TypedSafetensors {
        tensors,
        metadata,
        sealed,
    } = read(bytes, &[ElementType::F32])?;
    let mut weights = Weights::new();
    for (name, tensor) in tensors {
        let TypedData::F32(data) = tensor.data else { continue };
        let shape = tensor.shape;
        weights.insert(name, Tensor { shape, data });
    }
    weights.check_numbers()?;
    Ok(SafetensorsFile {
        weights,
        metadata,
        sealed,
    })
}

/// Reads the bytes of a file of any origin; see [`TypedData`] for what becomes of the element types.
///
/// # Errors
/// As [`safetensors_from_bytes`], but only for element types that PyTorch's state dicts do not have.
pub fn typed_safetensors_from_bytes(bytes: &[u8]) -> Result<TypedSafetensors, FormatError> {
    read(bytes, &ElementType::ALL)
}

fn read(bytes: &[u8], known: &[ElementType]) -> Result<TypedSafetensors, FormatError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(FormatError::safetensors(format!(
            "{} bytes are too few for a header",
            bytes.len()
        )));
    };
    let length = u64::from_le_bytes(*length);
    if length > LONGEST_HEADER {
        return Err(FormatError::too_large(
            "bytes of a safetensors header",
            length,
            LONGEST_HEADER,
        ));
    }
    let Some((header, values)) = usize::try_from(length)
        .ok()
        .and_then(|length| rest.split_at_checked(length))
    else {
        let reason = format!(
            "the header should have {length} bytes, the file ends after {}",
            rest.len()
        );
        return Err(FormatError::safetensors(reason));
    };
    let mut header: Header = serde_json::from_slice(header)?;
    header.entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let sealed = header.check(values)?;
    let Header { metadata, entries } = header;
    let mut tensors = Vec::new();
    let mut end = 0_u64;
    for (name, entry) in entries {
        let tensor = tensor(&name, entry, known, &mut end, values)?;
        tensors.push((name, tensor));
    }
    if end != values.len() as u64 {
        let reason = format!("the tensors take {end} bytes, the file has {}", values.len());
        return Err(FormatError::safetensors(reason));
    }
    Ok(TypedSafetensors {
        tensors,
        metadata,
        sealed,
    })
}

/// Cuts one tensor out of the values; it must begin where the last one ended.
fn tensor(
    name: &str,
    entry: Entry,
    known: &[ElementType],
    end: &mut u64,
    values: &[u8],
) -> Result<TypedTensor, FormatError> {
    let [begin, stop] = entry.data_offsets;
    let Some(element_type) = known.iter().find(|known| known.safetensors_name() == entry.dtype) else {
        let known: Vec<&str> = known.iter().map(|known| known.safetensors_name()).collect();
        let reason = format!("holds {}, only {} is supported", entry.dtype, known.join(", "));
        return Err(FormatError::tensor(name, reason));
    };
    if begin != *end {
        return Err(FormatError::tensor(
            name,
            format!("begins at byte {begin}, expected {end}"),
        ));
    }
    let length = stop.checked_sub(begin);
    let unit = element_type.bytes() as u64;
    if length.is_none() || length != byte_length(&entry.shape, unit) {
        let reason = format!("axes {:?} do not fill bytes {begin} to {stop}", entry.shape);
        return Err(FormatError::tensor(name, reason));
    }
    *end = stop;
    let range = usize::try_from(begin).ok().zip(usize::try_from(stop).ok());
    let Some(bytes) = range.and_then(|(begin, stop)| values.get(begin..stop)) else {
        let reason = format!("ends at byte {stop}, the file has {}", values.len());
        return Err(FormatError::tensor(name, reason));
    };
    // Every axis fits: either it divides the length of something in memory, or the tensor is empty.
    let shape: Result<Vec<usize>, _> = entry.shape.iter().map(|axis| usize::try_from(*axis)).collect();
    let shape = shape.map_err(|_| FormatError::tensor(name, "has an axis out of range"))?;
    TypedTensor::from_bytes(*element_type, shape, bytes).map_err(|reason| FormatError::tensor(name, reason))
}

fn byte_length(shape: &[u64], unit: u64) -> Option<u64> {
    shape.iter().try_fold(unit, |product, axis| product.checked_mul(*axis))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// A JSON object: the metadata under their reserved name, and every tensor under its own.
struct Header {
    metadata: BTreeMap<String, String>,
    entries: Vec<(String, Entry)>,
}

impl Header {
    /// BLAKE3 over everything else in the header, and the values.
    fn checksum(&self, values: &[u8]) -> Result<ContentHash, FormatError> {
        let header = serde_json::to_vec(self)?;
        Ok(ContentHash::of_parts(
            "panarch safetensors v1",
            [header.as_slice(), values],
        ))
    }

    /// Takes the checksum out, if there is one, and compares it with what the file holds.
    fn check(&mut self, values: &[u8]) -> Result<bool, FormatError> {
        let Some(claimed) = self.metadata.remove(CHECKSUM) else {
            return Ok(false);
        };
        if self.checksum(values)?.to_string() != claimed {
            let reason = "its checksum is that of another content: it was damaged or changed after it was written";
            return Err(FormatError::safetensors(reason));
        }
        Ok(true)
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        if !self.metadata.is_empty() {
            map.serialize_entry(METADATA, &self.metadata)?;
        }
        for (name, entry) in &self.entries {
            map.serialize_entry(name, entry)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry for each tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut metadata = None;
                let mut entries = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        if metadata.replace(map.next_value()?).is_some() {
                            return Err(A::Error::duplicate_field(METADATA));
                        }
                    } else if let Some(_old) = entries.insert(name.clone(), map.next_value()?) {
                        return Err(A::Error::custom(format_args!("tensor `{name}` occurs twice")));
                    }
                }
                Ok(Header {
                    metadata: metadata.unwrap_or_default(),
                    entries: entries.into_iter().collect(),
                })
            }
        }
        deserializer.deserialize_map(Object)
    }
}
