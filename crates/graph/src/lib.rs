//! The network graph: operators, shapes, counts, liveness, rewriting passes and content hash.
