//! What a space file says of a stage, and the operators that it may name.

use panarch_toml::{Table, Value};

use crate::element::operator::Operator;
use crate::element::{ExpansionBase, Shortcut};
use crate::read::properties::{Properties, WIDEST, given};
use crate::read::setting::{Order, Scope, Setting, setting, whole};
use crate::read::width::{self, WidthChoice};

/// What may stand in a shortcut, under the names that space files use.
const SHORTCUTS: [(&str, Shortcut); 2] = [("conv", Shortcut::Conv), ("pool-conv", Shortcut::PoolConv)];

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
        let kinds: Vec<_> = Operator::blocks()
            .into_iter()
            .map(|operator| (operator.name(), operator))
            .collect();
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
            let properties = Properties::read(&table, operator.is_some_and(Operator::is_pool));
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

    fn is_pool(&self, number: usize) -> bool {
        self.0.get(number).is_some_and(|variant| variant.operator.is_pool())
    }

    /// Names and numbers of the variants whose operator is allowed.
    fn among(&self, allowed: &[Operator]) -> Vec<(&str, usize)> {
        let variants = self.0.iter().enumerate();
        let among = variants.filter(|(_, variant)| allowed.contains(&variant.operator));
        among.map(|(number, variant)| (variant.name.as_str(), number)).collect()
    }
}

/// What a table says of a stage, a layer of the stem or head, or (`[block]`) of every stage.
#[derive(Debug, Clone)]
pub(crate) struct StageSettings {
    /// Numbers of variants.
    pub operator: Option<Setting<usize>>,
    pub depth: Option<Setting<u32>>,
    pub width: Option<Setting<WidthChoice>>,
    /// Whether the space's width multiplier applies.
    pub scale_width: Option<bool>,
    pub shared: Properties,
    /// What holds for one variant alone.
    pub own: Vec<(usize, Properties)>,
    pub residual_in_first_block: Option<bool>,
    pub expansion_of: Option<ExpansionBase>,
    pub stride_in_first: Option<bool>,
    pub padding: Option<u32>,
    pub ceil: Option<bool>,
    pub shortcut: Option<Shortcut>,
    pub batch_norm: Option<bool>,
    pub bias: Option<bool>,
}

/// What a table without any key says.
impl Default for StageSettings {
    fn default() -> Self {
        Self {
            operator: None,
            depth: None,
            width: None,
            scale_width: None,
            shared: Properties::default(),
            own: Vec::new(),
            residual_in_first_block: None,
            expansion_of: None,
            stride_in_first: None,
            padding: None,
            ceil: None,
            shortcut: None,
            batch_norm: None,
            bias: None,
        }
    }
}

impl StageSettings {
    pub(crate) fn read(table: &Table<'_>, variants: &Variants, allowed: &[Operator]) -> Self {
        let names = variants.among(allowed);
        let number = table.value("operator").and_then(|value| {
            let name = value.text()?;
            names
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, number)| *number)
        });
        let mut shared = Properties::read(table, number.is_some_and(|number| variants.is_pool(number)));
        shared.given.extend(given(table, &["operator", "depth", "width"]));
        let mut own = Vec::new();
        for (name, number) in &names {
            if let Some(inner) = table.optional_table(name) {
                own.push((*number, Properties::read(&inner, variants.is_pool(*number))));
                inner.finish();
            }
        }
        Self {
            operator: setting(table, "operator", Scope::Block, Order::Free, |value| {
                value.one_of(&names)
            }),
            depth: setting(table, "depth", Scope::Stage, Order::Increasing, whole(0, 64)),
            width: width::read(table),
            scale_width: table.optional_bool("scale_width"),
            shared,
            own,
            residual_in_first_block: table.optional_bool("residual_in_first_block"),
            expansion_of: table.value("expansion_of").and_then(|value| expansion_base(&value)),
            stride_in_first: table.optional_bool("stride_in_first"),
            padding: table.optional_u32_in("padding", 0..=15),
            ceil: table.optional_bool("ceil"),
            shortcut: table.optional_one_of("shortcut", &SHORTCUTS),
            batch_norm: table.optional_bool("batch_norm"),
            bias: table.optional_bool("bias"),
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
