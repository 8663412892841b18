use panarch_space::Space;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::features::{Columns, Features, Interactions};
use crate::grouped_ridge::{self, GroupedRidge, Priors};
use crate::mlp::Mlp;
use crate::trees::Trees;
use crate::{Member, PredictError, Sample, Transform};

/// What a predictor may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// Ridge regression on the choices: an [`Additive`](crate::Additive) table.
    Ridge,
    /// The same with terms for two decisions of a stage, or of blocks that follow each other; an
    /// [`Additive`](crate::Additive) table too.
    Pairwise,
    /// Ridge regression with tables of whole blocks, neighbours and stages, shrunk towards the choices' own effects.
    Tables,
    /// Ridge regression on what the lowered network does, in all and in each stage (layers, MACs, traffic, parameters), with
    /// curves of its MACs and traffic, and on the choices: for costs of which some dozen rows are known.
    Counts,
    /// Gradient-boosted trees on what the tables leave, with the positions of the choices and what the tables say as
    /// features: for what is no sum, such as a throughput that something else limits.
    Trees,
    /// A multilayer perceptron on the choices, on what ridge regression on them leaves.
    Mlp,
}

impl Model {
    /// Every one of them.
    pub const ALL: [Self; 6] = [
        Self::Ridge,
        Self::Pairwise,
        Self::Tables,
        Self::Counts,
        Self::Trees,
        Self::Mlp,
    ];

    /// Its name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ridge => "ridge",
            Self::Pairwise => "pairwise",
            Self::Tables => "tables",
            Self::Counts => "counts",
            Self::Trees => "trees",
            Self::Mlp => "mlp",
        }
    }

    fn interactions(self) -> Interactions {
        match self {
            Self::Ridge | Self::Mlp => Interactions::None,
            Self::Pairwise => Interactions::Pairs,
            Self::Tables | Self::Trees => Interactions::Tables,
            Self::Counts => Interactions::Counts,
        }
    }

    /// Whether it is fitted in closed form, which also tells what each row is predicted to be from the others.
    pub(crate) const fn is_linear(self) -> bool {
        matches!(self, Self::Ridge | Self::Pairwise | Self::Tables | Self::Counts)
    }
}

/// All that was chosen about a model: rows and this make it, the same each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    pub(crate) model: Model,
    pub(crate) transform: Transform,
    /// Whether rows that fit badly count less.
    pub(crate) robust: bool,
    /// Logarithms of the groups' prior variances; empty for a model without.
    pub(crate) priors: Vec<f64>,
}

/// A fitted model.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) form: Form,
    /// What the fitted values were divided by, so that penalties and steps have one scale.
    pub(crate) unit: f64,
}

#[derive(Debug)]
pub(crate) enum Form {
    Linear(Interactions, GroupedRidge),
    Trees(GroupedRidge, Trees),
    Mlp(GroupedRidge, Box<Mlp>),
}

/// Folds of the cross-validation of models that are not linear, or robust.
const FOLDS: usize = 5;

/// The same for linear models, which are quick to fit: with fewer folds the rows that are left for fitting say less than all do,
/// and intervals come out too wide.
const LINEAR_FOLDS: usize = 20;

/// The same where every fold seeks its own priors, which takes longer.
const SEEKING_FOLDS: usize = 10;

/// Rows up to which cross-validation seeks the priors anew in every fold: those of few rows have seen the row that is left out.
const FEW: usize = 300;

/// Degrees of freedom of the errors that a robust fit expects, and how often it weighs the rows anew.
const FREEDOM: f64 = 4.0;
const REWEIGHTINGS: usize = 2;

/// A model that was fitted, the recipe that makes it again, and what it says of each row from the others.
pub(crate) struct Trial {
    pub(crate) recipe: Recipe,
    pub(crate) fitted: Fitted,
    /// In the unit of the values.
    pub(crate) left_out: Vec<f64>,
}

impl Trial {
    /// Fits a model and predicts every row from others.
    pub(crate) fn run(
        space: &Space,
        samples: &[Sample],
        model: Model,
        transform: Transform,
        robust: bool,
        priors: Priors<'_>,
    ) -> Result<Self, PredictError> {
        let (fitted, left_out) = fit(space, samples, model, transform, robust, priors)?;
        let priors = match &fitted.form {
            Form::Linear(_, ridge) | Form::Trees(ridge, _) | Form::Mlp(ridge, _) => ridge.priors.clone(),
        };
        let left_out = match left_out {
            Some(left_out) => left_out,
            None => crossed(space, samples, model, transform, false, Priors::Fixed(&priors))?,
        };
        Ok(Self {
            recipe: Recipe {
                model,
                transform,
                robust,
                priors,
            },
            fitted,
            left_out,
        })
    }

