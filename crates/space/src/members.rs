//! The members of a space: drawn, varied, named, enumerated, counted.

pub(crate) mod branch;
pub(crate) mod count;
pub(crate) mod cover;
pub(crate) mod distinct;
pub(crate) mod enumerate;
pub(crate) mod named;
pub(crate) mod subspace;
pub(crate) mod variation;
