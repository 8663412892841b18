//! Models tried on rows, and the choice between them.

use panarch_space::Space;
use rayon::prelude::*;

use crate::features::{Features, Interactions};
use crate::grouped_ridge;
use crate::model::{Fitted, Form, Recipe, Training, robust};
use crate::{Choice, Model, PredictError, Sample, Transform};

/// Folds of the cross-validation of models that have none in closed form.
const FOLDS: usize = 5;

/// Folds of linear models where every fold seeks its own priors.
const SEEKING_FOLDS: usize = 10;

/// Rows up to which every fold of the chosen linear model seeks its own priors: those of few rows have seen the row that is left
/// out, so that errors in closed form are too small.
const FEW: usize = 200;

/// Degrees of freedom of errors with heavy tails that are tried.
const FREEDOMS: [f64; 2] = [4.0, 1.0];

/// An error of this share of the value counts half as much as one without bound can: rows that no model foresees do not
/// choose between models.
const HALF: f64 = 0.1;

/// A model that was fitted, the recipe that makes it again, and what it says of each row from others.
pub(crate) struct Trial {
    pub(crate) recipe: Recipe,
    pub(crate) fitted: Fitted,
    /// In the unit of the values.
    pub(crate) left_out: Vec<f64>,
}

impl Trial {
    /// Fits what a recipe says, and predicts every row from others.
    fn of(training: &Training<'_>, recipe: Recipe) -> Result<Self, PredictError> {
        let (fitted, left_out) = training.fit(&recipe)?;
        let left_out = match (left_out, &fitted.form) {
            (Some(left_out), _) => left_out,
            (None, Form::Trees(ridge, _) | Form::Mlp(ridge, _)) => training.crossed_beyond(&recipe, ridge, FOLDS),
            (None, _) => return Err(PredictError::NoAnswer),
        };
        let back = |value: &f64| recipe.transform.back(value * fitted.unit);
        Ok(Self {
            left_out: left_out.iter().map(back).collect(),
            recipe,
            fitted,
        })
    }

    /// A linear model, its priors sought from those of another one where they are given.
    fn linear(
        training: &Training<'_>,
        model: Model,
        transform: Transform,
        near: Option<&[f64]>,
    ) -> Result<Self, PredictError> {
        let (target, _) = training.target(transform);
        let rows = training.covariances(model.interactions());
        let priors = grouped_ridge::sought(rows, &target, near).ok_or(PredictError::Singular)?;
        let recipe = Recipe {
            model,
            transform,
            freedom: None,
            priors,
        };
        Self::of(training, recipe)
    }

    /// A linear model again with errors that have heavy tails; its priors are sought anew with the weights of the rows. What
    /// it says of each row comes from other folds: the weight of a row depends on all others, so that its prediction in
    /// closed form has seen more than it should.
    fn robust(&self, training: &Training<'_>, freedom: f64) -> Result<Self, PredictError> {
        let mut recipe = self.recipe.clone();
        recipe.freedom = Some(freedom);
        let (target, _) = training.target(recipe.transform);
        let rows = training.covariances(recipe.model.interactions());
        let (_, weighed) = robust(rows, &target, &recipe)?;
        recipe.priors = grouped_ridge::sought(rows, &weighed, Some(&recipe.priors)).ok_or(PredictError::Singular)?;
        let (fitted, _) = training.fit(&recipe)?;
        let left_out = training.crossed_linear(&recipe, FOLDS, false)?;
        let back = |value: &f64| recipe.transform.back(value * fitted.unit);
        Ok(Self {
            left_out: left_out.iter().map(back).collect(),
            recipe,
            fitted,
        })
    }

    /// The same; of a linear model of few rows, what it says of each row comes from folds that seek their own priors.
    fn crossed(mut self, training: &Training<'_>) -> Result<Self, PredictError> {
        if self.recipe.model.is_linear() && training.samples.len() <= FEW {
            let left_out = training.crossed_linear(&self.recipe, SEEKING_FOLDS, true)?;
            let back = |value: &f64| self.recipe.transform.back(value * self.fitted.unit);
            self.left_out = left_out.iter().map(back).collect();
        }
        Ok(self)
    }

    /// The mean error of what was left out: relative where all values are positive, so that none counts more than 1; else
    /// absolute.
    fn error(&self, samples: &[Sample]) -> f64 {
        let positive = samples.iter().all(|sample| sample.value > 0.0);
        let error = |(sample, predicted): (&Sample, &f64)| {
            let error = (predicted - sample.value).abs();
            if positive {
                error / (error + HALF * sample.value)
            } else {
                error
            }
        };
        samples.iter().zip(&self.left_out).map(error).sum::<f64>() / samples.len() as f64
    }
}

