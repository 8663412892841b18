//! Reading a schedule's file.

use panarch_space::Property;
use panarch_toml::{Diagnostics, Document, Table, did_you_mean};

use super::{Distillation, Open, Phase, PolicyPace, Sampling, Schedule, Sorting, Teacher};
use crate::optimisation::Pace;

/// Most phases of a schedule.
const MOST_PHASES: usize = 64;

impl Schedule {
    /// Reads a schedule from TOML text. `file_name` is only used in messages.
    ///
    /// ```toml
    /// name = "my-schedule"
    /// version = 1
    /// description = "What it is"        # optional, as is source
    /// batch = 32                        # images a step that the learning rates are for
    /// kernel_matrices = false           # optional
    ///
    /// [[phase]]
    /// name = "all"
    /// open = ["kernel", "depth:2"]      # which choices: every kernel, the two largest depths; ["*"] for all; else the largest
    /// sampling = "uniform"              # or largest, sandwich, fair, policy
    /// networks = 1                      # a step
    /// epochs = 3
    /// warmup_epochs = 0.1               # optional, as is last_learning_rate
    /// learning_rate = 0.3
    /// distillation = 1                  # optional: the weight of the teacher's answer
    /// teacher = "frozen"                # or in-place
    /// sort_channels = "whole"           # optional; or segments
    /// ```
    ///
    /// # Errors
    /// Every mistake of the file at once, each with its line and, where there is one, a suggestion.
    pub fn from_toml(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        let document = Document::parse(file_name, text)?;
        let root = document.root();
        let schedule = schedule(&root);
        root.finish();
        document.finish(schedule)
    }
}

fn schedule(root: &Table<'_>) -> Option<Schedule> {
    let name = root.string("name");
    let version = root.u32_in("version", 1..);
    let description = root.optional_string("description").unwrap_or_default();
    let source = root.optional_string("source").unwrap_or_default();
    let batch = root.usize_in("batch", 1..=1 << 20);
    let kernel_matrices = root.optional_bool("kernel_matrices").unwrap_or(false);
    let tables = root.tables("phase");
    if tables.is_empty() || tables.len() > MOST_PHASES {
        let message = format!("a schedule has 1 to {MOST_PHASES} `[[phase]]` tables");
        root.problem("phase", message, None);
    }
    let phases: Vec<Option<Phase>> = tables.into_iter().map(phase).collect();
    Some(Schedule {
        name: name?,
        version: version?,
        description,
        source,
        batch: batch?,
        kernel_matrices,
        phases: phases.into_iter().collect::<Option<_>>()?,
    })
}

fn phase(table: Table<'_>) -> Option<Phase> {
    let name = table.string("name");
    let open = open(&table);
    let sampling = table
        .optional_one_of("sampling", &Sampling::NAMES)
        .unwrap_or(Sampling::Uniform);
    let networks = table.optional_u32_in("networks", 1..=64).unwrap_or(1);
    let epochs = table.f64_in("epochs", 1e-6..=1e6);
    let learning_rate = table.f64_in("learning_rate", 1e-9..=1e3);
    let warmup_epochs = table.optional_f64_in("warmup_epochs", 0.0..=1e6).unwrap_or(0.0);
    let last_learning_rate = table.optional_f64_in("last_learning_rate", 0.0..=1e3).unwrap_or(0.0);
    let ratio = table.optional_f64_in("distillation", 0.0..=100.0);
    let teacher = table.optional_one_of("teacher", &Teacher::NAMES);
    if ratio.is_some_and(|ratio| ratio > 0.0) != teacher.is_some() {
        let message = "`distillation` (the weight of the teacher's answer) and `teacher` (who it is) go together";
        table.problem(
            if teacher.is_some() { "teacher" } else { "distillation" },
            message,
            None,
        );
    }
    let sorting = table
        .optional_one_of("sort_channels", &Sorting::NAMES)
        .unwrap_or_default();
    let policy = table.optional_table("policy").and_then(policy);
    let distillation = ratio.zip(teacher).map(|(ratio, teacher)| Distillation {
        ratio: ratio as f32,
        teacher,
    });
    let pace = epochs.zip(learning_rate).map(|(epochs, learning_rate)| Pace {
        epochs,
        learning_rate,
        last_learning_rate,
        warmup_epochs,
    });
    let phase = name.zip(pace).map(|(name, pace)| Phase {
        name,
        open,
        sampling,
        networks,
        pace,
        distillation,
        sorting,
        policy,
    });
    if let Some(Err(error)) = phase.as_ref().map(Phase::check) {
        table.problem_at(table.at(), error.to_string(), None);
    }
    table.finish();
    phase
}

