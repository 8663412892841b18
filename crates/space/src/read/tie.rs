//! Ties: one decision drives another.

use panarch_toml::{Table, Value, did_you_mean};

use crate::element::Source;
use crate::read::compile::OpenChoice;
use crate::read::pattern;

/// Replaced by the stage of the tied property.
const STAGE: &str = "{stage}";

/// Reads the `[[tie]]` tables; for each open choice the source that the genotype, or another choice, gives.
///
/// `decision` is a pattern of the properties that are driven, `to` the property that drives them (`{stage}` stands for
/// the stage of the driven one) and `map` gives for each choice of the driver the driven choice.
pub(crate) fn sources(tables: &[Table<'_>], open: &[OpenChoice]) -> Vec<Source> {
    let mut ties: Vec<Option<(usize, Vec<u8>)>> = vec![None; open.len()];
    for table in tables {
        let (pattern, to) = (table.string("decision"), table.string("to"));
        let map = table.table("map");
        let (Some(pattern), Some(to), Some(map)) = (pattern, to, map) else {
            continue;
        };
        let driven: Vec<usize> = (0..open.len())
            .filter(|index| pattern::matches(&pattern, &open[*index].name))
            .collect();
        if driven.is_empty() {
            let suggestion = did_you_mean(&pattern, open.iter().map(|choice| &choice.name));
            let message = format!("`{pattern}` matches nothing that is open to choice");
            table.problem("decision", message, suggestion.as_deref());
        }
        for index in driven {
            let stage = open[index].name.split('.').next().unwrap_or_default();
            let name = to.replace(STAGE, stage);
            let Some(driver) = open.iter().position(|choice| choice.name == name) else {
                let suggestion = did_you_mean(&name, open.iter().map(|choice| &choice.name));
                let message = format!("`{name}` is not open to choice, so that nothing can be tied to it");
                table.problem("to", message, suggestion.as_deref());
                break;
            };
            if driver == index || ties[index].is_some() {
                let message = format!("`{}` is tied twice or to itself", open[index].name);
                table.problem("decision", message, None);
                break;
            }
            match read_map(&map, &open[driver], &open[index]) {
                Some(numbers) => ties[index] = Some((driver, numbers)),
                None => break,
            }
        }
        // Keys that no driver has were reported by `read_map`.
        for key in map.keys() {
            map.has(&key.value);
        }
        map.finish();
        for (driver, _) in ties.iter().flatten() {
            if ties[*driver].is_some() {
                let message = format!(
                    "`{}` is tied itself, so that nothing can be tied to it",
                    open[*driver].name
                );
                table.problem("to", message, None);
                break;
            }
        }
    }
    let numbers = numbers(&ties);
    let source = |(index, tie): (usize, &Option<(usize, Vec<u8>)>)| match tie {
        None => Source::Decision(numbers[index]),
        Some((driver, map)) => Source::Tied {
            driver: numbers[*driver],
            map: map.clone(),
        },
    };
    ties.iter().enumerate().map(source).collect()
}

/// For each open choice its number among those that are not tied.
fn numbers(ties: &[Option<(usize, Vec<u8>)>]) -> Vec<usize> {
    let mut next = 0;
    let number = |tie: &Option<_>| {
        let number = next;
        next += usize::from(tie.is_none());
        number
    };
    ties.iter().map(number).collect()
}

fn read_map(map: &Table<'_>, driver: &OpenChoice, driven: &OpenChoice) -> Option<Vec<u8>> {
    for key in map.keys() {
        if !driver.choices.contains(&key.value) {
            let message = format!("`{}` is not a choice of `{}`", key.value, driver.name);
            let suggestion = did_you_mean(&key.value, &driver.choices);
            map.problem_at(key.at, message, suggestion.as_deref());
            return None;
        }
    }
    let number = |choice: &String| {
        let Some(value) = map.value(choice) else {
            let message = format!("the map says nothing of `{}` = {choice}", driver.name);
            map.problem_at(map.at(), message, None);
            return None;
        };
        choice_number(&value, driven)
    };
    driver.choices.iter().map(number).collect()
}

fn choice_number(value: &Value<'_>, driven: &OpenChoice) -> Option<u8> {
    let text = choice_text(value)?;
    let found = driven.choices.iter().position(|choice| *choice == text);
    if found.is_none() {
        let choices = driven.choices.join(", ");
        let message = format!("`{text}` is not a choice of `{}`, which has {choices}", driven.name);
        value.problem(message, did_you_mean(&text, &driven.choices).as_deref());
    }
    found.map(|number| number as u8)
}

/// A choice as a space writes it: `ib`, `3`, `0.25`, `true`.
pub(crate) fn choice_text(value: &Value<'_>) -> Option<String> {
    if let Some(text) = value.text() {
        return Some(text.to_owned());
    }
    if value.is_number() {
        return value.read::<f64>().map(|number| number.to_string());
    }
    value.read::<bool>().map(|truth| truth.to_string())
}
