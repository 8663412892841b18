//! A linear predictor as a table of terms.

use crate::features::{Features, Interactions, choice_column, pair_column, resolution_column, scaled};
use crate::model::Form;
use crate::{Additive, PairTerms, PredictError, Transform};

use super::TrainedPredictor;

impl TrainedPredictor {
    /// The predictor as a table, for networks at this resolution (none where its rows have none), in the form that was
    /// fitted: of logarithms or reciprocals where [`TrainedPredictor::transform`] says so. `None` for a model that is no
    /// sum of terms of one and two decisions.
    ///
    /// # Errors
    /// [`PredictError::Format`] when a term is no finite number.
    pub fn additive(&self, resolution: Option<u32>) -> Result<Option<Additive>, PredictError> {
        let Form::Linear(interactions, ridge) = &self.fitted.form else {
            return Ok(None);
        };
        if matches!(interactions, Interactions::Tables | Interactions::Counts) {
            return Ok(None);
        }
        let (space, unit) = (&self.space, self.fitted.unit);
        let features = Features::new(space, *interactions);
        let area = features.area(resolution);
        let of_column = |column: u64| unit * (ridge.coefficient(column) + area * ridge.coefficient(scaled(column)));
        let of_resolution = resolution.map_or(0.0, |pixels| ridge.coefficient(resolution_column(pixels)));
        let constant = unit * (ridge.constant + of_resolution + area * ridge.coefficient(scaled(0)));
        let decisions = space.decisions();
        let choices = |decision: usize| 0..decisions[decision].choices.len() as u8;
        let terms: Vec<Vec<f64>> = (0..decisions.len())
            .map(|decision| {
                choices(decision)
                    .map(|choice| of_column(choice_column(decision, choice)))
                    .collect()
            })
            .collect();
        let mut pairs = Vec::new();
        if *interactions == Interactions::Pairs {
            for first in 0..decisions.len() {
                for second in (first + 1..decisions.len()).filter(|second| features.are_paired(first, *second)) {
                    let value = |a: u8, b: u8| of_column(pair_column((first, a), (second, b)));
                    let values = choices(first).flat_map(|a| choices(second).map(move |b| (a, b)));
                    pairs.push(PairTerms {
                        first,
                        second,
                        values: values.map(|(a, b)| value(a, b)).collect(),
                    });
                }
            }
        }
        let deviation = match self.recipe.transform {
            Transform::Identity | Transform::Logarithm => self.half / 1.96,
            Transform::Relative | Transform::Reciprocal => self.half / 1.96 * constant.abs(),
        };
        Additive::given(space, constant, &terms, pairs, deviation).map(Some)
    }
}
