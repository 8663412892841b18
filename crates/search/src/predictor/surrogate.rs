use panarch_predict::{Dimension, GaussianProcess, Kernel, Normal, Posterior, PredictError};
use panarch_study::{dominates, pareto_front};

use super::improvement::{Improvement, below};

/// Kernels are fitted anew whenever the rows have become more by this factor.
const GROWTH: f64 = 1.25;
/// Rows that a kernel is fitted to at most, spread evenly over all.
const MOST_FITTED: usize = 120;

/// A network that is dominated even if every objective is better than expected by so many standard deviations adds nothing.
const HOPE: f64 = 4.0;

/// What is known of one evaluated network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) input: Vec<f64>,
    /// None for a network that was not evaluated to its end.
    pub(super) losses: Vec<f64>,
    pub(super) feasible: bool,
}

/// A Gaussian process for each objective, and one for feasibility where not all rows are feasible, at fixed points.
#[derive(Debug)]
pub(super) struct Surrogate {
    dimensions: Vec<Dimension>,
    points: Vec<Vec<f64>>,
    kernels: Kernels,
    /// The rows that the processes know.
    rows: Vec<Row>,
    objectives: Vec<Posterior>,
    feasibility: Option<Posterior>,
}

/// Fitted kernels.
#[derive(Debug, Clone, Default)]
struct Kernels {
    /// The rows that they are fitted to.
    rows: Vec<Row>,
    warps: Vec<Warp>,
    objectives: Vec<Kernel>,
    feasibility: Option<Kernel>,
}

/// A scale for an objective's values on which those worse than the median lie closer together, ever more so: a search need
/// not know how bad they are, and a process that has to follow them knows the good ones less well. Values up to the median
/// are as they are. (Google Vizier warps the worse half by rank, Song et al. 2024; the logarithm is ours.)
#[derive(Debug, Clone, Copy)]
struct Warp {
    median: f64,
    /// From the best value to the median.
    spread: f64,
}

impl Warp {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let best = sorted.first().copied().unwrap_or_default();
        Self {
            median,
            spread: median - best,
        }
    }

    fn warped(&self, value: f64) -> f64 {
        if value > self.median && self.spread > 0.0 {
            return self.median + self.spread * ((value - self.median) / self.spread).ln_1p();
        }
        value
    }
}

impl Surrogate {
    pub(super) fn new(dimensions: Vec<Dimension>, points: Vec<Vec<f64>>) -> Self {
        Self {
            dimensions,
            points,
            kernels: Kernels::default(),
            rows: Vec::new(),
            objectives: Vec::new(),
            feasibility: None,
        }
    }

    /// The same kernels, as far as they are fitted, at other points.
    pub(super) fn at(&self, points: Vec<Vec<f64>>) -> Self {
        Self {
            kernels: self.kernels.clone(),
            ..Self::new(self.dimensions.clone(), points)
        }
    }

    /// How promising each point is, given these rows and points that are proposed and not finished; none when too few rows
    /// have values.
    pub(super) fn score(&mut self, rows: &[Row], open: &[usize]) -> Result<Option<Vec<f64>>, PredictError> {
        let evaluated = rows.iter().filter(|row| !row.losses.is_empty());
        if evaluated.count() < 2 {
            return Ok(None);
        }
        self.learn(rows)?;
        if self.objectives.is_empty() {
            return Ok(None);
        }
        let known = rows.iter().filter(|row| !row.losses.is_empty());
        let known: Vec<(Vec<f64>, bool)> = known.map(|row| (self.warped(row).collect(), row.feasible)).collect();
        // What cannot be used would widen the reference to where nothing can be: it counts only while there is nothing else.
        let some_feasible = known.iter().any(|(_, feasible)| *feasible);
        let counted = || known.iter().filter(move |(_, feasible)| *feasible || !some_feasible);
        let worst = |objective: usize| {
            let losses = counted().map(|(losses, _)| losses[objective]);
            losses.fold(f64::NEG_INFINITY, f64::max)
        };
        let reference: Vec<f64> = (0..self.objectives.len()).map(worst).collect();
        let feasible = known.into_iter().filter(|(_, feasible)| *feasible);
        let mut front: Vec<Vec<f64>> = feasible.map(|(losses, _)| losses).collect();
        let marks: Vec<_> = self.objectives.iter().map(Posterior::mark).collect();
        for &point in open {
            let expected: Vec<f64> = self.objectives.iter().map(|it| it.at(point).mean).collect();
            for (posterior, value) in self.objectives.iter_mut().zip(&expected) {
                posterior.observe(&self.points[point], *value)?;
            }
            front.push(expected);
        }
        let best: Vec<Vec<f64>> = pareto_front(&front)
            .into_iter()
            .map(|index| front[index].clone())
            .collect();
        let improvement = Improvement::new(&best, &reference);
        let mut normals: Vec<Normal> = Vec::new();
        let scores = (0..self.points.len()).map(|point| {
            normals.clear();
            let processes = self.objectives.iter().zip(&self.kernels.objectives);
            normals.extend(processes.map(|(posterior, kernel)| {
                let function = posterior.at(point);
                // What the kernel takes for noise is what is peculiar to a network, and may be luck.
                let variance = function.variance + kernel.noise_variance();
                Normal { variance, ..function }
            }));
            let hopeful: Vec<f64> = normals.iter().map(|it| it.mean - HOPE * it.variance.sqrt()).collect();
            if best.iter().any(|member| dominates(member, &hopeful)) {
                return 0.0;
            }
            improvement.expected(&normals) * self.feasibility.as_ref().map_or(1.0, |it| is_feasible(it.at(point)))
        });
        let scores = scores.collect();
        for (posterior, mark) in self.objectives.iter_mut().zip(marks) {
            posterior.back_to(mark);
        }
        Ok(Some(scores))
    }

