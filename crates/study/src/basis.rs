use std::fmt;

use panarch_graph::Inputs;
use panarch_space::Genotype;

/// The key of rows of which nobody said what they were made of: those of format 1.
pub(crate) const UNSTATED: &str = "";
/// What of a study hangs on inputs of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The pool of evaluations.
    Evaluations,
    /// The trials of the search of this name.
    Search(String),
    /// The finalist of this genotype.
    Finalist(Genotype),
}

impl Subject {
    /// The subject of which this is the text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "evaluations" {
            return Some(Self::Evaluations);
        }
        if let Some(name) = text.strip_prefix("search ") {
            return Some(Self::Search(name.to_owned()));
        }
        let genotype = text.strip_prefix("finalist ")?.parse().ok()?;
        Some(Self::Finalist(genotype))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluations => f.write_str("evaluations"),
            Self::Search(name) => write!(f, "search {name}"),
            Self::Finalist(genotype) => write!(f, "finalist {genotype}"),
        }
    }
}

/// What a subject is made of from a certain change on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// What it is about.
    pub subject: Subject,
    /// All that goes into it; none closes it: it has no rows until it is taken up again, and what it was made of stays known.
    pub inputs: Option<Inputs>,
}
