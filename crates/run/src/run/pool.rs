//! The shared pool of evaluations: each network is judged once, whichever search asks first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use panarch_data::Loader;
use panarch_graph::{ContentHash, Inputs, Precision, Provenance, ProvenanceKind};
use panarch_nn::Engine;
use panarch_space::Genotype;
use panarch_study::{Evaluation, EvaluationProtocol, ImageSet, Split, Subject, Timestamp, WeightOrigin};
use panarch_train::{Answers, Lead, PlacedSupernet, Supernet, Validator};

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
    /// How every network of the pool is judged while searching, unless it is stopped.
    pub(super) protocol: EvaluationProtocol,
    /// What networks have answered in this process. The study holds how many answers are right, not which: what it takes to
    /// compare networks image by image is found again after a cut.
    answers: BTreeMap<Genotype, Answers>,
    /// How long it has taken in this process.
    pub(super) spent: Duration,
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
            answers: BTreeMap::new(),
            spent: Duration::ZERO,
        })
    }

    /// Networks that were judged in this process, not read from the study.
    pub(super) fn fresh(&self) -> usize {
        self.answers.len()
    }

    /// The evaluation of a canonical genotype on all images.
    pub(super) fn evaluate(&mut self, genotype: &Genotype) -> Result<Evaluation, Error> {
        match self.setup.study.evaluation(genotype, &self.protocol)? {
            Some(known) => Ok(known),
            None => self.judge(genotype, &mut |_| true),
        }
    }

    /// The evaluation of a canonical genotype on the first images, until all are answered or it is `hopeless`: that is asked
    /// after each batch, of what is known of it beside a rival that was judged on all images. Gives the last that was known
    /// too.
    ///
    /// How far it is judged depends on the two networks alone, not on what else the pool holds.
    pub(super) fn race(
        &mut self,
        genotype: &Genotype,
        rival: &Genotype,
        hopeless: &mut dyn FnMut(&Lead) -> Result<bool, Error>,
    ) -> Result<(Evaluation, Option<Lead>), Error> {
        let all = self.setup.validator.validation().image_count();
        if self.answers.get(rival).is_none_or(|known| known.len() < all) {
            self.judge(rival, &mut |_| true)?;
        }
        let rival = self.answers.get(rival).cloned().unwrap_or_default();
        let (mut last, mut failed) = (None, None);
        let evaluation = self.judge(genotype, &mut |answers| {
            last = Lead::new(answers, &rival);
            match last.as_ref().map_or(Ok(false), &mut *hopeless) {
                Ok(is_hopeless) => !is_hopeless,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        match failed {
            Some(error) => Err(error),
            None => Ok((evaluation?, last)),
        }
    }

    /// Judges a genotype as long as it is `wanted`, with what this process already knows, and keeps it.
    fn judge(&mut self, genotype: &Genotype, wanted: &mut dyn FnMut(&Answers) -> bool) -> Result<Evaluation, Error> {
        let began = Instant::now();
        let images = self.setup.validator.validation();
        let (all, each) = (images.image_count(), images.batch_size());
        let known = self.answers.get(genotype).cloned().unwrap_or_default();
        let looks = (1..=known.len().div_ceil(each)).map(|batch| known.first(batch * each));
        let mut stopped = None;
        for seen in looks {
            if !wanted(&seen) {
                stopped = Some(seen);
                break;
            }
        }
        let seen = match stopped {
            Some(seen) => seen,
            None if known.len() == all => known,
            None => {
                let (parameters, member) = (self.supernet.parameters(), self.supernet.member(genotype)?);
                let mut answers = known;
                let engine = self.engine.as_mut();
                let validator = &self.setup.validator;
                validator.go_on(engine, parameters, &member, &mut answers, wanted)?;
                self.answers.insert(genotype.clone(), answers.clone());
                answers
            }
        };
        self.spent += began.elapsed();
        let score = seen.score();
        let protocol = first_images(&self.protocol, score.images);
        if let Some(known) = self.setup.study.evaluation(genotype, &protocol)? {
            return Ok(known);
        }
        Ok(self.setup.study.add_evaluation(Evaluation {
            genotype: genotype.clone(),
            protocol,
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
            note: Some(match images == self.setup.validator.validation().image_count() {
                true => format!("{images} validation images; Wilson interval of the sample"),
                false => format!("{images} validation images, then stopped; Wilson interval of the sample"),
            }),
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

/// A protocol that looks at the first of its images alone; itself, where that is all of them.
fn first_images(protocol: &EvaluationProtocol, images: usize) -> EvaluationProtocol {
    let mut first = protocol.clone();
    if let Some(set) = &mut first.images
        && set.count != Some(images as u64)
    {
        let text = format!("{images} {:?}", set.content);
        set.content = set
            .content
            .map(|_| ContentHash::of("panarch first images v1", text.as_bytes()));
        set.count = Some(images as u64);
    }
    first
}

/// The evaluations of the pool as it is: of every genotype that on the most images, and whether these are all.
pub(super) fn latest(setup: &Setup) -> Result<BTreeMap<Genotype, (Evaluation, bool)>, Error> {
    let all = protocol(&setup.validator);
    let images = setup.validator.validation();
    let looks = (1..=images.steps()).map(|batch| (batch * images.batch_size()).min(images.image_count()));
    let keys: BTreeSet<ContentHash> = looks.map(|images| first_images(&all, images).key()).collect();
    let mut latest: BTreeMap<Genotype, (Evaluation, bool)> = BTreeMap::new();
    let count = |evaluation: &Evaluation| evaluation.protocol.images.and_then(|set| set.count);
    for evaluation in setup.study.storage().evaluations()? {
        let key = evaluation.protocol.key();
        let known = latest.get(&evaluation.genotype);
        if keys.contains(&key) && known.is_none_or(|(known, _)| count(known) < count(&evaluation)) {
            latest.insert(evaluation.genotype.clone(), (evaluation, key == all.key()));
        }
    }
    Ok(latest)
}
