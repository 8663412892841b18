//! The file of a table: versioned, unknown fields refused, numbers checked before they are used.

use panarch_graph::ContentHash;
use panarch_space::Space;
use serde::{Deserialize, Serialize};

use crate::additive::{HeldOut, check_pairs, offsets};
use crate::cholesky::packed;
use crate::{Additive, PairTerms, PredictError};

/// The version that this code writes and the only one it reads.
pub(crate) const VERSION: u32 = 1;

/// An [`Additive`] table on disk; values in the unit of the file around it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdditiveJson {
    version: u32,
    space: String,
    space_hash: ContentHash,
    constant: f64,
    decisions: Vec<DecisionJson>,
    /// One for each covariate, in the unit of the table over that of the covariate.
    slopes: Vec<f64>,
    /// Absent in tables that were fitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pairs: Vec<PairJson>,
    noise_variance: f64,
    held_out: HeldOutJson,
    /// Packed lower triangle: the constant, then the terms in their order, then the slopes.
    covariance: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionJson {
    name: String,
    terms: Vec<TermJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TermJson {
    choice: String,
    value: f64,
}

/// Decisions by their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairJson {
    first: String,
    second: String,
    values: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeldOutJson {
    measurements: usize,
    mape: Option<f64>,
    rmse: f64,
    kendall_tau: Option<f64>,
}

impl AdditiveJson {
    /// The table, with the names of the decisions and choices of its space.
    pub(crate) fn of(table: &Additive, space: &Space) -> Result<Self, PredictError> {
        table.check_space(space)?;
        let terms = |decision: usize| table.parameters[1 + table.offsets[decision]..].iter();
        let decisions = space
            .decisions()
            .iter()
            .enumerate()
            .map(|(index, decision)| DecisionJson {
                name: decision.name.clone(),
                terms: decision
                    .choices
                    .iter()
                    .zip(terms(index))
                    .map(|(choice, &value)| TermJson {
                        choice: choice.clone(),
                        value,
                    })
                    .collect(),
            });
        let held_out = table.held_out;
        Ok(Self {
            version: VERSION,
            space: table.space.clone(),
            space_hash: table.space_hash,
            constant: table.parameters[0],
            decisions: decisions.collect(),
            slopes: table.slopes().iter().map(|slope| slope.value).collect(),
            pairs: pairs_json(table, space),
            noise_variance: table.noise_variance,
            held_out: HeldOutJson {
                measurements: held_out.measurements,
                mape: held_out.mape,
                rmse: held_out.rmse,
                kendall_tau: held_out.kendall_tau,
            },
            covariance: table.covariance.clone(),
        })
    }

    /// The table, if it is of this space and every part of it fits.
    pub(crate) fn table(self, space: &Space) -> Result<Additive, PredictError> {
        let wrong = |reason: String| PredictError::Format { reason };
        if self.version != VERSION {
            return Err(PredictError::Version {
                found: self.version,
                known: VERSION,
            });
        }
        if self.space_hash != space.hash() {
            return Err(PredictError::OtherSpace {
                stored: self.space,
                stored_hash: self.space_hash,
                given: space.name().to_owned(),
                given_hash: space.hash(),
            });
        }
        let names = |decision: &DecisionJson| -> Vec<String> {
            decision.terms.iter().map(|term| term.choice.clone()).collect()
        };
        let same = self.decisions.len() == space.decisions().len()
            && self
                .decisions
                .iter()
                .zip(space.decisions())
                .all(|(stored, own)| stored.name == own.name && names(stored) == own.choices);
        if !same {
            return Err(wrong("its decisions are not those of its space".into()));
        }
        let offsets = offsets(space);
        let size = 1 + offsets.last().copied().unwrap_or(0) + self.slopes.len();
        if self.covariance.len() != packed(size, 0) {
            return Err(wrong(format!(
                "its covariance has {} entries, {} are needed",
                self.covariance.len(),
                packed(size, 0)
            )));
        }
        if self.held_out.measurements == 1 || self.noise_variance < 0.0 {
            return Err(wrong(
                "its number of measurements or its variance makes no sense".into(),
            ));
        }
        let position = |name: &str| space.decisions().iter().position(|it| it.name == name);
        let pair = |pair: PairJson| {
            Some(PairTerms {
                first: position(&pair.first)?,
                second: position(&pair.second)?,
                values: pair.values,
            })
        };
        let pairs: Option<Vec<PairTerms>> = self.pairs.into_iter().map(pair).collect();
        let pairs = pairs.ok_or_else(|| wrong("a pair names a decision that its space does not have".into()))?;
        check_pairs(space, &pairs)?;
        let mut parameters = vec![self.constant];
        parameters.extend(
            self.decisions
                .iter()
                .flat_map(|decision| decision.terms.iter().map(|term| term.value)),
        );
        parameters.extend(&self.slopes);
        Ok(Additive {
            space: self.space,
            space_hash: self.space_hash,
            offsets,
            parameters,
            pairs,
            covariance: self.covariance,
            noise_variance: self.noise_variance,
            held_out: HeldOut {
                measurements: self.held_out.measurements,
                mape: self.held_out.mape,
                rmse: self.held_out.rmse,
                kendall_tau: self.held_out.kendall_tau,
            },
        })
    }
}

fn pairs_json(table: &Additive, space: &Space) -> Vec<PairJson> {
    let name = |decision: usize| Some(space.decisions().get(decision)?.name.clone());
    let pair = |pair: &PairTerms| {
        Some(PairJson {
            first: name(pair.first)?,
            second: name(pair.second)?,
            values: pair.values.clone(),
        })
    };
    table.pairs().iter().filter_map(pair).collect()
}

/// Reads JSON; the error says where.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, PredictError> {
    serde_json::from_str(text).map_err(|error| PredictError::Format {
        reason: error.to_string(),
    })
}

/// Writes JSON.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String, PredictError> {
    serde_json::to_string(value).map_err(|error| PredictError::Format {
        reason: error.to_string(),
    })
}

impl Additive {
    /// The table as JSON, with the space's hash and the names of its decisions and choices; values in the table's unit.
    ///
    /// # Errors
    /// [`PredictError::OtherSpace`] when `space` is not the table's.
    pub fn to_json(&self, space: &Space) -> Result<String, PredictError> {
        write(&AdditiveJson::of(self, space)?)
    }

    /// A table from JSON.
    ///
    /// # Errors
    /// [`PredictError::OtherSpace`] when the table is of another space, [`PredictError::Version`] or
    /// [`PredictError::Format`] when the text is not a table's.
    pub fn from_json(text: &str, space: &Space) -> Result<Self, PredictError> {
        read::<AdditiveJson>(text)?.table(space)
    }
}
