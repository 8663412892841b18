//! The file of a predictor: the rows it was trained on and all that was chosen. The model is fitted again when it is read.

use panarch_graph::ContentHash;
use panarch_space::{Genotype, Space};
use serde::{Deserialize, Serialize};

use super::{TrainedPredictor, check, hash};
use crate::model::{Fitted, Recipe, Training};
use crate::trial::Trial;
use crate::{HealthCard, Member, PredictError, Sample, Transform};

/// The version that this code writes and the only one it reads.
const VERSION: u32 = 2;

/// How many of the rows are predicted in the file, so that another fit is noticed.
const SPOT_CHECKS: usize = 16;

/// How far a prediction may be from that of the file, relatively: sums are rounded otherwise on other processors.
const TOLERANCE: f64 = 1e-6;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PredictorJson {
    panarch_predictor: u32,
    space: String,
    space_hash: ContentHash,
    target: String,
    recipe: Recipe,
    /// Each row from all others.
    health: HealthCard,
    level: f64,
    /// Half the interval in the fitted form, over the spread there.
    half_interval: f64,
    resolutions: Vec<Option<u32>>,
    training_hash: ContentHash,
    /// What the model says of the first rows, in the form that was fitted.
    spot_checks: Vec<f64>,
    rows: Vec<RowJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowJson {
    genotype: Genotype,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<u32>,
    value: f64,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    repeats: u32,
}

const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_one(repeats: &u32) -> bool {
    *repeats == 1
}

impl TrainedPredictor {
    /// The predictor as a file.
    ///
    /// # Errors
    /// [`PredictError::Format`] when a number cannot be written.
    pub fn to_json(&self) -> Result<String, PredictError> {
        let row = |sample: &Sample| RowJson {
            genotype: sample.member.genotype.clone(),
            resolution: sample.member.resolution,
            value: sample.value,
            repeats: sample.repeats,
        };
        let mut resolutions: Vec<Option<u32>> = self.samples.iter().map(|sample| sample.member.resolution).collect();
        resolutions.sort_unstable();
        resolutions.dedup();
        let file = PredictorJson {
            panarch_predictor: VERSION,
            space: self.space.name().to_owned(),
            space_hash: self.space.hash(),
            target: self.target.clone(),
            recipe: self.recipe.clone(),
            health: self.health.clone(),
            level: super::LEVEL,
            half_interval: self.half,
            resolutions,
            training_hash: self.training_hash(),
            spot_checks: spot_checks(&self.space, &self.samples, &self.fitted),
            rows: self.samples.iter().map(row).collect(),
        };
        serde_json::to_string_pretty(&file).map_err(|error| wrong(error.to_string()))
    }

    /// Reads a predictor of this space.
    ///
    /// # Errors
    /// [`PredictError::Version`], [`PredictError::OtherSpace`], and [`PredictError::Format`] for a file that is damaged or
    /// whose model comes out otherwise than it was.
    pub fn from_json(space: &Space, text: &str) -> Result<Self, PredictError> {
        #[derive(Deserialize)]
        struct Versioned {
            panarch_predictor: u32,
        }
        let version: Versioned = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if version.panarch_predictor != VERSION {
            return Err(PredictError::Version {
                found: version.panarch_predictor,
                known: VERSION,
            });
        }
        let file: PredictorJson = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if file.space_hash != space.hash() {
            return Err(PredictError::OtherSpace {
                stored: file.space,
                stored_hash: file.space_hash,
                given: space.name().to_owned(),
                given_hash: space.hash(),
            });
        }
        let mut samples = Vec::with_capacity(file.rows.len());
        for row in file.rows {
            space.check(&row.genotype)?;
            samples.push(Sample {
                member: Member {
                    genotype: space.canonical(&row.genotype),
                    resolution: row.resolution,
                },
                value: row.value,
                repeats: row.repeats.max(1),
            });
        }
        check(&samples)?;
        if hash(&samples) != file.training_hash {
            return Err(wrong("its rows are not those that it was trained on".to_owned()));
        }
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let half = file.half_interval;
        let priors = file.recipe.priors.iter();
        let freedom = file.recipe.freedom.unwrap_or(1.0);
        if !(half.is_finite() && half >= 0.0 && freedom >= 1.0 && priors.clone().all(|prior| prior.abs() <= 100.0)) {
            return Err(wrong("a number is out of range".to_owned()));
        }
        if !Transform::suits(file.recipe.transform, &values) {
            return Err(wrong("its form is not defined for its rows".to_owned()));
        }
        let (fitted, _) = Training::new(space, &samples).fit(&file.recipe)?;
        let found = spot_checks(space, &samples, &fitted);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * (1.0 + a.abs());
        if found.len() != file.spot_checks.len() || !found.iter().zip(&file.spot_checks).all(near) {
            return Err(wrong(
                "its model comes out otherwise than it was; train it again".to_owned(),
            ));
        }
        let trial = Trial {
            recipe: file.recipe,
            fitted,
            left_out: values,
        };
        let mut predictor = Self::of(space, &file.target, samples, trial);
        predictor.half = half;
        predictor.left_out = Vec::new();
        predictor.health = file.health;
        Ok(predictor)
    }

    /// The name of the space that a file's predictor is of.
    ///
    /// # Errors
    /// [`PredictError::Format`] for what is no such file.
    pub fn space_of_json(text: &str) -> Result<String, PredictError> {
        #[derive(Deserialize)]
        struct Named {
            space: String,
        }
        let named: Named = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        Ok(named.space)
    }
}

fn spot_checks(space: &Space, samples: &[Sample], fitted: &Fitted) -> Vec<f64> {
    let members: Vec<Member> = samples
        .iter()
        .take(SPOT_CHECKS)
        .map(|sample| sample.member.clone())
        .collect();
    fitted.predict(space, &members)
}

fn wrong(reason: String) -> PredictError {
    PredictError::Format { reason }
}
