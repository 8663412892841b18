//! `[[choice]]`: the decisions of a space whose members are rows of a table.

use std::collections::BTreeSet;

use panarch_toml::Table;

use crate::MOST_CHOICES;
use crate::decision::Property;
use crate::read::MOST_PLACES;
use crate::read::compile::OpenChoice;
use crate::read::stage_settings::is_name;

/// Reads the choices of a space of a table; such a space has no places.
pub(crate) fn choices(root: &Table<'_>, tables: Vec<Table<'_>>, open: &mut Vec<OpenChoice>) {
    for key in ["stem", "stage", "head", "block"] {
        if root.value(key).is_some() {
            let message = format!("a space of a table (`[[choice]]`) has no networks, so that `{key}` says nothing");
            root.problem(key, message, None);
        }
    }
    if tables.len() > MOST_PLACES {
        let message = format!("{} choices; at most {MOST_PLACES} are possible", tables.len());
        root.problem("choice", message, None);
    }
    let mut names = BTreeSet::new();
    for table in tables {
        let name = table.string("name").unwrap_or_default();
        let choices: Vec<String> = table.list_of_strings("choices").unwrap_or_default();
        if !is_name(&name) {
            table.problem(
                "name",
                format!("`{name}` is not a name: use letters, digits, `-` and `_`"),
                None,
            );
        } else if !names.insert(name.clone()) {
            table.problem("name", format!("`{name}` is already the name of a choice"), None);
        }
        let distinct: BTreeSet<&String> = choices.iter().collect();
        if !(2..=MOST_CHOICES).contains(&choices.len()) || distinct.len() != choices.len() {
            let message = format!("a decision is between 2 and {MOST_CHOICES} different choices");
            table.problem("choices", message, None);
        }
        table.finish();
        open.push(OpenChoice {
            name,
            property: Property::Operator,
            choices,
            element: 0,
        });
    }
}
