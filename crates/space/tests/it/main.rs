//! Integration tests of the search spaces.

mod small;
