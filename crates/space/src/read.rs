//! Reading a space file.

use std::collections::BTreeMap;

use panarch_graph::{Activation, BatchNorm, ContentHash};
use panarch_toml::{Diagnostics, Document, Table};

use crate::Space;
use crate::compile::{Compiler, Place};
use crate::condition;
use crate::decision::Decision;
use crate::element::{Element, Source, SqueezeExcite};
use crate::fingerprint;
use crate::operator::Operator;
use crate::piece::Style;
use crate::reference;
use crate::rounding::{Rounding, RoundingRule};
use crate::setting::{Properties, StageSettings, Variants, is_name};
use crate::tie;

pub(crate) fn space(file_name: &str, text: &str) -> Result<Space, Diagnostics> {
    let document = Document::parse(file_name, text)?;
    let space = read(&document);
    document.finish(space)
}

fn read(document: &Document) -> Option<Space> {
    let root = document.root();
    let name = root.string("name");
    if let Some(name) = name.as_deref().filter(|name| !is_name(name)) {
        root.problem(
            "name",
            format!("`{name}` is not a name: use letters, digits, `-` and `_`"),
            None,
        );
    }
    let version = root.u32_in("version", 1..);
    let description = root.optional_string("description").unwrap_or_default();
    let source = root.optional_string("source").unwrap_or_default();
    let (resolutions, default_resolution) = resolutions(&root);
    let rounding_table = root.table_or_empty("rounding");
    let rounding = rounding(&rounding_table, 1);
    rounding_table.finish();
    let style = Style {
        batch_norm: batch_norm(&root),
        squeeze_excite: squeeze_excite(&root),
    };

    let variants = Variants::read(&root);
    let block = root.table_or_empty("block");
    let defaults = StageSettings::read(&block, &variants, &Operator::BLOCKS);
    block.finish();
    let outside = StageSettings {
        shared: Properties {
            activation: defaults.shared.activation.clone(),
            ..Default::default()
        },
        ..StageSettings::default()
    };
    let mut compiler = Compiler::new(document, &variants);
    let mut prefixes = BTreeMap::new();
    for table in root.tables("stem") {
        layer(&mut compiler, &table, "stem", &Operator::STEM, &outside, &mut prefixes);
        table.finish();
    }
    let stages = root.tables("stage");
    let mut names = BTreeMap::new();
    for (index, table) in stages.iter().enumerate() {
        let name = table
            .optional_string("name")
            .unwrap_or_else(|| format!("stage{}", index + 1));
        if !is_name(&name) || name == "stem" || name == "head" {
            let message = format!(
                "`{name}` cannot be a stage's name: use letters, digits, `-` and `_`, and not `stem` or `head`"
            );
            table.problem("name", message, None);
        } else if let Some(first) = names.insert(name.clone(), index + 1) {
            table.problem("name", format!("`{name}` is already the name of stage {first}"), None);
        }
        let settings = StageSettings::read(table, &variants, &Operator::BLOCKS);
        let place = Place {
            block: &name,
            prefix: &name,
            settings: &settings,
            at: table.at(),
            stride: table.optional_u32_in("stride", 1..=8).unwrap_or(1),
            batch_norm: true,
            bias: false,
        };
        compiler.stage(&place, &defaults);
    }
    for table in stages {
        table.finish();
    }
    let heads = root.tables("head");
    for table in &heads {
        layer(&mut compiler, table, "head", &Operator::HEAD, &outside, &mut prefixes);
    }
    let classifier = |element: &Element| {
        element
            .alternatives
            .iter()
            .any(|it| it.operator == Operator::Classifier)
    };
    let classifiers = compiler.elements.iter().filter(|element| classifier(element)).count();
    if classifiers != 1 || !compiler.elements.last().is_some_and(classifier) {
        let message = "the last `[[head]]` must be the classifier, and the only one: `operator = \"classifier\"`";
        match heads.last() {
            Some(table) => table.problem("operator", message, None),
            None => root.problem("head", message, None),
        }
    }
    for table in heads {
        table.finish();
    }
    let total_stride: u32 = compiler.elements.iter().map(|element| element.stride).product();
    for resolution in resolutions.iter().filter(|resolution| **resolution < total_stride) {
        let message =
            format!("images of {resolution} pixels are too small: the strides together divide by {total_stride}");
        root.problem("resolutions", message, None);
    }

    let ties = root.tables("tie");
    let sources = tie::sources(&ties, &compiler.open);
    for table in ties {
        table.finish();
    }
    let references = root.table_or_empty("references");
    if document.has_problems() {
        for key in references.keys() {
            references.has(&key.value);
        }
        references.finish();
        root.finish();
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
    let mut decisions: Vec<Decision> = Vec::new();
    for (open, source) in compiler.open.iter().zip(&sources) {
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
    for (open, source) in compiler.open.iter().zip(&sources) {
        if let Source::Tied { driver, .. } = source {
            decisions[*driver].drives.push(open.name.clone());
        }
    }
    condition::fill(&mut decisions, &elements);
    let mut space = Space {
        name: name?,
        version: version?,
        description,
        source,
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
    references.finish();
    root.finish();
    Some(space)
}

/// One `[[stem]]` or `[[head]]` table.
fn layer(
    compiler: &mut Compiler<'_>,
    table: &Table<'_>,
    block: &str,
    operators: &[Operator],
    defaults: &StageSettings,
    prefixes: &mut BTreeMap<String, ()>,
) {
    let name = table.optional_string("name");
    let prefix = name
        .as_ref()
        .map_or_else(|| block.to_owned(), |name| format!("{block}.{name}"));
    let settings = StageSettings::read(table, compiler.variants, operators);
    let first = settings
        .operator
        .as_ref()
        .and_then(|setting| setting.of(0).first())
        .and_then(|number| compiler.variants.0.get(*number))
        .map(|variant| variant.operator);
    // A pool, a linear layer and a classifier have one node, whose name tells them apart without a name of their own.
    let key = match first {
        Some(operator) if !operator.has_kernel() => format!("{prefix}.{}", operator.name()),
        _ => prefix.clone(),
    };
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        table.problem(
            "name",
            format!("`{prefix}` is not a name: use letters, digits, `-` and `_`"),
            None,
        );
    } else if prefixes.insert(key.clone(), ()).is_some() {
        let message = format!("two layers would both be called `{key}`; give one of them another `name`");
        table.problem("name", message, None);
    }
    let batch_norm = table.optional_bool("batch_norm").unwrap_or(true);
    let dense = matches!(first, Some(Operator::Linear | Operator::Classifier));
    let place = Place {
        block,
        prefix: &prefix,
        settings: &settings,
        at: table.at(),
        stride: table.optional_u32_in("stride", 1..=8).unwrap_or(1),
        batch_norm,
        bias: table.optional_bool("bias").unwrap_or(dense),
    };
    if let Some(depth) = &settings.depth {
        table.problem_at(depth.at, "only stages have a depth", None);
    }
    compiler.layer(&place, defaults);
}

/// `resolutions = [28, 32]` or `resolutions = { from = 128, to = 224, step = 4 }`, and `default_resolution`.
fn resolutions(root: &Table<'_>) -> (Vec<u32>, Option<u32>) {
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

fn rounding(table: &Table<'_>, multiple: u32) -> Rounding {
    let rules = [RoundingRule::Nearest, RoundingRule::KeepNineTenths].map(|rule| (rule.name(), rule));
    Rounding {
        multiple: table.optional_u32_in("multiple", 1..=1024).unwrap_or(multiple),
        rule: table.optional_one_of("rule", &rules).unwrap_or(RoundingRule::Nearest),
    }
}

fn batch_norm(root: &Table<'_>) -> BatchNorm {
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

fn squeeze_excite(root: &Table<'_>) -> SqueezeExcite {
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
