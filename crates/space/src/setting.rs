//! Reading the choices of one property from a space file.

use panarch_graph::Activation;
use panarch_toml::{At, Table, Value};

use crate::element::{ExpansionBase, Inner};
use crate::genotype::MOST_CHOICES;
use crate::operator::Operator;

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
    let scopes = [("stage", Scope::Stage), ("block", Scope::Block)];
    let scope = inner.optional_one_of("per", &scopes).unwrap_or(scope);
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

fn whole(low: u32, high: u32) -> impl Fn(&Value<'_>) -> Option<u32> {
    move |value| {
        let number: u32 = value.read()?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        value.mismatch(&format!("a whole number from {low} to {high}"));
        None
    }
}

fn ratio(low: f64, high: f64) -> impl Fn(&Value<'_>) -> Option<f64> {
    move |value| {
        let number: f64 = value.read()?;
        if (low..=high).contains(&number) {
            return Some(number);
        }
        value.mismatch(&format!("a number from {low} to {high}"));
        None
    }
}

/// Widest layer that a space may have, in channels.
const WIDEST: u32 = 1 << 16;

/// The properties of one operator, as far as a table gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    pub kernel: Option<Setting<u32>>,
    pub inner: Option<Setting<Inner>>,
    pub squeeze_excite: Option<Setting<f64>>,
    pub activation: Option<Setting<Option<Activation>>>,
    pub residual: Option<Setting<bool>>,
}

impl Properties {
    pub(crate) fn read(table: &Table<'_>) -> Self {
        let expansion = setting(table, "expansion", Scope::Block, Order::Increasing, |value| {
            ratio(0.01, 64.0)(value).map(Inner::Times)
        });
        let channels = setting(table, "inner_width", Scope::Block, Order::Increasing, |value| {
            whole(1, WIDEST)(value).map(Inner::Channels)
        });
        if expansion.is_some() && channels.is_some() {
            let message = "give either `expansion` or `inner_width`: both say how wide the inside of a block is";
            table.problem("inner_width", message, None);
        }
        Self {
            kernel: setting(table, "kernel", Scope::Block, Order::Increasing, |value| {
                let kernel = whole(1, 31)(value)?;
                if kernel % 2 == 1 {
                    return Some(kernel);
                }
                value.mismatch("an odd number, so that the kernel has a centre");
                None
            }),
            inner: expansion.or(channels),
            squeeze_excite: setting(
                table,
                "squeeze_excite",
                Scope::Block,
                Order::Increasing,
                ratio(0.0, 1.0),
            ),
            activation: setting(table, "activation", Scope::Block, Order::Free, activation),
            residual: setting(table, "residual", Scope::Block, Order::Increasing, |value| value.read()),
        }
    }
}

/// The name under which "no activation" is written.
pub(crate) const NO_ACTIVATION: &str = "none";

pub(crate) fn activation(value: &Value<'_>) -> Option<Option<Activation>> {
    let mut names: Vec<(&str, Option<Activation>)> = Activation::ALL
        .iter()
        .map(|activation| (activation.name(), Some(*activation)))
        .collect();
    names.push((NO_ACTIVATION, None));
    value.one_of(&names)
}

/// An operator under a name: one of the built-in ones, or `[operators.NAME]` with properties of its own.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub name: String,
    pub operator: Operator,
    pub properties: Properties,
}

impl Variant {
    /// What the names of decisions that only this variant has call it.
    pub(crate) fn short(&self) -> &str {
        if self.name == self.operator.name() {
            self.operator.short()
        } else {
            &self.name
        }
    }
}

/// The operators that a file may use.
#[derive(Debug, Clone)]
pub(crate) struct Variants(pub Vec<Variant>);

impl Variants {
    /// The built-in operators and those that `[operators.NAME]` tables define: `kind` and properties.
    pub(crate) fn read(root: &Table<'_>) -> Self {
        let built_in = |operator: &Operator| Variant {
            name: operator.name().to_owned(),
            operator: *operator,
            properties: Properties::default(),
        };
        let mut variants: Vec<Variant> = Operator::ALL.iter().map(built_in).collect();
        let kinds = Operator::BLOCKS.map(|operator| (operator.name(), operator));
        let tables = root.table_or_empty("operators");
        for key in tables.keys() {
            let Some(table) = tables.optional_table(&key.value) else {
                continue;
            };
            if !is_name(&key.value) || variants.iter().any(|variant| variant.name == key.value) {
                let message = format!(
                    "`{}` cannot be an operator's name: use letters, digits, `-` and `_`, and no built-in operator's",
                    key.value
                );
                tables.problem_at(key.at, message, None);
            }
            let operator = table.one_of("kind", &kinds);
            let properties = Properties::read(&table);
            table.finish();
            if let Some(operator) = operator {
                variants.push(Variant {
                    name: key.value,
                    operator,
                    properties,
                });
            }
        }
        tables.finish();
        Self(variants)
    }

    /// Names and numbers of the variants whose operator is allowed.
    fn among(&self, allowed: &[Operator]) -> Vec<(&str, usize)> {
        let variants = self.0.iter().enumerate();
        let among = variants.filter(|(_, variant)| allowed.contains(&variant.operator));
        among.map(|(number, variant)| (variant.name.as_str(), number)).collect()
    }
}

/// What a table says of a stage, a layer of the stem or head, or (`[block]`) of every stage.
#[derive(Debug, Clone, Default)]
pub(crate) struct StageSettings {
    /// Numbers of variants.
    pub operator: Option<Setting<usize>>,
    pub depth: Option<Setting<u32>>,
    pub width: Option<Setting<u32>>,
    pub shared: Properties,
    /// What holds for one variant alone.
    pub own: Vec<(usize, Properties)>,
    pub residual_in_first_block: Option<bool>,
    pub expansion_of: Option<ExpansionBase>,
}

impl StageSettings {
    pub(crate) fn read(table: &Table<'_>, variants: &Variants, allowed: &[Operator]) -> Self {
        let names = variants.among(allowed);
        let mut own = Vec::new();
        for (name, number) in &names {
            if let Some(inner) = table.optional_table(name) {
                own.push((*number, Properties::read(&inner)));
                inner.finish();
            }
        }
        Self {
            operator: setting(table, "operator", Scope::Block, Order::Free, |value| {
                value.one_of(&names)
            }),
            depth: setting(table, "depth", Scope::Stage, Order::Increasing, whole(0, 64)),
            width: setting(table, "width", Scope::Stage, Order::Increasing, whole(1, WIDEST)),
            shared: Properties::read(table),
            own,
            residual_in_first_block: table.optional_bool("residual_in_first_block"),
            expansion_of: table.value("expansion_of").and_then(|value| expansion_base(&value)),
        }
    }

    /// The properties that this table gives for one variant alone.
    pub(crate) fn own(&self, variant: usize) -> Option<&Properties> {
        let found = self.own.iter().find(|(number, _)| *number == variant);
        found.map(|(_, properties)| properties)
    }

    /// All properties that this table gives.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Properties> {
        std::iter::once(&self.shared).chain(self.own.iter().map(|(_, properties)| properties))
    }
}

/// Letters, digits, `-` and `_`: no dots, which join names, and no stars, which match them.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn expansion_base(value: &Value<'_>) -> Option<ExpansionBase> {
    if value.is_number() {
        return whole(1, WIDEST)(value).map(ExpansionBase::Declared);
    }
    value.one_of(&[("input", ExpansionBase::Input), ("output", ExpansionBase::Output)])
}
