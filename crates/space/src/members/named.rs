//! Genotypes by the names of their decisions and choices.

use panarch_toml::did_you_mean;

use crate::{Genotype, Space, SpaceError};

impl Space {
    /// The canonical genotype that takes these choices: pairs of a decision's name and a choice's text. Choices of
    /// inactive decisions are checked and have no effect.
    ///
    /// # Errors
    /// An unknown decision or choice, or an active decision without a choice.
    pub fn encode<'a>(&self, choices: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Genotype, SpaceError> {
        let mut chosen: Vec<Option<u8>> = vec![None; self.decisions.len()];
        for (name, choice) in choices {
            let position = self.decision(name)?;
            chosen[position] = Some(self.choice_number(position, choice)?);
        }
        let mut open = None;
        let mut genotype = Genotype::new(vec![0; self.decisions.len()]);
        self.walk(&mut |decision| {
            let choice = chosen.get(decision).copied().flatten();
            if choice.is_none() {
                open.get_or_insert(decision);
            }
            let choice = choice.unwrap_or(0);
            genotype.set(decision, choice);
            choice
        });
        match open.and_then(|open| self.decisions.get(open)) {
            None => Ok(genotype),
            Some(open) => Err(SpaceError::NotChosen {
                decision: open.name.clone(),
            }),
        }
    }

    /// The active decisions of a genotype with the choices that they take; the inverse of [`Space::encode`] up to
    /// canonical form.
    #[must_use]
    pub fn decode(&self, genotype: &Genotype) -> Vec<(&str, &str)> {
        let active = self.active(genotype);
        let pair = |(position, active): (usize, bool)| {
            let decision = self.decisions.get(position).filter(|_| active)?;
            let choice = decision.choices.get(usize::from(self.in_range(genotype, position)))?;
            Some((decision.name.as_str(), choice.as_str()))
        };
        active.into_iter().enumerate().filter_map(pair).collect()
    }

    /// The position of the decision with this name.
    ///
    /// # Errors
    /// An unknown name, with the closest known one.
    pub fn decision(&self, name: &str) -> Result<usize, SpaceError> {
        let found = self.decisions.iter().position(|decision| decision.name == name);
        found.ok_or_else(|| SpaceError::UnknownDecision {
            space: self.name.clone(),
            name: name.to_owned(),
            suggestion: did_you_mean(name, self.decisions.iter().map(|decision| &decision.name)),
        })
    }

    fn choice_number(&self, position: usize, choice: &str) -> Result<u8, SpaceError> {
        let decision = &self.decisions[position];
        let found = decision.choices.iter().position(|known| known == choice);
        found
            .map(|number| number as u8)
            .ok_or_else(|| SpaceError::UnknownChoice {
                decision: decision.name.clone(),
                choice: choice.to_owned(),
                choices: decision.choices.clone(),
            })
    }
}
