//! Search spaces as data: decisions, genotypes, canonical form, exact sizes, lowering to networks.
