//! Sorting the inner channels of a supernet by importance, so that the first ones are the ones to keep (Once-for-All, Cai et
//! al. 2020, §3.3).

use std::collections::{BTreeMap, BTreeSet};

use panarch_graph::{Network, NodeId, Op};
use panarch_nn::{Store, kernel_matrices};
use panarch_space::{Genotype, Subspace};

use crate::supernet::Family;
use crate::{Supernet, TrainError};

impl Supernet {
    /// Puts the inner channels of every inverted bottleneck and bottleneck into the order of their importance: the sum of the
    /// absolute weights by which the next convolution reads them. Hidden channels of squeeze-and-excite are sorted in the
    /// same way. The largest member computes the same as before; smaller ones keep what matters most.
    ///
    /// Equal importance keeps the order. Where channels are read by several convolutions, or added to others, nothing is
    /// sorted: outer widths stay as they are, as in the published code. A member with expansion 1 at a place where the
    /// largest has more reads the block's input with the sorted depthwise kernels, and must be trained again.
    ///
    /// # Errors
    /// [`TrainError::Space`] when the largest member cannot be built.
    pub fn sort_channels(&mut self) -> Result<(), TrainError> {
        sort(&self.family, std::sync::Arc::make_mut(&mut self.store), &[])
    }
}

/// For each width of what is open: how many channels every node has there, by its name.
pub(crate) type Widths = BTreeMap<String, usize>;

/// The widths of what is open's members: with all choices of numbers of channels at their largest, at their second largest, …
pub(crate) fn widths(family: &Family, open: &Subspace) -> Result<Vec<Widths>, TrainError> {
    let most = open.open().iter().map(Vec::len).max().unwrap_or(1);
    let largest = family.space.largest();
    let widths = (0..most).map(|step| {
        let decisions = family.space.decisions().iter().zip(open.open()).enumerate();
        let choices = decisions.map(|(index, (decision, open))| {
            let is_width = decision.property.is_width();
            let place = open.len().saturating_sub(1 + if is_width { step } else { 0 });
            let open = open.get(place).copied();
            open.unwrap_or_else(|| largest.choice(index))
        });
        let network = family.network(&Genotype::new(choices.collect()))?;
        let channels = |id: NodeId| (network.node(id).name.clone(), network.shape(id).channels as usize);
        Ok(network.ids().map(channels).collect())
    });
    widths.collect()
}

/// Sorts inner channels by importance. With `nested` widths, channels change places only within the segments that these leave:
/// what a narrower member uses already stays in it.
pub(crate) fn sort(family: &Family, store: &mut Store, nested: &[Widths]) -> Result<(), TrainError> {
    let largest = family.network(&family.space.largest())?;
    // From the last to the first: the importance of a bottleneck's first channels is read off its second
    // convolution, whose outputs are sorted by then.
    for id in largest.ids().rev() {
        if matches!(largest.node(id).op, Op::Conv2d(_)) {
            sort_inputs(&largest, id, store, nested);
        }
    }
    kernel_matrices::refresh_all(store);
    Ok(())
}

/// Sorts the channels that a dense convolution reads, if what makes them can be permuted.
fn sort_inputs(network: &Network, reader: NodeId, store: &mut Store, nested: &[Widths]) {
    let node = network.node(reader);
    let Op::Conv2d(conv) = &node.op else { return };
    let channels = network.shape(node.inputs[0]).channels;
    if conv.groups != 1 {
        return;
    }
    let Some(makers) = makers(network, node.inputs[0], reader) else {
        return;
    };
    let weight = format!("{}.weight", node.name);
    let Some(order) = store.get(&weight).map(|tensor| {
        let made = &network.node(node.inputs[0]).name;
        let widths = nested.iter().filter_map(|widths| widths.get(made).copied());
        order(tensor.data(), tensor.shape(), &widths.collect::<BTreeSet<usize>>())
    }) else {
        return;
    };
    if order.len() != channels as usize {
        return;
    }
    permute(store, &weight, 1, &order);
    for maker in makers {
        let name = &network.node(maker).name;
        for suffix in ["weight", "bias", "running_mean", "running_var"] {
            permute(store, &format!("{name}.{suffix}"), 0, &order);
        }
    }
    // The first convolution of squeeze-and-excite reads the same channels, the second one makes their gate.
    for gate in gates(network, node.inputs[0]) {
        permute(store, &format!("{}.weight", network.node(gate).name), 1, &order);
    }
}

