use panarch_space::{Decision, Property, Space};
use serde::Deserialize;

use super::member::places;
use crate::json::read;
use crate::{Additive, PairTerms, PredictError};

/// A linear model, read over the decisions of its space.
#[derive(Debug, Clone)]
pub struct LinearTerms {
    /// In seconds.
    pub table: Additive,
    /// Where the file says that it comes from.
    pub source: String,
}

/// The file: milliseconds; one run of coefficients a layer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelJson {
    source: String,
    bias: f64,
    layer_feature_counts: Vec<usize>,
    /// Says in words what the order of a layer's coefficients is: kernel by kernel, each with every expansion, skip last.
    /// TuNAS's reference genotypes count the other way round, expansion by expansion.
    #[serde(rename = "feature_order")]
    _feature_order: String,
    coef: Vec<f64>,
}

impl LinearTerms {
    /// Reads a model from JSON. Its layers are the places of the space, in order: those that have a kernel to choose.
    ///
    /// # Errors
    /// [`PredictError::Format`] for anything but such a file, or one whose layers are not the space's.
    pub fn from_json(text: &str, space: &Space) -> Result<Self, PredictError> {
        let json: ModelJson = read(text)?;
        let mut terms: Vec<Vec<f64>> = space
            .decisions()
            .iter()
            .map(|decision| vec![0.0; decision.choices.len()])
            .collect();
        let mut pairs = Vec::new();
        let places = places(space);
        if places.len() != json.layer_feature_counts.len() {
            return Err(wrong(format!(
                "it has {} layers, space {} has {}",
                json.layer_feature_counts.len(),
                space.name(),
                places.len()
            )));
        }
        let mut rest = json.coef.as_slice();
        for (place, &count) in places.iter().zip(&json.layer_feature_counts) {
            let Some((layer, after)) = rest.split_at_checked(count) else {
                return Err(wrong("it has fewer coefficients than its layers need".to_owned()));
            };
            rest = after;
            let layer: Vec<f64> = layer.iter().map(|millis| millis * 1e-3).collect();
            let choices = |decision: usize| space.decisions().get(decision).map_or(0, |it| it.choices.len());
            let skip = place.operator.and_then(|operator| {
                let among = &space.decisions().get(operator)?.choices;
                Some((operator, among.iter().position(|choice| choice == "skip")?))
            });
            let size = choices(place.kernel) * place.expansion.map_or(1, choices);
            if count != size + usize::from(skip.is_some()) {
                return Err(wrong(format!(
                    "layer `{}` has {count} coefficients, its choices in space {} are others",
                    place.prefix,
                    space.name()
                )));
            }
            let values = layer.get(..size).unwrap_or_default().to_vec();
            match place.expansion {
                Some(expansion) => pairs.push(PairTerms {
                    first: place.kernel,
                    second: expansion,
                    values,
                }),
                None => {
                    if let Some(own) = terms.get_mut(place.kernel) {
                        *own = values;
                    }
                }
            }
            if let (Some((operator, choice)), Some(value)) = (skip, layer.get(size))
                && let Some(own) = terms.get_mut(operator).and_then(|own| own.get_mut(choice))
            {
                *own = *value;
            }
        }
        if !rest.is_empty() {
            return Err(wrong("it has more coefficients than its layers need".to_owned()));
        }
        check_choices(space.decisions())?;
        Ok(Self {
            table: Additive::given(space, json.bias * 1e-3, &terms, pairs, 0.0)?,
            source: json.source,
        })
    }
}

/// The coefficients are those of kernels 3, 5, 7 and of expansions 3 and 6.
fn check_choices(decisions: &[Decision]) -> Result<(), PredictError> {
    for decision in decisions {
        let expected: &[&str] = match decision.property {
            Property::Kernel => &["3", "5", "7"],
            Property::Expansion => &["3", "6"],
            _ => continue,
        };
        if decision.choices != expected {
            return Err(wrong(format!(
                "its coefficients are for {}, the space's `{}` is {}",
                expected.join(", "),
                decision.name,
                decision.choices.join(", ")
            )));
        }
    }
    Ok(())
}

fn wrong(reason: String) -> PredictError {
    PredictError::Format { reason }
}
