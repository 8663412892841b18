use std::sync::OnceLock;

use panarch_space::Space;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::covariance::Covariances;
use crate::features::{Columns, Features, Interactions};
use crate::gaussian_process::PosteriorMean;
use crate::grouped_ridge::{GroupedRidge, Target, sought};
use crate::mlp::Mlp;
use crate::trees::Trees;
use crate::{Dimension, Member, PredictError, Sample, Transform, student_t};

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
    /// Gradient-boosted trees, with the positions of the choices, the network's size and what the tables say as features:
    /// for what is no sum, such as a throughput that something else limits.
    Trees,
    /// A multilayer perceptron on the choices, on what ridge regression on them leaves.
    Mlp,
    /// A Gaussian process over the choices: for smooth functions of many of them.
    GaussianProcess,
}

impl Model {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Ridge,
        Self::Pairwise,
        Self::Tables,
        Self::Counts,
        Self::Trees,
        Self::Mlp,
        Self::GaussianProcess,
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
            Self::GaussianProcess => "gaussian-process",
        }
    }

    pub(crate) const fn interactions(self) -> Interactions {
        match self {
            Self::Ridge | Self::Mlp | Self::GaussianProcess => Interactions::None,
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
    /// Degrees of freedom of the errors, where rows that fit badly count less; none where errors are normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) freedom: Option<f64>,
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
    Gaussian(Box<PosteriorMean>),
}

/// How often a robust fit weighs the rows anew.
const REWEIGHTINGS: usize = 4;

/// Rows that a model is trained on, with what all models need of them, worked out once.
#[derive(Debug)]
pub(crate) struct Training<'a> {
    pub(crate) space: &'a Space,
    pub(crate) samples: &'a [Sample],
    covariances: [OnceLock<Covariances>; 4],
}

impl<'a> Training<'a> {
    pub(crate) fn new(space: &'a Space, samples: &'a [Sample]) -> Self {
        Self {
            space,
            samples,
            covariances: [const { OnceLock::new() }; 4],
        }
    }

    /// The rows as linear models with these interactions see them.
    pub(crate) fn covariances(&self, interactions: Interactions) -> &Covariances {
        self.covariances[interactions as usize].get_or_init(|| {
            let features = Features::new(self.space, interactions);
            Covariances::new(
                self.samples
                    .par_iter()
                    .map(|sample| features.of(&sample.member))
                    .collect(),
            )
        })
    }

    /// The values in the form that is fitted, over the unit that comes with them.
    pub(crate) fn target(&self, transform: Transform) -> (Target, f64) {
        let values = self.samples.iter().map(|sample| transform.forward(sample.value));
        let mut values: Vec<f64> = values.collect();
        let unit = spread(&values);
        values.iter_mut().for_each(|value| *value /= unit);
        let variance = |(sample, value): (&Sample, &f64)| transform.spread(*value).powi(2) / f64::from(sample.repeats);
        let mut noise: Vec<f64> = self.samples.iter().zip(&values).map(variance).collect();
        let mean = noise.iter().sum::<f64>() / noise.len().max(1) as f64;
        noise.iter_mut().for_each(|noise| *noise /= mean);
        (Target { values, noise }, unit)
    }

    /// Makes a model from its recipe; and what it says of each row from the others, in the form that is fitted, where that
    /// follows in closed form.
    pub(crate) fn fit(&self, recipe: &Recipe) -> Result<(Fitted, Option<Vec<f64>>), PredictError> {
        let (target, unit) = self.target(recipe.transform);
        if recipe.model == Model::GaussianProcess {
            let (dimensions, inputs) = self.inputs();
            let process = PosteriorMean::fit(&dimensions, inputs, &target)?;
            let left_out = process.left_out.clone();
            let form = Form::Gaussian(Box::new(process));
            return Ok((Fitted { form, unit }, Some(left_out)));
        }
        let interactions = recipe.model.interactions();
        let ridge = robust(self.covariances(interactions), &target, recipe)?.0;
        let left_out = ridge.left_out.clone();
        let form = match recipe.model {
            Model::Trees => {
                let trees = Trees::fit(&self.beside(&left_out), &target.values, &precisions(&target));
                Form::Trees(ridge, trees)
            }
            Model::Mlp => {
                let rest = difference(&target.values, &left_out);
                let mlp = Mlp::fit(&self.flat(), &rest, &precisions(&target), 0);
                Form::Mlp(ridge, Box::new(mlp))
            }
            _ => {
                let form = Form::Linear(interactions, ridge);
                return Ok((Fitted { form, unit }, Some(left_out)));
            }
        };
        Ok((Fitted { form, unit }, None))
    }

