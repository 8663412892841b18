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
    /// Picojoules count to twelve digits: sums of the same energies in another order are the same.
    #[must_use]
    pub fn rank(self, cycles: u64, picojoules: f64) -> [f64; 2] {
        let cycles = cycles as f64;
        match self {
            Self::Cycles => [cycles, twelve_digits(picojoules)],
            Self::Energy => [twelve_digits(picojoules), cycles],
            Self::Edp => [twelve_digits(cycles * picojoules), cycles],
        }
    }
}

/// The nearest number with 40 of the 52 bits behind the point.
const fn twelve_digits(number: f64) -> f64 {
    f64::from_bits((number.to_bits() + (1 << 11)) & !((1 << 12) - 1))
}

impl std::fmt::Display for Objective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_with_both_and_forgive_the_last_digits() {
        for (name, objective) in Objective::NAMES {
            assert_eq!(objective.to_string(), name);
            assert_eq!(objective.rank(7, 0.1 + 0.2), objective.rank(7, 0.3));
            assert!(objective.rank(7, 0.3) < objective.rank(8, 0.3));
            assert!(objective.rank(7, 0.3) < objective.rank(7, 0.300_001));
            assert!(objective.rank(7, f64::MAX / 9.0) < [f64::INFINITY; 2]);
        }
        assert_eq!((twelve_digits(0.0), twelve_digits(f64::INFINITY)), (0.0, f64::INFINITY));
    }
}
