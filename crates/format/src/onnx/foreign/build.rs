use panarch_graph::{Network, NetworkBuilder, Node, NodeId, Op, Output, Tensor, Weights};

use super::draft::{Draft, DraftNode, Step};
use crate::FormatError;

/// The network and the weights of a draft that has nothing left to rewrite.
pub fn build(draft: Draft, outputs: &[(String, usize)], name: &str) -> Result<(Network, Weights), FormatError> {
    let ends: Vec<usize> = outputs.iter().map(|(_, node)| *node).collect();
    let needed = draft.needed(&ends);
    let shape = draft.nodes[0].shape;
    let mut builder = NetworkBuilder::new(name, shape);
    let mut weights = Weights::new();
    let mut made: Vec<NodeId> = vec![NodeId::default(); draft.nodes.len()];
    for (id, node) in draft.nodes.into_iter().enumerate() {
        // The input is always there, even if nothing should depend on it.
        if !needed[id] && id != 0 {
            continue;
        }
        let inputs = node.inputs.iter().map(|input| made[*input]).collect();
        let block = if id == 0 { "input" } else { block_of(&node.name) }.to_owned();
        let (name, op) = (node.name.clone(), operator(&node)?);
        for (suffix, tensor) in parameters(node.step)? {
            weights.insert(format!("{name}.{suffix}"), tensor);
        }
        made[id] = builder.push(Node {
            name,
            op,
            inputs,
            block,
        })?;
    }
    let named = outputs
        .iter()
        .map(|(name, node)| Output::new(name.clone(), made[*node]));
    let network = builder.finish_with(named.collect())?;
    weights.check(&network)?;
    Ok((network, weights))
}

fn operator(node: &DraftNode) -> Result<Op, FormatError> {
    let fail = |operator: &str, reason: String| {
        Err(FormatError::Node {
            node: node.name.clone(),
            operator: operator.to_owned(),
            reason,
        })
    };
    match &node.step {
        Step::Clip(low, high) => fail(
            "Clip",
            format!("only bounds 0 and 6, or 0 and none, are supported, found {low} and {high}"),
        ),
        Step::Erf => fail(
            "Erf",
            "is supported as a part of GELU only: x · (1 + erf(x/√2)) / 2".to_owned(),
        ),
        Step::Tanh => fail("Tanh", "is supported as a part of GELU's approximation only".to_owned()),
        Step::Power(power) => fail(
            "Pow",
            format!("to the power of {power} is supported as a part of a layer normalisation or of GELU only"),
        ),
        Step::ChannelMean | Step::Centred => fail(
            "ReduceMean",
            "over the channels is supported as a part of a layer normalisation only".to_owned(),
        ),
        Step::Pad(..) => fail("Pad", "could not be taken into the padding of what reads it".to_owned()),
        Step::Affine(..) | Step::Bias(_) => fail("Mul", "could not be taken into a layer".to_owned()),
        step => Ok(step.op()),
    }
}

type Parameter = (&'static str, Tensor);

fn parameters(step: Step) -> Result<Vec<Parameter>, FormatError> {
    let vector = |values: Vec<f32>| Tensor::new(vec![values.len()], values);
    let mut parameters = Vec::new();
    match step {
        Step::Convolution(_, weight, bias) | Step::Linear(_, weight, bias) => {
            parameters.push(("weight", weight));
            if let Some(bias) = bias {
                parameters.push(("bias", vector(bias)?));
            }
        }
        Step::Scaling(_, scale, shift) => {
            for (name, values) in [("weight", scale), ("bias", shift)] {
                if let Some(values) = values {
                    parameters.push((name, vector(values)?));
                }
            }
        }
        Step::BatchNorm(_, values) => {
            let names = ["weight", "bias", "running_mean", "running_var"];
            for (name, values) in names.into_iter().zip(values) {
                parameters.push((name, vector(values)?));
            }
        }
        _ => {}
    }
    Ok(parameters)
}

/// The block of a node: what stands before the last separator of its name.
fn block_of(name: &str) -> &str {
    let name = name.trim_start_matches('/');
    name.rsplit_once(['.', '/']).map_or("network", |(block, _)| block)
}
