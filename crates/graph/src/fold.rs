use std::collections::HashMap;

use crate::{BatchNorm, GraphError, Network, NetworkBuilder, NodeId, Op, Output, Tensor, Weights};

/// The network with every batch normalisation that directly follows a convolution or linear layer taken into its bias.
///
/// A normalisation whose input is read elsewhere, or that follows something else, stays.
#[must_use]
pub fn folded_structure(network: &Network) -> Network {
    let hosts = fold_hosts(network);
    let folded: HashMap<NodeId, NodeId> = hosts.iter().map(|(bn, host)| (*host, *bn)).collect();
    let mut builder = NetworkBuilder::new(network.name(), network.input_shape());
    let mut renamed: Vec<Option<NodeId>> = vec![None; network.nodes().len()];
    for id in network.ids() {
        if let Some(host) = hosts.get(&id) {
            renamed[id.index()] = renamed[host.index()];
            continue;
        }
        let mut node = network.node(id).clone();
        if folded.contains_key(&id)
            && let Some(bias) = node.op.bias_mut()
        {
            *bias = true;
        }
        node.inputs = node.inputs.iter().filter_map(|input| renamed[input.index()]).collect();
        renamed[id.index()] = builder.push(node).ok();
    }
    let outputs = network.outputs().iter();
    let outputs: Option<Vec<Output>> = outputs
        .map(|output| Some(Output::new(output.name.clone(), renamed[output.node.index()]?)))
        .collect();
    // Removing shape-preserving nodes from a valid network leaves a valid network.
    outputs
        .and_then(|outputs| builder.finish_with(outputs).ok())
        .unwrap_or_else(|| network.clone())
}

/// Folds batch normalisation into structure and weights, for inference.
///
/// w' = w·γ/√(σ² + ε) and b' = β + (b − μ)·γ/√(σ² + ε), with the running statistics, computed in f64.
///
/// # Errors
/// When a parameter of the network is absent, has another shape or is not finite, before or after folding: a variance and
/// its ε that are both 0 divide by 0.
pub fn fold_batch_norm(network: &Network, weights: &Weights) -> Result<(Network, Weights), GraphError> {
    weights.check(network)?;
    let mut out = weights.clone();
    for (bn, host) in fold_hosts(network) {
        let Op::BatchNorm(BatchNorm { eps, .. }) = network.node(bn).op else {
            continue;
        };
        let (bn, host) = (&network.node(bn).name, &network.node(host).name);
        let take = |out: &mut Weights, suffix: &str| {
            let name = format!("{bn}.{suffix}");
            out.remove(&name).ok_or(GraphError::MissingParameter { name })
        };
        let gamma = take(&mut out, "weight")?;
        let beta = take(&mut out, "bias")?;
        let mean = take(&mut out, "running_mean")?;
        let variance = take(&mut out, "running_var")?;
        let weight_name = format!("{host}.weight");
        let mut weight = out.remove(&weight_name).ok_or(GraphError::MissingParameter {
            name: weight_name.clone(),
        })?;
        let bias_name = format!("{host}.bias");
        let old_bias = out.remove(&bias_name);
        let channels = gamma.data.len();
        let row = weight.data.len() / channels.max(1);
        let mut bias = vec![0.0_f32; channels];
        for channel in 0..channels {
            let scale = f64::from(gamma.data[channel]) / (f64::from(variance.data[channel]) + f64::from(eps)).sqrt();
            for value in &mut weight.data[channel * row..(channel + 1) * row] {
                *value = (f64::from(*value) * scale) as f32;
            }
            let before = old_bias.as_ref().map_or(0.0, |bias| f64::from(bias.data[channel]));
            bias[channel] = (f64::from(beta.data[channel]) + (before - f64::from(mean.data[channel])) * scale) as f32;
        }
        out.insert(weight_name, weight);
        out.insert(
            bias_name,
            Tensor {
                shape: vec![channels],
                data: bias,
            },
        );
    }
    let folded = folded_structure(network);
    out.check(&folded)?;
    Ok((folded, out))
}

/// For each batch normalisation that can be folded, the node that takes it.
fn fold_hosts(network: &Network) -> HashMap<NodeId, NodeId> {
    let mut hosts = HashMap::new();
    for id in network.ids() {
        let node = network.node(id);
        if !matches!(node.op, Op::BatchNorm(_)) {
            continue;
        }
        let host = node.inputs[0];
        if network.node(host).op.has_kernel() && network.sole_reader(host) == Some(id) {
            hosts.insert(id, host);
        }
    }
    hosts
}
