//! Integration tests of the file formats.

mod allocation;
mod damage;
mod onnx_round_trip;
mod parity;
mod random_network;
mod safetensors_files;
mod tflite_damage;
mod tflite_files;
mod torch_archives;
mod torch_bombs;
mod torch_damage;
mod torch_files;
mod torch_flips;
mod torch_hostile;
mod torch_reference;
mod torch_writer;
mod zip_writer;
