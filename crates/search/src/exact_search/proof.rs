use panarch_space::{Genotype, Subspace};
use panarch_study::History;

use super::model::Model;
use crate::exact::{Budget, Certificate, CostLimit, Optimum, Solution};
use crate::{SearchError, Sums};

/// Nodes that the proof of one search may take: some seconds.
const NODES: u64 = 20_000_000;
/// Boxes of a certificate: some megabytes.
const BOXES: usize = 100_000;

/// What is proved of the winner of a search, by tables fitted to everything that the search evaluated.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The most accurate member by the tables within the limits.
    pub best: Genotype,
    /// Its accuracy by the table, in the unit of the accuracies of the search.
    pub best_accuracy: f64,
    /// No member within the limits is more accurate by the table: that of the best once the proof is done.
    pub bound: f64,
    /// What the table says of the winner.
    pub winner_accuracy: f64,
    /// The root of the mean square error of accuracies that the table was not fitted to.
    pub error: f64,
    /// The networks that the table was fitted to.
    pub networks: usize,
    /// The limits: hard ones as they are, those with targets at the ratio that the winner has.
    pub limits: Vec<CostLimit>,
    /// What one more per cent of each limit would buy in accuracy at most.
    pub prices: Vec<f64>,
    /// The proof for others to check; none when it would be too long.
    pub certificate: Option<Certificate>,
}

/// Proves what no network within the limits of a winner can exceed, by tables fitted to a history.
///
/// # Errors
/// [`SearchError::NotExact`] for a space that cannot be searched exactly. `None` while too little is known for tables, or no
/// proof was found in time.
pub fn prove(
    subspace: &Subspace,
    sums: &dyn Sums,
    history: &History,
    winner: &Genotype,
) -> Result<Option<Proof>, SearchError> {
    let Some(model) = Model::fit(subspace, Some(sums), history.observations())? else {
        return Ok(None);
    };
    // The winner itself must keep them, whatever the last digit of its sums is.
    let ratio = model.ratio_by_tables(winner) * (1.0 + 1e-9);
    let limits = model.limits(ratio, false);
    let problem = model.problem(&limits)?;
    let budget = Budget {
        nodes: NODES,
        stop: &|| false,
    };
    let solution = match problem.optimum(&budget) {
        Ok(solution) => solution,
        Err(SearchError::Unsettled) => return Ok(None),
        Err(error) => return Err(error),
    };
    let certificate = Certificate::new(&problem, &solution, BOXES).ok();
    let Solution::Optimum(Optimum {
        best, bound, prices, ..
    }) = solution
    else {
        return Ok(None);
    };
    Ok(best.into_iter().next().map(|best| Proof {
        best: best.genotype,
        best_accuracy: best.accuracy,
        bound,
        winner_accuracy: model.accuracy(winner),
        error: model.error(),
        networks: history.distinct(),
        limits: problem.limits().to_vec(),
        prices,
        certificate,
    }))
}
