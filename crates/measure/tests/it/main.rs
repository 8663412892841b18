//! Integration tests of runtimes, the host device and export checks.