    /// The same, with what it says of each row from other folds where the closed form has seen more than it should: in a robust
    /// fit the weight of a row depends on all others, and priors that were sought with few rows depend on each of them.
    pub(crate) fn crossed(mut self, space: &Space, samples: &[Sample]) -> Result<Self, PredictError> {
        let Recipe {
            model,
            transform,
            robust,
            priors,
        } = &self.recipe;
        let few = samples.len() <= FEW && model.is_linear();
        if *robust || few {
            let priors = if few {
                Priors::Near(priors)
            } else {
                Priors::Fixed(priors)
            };
            self.left_out = crossed(space, samples, *model, *transform, *robust, priors)?;
        }
        Ok(self)
    }

    /// The mean error of what was left out: relative where all values are positive, else absolute.
    pub(crate) fn error(&self, samples: &[Sample]) -> f64 {
        let positive = samples.iter().all(|sample| sample.value > 0.0);
        let error = |(sample, predicted): (&Sample, &f64)| {
            let error = (predicted - sample.value).abs();
            if positive { error / sample.value } else { error }
        };
        samples.iter().zip(&self.left_out).map(error).sum::<f64>() / samples.len() as f64
    }
}

impl Fitted {
    /// Makes a model again from its recipe.
    pub(crate) fn again(space: &Space, samples: &[Sample], recipe: &Recipe) -> Result<Self, PredictError> {
        let priors = Priors::Fixed(&recipe.priors);
        Ok(fit(space, samples, recipe.model, recipe.transform, recipe.robust, priors)?.0)
    }

    /// What is expected of networks, in the form that was fitted.
    pub(crate) fn predict(&self, space: &Space, members: &[Member]) -> Vec<f64> {
        let interactions = match &self.form {
            Form::Linear(interactions, _) => *interactions,
            Form::Trees(..) => Interactions::Tables,
            Form::Mlp(..) => Interactions::None,
        };
        let features = Features::new(space, interactions);
        let one = |member: &Member| {
            self.unit
                * match &self.form {
                    Form::Linear(_, ridge) => ridge.predict(&features.of(member)),
                    Form::Trees(ridge, trees) => {
                        let tables = ridge.predict(&features.of(member));
                        tables + trees.predict(&beside(&features, member, tables))
                    }
                    Form::Mlp(ridge, mlp) => {
                        ridge.predict(&features.of(member)) + mlp.predict(&flat(&features, member))
                    }
                }
        };
        members.par_iter().map(one).collect()
    }
}

/// The features of a tree: the network as numbers, and what the tables say of it.
fn beside(features: &Features<'_>, member: &Member, tables: f64) -> Vec<f64> {
    let mut numbers = features.numbers(member);
    numbers.push(tables);
    numbers
}

fn flat(features: &Features<'_>, member: &Member) -> Columns {
    features.of(member).into_iter().flatten().collect()
}

