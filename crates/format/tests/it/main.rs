//! Integration tests of the file formats.

mod damage;
mod onnx_round_trip;
mod parity;
mod random_network;
mod safetensors_files;
