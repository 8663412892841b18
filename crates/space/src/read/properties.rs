//! The properties of an operator, as space files write them.

use panarch_graph::Activation;
use panarch_toml::{Table, Value, did_you_mean};

use crate::decision::Property;
use crate::element::edge::Edge;
use crate::element::{Inner, Residual};
use crate::read::setting::{Order, Scope, Setting, ratio, setting, whole};

/// Widest layer that a space may have, in channels.
pub(crate) const WIDEST: u32 = 1 << 16;

/// The keys of [`Properties`].
const KEYS: [&str; 12] = [
    "kernel",
    "expansion",
    "inner_width",
    "edge1",
    "edge2",
    "edge3",
    "edge4",
    "group_width",
    "squeeze_excite",
    "activation",
    "last_activation",
    "residual",
];

/// The properties of one operator, as far as a table gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties {
    pub kernel: Option<Setting<u32>>,
    pub inner: Option<Setting<Inner>>,
    pub edges: [Option<Setting<Edge>>; 4],
    pub group_width: Option<Setting<u32>>,
    pub squeeze_excite: Option<Setting<f64>>,
    pub activation: Option<Setting<Option<Activation>>>,
    pub last_activation: Option<Setting<Option<Activation>>>,
    pub residual: Option<Setting<Residual>>,
    /// The keys that the table has, sound or not.
    pub given: Vec<&'static str>,
}

impl Properties {
    /// Reads them; the keys are also those of [`KEYS`]. Kernels of pools, if that is what they are for, may be even.
    pub(crate) fn read(table: &Table<'_>, of_pool: bool) -> Self {
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
        let forms = Edge::named();
        let given = given(table, &KEYS);
        Self {
            kernel: setting(table, "kernel", Scope::Block, Order::Increasing, kernel(of_pool)),
            inner: expansion.or(channels),
            edges: Property::EDGES.map(|edge| {
                setting(table, edge.name(), Scope::Block, Order::Free, |value| {
                    value.one_of(&forms)
                })
            }),
            group_width: setting(table, "group_width", Scope::Block, Order::Increasing, whole(0, WIDEST)),
            squeeze_excite: setting(
                table,
                "squeeze_excite",
                Scope::Block,
                Order::Increasing,
                ratio(0.0, 1.0),
            ),
            activation: setting(table, "activation", Scope::Block, Order::Free, activation),
            last_activation: setting(table, "last_activation", Scope::Block, Order::Free, activation),
            residual: setting(table, "residual", Scope::Block, Order::Increasing, residual),
            given,
        }
    }
}

/// Kernels are odd, so that they have a centre; those of pools need none.
fn kernel(of_pool: bool) -> impl Fn(&Value<'_>) -> Option<u32> {
    move |value| {
        let kernel = whole(1, 31)(value)?;
        if of_pool || kernel % 2 == 1 {
            return Some(kernel);
        }
        value.mismatch("an odd number, so that the kernel has a centre");
        None
    }
}

/// The name under which a residual that is concatenated is written.
const CONCAT: &str = "concat";

fn residual(value: &Value<'_>) -> Option<Residual> {
    match value.text() {
        Some(CONCAT) => Some(Residual::Concat),
        Some(_) => {
            value.mismatch("`true`, `false` or \"concat\"");
            None
        }
        None => value.read().map(|add| if add { Residual::Add } else { Residual::None }),
    }
}

/// A residual as a choice is written.
pub(crate) fn residual_text(residual: &Residual) -> String {
    let text = match residual {
        Residual::None => "false",
        Residual::Add => "true",
        Residual::Concat => CONCAT,
    };
    text.to_owned()
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

/// Which of `keys` a table has, a misspelled one (which is reported as such) included.
pub(crate) fn given(table: &Table<'_>, keys: &[&'static str]) -> Vec<&'static str> {
    let present = table.keys();
    let meant: Vec<Option<String>> = present.iter().map(|key| did_you_mean(&key.value, keys)).collect();
    let has = |key: &&&'static str| meant.iter().flatten().any(|meant| meant == **key);
    keys.iter().filter(has).copied().collect()
}
