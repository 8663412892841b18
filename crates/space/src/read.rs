//! Reading a space file.

pub(crate) mod compile;
pub(crate) mod condition;
pub(crate) mod derivation;
pub(crate) mod effect;
pub(crate) mod fingerprint;
pub(crate) mod globals;
pub(crate) mod lookup;
pub(crate) mod order;
pub(crate) mod pattern;
pub(crate) mod properties;
pub(crate) mod reference;
pub(crate) mod setting;
pub(crate) mod stage_settings;
pub(crate) mod table;
pub(crate) mod tie;
pub(crate) mod width;

use std::collections::{BTreeMap, BTreeSet};

use panarch_graph::ContentHash;
use panarch_toml::{Diagnostics, Document, Table};

use self::compile::{Compiler, OpenChoice, Place};
use self::order::{GenotypeOrder, to_post_order};
use self::properties::{Properties, WIDEST};
use self::stage_settings::{StageSettings, Variants, is_name};
use crate::decision::Decision;
use crate::element::operator::Operator;
use crate::element::{Element, Source};
use crate::lower::piece::Style;
use crate::{Head, Space};

/// Most places that a network of a space may have, stages at their largest depth.
const MOST_PLACES: usize = 256;

pub(crate) fn space(file_name: &str, text: &str) -> Result<Space, Diagnostics> {
    let document = derivation::document(file_name, text)?;
    let space = read(&document);
    document.finish(space)
}

fn read(document: &Document) -> Option<Space> {
    let root = document.root();
    let name = root.string("name");
    // A dot is for version numbers; decisions are not called after the space, so that it separates nothing.
    if let Some(name) = name.as_deref().filter(|name| !is_name(&name.replace('.', "-"))) {
        let message = format!("`{name}` is not a name: use letters, digits, `-`, `_` and `.`");
        root.problem("name", message, None);
    }
    let version = root.u32_in("version", 1..);
    let description = root.optional_string("description");
    let source = root.optional_string("source").unwrap_or_default();
    let note = root.optional_string("note").unwrap_or_default();
    let base = root.optional_string("base");
    let description = description.or_else(|| base.as_ref().map(|base| format!("over {base}")));
    if base.is_none() && root.value("change").is_some() {
        let message = "`change` is for the stages of a `base`; this file has none";
        root.problem("change", message, None);
    }
    let order = root.optional_one_of("genotype_order", &GenotypeOrder::NAMES);
    let scale = globals::scale(&root);
    let (resolutions, default_resolution) = globals::resolutions(&root);
    let rounding_table = root.table_or_empty("rounding");
    let rounding = globals::rounding(&rounding_table, 1);
    rounding_table.finish();
    let style = Style {
        batch_norm: globals::batch_norm(&root),
        squeeze_excite: globals::squeeze_excite(&root),
    };
    let variants = Variants::read(&root);
    let mut compiler = Compiler::new(document, &variants, scale);
    compiler.derived = base.is_some();
    let cells = root.tables("choice");
    if cells.is_empty() {
        places(&root, &mut compiler);
    } else {
        table::choices(&root, cells, &mut compiler.open);
    }
    if order == Some(GenotypeOrder::Post) {
        to_post_order(&mut compiler.open, &mut compiler.elements);
    }
    check_resolutions(&root, &resolutions, &compiler.elements);
    let ties = root.tables("tie");
    let sources = tie::sources(&ties, &compiler.open);
    for table in ties {
        table.finish();
    }
    let references = root.table_or_empty("references");
    root.finish();
    if document.has_problems() {
        return None;
    }
    let mut elements = compiler.elements;
    for element in &mut elements {
        element.sources(&mut |source| {
            if let Source::Decision(open) = source {
                *source = sources[*open].clone();
            }
        });
    }
    let mut decisions = decisions(&compiler.open, &sources);
    condition::fill(&mut decisions, &elements);
    let mut space = Space {
        name: name?,
        version: version?,
        description: description.unwrap_or_default(),
        source,
        note,
        base,
        width_multiplier: scale.multiplier,
        resolutions,
        default_resolution: default_resolution?,
        decisions,
        elements,
        rounding,
        style,
        references: Vec::new(),
        hash: ContentHash::of("panarch space v1", b""),
    };
    space.hash = fingerprint::hash(&space);
    space.references = reference::read(document, &references, &space);
    if !space.is_table() {
        check_networks(document, &space);
    }
    Some(space)
}

