use std::collections::HashMap;

use panarch_graph::{Network, NetworkBuilder, NodeId, Op, folded_structure};

use crate::PredictError;

/// A block of a network as a network of its own, batch normalisation folded: what a table has one entry for.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The block's name, such as `stage2.block1`.
    pub name: String,
    /// From what enters the block to what leaves it.
    pub network: Network,
    /// Whether the block reads the image itself.
    pub first: bool,
}

/// Cuts a network into its blocks, in order: nodes that follow each other under one block name.
///
/// # Errors
/// [`PredictError::Block`] for a block that reads more than one value from outside, or from which more than one is read:
/// no entry of a table can stand for it. Networks with several outputs are refused for the same reason.
pub fn blocks(network: &Network) -> Result<Vec<Block>, PredictError> {
    if network.outputs().len() > 1 {
        return Err(PredictError::Block {
            block: network.name().to_owned(),
            reason: "it has several outputs".to_owned(),
        });
    }
    let ids: Vec<NodeId> = network.ids().collect();
    let (inputs, rest) = ids.split_at(ids.len().min(1));
    let image = inputs.first().copied().unwrap_or_default();
    let mut blocks = Vec::new();
    for run in rest.chunk_by(|a, b| network.node(*a).block == network.node(*b).block) {
        blocks.push(cut(network, image, run)?);
    }
    Ok(blocks)
}

fn cut(network: &Network, image: NodeId, run: &[NodeId]) -> Result<Block, PredictError> {
    let name = run
        .first()
        .map_or_else(String::new, |id| network.node(*id).block.clone());
    let wrong = |reason: &str| PredictError::Block {
        block: name.clone(),
        reason: reason.to_owned(),
    };
    let (Some(start), Some(end)) = (run.first(), run.last()) else {
        return Err(wrong("it is empty"));
    };
    let entry = network.node(*start).inputs.first().copied().unwrap_or(image);
    let mut builder = NetworkBuilder::new(name.clone(), network.shape(entry));
    let mut renamed: HashMap<NodeId, NodeId> = HashMap::from([(entry, builder.input())]);
    for id in run {
        let mut node = network.node(*id).clone();
        for input in &mut node.inputs {
            *input = *renamed
                .get(input)
                .ok_or_else(|| wrong("it reads several values from outside"))?;
        }
        if node.name == "input" {
            node.name = "input of the block".to_owned();
        }
        if id != end {
            let outside = |reader: &NodeId| reader.index() > end.index();
            if network.consumers(*id).iter().any(outside) || network.is_output(*id) {
                return Err(wrong("several of its values are read from outside"));
            }
        }
        let own = builder.push(node).map_err(|error| wrong(&error.to_string()))?;
        renamed.insert(*id, own);
    }
    let output = renamed.get(end).copied().unwrap_or_default();
    let alone = builder.finish(output).map_err(|error| wrong(&error.to_string()))?;
    Ok(Block {
        name,
        network: folded_structure(&alone),
        first: matches!(network.node(entry).op, Op::Input),
    })
}
