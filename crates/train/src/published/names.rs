//! The names of parameters in published checkpoints, and their spellings.
//!
//! The same layer is `conv.conv.weight` in a supernet and `conv.weight` in a single network, a block's layers stand under
//! `mobile_inverted_conv` in older files and under `conv` in newer ones. All spellings have one [simple form](simplified).

use panarch_graph::{Network, Node, Op, ParameterSpec};

use crate::TrainError;

/// The block numbers of a network that a published description numbers itself begin with this, as `published3.block1`.
pub(super) const NUMBERED: &str = "published";

/// What a checkpoint has and a network has no use for: how many batches a normalisation has seen.
pub(super) const BATCHES: &str = ".num_batches_tracked";

/// One spelling for all: without the wrapper of a parallel model, blocks under `conv`, and no layer twice.
pub(crate) fn simplified(name: &str) -> String {
    let mut simple = name.strip_prefix("module.").unwrap_or(name).to_owned();
    simple = simple.replace(".mobile_inverted_conv.", ".conv.");
    for twice in [".conv.conv.", ".bn.bn.", ".linear.linear."] {
        let once = &twice[twice.len() / 2..];
        while simple.contains(twice) {
            simple = simple.replace(twice, once);
        }
    }
    simple
}

/// The published name, as a single network has it, of every parameter of a network, in the network's order.
///
/// Blocks are numbered in their order, so that the largest member of a space gives the names of its supernet, and any member
/// those of the network on its own.
///
/// # Errors
/// [`TrainError::NoPublishedName`] when a layer is of a kind that the published networks do not have.
pub fn published_names(network: &Network) -> Result<Vec<(ParameterSpec, String)>, TrainError> {
    let family = Family::of(network);
    let named = |spec: ParameterSpec| {
        let name = family
            .layer(network.node(spec.node))
            .map(|layer| format!("{layer}.{}", spec.role.suffix()));
        match name {
            Some(name) => Ok((spec, name)),
            None => Err(TrainError::NoPublishedName { parameter: spec.name }),
        }
    };
    network.parameters().into_iter().map(named).collect()
}

/// The published name of one parameter of a network.
///
/// # Errors
/// As [`published_names`]; a parameter that the network does not have.
pub fn published_name(network: &Network, parameter: &str) -> Result<String, TrainError> {
    let all = published_names(network)?;
    let found = all.into_iter().find(|(spec, _)| spec.name == parameter);
    found.map(|(_, name)| name).ok_or_else(|| TrainError::NoPublishedName {
        parameter: parameter.to_owned(),
    })
}

/// What the names of a network's layers depend on.
struct Family<'a> {
    /// The stages' blocks, in order.
    blocks: Vec<&'a str>,
    /// The convolutions of the stem and of the head, in order.
    stem: Vec<&'a str>,
    head: Vec<&'a str>,
    /// The prefixes of stem layers with a residual around them.
    residual: Vec<&'a str>,
    is_resnet: bool,
}

impl<'a> Family<'a> {
    fn of(network: &'a Network) -> Self {
        let mut family = Self {
            blocks: Vec::new(),
            stem: Vec::new(),
            head: Vec::new(),
            residual: Vec::new(),
            is_resnet: false,
        };
        for node in network.nodes() {
            family.is_resnet |= node.name.contains(".bottleneck.");
            let block = block_of(node);
            let is_conv = matches!(node.op, Op::Conv2d(_));
            let list = match block {
                "input" => continue,
                "stem" => {
                    if matches!(node.op, Op::Add) {
                        family.residual.extend(node.name.strip_suffix(".add"));
                    }
                    if !is_conv {
                        continue;
                    }
                    &mut family.stem
                }
                "head" if is_conv => &mut family.head,
                "head" => continue,
                _ => &mut family.blocks,
            };
            let entry = if matches!(block, "stem" | "head") {
                layer_of(node)
            } else {
                block
            };
            if list.last() != Some(&entry) {
                list.push(entry);
            }
        }
        family
    }

    /// The published name of a node, without what follows it for each of its parameters.
    fn layer(&self, node: &Node) -> Option<String> {
        let (rest, kind) = node.name.rsplit_once('.')?;
        match block_of(node) {
            "stem" if self.is_resnet => {
                let number = self.stem.iter().position(|layer| *layer == rest)?;
                let wrapper = if self.residual.contains(&rest) && kind == "bn" {
                    "conv."
                } else {
                    ""
                };
                Some(format!("input_stem.{number}.{wrapper}{kind}"))
            }
            "stem" => Some(format!("first_conv.{kind}")),
            "head" if kind == "classifier" => Some("classifier.linear".to_owned()),
            "head" => {
                let from_last = self.head.len() - self.head.iter().position(|layer| *layer == rest)?;
                let layer = ["feature_mix_layer", "final_expand_layer"].get(from_last - 1)?;
                Some(format!("{layer}.{kind}"))
            }
            block if self.is_resnet => {
                let number = self.number(block)?;
                let layer = match rest.rsplit_once(".bottleneck.")?.1 {
                    "reduce" => "conv1",
                    "middle" => "conv2",
                    "expand" => "conv3",
                    "shortcut" => "downsample",
                    _ => return None,
                };
                Some(format!("blocks.{number}.{layer}.{kind}"))
            }
            block => {
                let number = self.number(block)?;
                let layer = match rest.rsplit_once(".ib.")?.1 {
                    "expand" => "inverted_bottleneck".to_owned(),
                    "depthwise" => "depth_conv".to_owned(),
                    "project" => "point_linear".to_owned(),
                    "se" => return Some(format!("blocks.{number}.conv.depth_conv.se.fc.{kind}")),
                    _ => return None,
                };
                Some(format!("blocks.{number}.conv.{layer}.{kind}"))
            }
        }
    }

    fn number(&self, block: &str) -> Option<usize> {
        let written = block.strip_prefix(NUMBERED).and_then(|rest| rest.split_once('.'));
        match written {
            Some((number, _)) => number.parse().ok(),
            None => self.blocks.iter().position(|known| *known == block),
        }
    }
}

/// The block that a node is numbered by: that of the stages, or an inverted bottleneck of the stem, which the published
/// networks count as the first.
fn block_of(node: &Node) -> &str {
    match node.name.split_once(".ib.") {
        Some((block, _)) if node.block == "stem" => block,
        _ => &node.block,
    }
}

/// What the names of one layer's nodes begin with.
fn layer_of(node: &Node) -> &str {
    node.name.rsplit_once('.').map_or(&*node.name, |(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let table = [
            ("first_conv.conv.weight", "first_conv.conv.weight"),
            (
                "module.blocks.1.mobile_inverted_conv.inverted_bottleneck.conv.conv.weight",
                "blocks.1.conv.inverted_bottleneck.conv.weight",
            ),
            (
                "blocks.1.conv.depth_conv.conv.conv.weight",
                "blocks.1.conv.depth_conv.conv.weight",
            ),
            (
                "blocks.1.conv.depth_conv.conv.7to5_matrix",
                "blocks.1.conv.depth_conv.conv.7to5_matrix",
            ),
            (
                "blocks.1.conv.depth_conv.bn.bn.bias",
                "blocks.1.conv.depth_conv.bn.bias",
            ),
            ("input_stem.1.conv.conv.conv.weight", "input_stem.1.conv.weight"),
            ("classifier.linear.linear.bias", "classifier.linear.bias"),
        ];
        for (name, simple) in table {
            assert_eq!(simplified(name), simple);
            assert_eq!(simplified(simple), simple);
        }
    }
}