    /// What a model that is put on a ridge regression says of each row from other folds, in the form that is fitted. What
    /// ridge regression says of the rows is left out already.
    pub(crate) fn crossed_beyond(&self, recipe: &Recipe, ridge: &GroupedRidge, folds: usize) -> Vec<f64> {
        let (target, _) = self.target(recipe.transform);
        let of =
            |all: &[Vec<f64>], rows: &[usize]| -> Vec<Vec<f64>> { rows.iter().map(|row| all[*row].clone()).collect() };
        if recipe.model == Model::Trees {
            let rows = self.beside(&ridge.left_out);
            return crossed(self.samples.len(), folds, |inside, outside| {
                let part = target.part(outside);
                let trees = Trees::fit(&of(&rows, outside), &part.values, &precisions(&part));
                inside.iter().map(|row| trees.predict(&rows[*row])).collect()
            });
        }
        let rows = self.flat();
        let rest = difference(&target.values, &ridge.left_out);
        crossed(self.samples.len(), folds, |inside, outside| {
            let columns: Vec<Columns> = outside.iter().map(|row| rows[*row].clone()).collect();
            let values: Vec<f64> = outside.iter().map(|row| rest[*row]).collect();
            let mlp = Mlp::fit(&columns, &values, &precisions(&target.part(outside)), 0);
            let value = |row: &usize| ridge.left_out[*row] + mlp.predict(&rows[*row]);
            inside.iter().map(value).collect()
        })
    }

    /// What a linear model says of each row from other folds, where the closed form has seen more than it should: in a robust
    /// fit the weight of a row depends on all others, and priors that were sought with few rows depend on each of them. With
    /// `seeking` each fold seeks its priors anew, from those of all rows.
    pub(crate) fn crossed_linear(
        &self,
        recipe: &Recipe,
        folds: usize,
        seeking: bool,
    ) -> Result<Vec<f64>, PredictError> {
        let (target, _) = self.target(recipe.transform);
        let rows = self.covariances(recipe.model.interactions());
        let failed = std::sync::atomic::AtomicBool::new(false);
        let found = crossed(self.samples.len(), folds, |inside, outside| {
            let (rows_outside, target) = (rows.part(outside), target.part(outside));
            let mut recipe = recipe.clone();
            if seeking && let Some(priors) = sought(&rows_outside, &target, Some(&recipe.priors)) {
                recipe.priors = priors;
            }
            let Ok((ridge, _)) = robust(&rows_outside, &target, &recipe) else {
                failed.store(true, std::sync::atomic::Ordering::Relaxed);
                return vec![0.0; inside.len()];
            };
            inside.iter().map(|row| ridge.predict(&rows.columns[*row])).collect()
        });
        if failed.into_inner() {
            return Err(PredictError::Singular);
        }
        Ok(found)
    }

    /// The features of trees.
    fn beside(&self, tables: &[f64]) -> Vec<Vec<f64>> {
        let features = Features::new(self.space, Interactions::Tables);
        let rows = self.samples.par_iter().zip(tables);
        rows.map(|(sample, tables)| beside(&features, &sample.member, *tables))
            .collect()
    }

    fn flat(&self) -> Vec<Columns> {
        let rows = &self.covariances(Interactions::None).columns;
        rows.iter().map(|row| row.iter().flatten().copied().collect()).collect()
    }

