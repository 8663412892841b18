//! When a decision counts, for people to read. What really decides is the walk over the elements.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::{Condition, Decision};
use crate::element::edge::Edge;
use crate::element::operator::Operator;
use crate::element::{Element, Residual, Slot, Source};

/// What must hold at one use of a decision: for each other decision, the choices that lead there.
#[derive(Debug, Clone, Default)]
struct Use {
    choices: BTreeMap<usize, BTreeSet<u8>>,
    fits: bool,
}

/// Fills in the conditions of all decisions.
pub(crate) fn fill(decisions: &mut [Decision], elements: &[Element]) {
    let mut uses: Vec<Vec<Use>> = vec![Vec::new(); decisions.len()];
    for element in elements {
        let mut here = Use::default();
        if let Some((depth, position)) = &element.depth {
            note(&mut uses, &depth.source, &here);
            require(&mut here, depth, |depth| depth > position);
        }
        note(&mut uses, &element.operator.source, &here);
        for (number, alternative) in element.alternatives.iter().enumerate() {
            let mut inside = here.clone();
            require(&mut inside, &element.operator, |choice| *choice == number);
            if alternative.operator.has_width() {
                note(&mut uses, &element.width.source, &inside);
            }
            note(&mut uses, &alternative.kernel.source, &inside);
            note(&mut uses, &alternative.inner.source, &inside);
            for edge in &alternative.edges {
                note(&mut uses, &edge.source, &inside);
            }
            note(&mut uses, &alternative.group_width.source, &inside);
            note(&mut uses, &alternative.squeeze_excite.source, &inside);
            note(&mut uses, &alternative.activation.source, &inside);
            let mut last = inside.clone();
            if alternative.operator == Operator::EdgeChain {
                require(&mut last, &alternative.edges[3], |edge| *edge != Edge::Identity);
            }
            note(&mut uses, &alternative.last_activation.source, &last);
            inside.fits = !alternative.residual.choices.contains(&Residual::Concat);
            if element.residual_allowed && element.fixed.stride == 1 {
                note(&mut uses, &alternative.residual.source, &inside);
            }
        }
    }
    let all: Vec<Vec<Condition>> = uses.iter().map(|uses| merge(uses, decisions)).collect();
    for (decision, conditions) in decisions.iter_mut().zip(all) {
        decision.conditions = conditions;
    }
}

fn note(uses: &mut [Vec<Use>], source: &Source, here: &Use) {
    if let Some(uses) = source.decision().and_then(|decision| uses.get_mut(decision)) {
        uses.push(here.clone());
    }
}

/// Adds the condition that a slot's value satisfies `wanted`.
fn require<T>(here: &mut Use, slot: &Slot<T>, wanted: impl Fn(&T) -> bool) {
    let Some(decision) = slot.source.decision() else {
        return;
    };
    let choices = (0..crate::genotype::MOST_CHOICES as u8).filter(|choice| {
        let known = match &slot.source {
            Source::Tied { map, .. } => map.len(),
            _ => slot.choices.len(),
        };
        usize::from(*choice) < known && wanted(slot.value(&mut |_| *choice))
    });
    let choices: BTreeSet<u8> = choices.collect();
    // A decision may drive several properties.
    let both = here.choices.get(&decision).map(|known| known & &choices);
    here.choices.insert(decision, both.unwrap_or(choices));
}

/// The conditions that all uses share, with the union of their choices.
fn merge(uses: &[Use], decisions: &[Decision]) -> Vec<Condition> {
    let Some((first, rest)) = uses.split_first() else {
        return Vec::new();
    };
    let mut conditions = Vec::new();
    for (decision, choices) in &first.choices {
        let mut union = choices.clone();
        let mut shared = true;
        for other in rest {
            match other.choices.get(decision) {
                Some(choices) => union.extend(choices),
                None => shared = false,
            }
        }
        let Some(driver) = decisions.get(*decision) else {
            continue;
        };
        if shared && union.len() < driver.choices.len() {
            let texts = union
                .iter()
                .filter_map(|choice| driver.choices.get(usize::from(*choice)));
            conditions.push(Condition::Choice {
                decision: *decision,
                name: driver.name.clone(),
                texts: texts.cloned().collect(),
                choices: union.into_iter().collect(),
            });
        }
    }
    if uses.iter().all(|it| it.fits) {
        conditions.push(Condition::ResidualFits);
    }
    conditions
}
