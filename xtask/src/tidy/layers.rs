//! A crate uses only crates of lower layers, and only `panarch-measure` names an inference runtime.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Finding;
use crate::check::program;

/// Layer of each crate. The numbers are those of ARCHITECTURE.md.
const LAYERS: [(&str, u32); 16] = [
    ("panarch-graph", 0),
    ("panarch-toml", 0),
    ("panarch-space", 1),
    ("panarch-cost", 1),
    ("panarch-nn", 1),
    ("panarch-format", 1),
    ("panarch-measure", 2),
    ("panarch-predict", 2),
    ("panarch-study", 2),
    ("panarch-data", 2),
    ("panarch-train", 3),
    ("panarch-search", 3),
    ("panarch-report", 4),
    ("panarch-run", 5),
    ("panarch-reproduce", 6),
    ("panarch", 7),
];

/// Crates for development only: nothing depends on them but tests, and they depend on what they like.
const DEVELOPMENT: [&str; 3] = ["panarch-fuzz", "panarch-testkit", "xtask"];

/// Beginnings of the names of inference runtimes' crates.
const RUNTIMES: [&str; 5] = ["rten", "ort", "tract", "openvino", "tflite"];

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal dependency.
    kind: Option<String>,
}

/// Asks `cargo metadata` for the edges and compares them with the table.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let output = Command::new(program())
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot start cargo metadata")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {errors}");
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata's answer")?;
    Ok(compare(&metadata))
}

fn compare(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let manifest = match name.strip_prefix("panarch-") {
            Some(folder) => format!("crates/{folder}/Cargo.toml"),
            None if name == "panarch" => "crates/panarch/Cargo.toml".to_string(),
            None => format!("{name}/Cargo.toml"),
        };
        let mut complain = |message: String| findings.push(Finding::new(&manifest, 0, message));
        if DEVELOPMENT.contains(&name) {
            continue;
        }
        let Some(own) = layer(name) else {
            complain(format!("`{name}` has no layer in the table of tidy"));
            continue;
        };
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            let development = dependency.kind.as_deref() == Some("dev");
            let runtime = RUNTIMES.iter().any(|r| {
                used.strip_prefix(r)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            });
            if runtime && name != "panarch-measure" {
                complain(format!("only panarch-measure names a runtime, not `{used}`"));
            }
            if development {
                continue;
            }
            if DEVELOPMENT.contains(&used) {
                complain(format!("`{used}` is for dev-dependencies"));
            }
            if layer(used).is_some_and(|lower| lower >= own) {
                complain(format!("layer {own} must not use `{used}`, which is not lower"));
            }
        }
    }
    findings
}

fn layer(name: &str) -> Option<u32> {
    let found = LAYERS.iter().find(|(known, _)| *known == name);
    found.map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: name.to_string(),
            kind: kind.map(str::to_string),
        };
        Package {
            name: name.to_string(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn edges_upwards_and_sideways_are_found_and_dev_edges_are_not() {
        let table = [
            (package("panarch-space", &[("panarch-graph", None), ("toml", None)]), 0),
            (package("panarch-space", &[("panarch-cost", None)]), 1),
            (package("panarch-cost", &[("panarch-search", None)]), 1),
            (package("panarch-cost", &[("panarch-search", Some("dev"))]), 0),
            (package("panarch-cost", &[("panarch-testkit", None)]), 1),
            (package("panarch-format", &[("rten-tensor", None)]), 1),
            (package("panarch-measure", &[("rten", None), ("ort", None)]), 0),
            (package("panarch-new", &[]), 1),
            (package("xtask", &[("panarch", None)]), 0),
        ];
        for (package, expected) in table {
            let metadata = Metadata {
                packages: vec![package],
            };
            let findings = compare(&metadata);
            assert_eq!(findings.len(), expected, "{metadata:?} {findings:?}");
        }
    }
}