/// Fits a model; for a linear one also what each row is predicted to be from all others.
fn fit(
    space: &Space,
    samples: &[Sample],
    model: Model,
    transform: Transform,
    robust: bool,
    priors: Priors<'_>,
) -> Result<(Fitted, Option<Vec<f64>>), PredictError> {
    let features = Features::new(space, model.interactions());
    let values: Vec<f64> = samples.iter().map(|sample| transform.forward(sample.value)).collect();
    let unit = spread(&values);
    let values: Vec<f64> = values.iter().map(|value| value / unit).collect();
    let variance = |(sample, value): (&Sample, &f64)| transform.spread(*value).powi(2) / f64::from(sample.repeats);
    let mut noise: Vec<f64> = samples.iter().zip(&values).map(variance).collect();
    let mean = noise.iter().sum::<f64>() / noise.len().max(1) as f64;
    noise.iter_mut().for_each(|noise| *noise /= mean);
    let precisions = || -> Vec<f64> { noise.iter().map(|noise| 1.0 / noise).collect() };
    let linear = |noise: &[f64], priors: Priors<'_>| {
        let columns: Vec<Vec<Columns>> = samples.par_iter().map(|sample| features.of(&sample.member)).collect();
        let rows = grouped_ridge::Rows {
            columns: &columns,
            values: &values,
            noise,
        };
        GroupedRidge::fit(&rows, priors).ok_or(PredictError::Singular)
    };
    let form = match model {
        Model::Ridge | Model::Pairwise | Model::Tables | Model::Counts => {
            let mut ridge = linear(&noise, priors)?;
            if robust {
                let priors = ridge.priors.clone();
                for _ in 0..REWEIGHTINGS {
                    let weighed = reweighed(&values, &ridge.left_out, &noise);
                    ridge = linear(&weighed, Priors::Fixed(&priors))?;
                }
            }
            let left_out = ridge
                .left_out
                .iter()
                .map(|value| transform.back(value * unit))
                .collect();
            let form = Form::Linear(model.interactions(), ridge);
            return Ok((Fitted { form, unit }, Some(left_out)));
        }
        Model::Trees => {
            let ridge = linear(&noise, priors)?;
            let sides = samples.iter().zip(&ridge.left_out);
            let rows: Vec<Vec<f64>> = sides
                .map(|(sample, tables)| beside(&features, &sample.member, *tables))
                .collect();
            let rest: Vec<f64> = values
                .iter()
                .zip(&ridge.left_out)
                .map(|(value, tables)| value - tables)
                .collect();
            let trees = Trees::fit(&rows, &rest, &precisions());
            Form::Trees(ridge, trees)
        }
        Model::Mlp => {
            let rows: Vec<Columns> = samples.iter().map(|sample| flat(&features, &sample.member)).collect();
            let ridge = linear(&noise, priors)?;
            let rest = values.iter().zip(&ridge.left_out);
            let rest: Vec<f64> = rest.map(|(value, sum)| value - sum).collect();
            let mlp = Mlp::fit(&rows, &rest, &precisions(), 0);
            Form::Mlp(ridge, Box::new(mlp))
        }
    };
    Ok((Fitted { form, unit }, None))
}

/// The standard deviation, which fitted values are divided by; 1 where they are all equal.
fn spread(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    if variance > 0.0 && variance.is_finite() {
        variance.sqrt()
    } else {
        1.0
    }
}

/// The rows' noise where errors have Student's t distribution: one step of the expectation-maximisation of Lange et al. 1989
/// from the errors of rows left out.
fn reweighed(values: &[f64], left_out: &[f64], noise: &[f64]) -> Vec<f64> {
    let squares: Vec<f64> = values
        .iter()
        .zip(left_out)
        .zip(noise)
        .map(|((value, left_out), noise)| (value - left_out).powi(2) / noise)
        .collect();
    let mut sorted = squares.clone();
    sorted.sort_by(f64::total_cmp);
    // The median of the square of a t with four degrees of freedom.
    let scale = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0).max(1e-300) / 0.5486;
    let weigh = |(noise, square): (&f64, &f64)| noise * (FREEDOM + square / scale) / (FREEDOM + 1.0);
    noise.iter().zip(&squares).map(weigh).collect()
}

/// What each row is predicted to be by a model that was fitted to the other folds.
fn crossed(
    space: &Space,
    samples: &[Sample],
    model: Model,
    transform: Transform,
    robust: bool,
    priors: Priors<'_>,
) -> Result<Vec<f64>, PredictError> {
    let folds = match priors {
        Priors::Fixed(_) if model.is_linear() => LINEAR_FOLDS,
        Priors::Fixed(_) => FOLDS,
        Priors::Near(_) | Priors::Sought => SEEKING_FOLDS,
    };
    let folds = folds.min(samples.len());
    let of_fold = |fold: usize| {
        let part = |inside: bool| -> Vec<Sample> {
            let kept = samples
                .iter()
                .enumerate()
                .filter(|(row, _)| (row % folds == fold) == inside);
            kept.map(|(_, sample)| sample.clone()).collect()
        };
        let (fitted, _) = fit(space, &part(false), model, transform, robust, priors)?;
        let members: Vec<Member> = part(true).into_iter().map(|sample| sample.member).collect();
        Ok(fitted.predict(space, &members))
    };
    let predicted: Vec<Vec<f64>> = (0..folds)
        .into_par_iter()
        .map(of_fold)
        .collect::<Result<_, PredictError>>()?;
    let value = |row: usize| predicted[row % folds][row / folds];
    Ok((0..samples.len()).map(|row| transform.back(value(row))).collect())
}
