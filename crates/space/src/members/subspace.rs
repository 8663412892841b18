use rand_chacha::ChaCha8Rng;

use crate::members::count;
use crate::members::variation::Open;
use crate::{Counts, Decision, Genotype, Members, Space, SpaceError};

/// A space with some of its choices closed: what a phase of a training has open, what a reduction leaves, what a search may
/// propose.
///
/// Its members are the members of the space whose active decisions take open choices; genotypes, canonical form and hashes
/// are the space's. A decision that counts nowhere keeps its first choice in canonical form, open or not.
#[derive(Debug, Clone)]
pub struct Subspace {
    space: Space,
    /// For each decision its open choices, at least one, in the order in which they were given.
    open: Vec<Vec<u8>>,
}

/// The same choices, in the same order, of spaces with the same hash.
impl PartialEq for Subspace {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open && self.space.hash() == other.space.hash()
    }
}

impl Eq for Subspace {}

impl Subspace {
    /// A space with everything open, each decision's choices in the order of the file.
    #[must_use]
    pub fn whole(space: &Space) -> Self {
        let choices = 0..space.decisions.len();
        Self {
            space: space.clone(),
            open: choices.map(|it| Open::All.choices(space, it).collect()).collect(),
        }
    }

    /// A space with, of each decision, as many of the choices that make the largest networks open as `most` says, at least
    /// one; from the smallest to the largest.
    #[must_use]
    pub fn with_largest(space: &Space, most: impl Fn(&Decision) -> usize) -> Self {
        let open = space.decisions.iter().enumerate().map(|(index, decision)| {
            let mut choices = space.choices_by_size(index);
            let kept = most(decision).clamp(1, choices.len().max(1));
            choices.split_off(choices.len().saturating_sub(kept))
        });
        Self {
            open: open.collect(),
            space: space.clone(),
        }
    }

    /// A space with only these choices open: a list for each decision, in the space's order. Random draws follow the order
    /// of the lists.
    ///
    /// # Errors
    /// Another number of lists than decisions; a list that is empty; a choice that does not exist or is listed twice.
    pub fn new(space: &Space, open: Vec<Vec<u8>>) -> Result<Self, SpaceError> {
        if open.len() != space.decisions.len() {
            return Err(SpaceError::ListsOfChoices {
                space: space.name.clone(),
                expected: space.decisions.len(),
                found: open.len(),
            });
        }
        for (decision, choices) in space.decisions.iter().zip(&open) {
            if choices.is_empty() {
                return Err(SpaceError::NothingOpen {
                    decision: decision.name.clone(),
                });
            }
            for (position, choice) in choices.iter().enumerate() {
                if choices[..position].contains(choice) {
                    return Err(SpaceError::OpenTwice {
                        decision: decision.name.clone(),
                        choice: *choice,
                    });
                }
                if usize::from(*choice) >= decision.choices.len() {
                    return Err(SpaceError::ChoiceOutOfRange {
                        decision: decision.name.clone(),
                        choices: decision.choices.len(),
                        found: *choice,
                    });
                }
            }
        }
        Ok(Self {
            space: space.clone(),
            open,
        })
    }

    /// The space whose choices these are.
    #[must_use]
    pub const fn space(&self) -> &Space {
        &self.space
    }

    /// The open choices of each decision; none of the lists is empty.
    #[must_use]
    pub fn open(&self) -> &[Vec<u8>] {
        &self.open
    }

    /// Closes a choice of a decision.
    ///
    /// # Errors
    /// A decision or choice that does not exist, or the last open choice of a decision.
    pub fn close(&mut self, decision: usize, choice: u8) -> Result<(), SpaceError> {
        let Some(open) = self.open.get_mut(decision) else {
            return Err(SpaceError::UnknownDecision {
                space: self.space.name.clone(),
                name: format!("number {decision}"),
                suggestion: None,
            });
        };
        let named = &self.space.decisions[decision];
        if usize::from(choice) >= named.choices.len() {
            return Err(SpaceError::ChoiceOutOfRange {
                decision: named.name.clone(),
                choices: named.choices.len(),
                found: choice,
            });
        }
        if *open == [choice] {
            return Err(SpaceError::NothingOpen {
                decision: named.name.clone(),
            });
        }
        open.retain(|it| *it != choice);
        Ok(())
    }

    /// Whether a genotype of the space is a member: every decision that counts in it takes an open choice.
    #[must_use]
    pub fn contains(&self, genotype: &Genotype) -> bool {
        let active = self.space.active(genotype).into_iter().enumerate();
        self.space.check(genotype).is_ok()
            && active
                .filter(|(_, active)| *active)
                .all(|(decision, _)| self.open[decision].contains(&genotype.choice(decision)))
    }

    /// A random member: every decision is drawn uniformly from its open choices and independently, as [`Space::sample`]
    /// does.
    #[must_use]
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> Genotype {
        self.listed().sample(&self.space, rng)
    }

    /// A changed copy, as [`Space::mutate`] makes it, that is a member whether or not the original is. It differs from the
    /// original unless no active decision has another open choice.
    #[must_use]
    pub fn mutate(&self, genotype: &Genotype, rate: f64, rng: &mut ChaCha8Rng) -> Genotype {
        self.listed().mutate(&self.space, genotype, rate, rng)
    }

    /// A child of two parents, as [`Space::crossover`] makes it; what it would inherit that is closed is drawn.
    #[must_use]
    pub fn crossover(&self, a: &Genotype, b: &Genotype, rng: &mut ChaCha8Rng) -> Genotype {
        self.listed().crossover(&self.space, a, b, rng)
    }

    /// The member with the choice that makes the largest network everywhere.
    #[must_use]
    pub fn largest(&self) -> Genotype {
        self.end(|_| true)
    }

    /// The member with the choice that makes the smallest network everywhere.
    #[must_use]
    pub fn smallest(&self) -> Genotype {
        self.end(|_| false)
    }

    /// The member that has, of each decision's open choices, the one that makes the largest network where `large` says so,
    /// and the one that makes the smallest elsewhere.
    #[must_use]
    pub fn end(&self, large: impl Fn(usize) -> bool) -> Genotype {
        let choice = |(decision, open): (usize, &Vec<u8>)| {
            let by_size = self.space.choices_by_size(decision).into_iter();
            let mut by_size = by_size.filter(|choice| open.contains(choice));
            let found = if large(decision) {
                by_size.next_back()
            } else {
                by_size.next()
            };
            found.unwrap_or_default()
        };
        let choices = self.open.iter().enumerate().map(choice);
        self.space.canonical(&Genotype::new(choices.collect()))
    }

    /// Every member once, as a canonical genotype, made one at a time; see [`Subspace::count`] for how many there are.
    #[must_use]
    pub fn enumerate(&self) -> Members<'_> {
        Members::new(&self.space, self.listed())
    }

    /// The exact number of members, as [`Space::count`].
    #[must_use]
    pub fn count(&self) -> Counts {
        count::of(&self.space, self.listed())
    }

    fn listed(&self) -> Open<'_> {
        Open::Listed(&self.open)
    }
}
