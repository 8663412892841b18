//! What a space's hash is made of.

use std::fmt::Write;

use panarch_graph::ContentHash;

use crate::Space;
use crate::element::edge::Edge;
use crate::element::{Element, ExpansionBase, Inner, Slot, Source};
use crate::read::compile::activation_text;
use crate::read::properties::residual_text;

/// The hash of everything that decisions and members depend on.
pub(crate) fn hash(space: &Space) -> ContentHash {
    let mut text = String::new();
    let style = &space.style;
    line(&mut text, "version", &[space.version.to_string()]);
    let sizes: Vec<String> = space.resolutions.iter().map(u32::to_string).collect();
    line(&mut text, "resolutions", &sizes);
    line(
        &mut text,
        "rounding",
        &[space.rounding.multiple.to_string(), space.rounding.rule.name().into()],
    );
    let norm = &style.batch_norm;
    line(
        &mut text,
        "batch_norm",
        &[norm.eps.to_string(), norm.momentum.to_string()],
    );
    let gate = &style.squeeze_excite;
    let parts = [
        gate.of_input.to_string(),
        gate.rounding.multiple.to_string(),
        gate.rounding.rule.name().to_owned(),
        gate.gate.name().to_owned(),
    ];
    line(&mut text, "squeeze_excite", &parts);
    for decision in &space.decisions {
        line(&mut text, &decision.name, &decision.choices);
    }
    for place in &space.elements {
        element(&mut text, place);
    }
    ContentHash::of("panarch space v2", text.as_bytes())
}

fn element(text: &mut String, element: &Element) {
    let base = match element.expansion_base {
        ExpansionBase::Input => "input".to_owned(),
        ExpansionBase::Output => "output".to_owned(),
        ExpansionBase::Declared(width) => width.to_string(),
    };
    let fixed = [
        element.block.clone(),
        element.residual_allowed.to_string(),
        base,
        format!("{:?}", element.fixed),
    ];
    line(text, &element.prefix, &fixed);
    if let Some((depth, position)) = &element.depth {
        line(text, "position", &[position.to_string()]);
        slot(text, "depth", depth, u32::to_string);
    }
    slot(text, "width", &element.width, |width| format!("{width:?}"));
    slot(text, "operator", &element.operator, usize::to_string);
    for alternative in &element.alternatives {
        line(text, "alternative", &[alternative.operator.name().to_owned()]);
        slot(text, "kernel", &alternative.kernel, u32::to_string);
        slot(text, "inner", &alternative.inner, |inner| match inner {
            Inner::Times(ratio) => format!("times {ratio}"),
            Inner::Channels(channels) => format!("channels {channels}"),
        });
        for edge in &alternative.edges {
            slot(text, "edge", edge, Edge::to_string);
        }
        slot(text, "group_width", &alternative.group_width, u32::to_string);
        slot(text, "squeeze_excite", &alternative.squeeze_excite, f64::to_string);
        slot(text, "activation", &alternative.activation, activation_text);
        slot(text, "last_activation", &alternative.last_activation, activation_text);
        slot(text, "residual", &alternative.residual, residual_text);
    }
}

fn slot<T>(text: &mut String, key: &str, slot: &Slot<T>, write: impl Fn(&T) -> String) {
    let mut parts: Vec<String> = slot.choices.iter().map(write).collect();
    parts.push(match &slot.source {
        Source::Fixed => "fixed".to_owned(),
        Source::Decision(decision) => format!("decision {decision}"),
        Source::Tied { driver, map } => format!("tied {driver} {map:?}"),
    });
    line(text, key, &parts);
}

fn line(text: &mut String, key: &str, parts: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key}\t{}", parts.join("\t"));
}
