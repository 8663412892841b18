//! The shared pool of evaluations: each network is judged once, whichever search asks first.

use std::time::Instant;

use panarch_data::Loader;
use panarch_graph::{Inputs, Precision, Provenance, ProvenanceKind};
use panarch_nn::Engine;
use panarch_space::Genotype;
use panarch_study::{Evaluation, EvaluationProtocol, ImageSet, Split, Subject, Timestamp, WeightOrigin};
use panarch_train::{PlacedSupernet, Supernet, Validator};

use super::{Setup, Watch, inputs};
use crate::Error;
use crate::engine::engine;

/// Judges genotypes with the weights that they inherit, keeping every answer in the study.
pub(super) struct Pool<'a> {
    setup: &'a Setup,
    supernet: PlacedSupernet,
    engine: Box<dyn Engine>,
    /// What every evaluation of the pool is made of.
    pub(super) inputs: Inputs,
    /// How every network of the pool is judged while searching.
    pub(super) protocol: EvaluationProtocol,
    /// Networks that were judged in this process, not read from the study.
    pub(super) fresh: usize,
}

impl<'a> Pool<'a> {
    pub(super) fn new(setup: &'a Setup, supernet: &Supernet, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let inputs = inputs::evaluations(setup, supernet);
        let what = "networks are judged again";
        inputs::take_up(setup, Subject::Evaluations, &inputs, what, watch)?;
        let mut engine = engine();
        Ok(Self {
            setup,
            supernet: supernet.place(engine.as_mut())?,
            engine,
            inputs,
            protocol: protocol(&setup.validator),
            fresh: 0,
        })
    }

    /// The evaluation of a canonical genotype.
    pub(super) fn evaluate(&mut self, genotype: &Genotype) -> Result<Evaluation, Error> {
        if let Some(known) = self.setup.study.evaluation(genotype, &self.protocol)? {
            return Ok(known);
        }
        let began = Instant::now();
        let (parameters, member) = (self.supernet.parameters(), self.supernet.member(genotype)?);
        let score = self.setup.validator.score(self.engine.as_mut(), parameters, &member)?;
        self.fresh += 1;
        Ok(self.setup.study.add_evaluation(Evaluation {
            genotype: genotype.clone(),
            protocol: self.protocol.clone(),
            network: self.setup.network(genotype)?.content_hash(),
            accuracy: score.accuracy(),
            provenance: self.provenance(score.images),
            seed: self.setup.file.seed,
            seconds: began.elapsed().as_secs_f64(),
            created: Timestamp::now(),
        })?)
    }

    fn provenance(&self, images: usize) -> Provenance {
        Provenance {
            kind: ProvenanceKind::Measured,
            device: self.engine.name(),
            tool: "inherited weights, recalibrated".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            precision: Precision::F32,
            batch: 1,
            repeats: None,
            note: Some(format!("{images} validation images; Wilson interval of the sample")),
        }
    }
}

/// How networks are judged with the weights that they inherit.
pub(super) fn protocol(validator: &Validator) -> EvaluationProtocol {
    let inputs = validator.inputs();
    let images = |split, name, loader: &Loader| ImageSet {
        split,
        count: Some(loader.image_count() as u64),
        content: ImageSet::content_of(&inputs, name),
    };
    EvaluationProtocol {
        kind: ProvenanceKind::Measured,
        weights: WeightOrigin::Inherited,
        precision: Precision::F32,
        recalibration: Some(images(Split::Training, "recalibration", validator.recalibration())),
        images: Some(images(Split::Validation, "validation", validator.validation())),
    }
}
