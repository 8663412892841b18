use panarch_graph::Latency;
use serde::Serialize;

use super::least_squares::{dot, non_negative};
use super::{Exchange, MatrixWork};

/// What a latency may be proportional to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Matrix work, MACs.
    Matrix,
    /// Vector work, element operations.
    Vector,
    /// Data moved, elements.
    Moved,
}

impl Term {
    fn of(self, work: &MatrixWork) -> f64 {
        match self {
            Self::Matrix => work.matrix.0 as f64,
            Self::Vector => work.vector.0 as f64,
            Self::Moved => work.moved.0 as f64,
        }
    }
}

/// Latency as a weighted sum of matrix work, vector work and data moved: t = a·W + b·V + c·D, no coefficient below 0.
///
/// The weights are found by least squares on seconds. The ratios b/a and c/a are the [`Exchange`] of the machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LatencyFit {
    /// Each term with its coefficient, in seconds a MAC, element operation or element.
    pub coefficients: Vec<(Term, f64)>,
}

impl LatencyFit {
    /// The fit of some terms to latencies; `None` when nothing can be told apart, such as without samples.
    #[must_use]
    pub fn new(samples: &[(MatrixWork, Latency)], terms: &[Term]) -> Option<Self> {
        let rows: Vec<Vec<f64>> = samples
            .iter()
            .map(|(work, _)| terms.iter().map(|term| term.of(work)).collect())
            .collect();
        let seconds: Vec<f64> = samples.iter().map(|(_, latency)| latency.seconds()).collect();
        let found = non_negative(&rows, &seconds)?;
        Some(Self {
            coefficients: terms.iter().copied().zip(found).collect(),
        })
    }

    /// The latency of other work.
    #[must_use]
    pub fn latency(&self, work: &MatrixWork) -> Latency {
        let (terms, weights): (Vec<f64>, Vec<f64>) = self
            .coefficients
            .iter()
            .map(|(term, weight)| (term.of(work), *weight))
            .unzip();
        Latency::from_seconds(dot(&terms, &weights))
    }

    /// What vector work and movement are worth in matrix work; `None` when matrix work takes no time.
    #[must_use]
    pub fn exchange(&self) -> Option<Exchange> {
        let weight = |wanted: Term| {
            let of = self.coefficients.iter().find(|(term, _)| *term == wanted);
            of.map_or(0.0, |(_, weight)| *weight)
        };
        let matrix = weight(Term::Matrix);
        (matrix > 0.0).then(|| Exchange {
            vector: weight(Term::Vector) / matrix,
            moved: weight(Term::Moved) / matrix,
        })
    }

    /// Each sample's latency as foreseen by the fit to all others; `None` when one of these fits is not possible.
    #[must_use]
    pub fn leave_one_out(samples: &[(MatrixWork, Latency)], terms: &[Term]) -> Option<Vec<Latency>> {
        let foreseen = samples.iter().enumerate().map(|(left_out, (work, _))| {
            let mut others = samples.to_vec();
            others.remove(left_out);
            Some(Self::new(&others, terms)?.latency(work))
        });
        foreseen.collect()
    }
}

/// How close estimates come to published or measured latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Closeness {
    /// Pearson's correlation.
    pub correlation: f64,
    /// Mean of |estimate / latency − 1|.
    pub mean_error: f64,
    /// Largest |estimate / latency − 1|.
    pub largest_error: f64,
}

impl Closeness {
    /// Of pairs of an estimate and a latency; `None` for fewer than two, or when all estimates or all latencies are equal.
    #[must_use]
    pub fn of(pairs: &[(Latency, Latency)]) -> Option<Self> {
        let (estimates, latencies): (Vec<f64>, Vec<f64>) = pairs
            .iter()
            .map(|(estimate, latency)| (estimate.seconds(), latency.seconds()))
            .unzip();
        let centred = |values: &[f64]| -> Vec<f64> {
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            values.iter().map(|value| value - mean).collect()
        };
        let (a, b) = (centred(&estimates), centred(&latencies));
        let correlation = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        let errors: Vec<f64> = pairs
            .iter()
            .map(|(estimate, latency)| (*estimate / *latency - 1.0).abs())
            .collect();
        correlation.is_finite().then(|| Self {
            correlation,
            mean_error: errors.iter().sum::<f64>() / errors.len() as f64,
            largest_error: errors.iter().copied().fold(0.0, f64::max),
        })
    }
}
