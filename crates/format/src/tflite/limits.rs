//! Bounds of what is written and read; far above any network of this field.

/// Bytes of a file of ours; flat buffers end at 2 GiB, and growing one doubles it.
pub const WRITTEN_BYTES: u64 = 1 << 30;
/// Bytes of a file that is read; offsets have 32 bits, of which the format uses 31.
pub const READ_BYTES: u64 = i32::MAX as u64;
/// Graphs, tensors, operators, buffers or entries of metadata of a file, each.
pub const ENTRIES: u64 = 1 << 18;
/// Axes of a tensor.
pub const AXES: u64 = 16;
/// Inputs and outputs of an operator.
pub const OPERANDS: u64 = 1 << 12;
/// Bytes of an entry of the metadata.
pub const METADATA: u64 = 1 << 20;