/// The trial that errs least on rows left out.
///
/// Linear models are tried in every form of the quantity; then the best of them with heavy tails, and what is put on them.
pub(crate) fn chosen(space: &Space, samples: &[Sample], choice: Choice) -> Result<Trial, PredictError> {
    let training = Training::new(space, samples);
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let transforms: Vec<Transform> = Transform::ALL.into_iter().filter(|it| it.suits(&values)).collect();
    let linear = match choice {
        Choice::Auto => {
            let mut models = vec![Model::Ridge, Model::Pairwise, Model::Tables];
            // A table without networks has no counts.
            if Features::new(space, Interactions::Counts).has_counts() {
                models.push(Model::Counts);
            }
            models
        }
        Choice::Only(Model::Trees) => vec![Model::Tables],
        Choice::Only(Model::Mlp | Model::GaussianProcess) => vec![Model::Ridge],
        Choice::Only(model) => vec![model],
    };
    // One form after another, so that each search for priors starts where the last one ended.
    let of_model = |model: &Model| -> Result<Vec<Trial>, PredictError> {
        let mut trials: Vec<Trial> = Vec::new();
        for transform in &transforms {
            let near = trials.last().map(|trial| trial.recipe.priors.as_slice());
            trials.push(Trial::linear(&training, *model, *transform, near)?);
        }
        Ok(trials)
    };
    let found: Vec<Vec<Trial>> = linear.par_iter().map(of_model).collect::<Result<_, _>>()?;
    let mut trials: Vec<Trial> = found.into_iter().flatten().collect();
    let beyond = match choice {
        Choice::Auto => vec![Model::Trees, Model::Mlp, Model::GaussianProcess],
        Choice::Only(model) if model.is_linear() => Vec::new(),
        Choice::Only(model) => vec![model],
    };
    let recipes: Vec<Recipe> = beyond
        .iter()
        .flat_map(|model| recipes_on(&trials, samples, *model))
        .collect();
    let only_beyond = choice != Choice::Auto && !beyond.is_empty();
    let plain = least(&trials, samples).filter(|_| !only_beyond);
    let heavy = plain.into_par_iter().flat_map(|plain| {
        let robust = |freedom: &f64| plain.robust(&training, *freedom);
        FREEDOMS.par_iter().map(robust).collect::<Vec<_>>()
    });
    let mut more: Vec<Trial> = heavy.collect::<Result<_, _>>()?;
    let on = recipes.into_par_iter().map(|recipe| Trial::of(&training, recipe));
    more.extend(on.collect::<Result<Vec<Trial>, _>>()?);
    if only_beyond {
        trials.clear();
    }
    trials.extend(more);
    let errors: Vec<f64> = trials.iter().map(|trial| trial.error(samples)).collect();
    let best = (0..errors.len()).min_by(|a, b| errors[*a].total_cmp(&errors[*b]));
    trials
        .swap_remove(best.ok_or(PredictError::Singular)?)
        .crossed(&training)
}

/// How a model is put on the best of the linear ones.
fn recipes_on(trials: &[Trial], samples: &[Sample], model: Model) -> Vec<Recipe> {
    let base = if model == Model::Trees {
        Model::Tables
    } else {
        Model::Ridge
    };
    let bases = || trials.iter().filter(|trial| trial.recipe.model == base);
    let best = least(bases(), samples);
    // A step of a tree is a factor in logarithms, which suits what is no sum.
    let logarithms = least(
        bases().filter(|trial| trial.recipe.transform == Transform::Logarithm),
        samples,
    );
    let other = logarithms.filter(|trial| {
        model == Model::Trees && best.is_some_and(|best| best.recipe.transform != trial.recipe.transform)
    });
    let recipe = |trial: &Trial| Recipe {
        model,
        transform: trial.recipe.transform,
        freedom: None,
        priors: match model {
            Model::GaussianProcess => Vec::new(),
            _ => trial.recipe.priors.clone(),
        },
    };
    best.into_iter().chain(other).map(recipe).collect()
}

/// The trial that errs least; the first of several.
fn least<'a>(trials: impl IntoIterator<Item = &'a Trial>, samples: &[Sample]) -> Option<&'a Trial> {
    trials
        .into_iter()
        .min_by(|a, b| a.error(samples).total_cmp(&b.error(samples)))
}
