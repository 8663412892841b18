//! TOML: documents, spaces, device profiles, run files, schedules.

use panarch::RunFile;
use panarch_cost::{DeviceProfile, preset_names};
use panarch_space::{Head, Space};
use panarch_toml::Document;
use panarch_train::Schedule;

use super::{texts, with_text};
use crate::Target;

/// Members of a space are built up to this many decisions, so that a target stays quick.
const MOST_DECISIONS: usize = 200;

const EXAMPLE: &str = include_str!("../../../../examples/fashion-mnist.toml");

pub const DOCUMENT: Target = Target {
    name: "toml",
    seeds: || texts([EXAMPLE, "a = [1, 2.5, 'x', 1979-05-27]\n[[b]]\nc.d = {e = true}\n"]),
    run: |bytes| {
        if let Err(problems) = Document::parse_bytes("fuzz.toml", bytes) {
            let _ = problems.to_string();
        }
    },
};

pub const SPACE: Target = Target {
    name: "space",
    seeds: || {
        texts(
            panarch_space::preset_names()
                .into_iter()
                .filter_map(|name| Space::preset_text(name).ok()),
        )
    },
    run: |bytes| with_text(bytes, space),
};

fn space(text: &str) {
    match Space::from_toml("fuzz.toml", text) {
        Ok(space) if space.decisions().len() <= MOST_DECISIONS => {
            let head = Head {
                classes: 10,
                input_channels: 3,
            };
            let _ = space.count();
            let resolution = space.resolutions().first().copied().unwrap_or(32);
            for genotype in [space.smallest(), space.largest()] {
                let _ = space.lower(&space.canonical(&genotype), head, resolution);
            }
        }
        Ok(_) => {}
        Err(problems) => {
            let _ = problems.to_string();
        }
    }
}

pub const PROFILE: Target = Target {
    name: "profile",
    seeds: || {
        let presets = preset_names().iter().filter_map(|name| panarch_cost::preset_text(name));
        let over = "base = \"systolic-32\"\nfallback = \"cortex-a53\"\n[clock]\nfrequency_hz = \"800 MHz\"\n\
                    [memory]\nactivation_bytes = { value = \"1 MiB\", assumption = \"a seed\" }\n\
                    [support]\noperators = [\"conv2d\"]\n";
        texts(presets.chain([over]))
    },
    run: |bytes| with_text(bytes, profile),
};

fn profile(text: &str) {
    match DeviceProfile::from_toml("fuzz.toml", text) {
        Ok(profile) => {
            // What a model makes of a strange machine must not panic either.
            if profile.accelerator().is_some()
                && let Ok(source) = profile.cost_source()
                && let Ok(network) = panarch_space::zoo::network("mobilenet-v2", 10, 32)
            {
                let _ = source.estimate(std::slice::from_ref(&network));
            }
        }
        Err(problems) => {
            let _ = problems.to_string();
        }
    }
}

pub const RUN_FILE: Target = Target {
    name: "run-file",
    seeds: || {
        texts([
            EXAMPLE.to_owned(),
            format!("{EXAMPLE}\0search.evaluations=5\0train.epochs=1"),
        ])
    },
    run: |bytes| {
        with_text(bytes, |text| {
            // What follows a zero byte is given as `--set`.
            let mut parts = text.split('\0');
            let file = parts.next().unwrap_or_default();
            let overrides: Vec<&str> = parts.collect();
            match RunFile::parse("fuzz.toml", file, &overrides) {
                Ok(file) => {
                    let text = file.resolved_toml();
                    let again = RunFile::parse::<&str>("resolved.toml", &text, &[]);
                    assert!(
                        again.is_ok_and(|again| again == file),
                        "a resolved run file is another one:\n{text}"
                    );
                }
                Err(problems) => {
                    let _ = problems.to_string();
                }
            }
        });
    },
};

pub const SCHEDULE: Target = Target {
    name: "schedule",
    seeds: || {
        texts(
            panarch_train::schedule::schedule_names()
                .into_iter()
                .filter_map(Schedule::preset_text),
        )
    },
    run: |bytes| {
        with_text(bytes, |text| {
            if let Err(problems) = Schedule::from_toml("fuzz.toml", text) {
                let _ = problems.to_string();
            }
        });
    },
};
