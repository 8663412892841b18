//! Files in and out: ONNX and safetensors.
