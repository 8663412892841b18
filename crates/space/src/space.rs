use panarch_graph::ContentHash;
use panarch_toml::Diagnostics;

use crate::decision::{Decision, Property};
use crate::element::operator::Operator;
use crate::element::rounding::Rounding;
use crate::element::{Block, Element};
use crate::lower::piece::Style;
use crate::read;
use crate::read::reference::Reference;
use crate::{Genotype, SpaceError};

/// A search space: a family of networks, given by decisions.
///
/// Made from a TOML file by [`Space::from_toml`]; immutable. Everything it yields follows from the file alone.
#[derive(Debug, Clone)]
pub struct Space {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) description: String,
    pub(crate) source: String,
    pub(crate) note: String,
    pub(crate) base: Option<String>,
    pub(crate) width_multiplier: f64,
    pub(crate) resolutions: Vec<u32>,
    pub(crate) default_resolution: u32,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) elements: Vec<Element>,
    pub(crate) rounding: Rounding,
    pub(crate) style: Style,
    pub(crate) references: Vec<Reference>,
    pub(crate) hash: ContentHash,
}

impl Space {
    /// Reads a space from TOML text. `file_name` is only used in messages. [`format`](crate::format) describes the format.
    ///
    /// # Errors
    /// Every mistake of the file at once, each with its line and, where there is one, a suggestion.
    pub fn from_toml(file_name: &str, text: &str) -> Result<Self, Diagnostics> {
        read::space(file_name, text)
    }

