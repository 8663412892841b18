//! The pure crates do no I/O, read no clock and take randomness as an argument.

use super::Finding;
use super::code::holds;
use super::tree::File;

const PURE: [&str; 5] = ["graph", "space", "cost", "nn", "search"];

/// Paths, types and macros that reach outside.
const FORBIDDEN: [&str; 19] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "env::var",
    "File::open",
    "Instant",
    "SystemTime",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "stdout",
    "stderr",
    "stdin",
    "OsRng",
    "from_os_rng",
    "rand::rng",
    "thread_rng",
];

/// Modules of `std` that a grouped import must not name.
const MODULES: [&str; 4] = ["fs", "net", "env", "process"];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && is_pure(file)) {
        let code = file.shipped_code();
        let mut complain = |line: usize, what: &str| {
            let message = format!("`{what}` has no place in a crate that is a pure function");
            findings.push(Finding::new(&file.path, line, message));
        };
        for (index, line) in code.lines().enumerate() {
            for word in FORBIDDEN.iter().filter(|word| holds(line, word)) {
                complain(index + 1, word);
            }
        }
        for (at, _) in code.match_indices("use std::{") {
            let group = code[at..].split(';').next().unwrap_or("");
            let line = code[..at].lines().count();
            for module in MODULES.iter().filter(|module| holds(group, module)) {
                complain(line + 1, &format!("std::{module}"));
            }
        }
    }
    findings
}

fn is_pure(file: &File) -> bool {
    let in_crate = file.in_crate();
    in_crate.is_some_and(|(name, _)| PURE.contains(&name)) && !file.is_test()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaching_outside_is_found_in_shipped_code_of_pure_crates() {
        let reaching = "fn a() {}\nuse std::{fmt,\n fs};\nlet t = Instant::now();\n";
        let lines = |path: &str, text: &str| -> Vec<usize> {
            let findings = check(&[File::new(path, text)]);
            findings.iter().map(|finding| finding.line).collect()
        };
        assert_eq!(lines("crates/nn/src/a.rs", reaching), [4, 2]);
        assert_eq!(lines("crates/nn/tests/it/a.rs", reaching), [0usize; 0]);
        assert_eq!(lines("crates/train/src/a.rs", reaching), [0usize; 0]);
        let test = format!("//! std::fs\n#[cfg(test)]\nmod tests {{\n{reaching}}}\n");
        assert_eq!(lines("crates/nn/src/a.rs", &test), [0usize; 0]);
    }
}
