//! Learned cost models over genotypes, with intervals.
