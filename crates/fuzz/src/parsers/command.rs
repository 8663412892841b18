//! Devices behind a command: what they answer, and the small languages of their profiles.

use panarch_cost::profile::command::{AnswerSource, Argument, FilePattern, JsonStep, Parser, Unit, ValueReader, Which};
use panarch_measure::read_answer;

use super::{texts, with_text};
use crate::Target;

/// Readers of every kind, as a profile would give them.
fn readers() -> Vec<ValueReader> {
    let parsers = [
        Parser::Regex {
            pattern: r"latency[:=]\s*([-+0-9.eE]+)".to_owned(),
            which: Which::Last,
        },
        Parser::Csv {
            column: "cycles".to_owned(),
            which: Which::Sum,
        },
        Parser::Json {
            path: JsonStep::parse_path("results[0].latency").unwrap_or_default(),
        },
    ];
    parsers
        .into_iter()
        .map(|parser| ValueReader {
            from: AnswerSource::Stdout,
            parser,
            unit: Unit {
                name: "ms".to_owned(),
                scale: 1e-3,
            },
        })
        .collect()
}

pub const ANSWER: Target = Target {
    name: "answer",
    seeds: || {
        texts([
            "latency: 1.5e0\nlatency = 2",
            "layer,cycles\n\"a, b\",12\nb,3\n",
            "{\"results\": [{\"latency\": 3.5}, {\"latency\": \"4\"}]}",
        ])
    },
    run: |bytes| {
        for reader in readers() {
            if let Ok(value) = read_answer(&reader, bytes) {
                assert!(value.is_finite() && value > 0.0, "an answer of {value}");
            }
        }
    },
};

pub const PATTERN: Target = Target {
    name: "pattern",
    seeds: || {
        texts([
            "results[0].latency_ms",
            "out/*.csv",
            "--model={model}",
            "{output}/summary_*.csv",
        ])
    },
    run: |bytes| {
        with_text(bytes, |text| {
            let _ = JsonStep::parse_path(text);
            let _ = FilePattern::parse(text);
            let _ = Argument::parse(text);
        });
    },
};
