//! The impure cost sources: the measuring protocol, inference runtimes, export checks.
