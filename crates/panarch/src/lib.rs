//! Hardware-aware neural architecture search for vision models: the library facade and the binary.