/// Stem, stages and head.
fn places(root: &Table<'_>, compiler: &mut Compiler<'_>) {
    let block = root.table_or_empty("block");
    let defaults = StageSettings::read(&block, compiler.variants, &Operator::blocks());
    block.finish();
    let outside = StageSettings {
        shared: Properties {
            activation: defaults.shared.activation.clone(),
            given: defaults
                .shared
                .given
                .iter()
                .copied()
                .filter(|key| *key == "activation")
                .collect(),
            ..Default::default()
        },
        ..StageSettings::default()
    };
    let mut names = BTreeSet::new();
    for table in root.tables("stem") {
        layer(compiler, &table, ("stem", &Operator::blocks()), &outside, &mut names);
        table.finish();
    }
    stages(root, compiler, &defaults);
    let heads = root.tables("head");
    for table in &heads {
        layer(compiler, table, ("head", &Operator::of_head()), &outside, &mut names);
    }
    let is_classifier = |element: &Element| {
        let mut operators = element.alternatives.iter().map(|it| it.operator);
        element.alternatives.len() == 1 && operators.all(Operator::is_classifier)
    };
    let with = |element: &&Element| {
        let mut operators = element.alternatives.iter().map(|it| it.operator);
        operators.any(Operator::is_classifier)
    };
    let classifiers = compiler.elements.iter().filter(with).count();
    if classifiers != 1 || !compiler.elements.last().is_some_and(is_classifier) {
        let message = "the last `[[head]]` must be the classifier, and the only one: `operator = \"classifier\"`";
        match heads.last() {
            Some(table) => table.problem("operator", message, None),
            None => root.problem("head", message, None),
        }
    }
    for table in heads {
        table.finish();
    }
    if compiler.elements.len() > MOST_PLACES {
        let places = compiler.elements.len();
        let message = format!("the space's networks have up to {places} places; at most {MOST_PLACES} are possible");
        root.problem("stage", message, None);
    }
}

fn stages(root: &Table<'_>, compiler: &mut Compiler<'_>, defaults: &StageSettings) {
    let tables = root.tables("stage");
    let mut names = BTreeMap::new();
    for (index, table) in tables.iter().enumerate() {
        let name = derivation::stage_name(index, table.optional_string("name").as_deref());
        if !is_name(&name) || name == "stem" || name == "head" {
            let message = format!(
                "`{name}` cannot be a stage's name: use letters, digits, `-` and `_`, and not `stem` or `head`"
            );
            table.problem("name", message, None);
        } else if let Some(first) = names.insert(name.clone(), index + 1) {
            let message = format!("`{name}` is already the name of stage number {first}");
            table.problem("name", message, None);
        }
        let settings = StageSettings::read(table, compiler.variants, &Operator::blocks());
        let place = Place {
            block: &name,
            prefix: &name,
            name: &name,
            settings: &settings,
            at: table.at(),
            stride: table.optional_u32_in("stride", 1..=8).unwrap_or(1),
            bias: false,
        };
        if !compiler.derived {
            effect::check(table, &settings, defaults, compiler.variants);
        }
        compiler.stage(&place, defaults);
    }
    for table in tables {
        table.finish();
    }
}

