//! What the ONNX reader accepts at most. Every bound is far above any network of this field and low enough that a
//! hostile file can neither exhaust memory nor overflow a count.

/// Bytes of a file; also the largest message that protocol buffers allow.
pub const BYTES: u64 = i32::MAX as u64;
/// Fields in the whole file, at every depth; bounds what decoding allocates beyond the bytes themselves.
pub const FIELDS: u64 = 1 << 20;
/// Nodes of a graph.
pub const NODES: u64 = 1 << 15;
/// Channels of a value.
pub const CHANNELS: i64 = 1 << 20;
/// Height and width of a value.
pub const PIXELS: i64 = 1 << 14;
/// Window sizes, strides, dilations and paddings.
pub const WINDOW: i64 = 1 << 10;
/// Bytes that may be computed from the constants of a file of others, for each byte of the file and on top of that.
pub const FOREIGN_FACTOR: u64 = 32;
/// See [`FOREIGN_FACTOR`].
pub const FOREIGN_FLOOR: u64 = 64 << 20;
/// Axes of a constant.
pub const AXES: usize = 8;
