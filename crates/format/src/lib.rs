//! Files in and out: ONNX, TFLite (int8, out only), safetensors, and PyTorch checkpoints (in only).
//!
//! [`write_onnx`] and [`read_onnx`] carry a network with its weights, [`read_onnx_file`] also models of other tools with the
//! files beside them; [`tflite`] writes int8 files for phones and vendors' compilers; [`write_safetensors`] and [`read_safetensors`] carry weights alone; [`read_torch`] reads the
//! checkpoints that PyTorch writes; [`atomic_write`] puts bytes into a file so that a reader sees the old or the new content and
//! nothing between. Every reader treats its bytes as hostile: lengths are checked before anything is allocated for
//! them, and what is wrong comes back as a [`FormatError`], never as a panic.
//!
//! ```
//! use panarch_format::{OnnxOptions, read_onnx, write_onnx};
//! use panarch_graph::{Conv2d, NetworkBuilder, Op, Shape, Weights, stream};
//!
//! let mut builder = NetworkBuilder::new("one layer", Shape::new(3, 8, 8));
//! let input = builder.input();
//! let conv = builder.add("conv", Op::Conv2d(Conv2d::square(4, 3, 1)), &[input])?;
//! let network = builder.finish(conv)?;
//! let weights = Weights::random(&network, &mut stream(1, "weights", 0));
//!
//! let bytes = write_onnx(&network, &weights, &OnnxOptions::default())?;
//! let model = read_onnx(&bytes)?;
//! assert_eq!(model.network, network);
//! assert_eq!(model.metadata.content_hash, Some(network.content_hash()));
//! assert!(read_onnx(&bytes[..bytes.len() / 2]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod atomic;
mod error;
mod onnx;
mod outside;
mod safetensors;
mod temporary;
pub mod tflite;
mod torch;
mod typed_tensor;
mod view;

pub use atomic::atomic_write;
pub use error::FormatError;
pub use onnx::{
    BatchNormExport, ONNX_INPUT, ONNX_OPSET, ONNX_OUTPUT, OnnxMetadata, OnnxModel, OnnxOptions, OnnxReadOptions,
    read_onnx, read_onnx_file, read_onnx_with, write_onnx,
};
pub use outside::{FileKind, open_file, read_file, read_text};
pub use safetensors::{
    SafetensorsFile, TypedSafetensors, read_safetensors, safetensors_bytes, safetensors_from_bytes,
    typed_safetensors_from_bytes, write_safetensors,
};
pub use temporary::{TemporaryFolder, permit, remove_leftovers};
pub use torch::{TorchFile, TorchForm, TorchStateDict, TorchValue, read_torch};
pub use typed_tensor::{ElementType, TypedData, TypedTensor};
