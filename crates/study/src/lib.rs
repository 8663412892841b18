//! Trials, objectives, Pareto fronts and storage.
