//! Device profiles as data and the pure cost sources.
