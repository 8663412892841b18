//! Reading the choices of one property from a space file.

use panarch_toml::{At, Table, Value};

use crate::genotype::MOST_CHOICES;

/// Whether the blocks of a stage choose together or each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Stage,
    Block,
}

/// The choices of one property in one stage.
#[derive(Debug, Clone)]
pub(crate) struct Setting<T> {
    pub choices: Spread<T>,
    pub scope: Scope,
    pub at: At,
}

#[derive(Debug, Clone)]
pub(crate) enum Spread<T> {
    /// The same choices for every block.
    Same(Vec<T>),
    /// The choices of each block.
    Each(Vec<Vec<T>>),
}

impl<T> Setting<T> {
    /// The choices of a block, counted from 0; the last list serves any block beyond it.
    pub(crate) fn of(&self, block: u32) -> &[T] {
        match &self.choices {
            Spread::Same(choices) => choices,
            Spread::Each(lists) => lists.get(block as usize).or(lists.last()).map_or(&[], Vec::as_slice),
        }
    }

    /// Every value that occurs.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        let lists = match &self.choices {
            Spread::Same(choices) => std::slice::from_ref(choices),
            Spread::Each(lists) => lists.as_slice(),
        };
        lists.iter().flatten()
    }
}

/// What the choices of a list must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Numbers that increase, so that the first is the smallest.
    Increasing,
    /// Any order, no repetition.
    Free,
}

/// Reads `key = 3`, `key = [3, 5]`, `key = { choices = [3, 5], per = "stage" }` or `key = { each = [3, [3, 5]] }`.
pub(crate) fn setting<T: PartialOrd>(
    table: &Table<'_>,
    key: &str,
    scope: Scope,
    order: Order,
    read: impl Fn(&Value<'_>) -> Option<T>,
) -> Option<Setting<T>> {
    let value = table.value(key)?;
    let at = value.at();
    let Some(inner) = value.table() else {
        let choices = choices(&value, order, &read)?;
        return Some(Setting {
            choices: Spread::Same(choices),
            scope,
            at,
        });
    };
    let scope = scope_of(&inner, scope);
    let result = match (inner.value("choices"), inner.value("each")) {
        (Some(list), None) => choices(&list, order, &read).map(Spread::Same),
        (None, Some(list)) => {
            if inner.has("per") {
                inner.problem(
                    "per",
                    "`each` lists the blocks one by one, so that `per` has no meaning",
                    None,
                );
            }
            each(&list, order, &read)
        }
        _ => {
            let message = format!("`{}` needs either `choices` or `each`", value.path());
            value.problem(message, None);
            None
        }
    };
    inner.finish();
    result.map(|choices| Setting { choices, scope, at })
}

/// Who decides, as `per` says.
pub(crate) fn scope_of(inner: &Table<'_>, default: Scope) -> Scope {
    let scopes = [("stage", Scope::Stage), ("block", Scope::Block)];
    inner.optional_one_of("per", &scopes).unwrap_or(default)
}

fn each<T: PartialOrd>(value: &Value<'_>, order: Order, read: &impl Fn(&Value<'_>) -> Option<T>) -> Option<Spread<T>> {
    let Some(items) = value.items() else {
        value.mismatch("a list with one entry a block");
        return None;
    };
    if items.is_empty() {
        value.problem(format!("`{}` is empty", value.path()), None);
    }
    let lists: Vec<Option<Vec<T>>> = items.iter().map(|item| choices(item, order, read)).collect();
    lists.into_iter().collect::<Option<Vec<_>>>().map(Spread::Each)
}

/// One value or a list of values, without repetition and in order.
pub(crate) fn choices<T: PartialOrd>(
    value: &Value<'_>,
    order: Order,
    read: &impl Fn(&Value<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(items) = value.items() else {
        return Some(vec![read(value)?]);
    };
    if items.is_empty() {
        value.problem(format!("`{}` has no choices", value.path()), None);
        return None;
    }
    if items.len() > MOST_CHOICES {
        let message = format!(
            "`{}` has {} choices; at most {MOST_CHOICES} are possible",
            value.path(),
            items.len()
        );
        value.problem(message, None);
        return None;
    }
    let values: Vec<Option<T>> = items.iter().map(read).collect();
    let values: Vec<T> = values.into_iter().collect::<Option<_>>()?;
    for (index, value) in values.iter().enumerate().skip(1) {
        let wrong = match order {
            Order::Increasing => values[index - 1] >= *value,
            Order::Free => values[..index].contains(value),
        };
        if wrong && let Some(item) = items.get(index) {
            let message = match order {
                Order::Increasing => format!("`{}` must be larger than the choice before it", item.path()),
                Order::Free => format!("`{}` occurs twice", item.path()),
            };
            item.problem(message, None);
        }
    }
    Some(values)
}

/// Reads a whole number in a range.
pub(crate) fn whole(low: u32, high: u32) -> impl Fn(&Value<'_>) -> Option<u32> {
    move |value| {
        let number: u32 = value.read()?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        value.mismatch(&format!("a whole number from {low} to {high}"));
        None
    }
}

/// Reads a number in a range.
pub(crate) fn ratio(low: f64, high: f64) -> impl Fn(&Value<'_>) -> Option<f64> {
    move |value| {
        let number: f64 = value.read()?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        value.mismatch(&format!("a number from {low} to {high}"));
        None
    }
}
