//! Project automation: `cargo xtask check`, `cargo xtask test`, `cargo xtask tidy`, `cargo xtask pages`,
//! `cargo xtask docs`.

mod check;
mod lacking;
mod pages;
mod reference_pages;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
cargo xtask check   everything that must hold before a change lands: format, clippy, tests, tidy, cargo-deny
cargo xtask test    the tests and doc tests, with nextest where it is installed
cargo xtask tidy    the rules of the tree: layers, sizes, names, words, links, purity
cargo xtask pages   compute every figure of the pages anew from their tables (--check: only name what does not follow)
cargo xtask docs    write the reference pages anew from the code
";

fn main() -> ExitCode {
    let verb = std::env::args().nth(1).unwrap_or_default();
    let outcome = match verb.as_str() {
        "check" => check::check(&root()),
        "test" => check::test(&root()),
        "tidy" => run_tidy(&root()),
        "docs" => reference_pages::write(&root()),
        "pages" => pages::run(&root(), std::env::args().any(|it| it == "--check")),
        "" | "help" | "-h" | "--help" => {
            print!("{HELP}");
            Ok(true)
        }
        other => {
            eprint!("there is no `{other}` here\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_path_buf()
}

/// Prints the findings; whether there were none.
fn run_tidy(root: &Path) -> Result<bool> {
    let findings = tidy::findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: nothing to complain about"),
        count => println!("tidy: {count} findings"),
    }
    Ok(findings.is_empty())
}
