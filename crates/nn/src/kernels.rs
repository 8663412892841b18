//! The inner loops. Each works on rows of channels (NHWC) behind raw pointers, is generic over the vector type and
//! compiled for every instruction set.

pub(crate) mod activation;
#[cfg(test)]
mod against_scalar;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod layer_norm;
#[cfg(test)]
mod not_a_number;
pub(crate) mod pooling;
pub(crate) mod prefetch;
pub(crate) mod product;
pub(crate) mod reduction;
pub(crate) mod saved;
