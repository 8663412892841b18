//! Which choices of a space a device cannot run, and why.

use panarch_cost::{CostError, CostSource, DeviceProfile};
use panarch_graph::stream;
use panarch_space::{Genotype, Head, Space};

use crate::{Error, device_source};

/// Members that are drawn to find some that the device runs.
const DRAWN: u64 = 400;
/// Members that the device runs, in which choices are tried.
const CONTEXTS: usize = 3;

/// A choice that a device excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The decision.
    pub decision: String,
    /// The choice of it that no member may take.
    pub choice: String,
    /// The device's reason.
    pub reason: String,
}

/// What a device says of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// The device runs members of the space, without these choices.
    Without(Vec<Exclusion>),
    /// It runs none of the members that were tried; the reason for the largest.
    Nothing {
        /// The device's reason.
        reason: String,
    },
}

/// Asks a device for every choice of every decision. A choice is excluded when, put into members that the device runs, it
/// makes each of them one that it does not run.
///
/// # Errors
/// A device that is measured and has no list of operators.
pub fn support(space: &Space, profile: &DeviceProfile) -> Result<Support, Error> {
    // A list of operators answers at once, also where the costs come from a program.
    let source = device_source::open_described(profile)?;
    let runs = |genotype: &Genotype| answer(space, source.as_ref(), genotype);
    let mut contexts = Vec::new();
    let references = space.references().iter().map(|it| it.genotype.clone());
    let named = [space.largest(), space.smallest()].into_iter().chain(references);
    let mut rng = stream(1, "panarch support", 0);
    let drawn = (0..DRAWN).map(|_| space.sample(&mut rng));
    let mut of_largest = None;
    for genotype in named.chain(drawn) {
        match runs(&genotype)? {
            Answer::Runs if contexts.len() < CONTEXTS => contexts.push(genotype),
            Answer::Runs => break,
            Answer::RunsNot { reason } => {
                of_largest.get_or_insert(reason);
            }
            Answer::IsNone => {}
        }
    }
    if contexts.is_empty() {
        let reason = of_largest.unwrap_or_default();
        return Ok(Support::Nothing { reason });
    }
    let mut exclusions = Vec::new();
    for (position, decision) in space.decisions().iter().enumerate() {
        for (choice, text) in decision.choices.iter().enumerate() {
            let mut reasons = Vec::new();
            let mut tried = 0;
            for context in &contexts {
                let mut changed = context.as_bytes().to_vec();
                changed[position] = choice as u8;
                let changed = space.canonical(&Genotype::new(changed));
                if changed.choice(position) == choice as u8 && space.is_active(&changed, position) {
                    match runs(&changed)? {
                        Answer::Runs => tried += 1,
                        Answer::RunsNot { reason } => {
                            tried += 1;
                            reasons.push(reason);
                        }
                        Answer::IsNone => {}
                    }
                }
            }
            if tried > 0 && reasons.len() == tried {
                exclusions.push(Exclusion {
                    decision: decision.name.clone(),
                    choice: text.clone(),
                    reason: reasons.swap_remove(0),
                });
            }
        }
    }
    Ok(Support::Without(exclusions))
}

/// What a device says of a member.
enum Answer {
    Runs,
    RunsNot {
        reason: String,
    },
    /// It has no network for images of the default size.
    IsNone,
}

fn answer(space: &Space, source: &dyn CostSource, genotype: &Genotype) -> Result<Answer, Error> {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let Ok(network) = space.lower(genotype, head, space.default_resolution()) else {
        return Ok(Answer::IsNone);
    };
    match source.check_support(&network) {
        Err(CostError::Unsupported { refused, .. }) => Ok(Answer::RunsNot {
            reason: refused.reasons(),
        }),
        Err(CostError::NotInTable { key, .. }) => Ok(Answer::RunsNot {
            reason: format!("its table has no `{key}`"),
        }),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(Answer::Runs),
    }
}