/// The nodes between the reader and the dense convolution that makes its channels, that one included, whose parameters are in
/// the order of the channels; `None` when the channels are not only the reader's.
fn makers(network: &Network, from: NodeId, reader: NodeId) -> Option<Vec<NodeId>> {
    let mut found = Vec::new();
    let (mut at, mut reader) = (from, reader);
    loop {
        let node = network.node(at);
        // Between blocks the channels are also those of members that are less deep.
        if node.block != network.node(reader).block {
            return None;
        }
        let gated = network.consumers(at).len() == 2 && matches!(network.node(reader).op, Op::Mul);
        if network.consumers(at) != [reader] && !gated {
            return None;
        }
        let input = node.inputs.first().copied()?;
        match &node.op {
            Op::BatchNorm(_) => found.push(at),
            Op::Activation(_) => {}
            // The gate comes from the same channels, and its last convolution makes them.
            Op::Mul => found.extend(gate_maker(network, *node.inputs.get(1)?)?),
            Op::Conv2d(conv) if conv.is_depthwise(network.shape(input).channels) => found.push(at),
            Op::Conv2d(conv) if conv.groups == 1 => {
                found.push(at);
                return Some(found);
            }
            _ => return None,
        }
        (reader, at) = (at, input);
    }
}

/// The convolution that makes a gate.
fn gate_maker(network: &Network, gate: NodeId) -> Option<Vec<NodeId>> {
    let mut at = gate;
    loop {
        match &network.node(at).op {
            Op::Activation(_) => at = network.node(at).inputs.first().copied()?,
            Op::Conv2d(conv) if conv.groups == 1 => return Some(vec![at]),
            _ => return None,
        }
    }
}

/// The convolutions that read the averages of the channels which are gated at `product`.
fn gates(network: &Network, product: NodeId) -> Vec<NodeId> {
    let node = network.node(product);
    if !matches!(node.op, Op::Mul) {
        return Vec::new();
    }
    let pools = network.consumers(node.inputs[0]).iter();
    let pools = pools.filter(|id| matches!(network.node(**id).op, Op::GlobalAvgPool));
    pools.flat_map(|pool| network.consumers(*pool).to_vec()).collect()
}

/// The inputs of a convolution from the most to the least important one, within segments that end at `widths`.
fn order(weight: &[f32], shape: &[usize], widths: &BTreeSet<usize>) -> Vec<usize> {
    let &[_, inputs, height, width] = shape else {
        return Vec::new();
    };
    let mut importance = vec![0.0_f64; inputs];
    for (row, values) in weight.chunks_exact((height * width).max(1)).enumerate() {
        importance[row % inputs.max(1)] += values.iter().map(|value| f64::from(value.abs())).sum::<f64>();
    }
    let mut order: Vec<usize> = (0..inputs).collect();
    let segment = |channel: usize| widths.range(..=channel).count();
    order.sort_by(|a, b| {
        let by_importance = importance[*b].total_cmp(&importance[*a]);
        segment(*a).cmp(&segment(*b)).then(by_importance)
    });
    order
}

/// Puts an axis of a tensor into another order; a tensor that is not there, or has another length, stays.
fn permute(store: &mut Store, name: &str, axis: usize, order: &[usize]) {
    let Some(tensor) = store.get_mut(name) else { return };
    let shape = tensor.shape().to_vec();
    if shape.get(axis) != Some(&order.len()) {
        return;
    }
    let (inner, length): (usize, usize) = (shape[axis + 1..].iter().product(), order.len());
    let old = tensor.data().to_vec();
    let blocks = old.chunks_exact((length * inner).max(1));
    for (block, new) in blocks.zip(tensor.data_mut().chunks_exact_mut((length * inner).max(1))) {
        for (to, from) in order.iter().enumerate() {
            new[to * inner..(to + 1) * inner].copy_from_slice(&block[from * inner..(from + 1) * inner]);
        }
    }
}
