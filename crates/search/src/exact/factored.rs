use panarch_predict::Additive;
use panarch_space::{Genotype, Space};

use crate::SearchError;

/// A term over a few decisions: one value for each combination of their states.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Positions of different decisions in the space.
    pub decisions: Vec<usize>,
    /// A decision with n choices has n + 1 states: 0 where it is inactive, choice + 1 elsewhere. The states of the last
    /// decision go fastest.
    pub values: Vec<f64>,
}

/// A quantity of a space's members that is a sum: a constant and terms over few decisions each.
///
/// [`Additive`] tables are of this form, and so is whatever is a sum over places each of which hangs on few decisions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Factored {
    /// What a member has without any term.
    pub constant: f64,
    /// The terms.
    pub factors: Vec<Factor>,
}

impl Factored {
    /// The terms of a table: those of single decisions and those of pairs.
    ///
    /// # Errors
    /// [`SearchError::NotExact`] for a table with covariates, which are quantities of the whole network: they have to be
    /// given as sums over places ([`Factored::plus`]).
    pub fn of_table(table: &Additive, space: &Space) -> Result<Self, SearchError> {
        if !table.slopes().is_empty() {
            return Err(SearchError::NotExact {
                space: space.name().to_owned(),
                reason: "a table has covariates of the whole network, which are no terms of single decisions"
                    .to_owned(),
            });
        }
        Ok(Self::of_terms(table, space))
    }

    /// The terms of a table without what its covariates add.
    #[must_use]
    pub fn of_terms(table: &Additive, space: &Space) -> Self {
        let decisions = space.decisions();
        let single = decisions.iter().enumerate().map(|(decision, it)| {
            let term = |choice| table.term(decision, choice).map_or(0.0, |term| term.value);
            Factor {
                decisions: vec![decision],
                values: std::iter::once(0.0).chain((0..it.choices.len()).map(term)).collect(),
            }
        });
        let choices = |decision: usize| decisions.get(decision).map_or(0, |it| it.choices.len());
        let pairs = table.pairs().iter().map(|pair| {
            let (rows, columns) = (choices(pair.first), choices(pair.second));
            let mut values = vec![0.0; columns + 1];
            for row in 0..rows {
                values.push(0.0);
                values
                    .extend((0..columns).map(|column| pair.values.get(row * columns + column).copied().unwrap_or(0.0)));
            }
            Factor {
                decisions: vec![pair.first, pair.second],
                values,
            }
        });
        Self {
            constant: table.constant().value,
            factors: single.chain(pairs).collect(),
        }
    }

    /// The sum of this and `scale` times another.
    #[must_use]
    pub fn plus(mut self, other: &Self, scale: f64) -> Self {
        self.constant += scale * other.constant;
        for factor in &other.factors {
            let values = factor.values.iter().map(|value| scale * value);
            match self.factors.iter_mut().find(|own| own.decisions == factor.decisions) {
                Some(own) => own.values.iter_mut().zip(values).for_each(|(own, value)| *own += value),
                None => self.factors.push(Factor {
                    decisions: factor.decisions.clone(),
                    values: values.collect(),
                }),
            }
        }
        self
    }

    /// The value of a member, given as any genotype of it; none where a factor is not of the space.
    #[must_use]
    pub fn value(&self, space: &Space, genotype: &Genotype) -> Option<f64> {
        let states = states(space, genotype);
        let mut sum = self.constant;
        for factor in &self.factors {
            let mut index = 0;
            for decision in &factor.decisions {
                let count = space.decisions().get(*decision)?.choices.len() + 1;
                index = index * count + usize::from(*states.get(*decision)?);
            }
            sum += factor.values.get(index)?;
        }
        Some(sum)
    }
}

/// The state of every decision of a genotype.
pub(super) fn states(space: &Space, genotype: &Genotype) -> Vec<u8> {
    let genotype = space.canonical(genotype);
    let active = space.active(&genotype).into_iter();
    let choices = genotype.as_bytes().iter();
    active
        .zip(choices)
        .map(|(active, choice)| if active { choice + 1 } else { 0 })
        .collect()
}
