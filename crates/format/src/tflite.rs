//! TFLite: int8 files out, and the structure of any file in.
//!
//! [`write()`] makes of a network what runtimes on phones and microcontrollers and the compilers of their vendors read.
//! [`read_structure`] says what a file holds without its weights. Numbers and names of the format are those of TensorFlow
//! Lite's schema, version 3.

mod cursor;
mod draft;
mod encode;
mod limits;
mod lower;
mod quantise;
mod ranges;
mod read;
mod read_operator;
mod schema;
mod source;
mod structure;
mod write;

pub use ranges::Ranges;
pub use read::read_structure;
pub use structure::{
    CONTENT_HASH_KEY, Element, Fused, Graph, Operator, OperatorKind, Quantisation, Structure, Tensor, Window,
    WindowPadding,
};
pub use write::{Values, write};
