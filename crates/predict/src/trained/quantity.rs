//! A trained predictor where a quantity is asked for by genotype.

use panarch_graph::{ContentHash, Estimate, Provenance, ProvenanceKind};
use panarch_space::Genotype;

use super::TrainedPredictor;
use crate::{Member, PredictError, Predictor};

/// A [`TrainedPredictor`] as a [`Predictor`] of a quantity, at one resolution.
///
/// A table says what its columns are called, not what they are: whoever makes this knows.
#[derive(Debug)]
pub struct TrainedQuantity<Q> {
    predictor: TrainedPredictor,
    resolution: Option<u32>,
    measured: Provenance,
    quantity: fn(f64) -> Q,
}

impl TrainedPredictor {
    /// The predictor as one of a quantity, for images of `resolution` pixels a side (none where its rows have none).
    /// `measured` says how the rows came about, `quantity` what a value of the column is; it must not fall where values
    /// rise.
    #[must_use]
    pub const fn into_quantity<Q>(
        self,
        resolution: Option<u32>,
        measured: Provenance,
        quantity: fn(f64) -> Q,
    ) -> TrainedQuantity<Q> {
        TrainedQuantity {
            predictor: self,
            resolution,
            measured,
            quantity,
        }
    }
}

impl<Q> Predictor<Q> for TrainedQuantity<Q> {
    fn predict(&self, genotypes: &[Genotype]) -> Vec<Result<Estimate<Q>, PredictError>> {
        let space = self.predictor.space();
        let member = |genotype: &Genotype| {
            space.check(genotype)?;
            Ok(Member {
                genotype: space.canonical(genotype),
                resolution: self.resolution,
            })
        };
        let members: Vec<Result<Member, PredictError>> = genotypes.iter().map(member).collect();
        let known: Vec<Member> = members
            .iter()
            .filter_map(|member| member.as_ref().ok())
            .cloned()
            .collect();
        let mut answers = self.predictor.predict(&known).into_iter();
        let answer = |member: Result<Member, PredictError>| {
            member?;
            let estimate = answers.next().unwrap_or(Err(PredictError::NoAnswer))?;
            Ok(Estimate {
                value: (self.quantity)(estimate.value),
                low: (self.quantity)(estimate.low),
                high: (self.quantity)(estimate.high),
                level: estimate.level,
            })
        };
        members.into_iter().map(answer).collect()
    }

    fn provenance(&self) -> Provenance {
        let (model, form) = (self.predictor.model().name(), self.predictor.transform().name());
        let rows = self.predictor.health().rows;
        Provenance {
            kind: ProvenanceKind::Predicted,
            tool: format!("{model} ({form}) trained on {rows} networks"),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            note: Some(format!("measured by {} {}", self.measured.tool, self.measured.version)),
            ..self.measured.clone()
        }
    }

    fn protocol(&self) -> Result<ContentHash, PredictError> {
        let resolution = self.resolution.unwrap_or(0);
        let text = format!("{resolution}\n{}", self.predictor.to_json()?);
        Ok(ContentHash::of("panarch trained quantity v1", text.as_bytes()))
    }
}