/// `["kernel", "depth:2"]`, or `["*"]`.
fn open(table: &Table<'_>) -> Open {
    let Some(items) = table.optional_list_of_strings("open") else {
        return Open::Dimensions(Vec::new());
    };
    if items.iter().any(|item| item == "*") {
        if items.len() > 1 {
            table.problem("open", "`*` opens everything; nothing can stand beside it", Some("*"));
        }
        return Open::All;
    }
    let mut dimensions = Vec::new();
    for item in items {
        let (name, largest) = item
            .split_once(':')
            .map_or((&item[..], None), |(name, most)| (name, Some(most)));
        let Some(property) = Property::ALL.into_iter().find(|property| property.name() == name) else {
            let known = Property::ALL.map(Property::name);
            let message = format!(
                "`{name}` is nothing that a space can leave open; known are {}",
                known.join(", ")
            );
            table.problem("open", message, did_you_mean(name, known).as_deref());
            continue;
        };
        let most = largest.map_or(Some(usize::MAX), |text| text.parse().ok().filter(|most| *most > 0));
        match most {
            Some(_) if dimensions.iter().any(|(known, _)| *known == property) => {
                table.problem("open", format!("`{name}` stands there twice"), None);
            }
            Some(most) => dimensions.push((property, most)),
            None => {
                let message = format!("`{item}`: behind the colon stands how many of the largest choices are open");
                table.problem("open", message, Some(&format!("{name}:2")));
            }
        }
    }
    Open::Dimensions(dimensions)
}

fn policy(table: Table<'_>) -> Option<PolicyPace> {
    let pace = PolicyPace {
        warm_up: table.optional_f64_in("warm_up", 0.0..=0.9).unwrap_or(0.25),
        learning_rate: table.f64_in("learning_rate", 1e-9..=10.0).unwrap_or(0.0),
        last_learning_rate: table.f64_in("last_learning_rate", 1e-9..=10.0).unwrap_or(0.0),
        baseline_momentum: table.optional_f64_in("baseline_momentum", 0.0..=0.9999).unwrap_or(0.95),
        validation_batch: table.optional_usize_in("validation_batch", 1..=1024).unwrap_or(4),
    };
    table.finish();
    Some(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_shown() {
        let text = r#"
name = "wrong"
version = 0
batch = 32
kernels = true

[[phase]]
name = "a"
open = ["kernal", "depth:0", "width", "width:2"]
sampling = "unifrom"
epochs = -1
learning_rate = 0.1
teacher = "frozen"

[[phase]]
name = "b"
epoch = 3
open = ["*"]
sampling = "policy"
epochs = 1
warmup_epochs = 2
learning_rate = 0.1
"#;
        let problems = Schedule::from_toml("wrong.toml", text).unwrap_err();
        let all = problems.rich();
        let expected = [
            "version",
            "kernels",
            "kernal",
            "depth:0",
            "unifrom",
            "epochs",
            "go together",
            "warmup_epochs",
            "twice",
            "`phase[1].epoch`",
        ];
        for part in expected {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
        assert!(problems.len() >= expected.len(), "{all}");
    }
}
