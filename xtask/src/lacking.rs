//! Tests that had no reference data: counted and named at the end, where they are seen.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// As in `panarch_testkit::LACKED`, which a test compares.
pub const VARIABLE: &str = "PANARCH_TESTS_LACKED";

/// Where the tests write what they lacked: a line each time, the test and the path with a tab between them.
pub fn file(root: &Path) -> PathBuf {
    root.join("target/tests-lacked.txt")
}

/// One line about the tests that lacked something.
pub fn summary(text: &str) -> String {
    let tests: BTreeSet<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
    match tests.len() {
        0 => "reference data: no test was skipped".to_owned(),
        1 => format!("reference data: 1 test was skipped or cut short, which lacks them: {WHERE}"),
        count => format!("reference data: {count} tests were skipped or cut short, which lack them: {WHERE}"),
    }
}

const WHERE: &str = "they lie in ../shared/data beside the checkout, or where PANARCH_REFERENCE_DATA says";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_once() {
        assert_eq!(summary(""), "reference data: no test was skipped");
        assert!(summary("it a\tx\nit a\ty\n").starts_with("reference data: 1 test was"));
        assert!(summary("it a\tx\nit b\tx\nit a\ty\n").starts_with("reference data: 2 tests were"));
    }

    #[test]
    fn the_variable_is_that_of_the_testkit() {
        let testkit = crate::root().join("crates/testkit/src/reference.rs");
        let text = std::fs::read_to_string(testkit).expect("the testkit can be read");
        assert!(text.contains(&format!("LACKED: &str = \"{VARIABLE}\"")));
        assert!(WHERE.contains("PANARCH_REFERENCE_DATA") && text.contains("\"PANARCH_REFERENCE_DATA\""));
    }
}
