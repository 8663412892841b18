use panarch_space::{Genotype, Space};

use super::{Additive, HeldOut, offsets};
use crate::PredictError;
use crate::cholesky::packed;

/// Terms of two decisions together: one for each pair of choices, where both decisions are active.
#[derive(Debug, Clone, PartialEq)]
pub struct PairTerms {
    /// The position of one decision in the space.
    pub first: usize,
    /// The position of the other.
    pub second: usize,
    /// What each pair of choices adds, all choices of `second` for the first choice of `first`, and so on.
    pub values: Vec<f64>,
}

impl Additive {
    /// A table whose terms are known beforehand, such as those of a published linear model; no measurement stands behind
    /// it here, so that its terms have no standard errors.
    ///
    /// `terms` has one value for each choice of each decision, `deviation` is the standard deviation of a measurement
    /// around the table.
    ///
    /// # Errors
    /// [`PredictError::Format`] when the terms are not those of the space's decisions, or a value is not a finite number.
    pub fn given(
        space: &Space,
        constant: f64,
        terms: &[Vec<f64>],
        pairs: Vec<PairTerms>,
        deviation: f64,
    ) -> Result<Self, PredictError> {
        let wrong = |reason: &str| PredictError::Format {
            reason: reason.to_owned(),
        };
        let decisions = space.decisions();
        let fits = terms.len() == decisions.len()
            && terms
                .iter()
                .zip(decisions)
                .all(|(terms, it)| terms.len() == it.choices.len());
        if !fits {
            return Err(wrong("its terms are not those of the space's decisions"));
        }
        check_pairs(space, &pairs)?;
        let offsets = offsets(space);
        let mut parameters = vec![constant];
        parameters.extend(terms.iter().flatten());
        let finite = parameters.iter().chain([&deviation]).all(|value| value.is_finite());
        if !finite || deviation < 0.0 {
            return Err(wrong("a value is not a finite number"));
        }
        Ok(Self {
            space: space.name().to_owned(),
            space_hash: space.hash(),
            covariance: vec![0.0; packed(parameters.len(), 0)],
            offsets,
            parameters,
            pairs,
            noise_variance: deviation.powi(2),
            held_out: HeldOut {
                measurements: 0,
                mape: None,
                rmse: deviation,
                kendall_tau: None,
            },
        })
    }

    /// The terms of two decisions together; none in a table that was fitted.
    #[must_use]
    pub fn pairs(&self) -> &[PairTerms] {
        &self.pairs
    }

    /// What the pairs add to a genotype of the table's space.
    pub(super) fn sum_of_pairs(&self, space: &Space, genotype: &Genotype) -> f64 {
        if self.pairs.is_empty() {
            return 0.0;
        }
        let active = space.active(genotype);
        let is_active = |decision: usize| active.get(decision) == Some(&true);
        let value = |pair: &PairTerms| {
            let width = space.decisions().get(pair.second).map_or(0, |it| it.choices.len());
            let [first, second] = [pair.first, pair.second].map(|decision| usize::from(genotype.choice(decision)));
            pair.values.get(first * width + second).copied().unwrap_or(0.0)
        };
        let both = |pair: &&PairTerms| is_active(pair.first) && is_active(pair.second);
        self.pairs.iter().filter(both).map(value).sum()
    }
}

/// Refuses pairs that are not of the space.
pub(crate) fn check_pairs(space: &Space, pairs: &[PairTerms]) -> Result<(), PredictError> {
    let choices = |decision: usize| space.decisions().get(decision).map(|it| it.choices.len());
    let fits = |pair: &PairTerms| {
        let size = choices(pair.first).zip(choices(pair.second)).map(|(a, b)| a * b);
        pair.first != pair.second
            && size == Some(pair.values.len())
            && pair.values.iter().all(|value| value.is_finite())
    };
    if pairs.iter().all(fits) {
        return Ok(());
    }
    Err(PredictError::Format {
        reason: "its terms of two decisions are not those of the space".to_owned(),
    })
}
