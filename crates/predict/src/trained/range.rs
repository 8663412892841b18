//! For which networks a predictor has an answer.

use std::collections::BTreeSet;

use panarch_space::Space;

use crate::{Member, PredictError, Sample};

/// The choices and resolutions of the rows that a predictor was trained on.
#[derive(Debug)]
pub(super) struct Range {
    choices: BTreeSet<(usize, u8)>,
    resolutions: BTreeSet<Option<u32>>,
}

impl Range {
    pub(super) fn of(space: &Space, samples: &[Sample]) -> Self {
        let choices = samples.iter().flat_map(|sample| active(space, &sample.member));
        Self {
            choices: choices.collect(),
            resolutions: samples.iter().map(|sample| sample.member.resolution).collect(),
        }
    }

    /// Refuses a network with a choice or a resolution that no row has.
    pub(super) fn check(&self, space: &Space, member: &Member) -> Result<(), PredictError> {
        space.check(&member.genotype)?;
        if !self.resolutions.contains(&member.resolution) {
            let text = |resolution: &Option<u32>| resolution.map_or_else(|| "none".to_owned(), |it| it.to_string());
            let known: Vec<String> = self.resolutions.iter().map(text).collect();
            return Err(PredictError::OutOfRange {
                what: format!("resolution {}", text(&member.resolution)),
                known: format!("resolutions {}", known.join(", ")),
            });
        }
        let unknown = active(space, member).into_iter().find(|it| !self.choices.contains(it));
        let Some((decision, choice)) = unknown else {
            return Ok(());
        };
        let known = self.choices.iter().filter(|(it, _)| *it == decision);
        let decision = space.decisions().get(decision);
        let text = |choice: u8| {
            decision
                .and_then(|it| it.choices.get(usize::from(choice)))
                .map_or("?", String::as_str)
        };
        let known: Vec<&str> = known.map(|(_, choice)| text(*choice)).collect();
        let name = decision.map_or("?", |it| it.name.as_str());
        Err(PredictError::OutOfRange {
            what: format!("{name} = {}", text(choice)),
            known: if known.is_empty() {
                format!("no {name}")
            } else {
                format!("{name} = {}", known.join(", "))
            },
        })
    }
}

fn active(space: &Space, member: &Member) -> Vec<(usize, u8)> {
    let active = space.active(&member.genotype);
    let choice = |decision: usize| (decision, member.genotype.choice(decision));
    (0..active.len())
        .filter(|decision| active[*decision])
        .map(choice)
        .collect()
}
