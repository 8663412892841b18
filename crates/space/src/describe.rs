//! A space as plain data, for tables and JSON.

use panarch_graph::ContentHash;
use serde::Serialize;

use crate::Space;
use crate::element::edge::Edge;
use crate::element::operator::Operator;
use crate::element::{Alternative, Element, Slot};
use crate::read::compile::{activation_text, inner_text};
use crate::read::properties::residual_text;
use crate::read::width::Width;

/// Everything that a person wants to know of a space.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The space's name.
    pub name: String,
    /// The version that the file states.
    pub version: u32,
    /// What the space is.
    pub description: String,
    /// Where the space comes from.
    pub source: String,
    /// Where published sources differ: which one is followed, and why.
    pub note: String,
    /// What every width of the file is multiplied by.
    pub width_multiplier: f64,
    /// The space's hash.
    pub hash: ContentHash,
    /// Image heights (= widths), in pixels.
    pub resolutions_px: Vec<u32>,
    /// The one that is meant when none is given.
    pub default_resolution_px: u32,
    /// The decisions, in genotype order.
    pub decisions: Vec<DecisionRow>,
    /// The places of a network, in order, stages at their largest depth.
    pub places: Vec<PlaceRow>,
    /// The members that the file names.
    pub references: Vec<ReferenceRow>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// Its name.
    pub name: String,
    /// What it chooses: `depth`, `kernel`, …
    pub property: &'static str,
    /// The choices; a genotype's digit is the position in this list, from 0.
    pub choices: Vec<String>,
    /// When it has an effect; empty for always. All must hold.
    pub active_when: Vec<String>,
    /// The properties that follow it by a tie.
    pub drives: Vec<String>,
}

/// What may stand at a place of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceRow {
    /// `stem`, `stage1.block2`, `head`.
    pub block: String,
    /// The stride, in both directions.
    pub stride: u32,
    /// The possible output widths, in channels; empty where the input's width stays or the dataset gives it.
    pub width: Vec<String>,
    /// The operators and their properties.
    pub operators: Vec<OperatorRow>,
}

/// One operator that may stand at a place. A property that it does not have is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorRow {
    /// The operator's name.
    pub operator: &'static str,
    /// Kernel sizes; of an edge chain, the forms of its edges.
    pub kernel: Vec<String>,
    /// Expansions, or inner widths in channels.
    pub inner: Vec<String>,
    /// Ratios of the squeeze-and-excite hidden width; 0 is without.
    pub squeeze_excite: Vec<String>,
    /// Channels of a group of the k×k convolution; 0 is without groups.
    pub group_width: Vec<String>,
    /// Activations.
    pub activation: Vec<String>,
    /// Activations after the last convolution.
    pub last_activation: Vec<String>,
    /// Whether the input is added where shapes agree.
    pub residual: Vec<String>,
}

/// A named member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceRow {
    /// Its name.
    pub name: String,
    /// What it is.
    pub note: String,
    /// Its genotype.
    pub genotype: String,
}

impl Space {
    /// The space as plain data.
    #[must_use]
    pub fn describe(&self) -> Description {
        let decision = |decision: &crate::Decision| DecisionRow {
            name: decision.name.clone(),
            property: decision.property.name(),
            choices: decision.choices.clone(),
            active_when: decision.conditions.iter().map(ToString::to_string).collect(),
            drives: decision.drives.clone(),
        };
        let reference = |reference: &crate::Reference| ReferenceRow {
            name: reference.name.clone(),
            note: reference.note.clone(),
            genotype: reference.genotype.to_string(),
        };
        Description {
            name: self.name.clone(),
            version: self.version,
            description: self.description.clone(),
            source: self.source.clone(),
            note: self.note.clone(),
            width_multiplier: self.width_multiplier,
            hash: self.hash,
            resolutions_px: self.resolutions.clone(),
            default_resolution_px: self.default_resolution,
            decisions: self.decisions.iter().map(decision).collect(),
            places: self.elements.iter().map(place).collect(),
            references: self.references.iter().map(reference).collect(),
        }
    }
}

fn place(element: &Element) -> PlaceRow {
    let has_width = element.alternatives.iter().any(|it| it.operator.has_width());
    PlaceRow {
        block: element.block.clone(),
        stride: element.fixed.stride,
        width: texts(has_width, &element.width, |width| match width {
            Width::Input => "input".to_owned(),
            Width::Channels(channels) => channels.to_string(),
        }),
        operators: element.alternatives.iter().map(|it| operator(it, element)).collect(),
    }
}

fn operator(alternative: &Alternative, element: &Element) -> OperatorRow {
    let operator = alternative.operator;
    let residual = operator.may_have_residual() && element.residual_allowed && element.fixed.stride == 1;
    let chain = operator == Operator::EdgeChain;
    let edges = alternative.edges.iter().filter(|_| chain);
    let edges = edges.map(|edge| texts(true, edge, Edge::to_string).join("|"));
    OperatorRow {
        operator: operator.name(),
        kernel: if chain {
            edges.collect()
        } else {
            texts(operator.has_kernel(), &alternative.kernel, u32::to_string)
        },
        inner: texts(operator.expands(), &alternative.inner, inner_text),
        squeeze_excite: texts(
            operator.has_squeeze_excite(),
            &alternative.squeeze_excite,
            f64::to_string,
        ),
        group_width: texts(operator.has_groups(), &alternative.group_width, u32::to_string),
        activation: texts(operator.has_activation(), &alternative.activation, activation_text),
        last_activation: texts(
            operator.has_last_activation(),
            &alternative.last_activation,
            activation_text,
        ),
        residual: texts(residual, &alternative.residual, residual_text),
    }
}

fn texts<T>(applies: bool, slot: &Slot<T>, text: impl Fn(&T) -> String) -> Vec<String> {
    let choices = slot.choices.iter().filter(|_| applies);
    choices.map(text).collect()
}
