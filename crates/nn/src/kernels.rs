//! The inner loops. Each works on rows of channels (NHWC) behind raw pointers, is generic over the vector type and
//! compiled for every instruction set.

pub(crate) mod activation;
pub(crate) mod ahead;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod kept;
#[cfg(test)]
mod not_a_number;
pub(crate) mod pooling;
pub(crate) mod product;
pub(crate) mod reduction;
#[cfg(test)]
mod twins;
