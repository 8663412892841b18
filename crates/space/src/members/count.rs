use std::collections::HashMap;
use std::fmt;

use num_bigint::BigUint;

use crate::Space;
use crate::members::branch::{Automaton, State};
use crate::members::distinct;
use crate::members::variation::Open;

/// How large a space is, under three names. All are exact and for one resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Decision strings: the product of the numbers of choices.
    pub raw: BigUint,
    /// Canonical genotypes: strings that differ only in decisions without effect count once.
    pub active: BigUint,
    /// Different networks.
    pub distinct: Distinct,
}

/// How many different networks a space has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distinct {
    /// Exactly so many different content hashes.
    Exact(BigUint),
    /// Not more than so many; the exact number would have taken too long to count.
    AtMost(BigUint),
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(count) => write!(f, "{count}"),
            Self::AtMost(count) => write!(f, "at most {count}"),
        }
    }
}

impl Space {
    /// The exact size of the space.
    ///
    /// Nothing is enumerated: *active* is a sum over the states of the space's automaton, *distinct* the number of
    /// words of its deterministic form (see [`Distinct`]).
    #[must_use]
    pub fn count(&self) -> Counts {
        of(self, Open::All)
    }
}

/// The exact size of what is open of a space.
pub(crate) fn of(space: &Space, open: Open<'_>) -> Counts {
    let choices = (0..space.decisions.len()).map(|decision| BigUint::from(open.count(space, decision)));
    let raw: BigUint = choices.product();
    if space.is_table() {
        return Counts {
            active: raw.clone(),
            distinct: Distinct::Exact(raw.clone()),
            raw,
        };
    }
    let active = active(space, open);
    Counts {
        raw,
        distinct: match distinct::count(space, open) {
            Some(count) => Distinct::Exact(count),
            None => Distinct::AtMost(active.clone()),
        },
        active,
    }
}

fn active(space: &Space, open: Open<'_>) -> BigUint {
    let automaton = Automaton::of_activity(space, open);
    // How many ways lead to each state, place by place.
    let mut ways: HashMap<State, BigUint> = HashMap::from([(automaton.start(), BigUint::from(1_u32))]);
    for _ in &space.elements {
        let mut next: HashMap<State, BigUint> = HashMap::new();
        for (state, count) in &ways {
            for branch in automaton.branches(state, usize::MAX).unwrap_or_default() {
                *next.entry(branch.next).or_default() += count * branch.ways;
            }
        }
        ways = next;
    }
    ways.values().sum()
}
