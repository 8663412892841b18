//! What must hold before a change lands, step by step.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::lacking;

/// Every step, also after one has failed; whether all passed.
pub fn check(root: &Path) -> Result<bool> {
    let mut failed = Vec::new();
    let mut note = |name: &'static str, passed: bool| {
        if !passed {
            failed.push(name);
        }
    };
    note("fmt", cargo(root, "fmt --all --check")?);
    note(
        "clippy",
        cargo(root, "clippy --workspace --all-targets --locked -- -D warnings")?,
    );
    note("test", test(root)?);
    println!("\n== tidy");
    note("tidy", crate::run_tidy(root)?);
    println!("\n== pages");
    note("pages", crate::pages::run(root, true)?);
    if installed("deny") {
        note("deny", cargo(root, "deny check bans licenses sources")?);
    } else {
        println!("\n== cargo-deny is not installed: bans, licences and sources are not checked");
    }
    match failed.as_slice() {
        [] => println!("\ncheck: all passed"),
        steps => println!("\ncheck: failed in {}", steps.join(", ")),
    }
    Ok(failed.is_empty())
}

/// Tests and doc tests, and a line about those that lacked reference data; whether all passed.
pub fn test(root: &Path) -> Result<bool> {
    let lacked = lacking::file(root);
    // What an earlier run wrote; it may not be there.
    let _ = std::fs::remove_file(&lacked);
    let passed = run_tests(root)?;
    let text = std::fs::read_to_string(&lacked).unwrap_or_default();
    println!("\n{}", lacking::summary(&text));
    Ok(passed)
}

fn run_tests(root: &Path) -> Result<bool> {
    let tests = if installed("nextest") {
        cargo(root, "nextest run --workspace --locked --no-fail-fast")?
    } else {
        println!("cargo-nextest is not installed: `cargo test` runs the tests");
        let targets = "test --workspace --locked --no-fail-fast --lib --bins --tests";
        cargo(root, &format!("{targets} -- --show-output"))?
    };
    let doc_tests = cargo(root, "test --workspace --locked --doc --quiet")?;
    Ok(tests && doc_tests)
}

/// Runs cargo with arguments that hold no spaces of their own; whether it succeeded.
fn cargo(root: &Path, arguments: &str) -> Result<bool> {
    println!("\n== cargo {arguments}");
    let status = Command::new(program())
        .args(arguments.split_whitespace())
        .current_dir(root)
        .env(lacking::VARIABLE, lacking::file(root))
        .status()
        .with_context(|| format!("cannot start cargo {arguments}"))?;
    Ok(status.success())
}

fn installed(subcommand: &str) -> bool {
    Command::new(program())
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that runs this program, else the one in the path.
pub fn program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string())
}