    /// The space's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that the file states; it changes when the space's members change.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What the space is, in one or two sentences.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where the space comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where published sources of the space or network differ: which one is followed, and why. Often empty.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The embedded space or network that the file lies over.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.base.as_deref()
    }

    /// What every width of the file is multiplied by.
    #[must_use]
    pub const fn width_multiplier(&self) -> f64 {
        self.width_multiplier
    }

    /// The decisions, in genotype order.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Whether its members are rows of a table alone: every decision always counts, and none lowers to a network.
    #[must_use]
    pub const fn is_table(&self) -> bool {
        self.elements.is_empty()
    }

    /// The image heights (= widths) in pixels that the space is for, increasing.
    #[must_use]
    pub fn resolutions(&self) -> &[u32] {
        &self.resolutions
    }

    /// The image height (= width) in pixels that is meant when none is given.
    #[must_use]
    pub const fn default_resolution(&self) -> u32 {
        self.default_resolution
    }

    /// Identifies the space by everything that its members depend on: not its name, description or references.
    #[must_use]
    pub const fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The members that the file names, in the order of the file.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The member that the file calls `name`.
    #[must_use]
    pub fn reference(&self, name: &str) -> Option<&Genotype> {
        self.references
            .iter()
            .find(|reference| reference.name == name)
            .map(|reference| &reference.genotype)
    }

    /// Checks that a genotype has the space's length and only choices that exist.
    ///
    /// # Errors
    /// Wrong length, or a choice out of range.
    pub fn check(&self, genotype: &Genotype) -> Result<(), SpaceError> {
        if genotype.len() != self.decisions.len() {
            return Err(SpaceError::GenotypeLength {
                space: self.name.clone(),
                expected: self.decisions.len(),
                found: genotype.len(),
            });
        }
        for (decision, &choice) in self.decisions.iter().zip(genotype.as_bytes()) {
            if usize::from(choice) >= decision.choices.len() {
                return Err(SpaceError::ChoiceOutOfRange {
                    decision: decision.name.clone(),
                    choices: decision.choices.len(),
                    found: choice,
                });
            }
        }
        Ok(())
    }

    /// Reads the text form of a genotype of this space; the result is canonical.
    ///
    /// # Errors
    /// A character that is no digit, a wrong length, a choice out of range.
    pub fn parse_genotype(&self, text: &str) -> Result<Genotype, SpaceError> {
        let genotype: Genotype = text.parse()?;
        self.check(&genotype)?;
        Ok(self.canonical(&genotype))
    }

    /// The same member with every inactive decision set to its first choice, so that two genotypes that differ only in
    /// decisions without effect compare equal. Idempotent; equal canonical forms lower to equal networks.
    ///
    /// A genotype that does not fit the space (see [`Space::check`]) is read as if missing digits were 0 and too large
    /// ones the last choice.
    #[must_use]
    pub fn canonical(&self, genotype: &Genotype) -> Genotype {
        let mut canonical = Genotype::new(vec![0; self.decisions.len()]);
        self.walk(&mut |decision| {
            let choice = self.in_range(genotype, decision);
            canonical.set(decision, choice);
            choice
        });
        canonical
    }

    /// For each decision, whether it has an effect in this genotype.
    #[must_use]
    pub fn active(&self, genotype: &Genotype) -> Vec<bool> {
        let mut active = vec![false; self.decisions.len()];
        self.walk(&mut |decision| {
            if let Some(active) = active.get_mut(decision) {
                *active = true;
            }
            self.in_range(genotype, decision)
        });
        active
    }

    /// Whether a decision has an effect in this genotype; use [`Space::active`] to ask for all of them at once.
    #[must_use]
    pub fn is_active(&self, genotype: &Genotype, decision: usize) -> bool {
        self.active(genotype).get(decision).copied().unwrap_or(false)
    }

    /// The member with the last choice everywhere, and nothing skipped: the deepest, widest one.
    ///
    /// Every list of numbers in a space file increases, and operators are to be listed from cheap to expensive; only `skip`
    /// may stand anywhere.
    #[must_use]
    pub fn largest(&self) -> Genotype {
        let all = (0..self.decisions.len()).map(|decision| self.largest_choice(decision));
        self.canonical(&Genotype::new(all.collect()))
    }

    /// The member with the first choice everywhere, and everything skipped that may be.
    #[must_use]
    pub fn smallest(&self) -> Genotype {
        let all = 0..self.decisions.len();
        let smallest = all.map(|decision| self.choices_by_size(decision).first().copied().unwrap_or(0));
        self.canonical(&Genotype::new(smallest.collect()))
    }

    /// The choices of a decision from the one that makes the smallest network to the one that makes the largest: the file's order,
    /// with `skip` first. Empty for a decision that does not exist.
    #[must_use]
    pub fn choices_by_size(&self, decision: usize) -> Vec<u8> {
        let Some(decision) = self.decisions.get(decision) else {
            return Vec::new();
        };
        let mut choices: Vec<u8> = (0..decision.choices.len() as u8).collect();
        // Stable, so that the rest keeps its order.
        choices.sort_by_key(|choice| !is_skip(decision, &decision.choices[usize::from(*choice)]));
        choices
    }

    /// The choice of a decision that makes the largest network.
    pub(crate) fn largest_choice(&self, decision: usize) -> u8 {
        self.choices_by_size(decision).last().copied().unwrap_or(0)
    }

    pub(crate) fn in_range(&self, genotype: &Genotype, decision: usize) -> u8 {
        let choices = self.decisions.get(decision).map_or(1, |it| it.choices.len());
        genotype.choice(decision).min((choices - 1) as u8)
    }

    /// The blocks of the member that `read` answers for, with the position of their elements. `read` is asked for exactly
    /// the active decisions, some of them several times.
    pub(crate) fn walk(&self, read: &mut dyn FnMut(usize) -> u8) -> Vec<(usize, Block)> {
        if self.is_table() {
            (0..self.decisions.len()).for_each(|decision| _ = read(decision));
        }
        let mut blocks = Vec::with_capacity(self.elements.len());
        let mut width = IMAGE_CHANNELS;
        for (position, element) in self.elements.iter().enumerate() {
            if let Some(block) = self.resolve(element, width, read) {
                width = block.output;
                blocks.push((position, block));
            }
        }
        blocks
    }

    pub(crate) fn resolve(&self, element: &Element, width: u32, read: &mut dyn FnMut(usize) -> u8) -> Option<Block> {
        element.resolve(width, self.rounding, self.style.squeeze_excite, read)
    }
}

fn is_skip(decision: &Decision, choice: &str) -> bool {
    decision.property == Property::Operator && choice == Operator::Skip.name()
}

/// The input channels of a walk that is not about one dataset.
pub(crate) const IMAGE_CHANNELS: u32 = 3;