    /// The inputs of a Gaussian process, and how they are compared.
    fn inputs(&self) -> (Vec<Dimension>, Vec<Vec<f64>>) {
        let features = Features::new(self.space, Interactions::None);
        let inputs = self.samples.iter().map(|sample| features.numbers(&sample.member));
        let decisions = self.space.decisions().len();
        let sized = self
            .samples
            .first()
            .is_some_and(|sample| sample.member.resolution.is_some());
        let inputs: Vec<Vec<f64>> = inputs.collect();
        let width = inputs.first().map_or(0, Vec::len);
        let dimension = |index: usize| match sized && index == decisions {
            true => Dimension::Number,
            false => Dimension::Category,
        };
        ((0..width).map(dimension).collect(), inputs)
    }
}

impl Fitted {
    /// What is expected of networks, in the form that was fitted.
    pub(crate) fn predict(&self, space: &Space, members: &[Member]) -> Vec<f64> {
        let interactions = match &self.form {
            Form::Linear(interactions, _) => *interactions,
            Form::Trees(..) => Interactions::Tables,
            Form::Mlp(..) | Form::Gaussian(_) => Interactions::None,
        };
        let features = Features::new(space, interactions);
        let one = |member: &Member| {
            self.unit
                * match &self.form {
                    Form::Linear(_, ridge) => ridge.predict(&features.of(member)),
                    Form::Trees(ridge, trees) => {
                        trees.predict(&beside(&features, member, ridge.predict(&features.of(member))))
                    }
                    Form::Mlp(ridge, mlp) => {
                        let columns = features.of(member);
                        ridge.predict(&columns) + mlp.predict(&columns.concat())
                    }
                    Form::Gaussian(process) => process.at(&features.numbers(member)),
                }
        };
        members.par_iter().map(one).collect()
    }
}

/// The features of a tree: the network as numbers, its size, and what the tables say of it.
fn beside(features: &Features<'_>, member: &Member, tables: f64) -> Vec<f64> {
    let mut numbers = features.numbers(member);
    numbers.extend(features.sizes(member));
    numbers.push(tables);
    numbers
}

fn precisions(target: &Target) -> Vec<f64> {
    target.noise.iter().map(|noise| 1.0 / noise).collect()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// A linear model from its recipe, and the rows' noise that it ended with.
pub(crate) fn robust(
    rows: &Covariances,
    target: &Target,
    recipe: &Recipe,
) -> Result<(GroupedRidge, Target), PredictError> {
    let fit = |target: &Target| GroupedRidge::fit(rows, target, &recipe.priors).ok_or(PredictError::Singular);
    let mut ridge = fit(target)?;
    let mut weighed = target.clone();
    if let Some(freedom) = recipe.freedom {
        for _ in 0..REWEIGHTINGS {
            weighed.noise = reweighed(target, &ridge.left_out, freedom);
            ridge = fit(&weighed)?;
        }
    }
    Ok((ridge, weighed))
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
/// from the errors of rows left out. The scale is such that half of the errors are below the distribution's median.
fn reweighed(target: &Target, left_out: &[f64], freedom: f64) -> Vec<f64> {
    let rows = target.values.iter().zip(left_out).zip(&target.noise);
    let squares: Vec<f64> = rows
        .map(|((value, left_out), noise)| (value - left_out).powi(2) / noise)
        .collect();
    let mut sorted = squares.clone();
    sorted.sort_by(f64::total_cmp);
    let quartile = student_t::quantile(0.75, freedom);
    let scale = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0).max(1e-300) / quartile.powi(2);
    let weigh = |(noise, square): (&f64, &f64)| noise * (freedom + square / scale) / (freedom + 1.0);
    target.noise.iter().zip(&squares).map(weigh).collect()
}

/// What each row is predicted to be by a model that was fitted to the other folds: `predict` is given the rows inside of a
/// fold and those outside.
fn crossed(rows: usize, folds: usize, predict: impl Fn(&[usize], &[usize]) -> Vec<f64> + Sync) -> Vec<f64> {
    let folds = folds.min(rows);
    let of_fold = |fold: usize| {
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..rows).partition(|row| row % folds == fold);
        predict(&inside, &outside)
    };
    let predicted: Vec<Vec<f64>> = (0..folds).into_par_iter().map(of_fold).collect();
    (0..rows).map(|row| predicted[row % folds][row / folds]).collect()
}
