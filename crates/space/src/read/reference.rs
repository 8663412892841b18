use panarch_toml::{Document, Table, did_you_mean};

use crate::read::pattern;
use crate::read::tie::choice_text;
use crate::{Genotype, Space};

/// A member of a space that its file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// What it is.
    pub note: String,
    /// Its canonical genotype.
    pub genotype: Genotype,
}

/// Reads `[references.NAME]`: a note and, under `choose`, what each decision takes.
///
/// A key of `choose` is a decision's name, in which `*` stands for anything; the value is a choice, or a list of
/// choices for the decisions that match, in their order. Later entries override earlier ones; a decision that is active
/// in the end must have been chosen.
pub(crate) fn read(document: &Document, table: &Table<'_>, space: &Space) -> Vec<Reference> {
    let mut references = Vec::new();
    for key in table.keys() {
        let Some(inner) = table.optional_table(&key.value) else {
            continue;
        };
        let note = inner.optional_string("note").unwrap_or_default();
        let choose = inner.table_or_empty("choose");
        let choices = choices(&choose, space);
        choose.finish();
        inner.finish();
        let Some(choices) = choices else { continue };
        let mut open = None;
        let mut genotype = Genotype::new(vec![0; space.decisions().len()]);
        space.walk(&mut |decision| {
            let choice = choices.get(decision).copied().flatten();
            if choice.is_none() {
                open.get_or_insert(decision);
            }
            genotype.set(decision, choice.unwrap_or(0));
            choice.unwrap_or(0)
        });
        match open.and_then(|open: usize| space.decisions().get(open)) {
            None => references.push(Reference {
                name: key.value,
                note,
                genotype,
            }),
            Some(open) => {
                let message = format!("the reference `{}` leaves `{}` open", key.value, open.name);
                document.problem_at(key.at, message, None);
            }
        }
    }
    references
}

fn choices(table: &Table<'_>, space: &Space) -> Option<Vec<Option<u8>>> {
    let mut chosen = vec![None; space.decisions().len()];
    let mut sound = true;
    for key in table.keys() {
        let Some(value) = table.value(&key.value) else {
            continue;
        };
        let matching: Vec<usize> = (0..chosen.len())
            .filter(|index| pattern::matches(&key.value, &space.decisions()[*index].name))
            .collect();
        if matching.is_empty() {
            let suggestion = did_you_mean(&key.value, space.decisions().iter().map(|it| &it.name));
            let message = format!("`{}` matches no decision", key.value);
            table.problem_at(key.at, message, suggestion.as_deref());
            sound = false;
        }
        let values = value.items().unwrap_or_else(|| vec![value.clone(); matching.len()]);
        if values.len() > matching.len() && !matching.is_empty() {
            let message = format!("{} choices for {} decisions", values.len(), matching.len());
            value.problem(message, None);
            sound = false;
        }
        for (decision, value) in matching.into_iter().zip(values) {
            let Some(text) = choice_text(&value) else {
                sound = false;
                break;
            };
            let decision_choices = &space.decisions()[decision].choices;
            let found = decision_choices.iter().position(|choice| *choice == text);
            if found.is_none() {
                let name = &space.decisions()[decision].name;
                let message = format!(
                    "`{text}` is not a choice of `{name}`, which has {}",
                    decision_choices.join(", ")
                );
                value.problem(message, did_you_mean(&text, decision_choices).as_deref());
                sound = false;
                break;
            }
            chosen[decision] = found.map(|number| number as u8);
        }
    }
    sound.then_some(chosen)
}
