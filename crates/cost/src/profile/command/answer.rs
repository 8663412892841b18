use serde::Serialize;

use super::FilePattern;

/// Where the latency is in what a command prints or writes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// One number.
    Value(ValueReader),
    /// The files of Arm's compiler Vela: every layer with its cycles.
    Vela,
}

/// Finds one number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueReader {
    /// The text that it is in.
    pub from: AnswerSource,
    /// How it is found there.
    pub parser: Parser,
    /// What it is in.
    pub unit: Unit,
}

/// The text that a number is in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSource {
    /// What the command prints.
    Stdout,
    /// What it prints as diagnostics.
    Stderr,
    /// The one file below the output folder that fits.
    File(FilePattern),
}

/// How a number is found in a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Parser {
    /// The capture group of a regular expression.
    Regex {
        /// The expression, with one capture group.
        pattern: String,
        /// Which of several matches.
        which: Which,
    },
    /// A column of a table with a header, separated by commas.
    Csv {
        /// The column's name in the header.
        column: String,
        /// Which of several rows.
        which: Which,
    },
    /// A number in a JSON document.
    Json {
        /// The way to it from the top.
        path: Vec<JsonStep>,
    },
}

/// Which of several numbers is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first.
    First,
    /// The last.
    Last,
    /// All of them together.
    Sum,
}

impl Which {
    /// Every choice with its name in profiles.
    pub const NAMES: [(&'static str, Self); 3] = [("first", Self::First), ("last", Self::Last), ("sum", Self::Sum)];
}

/// One step into a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonStep {
    /// The value of a key.
    Key(String),
    /// The item of a list, counted from 0.
    Index(usize),
}

impl JsonStep {
    /// Most steps of a path.
    pub const MOST: usize = 32;

    /// Reads a path such as `results[0].latency_ms` or `[0].latency_s.value`; `None` when it is none.
    #[must_use]
    pub fn parse_path(text: &str) -> Option<Vec<Self>> {
        let mut steps = Vec::new();
        for (number, part) in text.split('.').enumerate() {
            let (key, mut indices) = part.find('[').map_or((part, ""), |at| part.split_at(at));
            // Only the top of a document may be a list without a name.
            if key.is_empty() && (number > 0 || indices.is_empty()) || key.contains(']') {
                return None;
            }
            if !key.is_empty() {
                steps.push(Self::Key(key.to_owned()));
            }
            while !indices.is_empty() {
                let (index, rest) = indices.strip_prefix('[')?.split_once(']')?;
                if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                steps.push(Self::Index(index.parse().ok()?));
                indices = rest;
            }
        }
        (steps.len() <= Self::MOST).then_some(steps)
    }
}

/// What a number is in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Its name in profiles, such as `ms`.
    pub name: String,
    /// Seconds, joules or bytes of one.
    pub scale: f64,
}

impl Unit {
    /// Units of time; cycles need a clock.
    pub const TIMES: [(&'static str, f64); 4] = [("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)];
    /// Units of energy.
    pub const ENERGIES: [(&'static str, f64); 4] = [("J", 1.0), ("mJ", 1e-3), ("uJ", 1e-6), ("nJ", 1e-9)];
    /// Units of memory.
    pub const MEMORIES: [(&'static str, f64); 5] = [
        ("B", 1.0),
        ("kB", 1e3),
        ("KiB", 1024.0),
        ("MB", 1e6),
        ("MiB", 1_048_576.0),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_paths() {
        let key = |text: &str| JsonStep::Key(text.to_owned());
        let good = [
            ("a", vec![key("a")]),
            (
                "results[0].latency_ms",
                vec![key("results"), JsonStep::Index(0), key("latency_ms")],
            ),
            ("[2][3]", vec![JsonStep::Index(2), JsonStep::Index(3)]),
        ];
        for (text, steps) in good {
            assert_eq!(JsonStep::parse_path(text), Some(steps), "{text}");
        }
        let long = "a.".repeat(40) + "a";
        for text in [
            "",
            ".",
            "a.",
            "a..b",
            "a[",
            "a[]",
            "a[x]",
            "a[-1]",
            "a[+1]",
            "a]0[",
            "a.[0]",
            &long,
            "a[99999999999999999999]",
        ] {
            assert_eq!(JsonStep::parse_path(text), None, "{text}");
        }
    }
}