/// One `[[stem]]` or `[[head]]` table.
fn layer(
    compiler: &mut Compiler<'_>,
    table: &Table<'_>,
    (block, operators): (&str, &[Operator]),
    defaults: &StageSettings,
    names: &mut BTreeSet<String>,
) {
    let own_name = table.optional_string("name");
    let prefix = derivation::layer_name(block, own_name.as_deref());
    let settings = StageSettings::read(table, compiler.variants, operators);
    let operators = settings.operator.as_ref().map_or(&[][..], |setting| setting.of(0));
    let mut operators = operators.iter().filter_map(|number| compiler.variants.0.get(*number));
    let first = operators.next().map(|it| it.operator);
    let first = operators.map(|it| it.operator).fold(first, |first, next| match first {
        Some(Operator::Skip) => Some(next),
        first => first,
    });
    // Pools and linear layers have one node, whose name tells them apart without a name of their own.
    let name = match first {
        Some(operator) if !operator.has_kernel() => format!("{prefix}.{}", operator.name()),
        Some(operator) if operator.is_pool() => format!("{prefix}.pool"),
        _ => prefix.clone(),
    };
    if let Some(own_name) = own_name.filter(|name| !is_name(name)) {
        let message = format!("`{own_name}` is not a name: use letters, digits, `-` and `_`");
        table.problem("name", message, None);
    } else if !names.insert(name.clone()) {
        let message = format!("two layers would both be called `{name}`; give one of them another `name`");
        table.problem("name", message, None);
    }
    if let Some(depth) = &settings.depth {
        table.problem_at(depth.at, "only stages have a depth", None);
    }
    let dense = first.is_some_and(|operator| operator == Operator::Linear || operator.is_classifier());
    let place = Place {
        block,
        prefix: &prefix,
        name: &name,
        settings: &settings,
        at: table.at(),
        stride: table.optional_u32_in("stride", 1..=8).unwrap_or(1),
        bias: dense,
    };
    if !compiler.derived {
        effect::check(table, &settings, defaults, compiler.variants);
    }
    compiler.layer(&place, defaults);
}

fn check_resolutions(root: &Table<'_>, resolutions: &[u32], elements: &[Element]) {
    let total = elements
        .iter()
        .fold(1_u32, |total, element| total.saturating_mul(element.fixed.stride));
    if let Some(resolution) = resolutions.iter().find(|resolution| **resolution < total) {
        let message = format!("images of {resolution} pixels are too small: all strides together divide by {total}");
        root.problem("resolutions", message, None);
    }
}

/// The decisions of what is open and not tied.
fn decisions(open: &[OpenChoice], sources: &[Source]) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = Vec::new();
    for (open, source) in open.iter().zip(sources) {
        if let Source::Decision(_) = source {
            decisions.push(Decision {
                name: open.name.clone(),
                property: open.property,
                choices: open.choices.clone(),
                conditions: Vec::new(),
                drives: Vec::new(),
            });
        }
    }
    for (open, source) in open.iter().zip(sources) {
        if let Source::Tied { driver, .. } = source
            && let Some(decision) = decisions.get_mut(*driver)
        {
            decision.drives.push(open.name.clone());
        }
    }
    decisions
}

/// What only a network shows, such as a linear layer on something that is not a vector.
fn check_networks(document: &Document, space: &Space) {
    let head = Head {
        classes: 2,
        input_channels: 3,
    };
    let widest = space.walk(&mut |decision| space.largest_choice(decision));
    if let Some(width) = widest.iter().map(|(_, block)| block.output).max()
        && width > WIDEST
    {
        let message =
            format!("concatenated, the widths of the largest genotype grow to {width}; at most {WIDEST} are possible");
        return document.root().problem("name", message, None);
    }
    let (Some(first), Some(last)) = (space.resolutions.first(), space.resolutions.last()) else {
        return;
    };
    let ends = [("largest", space.largest()), ("smallest", space.smallest())];
    for ((which, genotype), resolution) in ends.iter().flat_map(|end| [(end, last), (end, first)]) {
        if let Err(error) = space.lower(genotype, head, *resolution) {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            let message = format!(
                "the network of the {which} genotype cannot be built for images of {resolution} pixels{}",
                cause.unwrap_or_default()
            );
            return document.root().problem("name", message, None);
        }
    }
}
