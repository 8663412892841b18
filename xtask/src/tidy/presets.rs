//! Every file of a space, device or schedule is embedded in the library: a preset that nobody can ask for is dead.

use super::Finding;
use super::tree::File;

/// A folder of data and the crate that embeds its files.
const EMBEDDED: [(&str, &str); 3] = [("spaces", "space"), ("devices", "cost"), ("schedules", "train")];

pub fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, embedding) in EMBEDDED {
        let sources: Vec<&File> = files
            .iter()
            .filter(|file| file.in_crate().is_some_and(|(name, _)| name == embedding))
            .filter(|file| file.is_rust() && file.text.contains("include_str!"))
            .collect();
        for file in files {
            let Some(name) = file.path.strip_prefix(&format!("{folder}/")) else {
                continue;
            };
            let Some(stem) = name.strip_suffix(".toml") else {
                continue;
            };
            let path = format!("{folder}/{name}");
            // A macro may make the path of the name alone.
            let quoted = format!("\"{}\"", stem.rsplit('/').next().unwrap_or(stem));
            let named = |file: &&File| file.text.contains(&path) || file.text.contains(&quoted);
            if !sources.iter().any(named) {
                let message = format!("is not embedded by panarch-{embedding}");
                findings.push(Finding::new(&file.path, 0, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_that_is_not_embedded_is_found() {
        let files = [
            File::new("devices/known.toml", ""),
            File::new("devices/forgotten.toml", ""),
            File::new(
                "crates/cost/src/presets.rs",
                "include_str!(\"../../../devices/known.toml\")",
            ),
        ];
        let paths: Vec<String> = check(&files).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["devices/forgotten.toml"]);
    }
}
