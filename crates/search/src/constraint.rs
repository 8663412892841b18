use std::error::Error;

use panarch_space::Genotype;
use panarch_study::Violation;

/// Whether a member may be proposed.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It keeps every limit.
    Feasible,
    /// It does not keep these limits, the furthest over first; not empty.
    Vetoed(Vec<Violation>),
    /// A device cannot run it at all.
    Unsupported {
        /// The device.
        device: String,
        /// Why: the layer and the operator.
        reason: String,
    },
}

impl From<Vec<Violation>> for Verdict {
    /// Feasible when there is no violation.
    fn from(violations: Vec<Violation>) -> Self {
        if violations.is_empty() {
            Self::Feasible
        } else {
            Self::Vetoed(violations)
        }
    }
}

/// The limits that every proposal must keep: a pure function of the genotype that is cheap next to an evaluation.
///
/// Closures of the right form are constraints. The same genotype must always get the same verdict.
pub trait Constraint {
    /// Judges a canonical genotype.
    ///
    /// # Errors
    /// When it cannot be judged; the search ends with [`crate::SearchError::Constraint`].
    fn judge(&self, genotype: &Genotype) -> Result<Verdict, Box<dyn Error + Send + Sync>>;
}

impl<F> Constraint for F
where
    F: Fn(&Genotype) -> Result<Verdict, Box<dyn Error + Send + Sync>>,
{
    fn judge(&self, genotype: &Genotype) -> Result<Verdict, Box<dyn Error + Send + Sync>> {
        self(genotype)
    }
}

/// No limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unconstrained;

impl Constraint for Unconstrained {
    fn judge(&self, _: &Genotype) -> Result<Verdict, Box<dyn Error + Send + Sync>> {
        Ok(Verdict::Feasible)
    }
}