    /// Fits the kernels to the rows, where these have become enough more.
    pub(super) fn fit(&mut self, rows: &[Row]) -> Result<(), PredictError> {
        let rows = &rows[..fitted(rows.len())];
        if self.kernels.rows == rows {
            return Ok(());
        }
        let objectives = rows.iter().map(|row| row.losses.len()).max().unwrap_or(0);
        let values = |objective: usize| rows.iter().filter_map(move |row| row.losses.get(objective).copied());
        let warps: Vec<Warp> = (0..objectives)
            .map(|it| Warp::of(&values(it).collect::<Vec<_>>()))
            .collect();
        let of_objective = |(objective, warp): (usize, &Warp)| {
            let values = rows
                .iter()
                .filter_map(|row| Some((&row.input, warp.warped(*row.losses.get(objective)?))));
            self.kernel(values.collect())
        };
        let some_infeasible = rows.iter().any(|row| !row.feasible);
        let feasibility = some_infeasible.then(|| rows.iter().map(|row| (&row.input, infeasible(row))).collect());
        self.kernels = Kernels {
            objectives: warps.iter().enumerate().map(of_objective).collect::<Result<_, _>>()?,
            warps,
            feasibility: feasibility.map(|values| self.kernel(values)).transpose()?,
            rows: rows.to_vec(),
        };
        self.rows.clear();
        self.objectives.clear();
        Ok(())
    }

    /// Takes rows up: those that are new, or all where the kernels are others.
    fn learn(&mut self, rows: &[Row]) -> Result<(), PredictError> {
        self.fit(rows)?;
        if self.objectives.is_empty() || !rows.starts_with(&self.rows) {
            let prior = |kernel: &Kernel| Posterior::new(kernel.clone(), self.points.clone());
            self.objectives = self.kernels.objectives.iter().map(prior).collect::<Result<_, _>>()?;
            self.feasibility = self.kernels.feasibility.as_ref().map(prior).transpose()?;
            self.rows.clear();
        }
        for row in &rows[self.rows.len()..] {
            let losses: Vec<f64> = self.warped(row).collect();
            for (posterior, value) in self.objectives.iter_mut().zip(losses) {
                posterior.observe(&row.input, value)?;
            }
            if let Some(posterior) = &mut self.feasibility {
                posterior.observe(&row.input, infeasible(row))?;
            }
            self.rows.push(row.clone());
        }
        Ok(())
    }

    /// The losses of a row as the processes know them.
    fn warped<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = f64> + 'a {
        let pairs = row.losses.iter().zip(&self.kernels.warps);
        pairs.map(|(value, warp)| warp.warped(*value))
    }

    /// A kernel fitted to values.
    fn kernel(&self, values: Vec<(&Vec<f64>, f64)>) -> Result<Kernel, PredictError> {
        let stride = values.len().div_ceil(MOST_FITTED).max(1);
        let spread = values.into_iter().step_by(stride);
        let (inputs, values): (Vec<Vec<f64>>, Vec<f64>) = spread.map(|(input, value)| (input.clone(), value)).unzip();
        Ok(GaussianProcess::fit(&self.dimensions, &inputs, &values, 1)?
            .kernel()
            .clone())
    }
}

/// How many of so many rows the kernels are fitted to: what decides it is their number alone.
fn fitted(rows: usize) -> usize {
    let mut fitted = 2;
    while let next = ((fitted as f64 * GROWTH) as usize).max(fitted + 1)
        && next <= rows
    {
        fitted = next;
    }
    fitted.min(rows)
}

/// 1 for a network that cannot be used, 0 for one that can.
fn infeasible(row: &Row) -> f64 {
    f64::from(u8::from(!row.feasible))
}

/// The probability that a network can be used.
fn is_feasible(expected: Normal) -> f64 {
    below((0.5 - expected.mean) / expected.variance.sqrt().max(0.05))
}
