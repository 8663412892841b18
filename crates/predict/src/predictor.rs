use panarch_graph::{ContentHash, Estimate, Provenance};
use panarch_space::Genotype;

use crate::PredictError;

/// Foresees one quantity of the members of a space, from their genotypes alone.
///
/// It stands beside [`CostSource`](panarch_cost::CostSource), which is asked for networks and answers for a device. `Q` is
/// the quantity: [`Latency`](panarch_graph::Latency), [`Accuracy`](panarch_graph::Accuracy), and so on.
pub trait Predictor<Q>: Send + Sync {
    /// What is expected of each genotype, with its interval. Answers come in the order of the genotypes, and one that fails
    /// spoils no other.
    fn predict(&self, genotypes: &[Genotype]) -> Vec<Result<Estimate<Q>, PredictError>>;

    /// The same for one genotype.
    ///
    /// # Errors
    /// When it is not of the predictor's space.
    fn predict_one(&self, genotype: &Genotype) -> Result<Estimate<Q>, PredictError> {
        let answer = self.predict(std::slice::from_ref(genotype)).pop();
        answer.unwrap_or_else(|| Err(PredictError::NoAnswer))
    }

    /// How the predictions come about.
    fn provenance(&self) -> Provenance;

    /// Identifies everything but the genotype that a prediction depends on. A prediction may be kept for as long as this is
    /// the same.
    ///
    /// # Errors
    /// When what was fitted cannot be written down.
    fn protocol(&self) -> Result<ContentHash, PredictError>;
}
