//! Writes the seeds of all targets, or runs one target on files: what a fuzzer found, once more.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use panarch_fuzz::{TARGETS, target};

const USAGE: &str = "\
panarch-fuzz seeds FOLDER            writes the seeds of every target, one folder each
panarch-fuzz run TARGET FILE...      gives files to a target
panarch-fuzz list                    names the targets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["list"] => {
            for target in TARGETS {
                println!("{}", target.name);
            }
            Ok(())
        }
        ["seeds", folder] => write_seeds(Path::new(folder)),
        ["run", name, files @ ..] if !files.is_empty() => run(name, files),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn write_seeds(folder: &Path) -> Result<(), String> {
    for target in TARGETS {
        let folder = folder.join(target.name);
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(failed)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed).map_err(failed)?;
        }
    }
    Ok(())
}

fn run(name: &str, files: &[&str]) -> Result<(), String> {
    let target = target(name).ok_or_else(|| format!("there is no target `{name}`"))?;
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        (target.run)(&bytes);
        println!("{file}: {} bytes, nothing happened", bytes.len());
    }
    Ok(())
}
