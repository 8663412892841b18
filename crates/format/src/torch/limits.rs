//! What the reader of PyTorch checkpoints accepts at most. Every bound is far above any checkpoint of this field, and
//! together they keep what a hostile file can make the reader allocate near the size of the file.

/// Steps of one pickle: its opcodes, and the entries that a construction copies.
pub const STEPS: u64 = 1 << 20;
/// Values of the tree, each counted as often as it stands there, and axes of tensors. A small pickle can refer to one
/// list many times over, and the tree would grow without end.
pub const VALUES: u64 = 1 << 18;
/// How deep containers nest. Reading, comparing and dropping a tree recurse this deep and no deeper.
pub const DEPTH: usize = 64;
/// Axes of a tensor, PyTorch's own bound.
pub const AXES: usize = 64;
/// Bytes of an integer of arbitrary size.
pub const INTEGER_BYTES: usize = 16;
/// Bytes of the key of a storage.
pub const KEY_BYTES: usize = 256;
/// Bytes of the dotted name of a tensor.
pub const NAME_BYTES: usize = 1024;
/// Bytes of all names together.
pub const ALL_NAME_BYTES: u64 = 16 << 20;

/// Bytes of all texts and tensors of the tree. Twice the file, because half-precision values become f32; the rest is
/// for tensors that share a storage.
pub fn bytes(file: usize) -> u64 {
    (file as u64).saturating_mul(2).saturating_add(16 << 20)
}
