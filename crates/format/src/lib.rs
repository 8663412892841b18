//! Files in and out: ONNX and safetensors.
//!
//! [`write_onnx`] and [`read_onnx`] carry a network with its weights; [`write_safetensors`] and [`read_safetensors`]
//! carry weights alone; [`atomic_write`] puts bytes into a file so that a reader sees the old or the new content and
//! nothing between. Every reader treats its bytes as hostile: lengths are checked before anything is allocated for
//! them, and what is wrong comes back as a [`FormatError`], never as a panic.
#![forbid(unsafe_code)]

mod atomic;
mod error;
mod onnx;
mod safetensors;

pub use atomic::atomic_write;
pub use error::FormatError;
pub use onnx::{
    BatchNormExport, ONNX_INPUT, ONNX_OPSET, ONNX_OUTPUT, OnnxMetadata, OnnxModel, OnnxOptions, read_onnx, write_onnx,
};
pub use safetensors::{
    SafetensorsFile, read_safetensors, safetensors_bytes, safetensors_from_bytes, write_safetensors,
};
