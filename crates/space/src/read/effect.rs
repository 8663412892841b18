//! Keys that change nothing: what is written and has no effect is usually a mistake.

use panarch_toml::Table;

use crate::element::operator::Operator;
use crate::read::setting::Setting;
use crate::read::stage_settings::{StageSettings, Variants};

/// Whether an operator has a property.
type Has = fn(Operator) -> bool;

/// The keys that not every operator has, and which have them.
const KEYS: [(&str, Has); 21] = [
    ("stride", Operator::has_stride),
    ("width", Operator::has_width),
    ("scale_width", |operator| operator.has_width() || operator.expands()),
    ("kernel", Operator::has_kernel),
    ("expansion", Operator::expands),
    ("inner_width", Operator::expands),
    ("expansion_of", Operator::expands),
    ("edge1", is_chain),
    ("edge2", is_chain),
    ("edge3", is_chain),
    ("edge4", is_chain),
    ("group_width", Operator::has_groups),
    ("squeeze_excite", Operator::has_squeeze_excite),
    ("activation", Operator::has_activation),
    ("last_activation", Operator::has_last_activation),
    ("residual", Operator::may_have_residual),
    ("residual_in_first_block", Operator::may_have_residual),
    ("stride_in_first", |operator| operator == Operator::Bottleneck),
    ("padding", Operator::has_padding),
    ("ceil", Operator::is_pool),
    ("shortcut", Operator::has_shortcut),
];

fn is_chain(operator: Operator) -> bool {
    operator == Operator::EdgeChain
}

/// Reports what a stage, or a layer of the stem or head, says about operators that it does not have.
pub(crate) fn check(table: &Table<'_>, settings: &StageSettings, defaults: &StageSettings, variants: &Variants) {
    let Some(operators) = settings.operator.as_ref().or(defaults.operator.as_ref()) else {
        return;
    };
    let here: Vec<Operator> = operators
        .values()
        .filter_map(|number| variants.0.get(*number))
        .map(|variant| variant.operator)
        .collect();
    report(table, &here);
    for (number, _) in &settings.own {
        let Some(variant) = variants.0.get(*number) else {
            continue;
        };
        if !is_chosen(operators, *number) {
            let message = format!(
                "`{}` is not among the operators here, so that this changes nothing",
                variant.name
            );
            table.problem(&variant.name, message, None);
        } else if let Some(own) = table.optional_table(&variant.name) {
            report(&own, &[variant.operator]);
        }
    }
}

fn is_chosen(operators: &Setting<usize>, number: usize) -> bool {
    operators.values().any(|chosen| *chosen == number)
}

fn report(table: &Table<'_>, operators: &[Operator]) {
    for (key, has) in KEYS {
        if table.has(key) && !operators.iter().any(|operator| has(*operator)) {
            let names: Vec<String> = operators.iter().map(|it| format!("`{}`", it.name())).collect();
            let message = format!("`{key}` changes nothing here: it is not for {}", names.join(", "));
            table.problem(key, message, None);
        }
    }
}
