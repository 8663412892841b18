//! What a space file says once for the whole space.

use panarch_graph::{Activation, BatchNorm};
use panarch_toml::Table;

use crate::element::SqueezeExcite;
use crate::element::rounding::{Rounding, RoundingRule};
use crate::read::width::Scale;

/// `resolutions = [28, 32]` or `resolutions = { from = 128, to = 224, step = 4 }`, and `default_resolution`.
pub(crate) fn resolutions(root: &Table<'_>) -> (Vec<u32>, Option<u32>) {
    const LARGEST: u32 = 4096;
    let from_table = root.value("resolutions").and_then(|value| value.table());
    let list = match from_table {
        Some(table) => {
            let range = (
                table.u32_in("from", 1..=LARGEST),
                table.u32_in("to", 1..=LARGEST),
                table.optional_u32_in("step", 1..).unwrap_or(1),
            );
            table.finish();
            match range {
                (Some(from), Some(to), step) if from <= to => (from..=to).step_by(step as usize).collect(),
                (Some(from), Some(to), _) => {
                    root.problem("resolutions", format!("there is no size from {from} to {to}"), None);
                    Vec::new()
                }
                _ => Vec::new(),
            }
        }
        None => root.list_in("resolutions", 1..=LARGEST).unwrap_or_default(),
    };
    let items = root.value("resolutions").and_then(|value| value.items());
    if items.is_some_and(|items| items.is_empty()) {
        root.problem("resolutions", "`resolutions` is empty", None);
    }
    if list.windows(2).any(|pair| pair[0] >= pair[1]) {
        root.problem("resolutions", "`resolutions` must increase", None);
    }
    let default = root.optional_u32("default_resolution").or(list.last().copied());
    if let Some(default) = default.filter(|default| !list.is_empty() && !list.contains(default)) {
        let message = format!("`default_resolution` {default} is not one of the `resolutions`");
        root.problem("default_resolution", message, None);
    }
    (list, default)
}

pub(crate) fn rounding(table: &Table<'_>, multiple: u32) -> Rounding {
    let rule = RoundingRule::Nearest;
    rounding_or(table, Rounding { multiple, rule })
}

fn rounding_or(table: &Table<'_>, default: Rounding) -> Rounding {
    let rules = [RoundingRule::Nearest, RoundingRule::KeepNineTenths].map(|rule| (rule.name(), rule));
    Rounding {
        multiple: table.optional_u32_in("multiple", 1..=1024).unwrap_or(default.multiple),
        rule: table.optional_one_of("rule", &rules).unwrap_or(default.rule),
    }
}

/// `width_multiplier` and `[width_rounding]`.
pub(crate) fn scale(root: &Table<'_>) -> Scale {
    let table = root.table_or_empty("width_rounding");
    let default = Rounding {
        multiple: 8,
        rule: RoundingRule::KeepNineTenths,
    };
    let rounding = rounding_or(&table, default);
    table.finish();
    Scale {
        multiplier: root.optional_f64_in("width_multiplier", 0.01..=64.0).unwrap_or(1.0),
        rounding,
    }
}

pub(crate) fn batch_norm(root: &Table<'_>) -> BatchNorm {
    let table = root.table_or_empty("batch_norm");
    let default = BatchNorm::default();
    let number = |key, default: f32| table.optional_f64_in(key, 1e-12..=1.0).map_or(default, |it| it as f32);
    let batch_norm = BatchNorm {
        eps: number("eps", default.eps),
        momentum: number("momentum", default.momentum),
    };
    table.finish();
    batch_norm
}

pub(crate) fn squeeze_excite(root: &Table<'_>) -> SqueezeExcite {
    let table = root.table_or_empty("squeeze_excite");
    let gates = [Activation::HardSigmoid, Activation::Sigmoid].map(|gate| (gate.name(), gate));
    let squeeze_excite = SqueezeExcite {
        of_input: table
            .optional_one_of("of", &[("input", true), ("inner", false)])
            .unwrap_or(false),
        rounding: rounding(&table, 8),
        gate: table.optional_one_of("gate", &gates).unwrap_or(Activation::HardSigmoid),
    };
    table.finish();
    squeeze_excite
}
