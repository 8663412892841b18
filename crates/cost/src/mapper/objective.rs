use serde::Serialize;

/// What a mapping should be best at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Cycles; of mappings with as many, the one that takes the least energy.
    #[default]
    Cycles,
    /// Energy; of mappings that take as much, the fastest.
    Energy,
    /// The product of both; of mappings with the same, the fastest.
    Edp,
}

impl Objective {
    /// Every objective with its name in profiles and on the command line.
    pub const NAMES: [(&'static str, Self); 3] =
        [("cycles", Self::Cycles), ("energy", Self::Energy), ("edp", Self::Edp)];

    /// The name used in profiles and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Energy => "energy",
            Self::Edp => "edp",
        }
    }

    /// How good something is that takes so long and so much: smaller is better, the first number counts before the second.
    /// Neither falls when cycles or picojoules grow, so that the rank of lower bounds is a lower bound of ranks.
    #[must_use]
    pub fn rank(self, cycles: u64, picojoules: f64) -> [f64; 2] {
        let cycles = cycles as f64;
        match self {
            Self::Cycles => [cycles, picojoules],
            Self::Energy => [picojoules, cycles],
            Self::Edp => [cycles * picojoules, cycles],
        }
    }
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
