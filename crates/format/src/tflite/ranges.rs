use std::collections::{BTreeMap, HashMap};

use panarch_graph::{Activation, Network, NodeId, Op};

use super::lower::fused_host;
use super::quantise::Affine;
use crate::FormatError;

/// The ranges of the values that nodes compute, by the node's name; from a forward pass over images, usually.
///
/// A node without a range gets a plausible one: images from −1 to 1, ReLU and ReLU6 from 0 to 6, hard-swish and swish
/// from their minimum to 6, hard-sigmoid from 0 to 1, everything else from −6 to 6. Pools and flattening keep the range
/// of their input, and a sigmoid has TFLite's. Good for questions of cost, not for answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranges(BTreeMap<String, (f32, f32)>);

impl Ranges {
    /// No ranges: plausible ones everywhere.
    #[must_use]
    pub fn plausible() -> Self {
        Self::default()
    }

    /// Sets the range of the value of a node.
    ///
    /// # Errors
    /// When an end is not finite or the range is upside down.
    pub fn insert(&mut self, node: impl Into<String>, low: f32, high: f32) -> Result<(), FormatError> {
        let node = node.into();
        if !(low.is_finite() && high.is_finite() && low <= high) {
            return Err(FormatError::Tensor {
                tensor: node,
                reason: format!(
                    "a range from {low} to {high} cannot be quantised; its ends must be finite and in order"
                ),
            });
        }
        self.0.insert(node, (low, high));
        Ok(())
    }

    /// The range of a node, if it was set.
    #[must_use]
    pub fn get(&self, node: &str) -> Option<(f32, f32)> {
        self.0.get(node).copied()
    }

    /// The nodes of which [`write`](super::write) asks the range: not those that a batch normalisation or a ReLU behind
    /// them takes in, nor those whose quantisation is not free.
    #[must_use]
    pub fn needed(network: &Network) -> Vec<NodeId> {
        let free = |id: &NodeId| {
            let node = network.node(*id);
            let taken_in = network.sole_reader(*id).is_some_and(|only| {
                node.op.has_kernel() && matches!(network.node(only).op, Op::BatchNorm(_))
                    || fused_host(network, only) == Some(*id)
            });
            !taken_in && Freedom::of(&node.op).asks()
        };
        network.ids().filter(free).collect()
    }

    /// The quantisation of the value of every node of `folded`, in its order. `network` is what it was folded from.
    pub(super) fn quantisations(&self, network: &Network, folded: &Network) -> Vec<Affine> {
        let names = [network, folded].map(names_of);
        let own = |id| self.own(network, &names, folded, id);
        let mut affines: Vec<Affine> = folded.ids().map(own).collect();
        share_with_concatenations(folded, &mut affines);
        for id in folded.ids() {
            let node = folded.node(id);
            let keeps = match Freedom::of(&node.op) {
                Freedom::OfInput => true,
                Freedom::OfInputUnlessGiven => self.get(&node.name).is_none(),
                Freedom::Own(..) | Freedom::Image | Freedom::Logistic => false,
            };
            if let (true, Some(input)) = (keeps, node.inputs.first()) {
                affines[id.index()] = affines[input.index()];
            }
        }
        affines
    }

    /// `names` are those of the network and of the folded one.
    fn own(&self, network: &Network, names: &[Names<'_>; 2], folded: &Network, id: NodeId) -> Affine {
        let node = folded.node(id);
        let plausible = match Freedom::of(&node.op) {
            Freedom::Logistic => return Affine::LOGISTIC,
            Freedom::Own(low, high) => (low, high),
            Freedom::Image => (-1.0, 1.0),
            Freedom::OfInput | Freedom::OfInputUnlessGiven => ANYTHING,
        };
        let (low, high) = self.of_folded(network, names, &node.name).unwrap_or(plausible);
        Affine::spread(low, high)
    }

    /// A convolution that took a batch normalisation in computes what the normalisation did.
    fn of_folded(&self, network: &Network, names: &[Names<'_>; 2], name: &str) -> Option<(f32, f32)> {
        let [all, left] = names;
        let reader = all.get(name).and_then(|id| network.sole_reader(*id));
        let reader = reader.map(|only| network.node(only));
        let normalisation = reader.filter(|it| matches!(it.op, Op::BatchNorm(_))).map(|it| &it.name);
        match normalisation.filter(|it| !left.contains_key(it.as_str())) {
            Some(normalisation) => self.get(normalisation),
            None => self.get(name),
        }
    }
}

/// A plausible range of what may be anything.
const ANYTHING: (f32, f32) = (-6.0, 6.0);

/// How far the quantisation of an operator's value is free.
enum Freedom {
    /// It is; a range like this one is plausible.
    Own(f32, f32),
    /// It is what pictures are given in.
    Image,
    /// That of the first input, always.
    OfInput,
    /// That of the first input, where no range is given.
    OfInputUnlessGiven,
    /// TFLite's own, of LOGISTIC.
    Logistic,
}

impl Freedom {
    const fn of(op: &Op) -> Self {
        match op {
            Op::Input => Self::Image,
            Op::Pool(_) | Op::Flatten | Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) => Self::OfInput,
            Op::GlobalAvgPool => Self::OfInputUnlessGiven,
            Op::Activation(activation) => match activation {
                Activation::Relu | Activation::Relu6 => Self::Own(0.0, 6.0),
                Activation::HardSwish => Self::Own(-0.375, 6.0),
                Activation::Swish => Self::Own(-0.279, 6.0),
                Activation::HardSigmoid => Self::Own(0.0, 1.0),
                Activation::Sigmoid => Self::Logistic,
                Activation::LeakyRelu(_) => Self::Own(-1.0, 6.0),
                Activation::Gelu | Activation::GeluTanh => Self::Own(-0.17, 6.0),
            },
            Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Linear(_)
            | Op::LayerNorm(_)
            | Op::Affine(_) => Self::Own(ANYTHING.0, ANYTHING.1),
        }
    }

    /// Whether a range is worth asking for.
    const fn asks(&self) -> bool {
        match self {
            Self::Own(..) | Self::Image | Self::OfInputUnlessGiven => true,
            Self::OfInput | Self::Logistic => false,
        }
    }
}

/// The nodes of a network by name.
type Names<'a> = HashMap<&'a str, NodeId>;

fn names_of(network: &Network) -> Names<'_> {
    network.ids().map(|id| (network.node(id).name.as_str(), id)).collect()
}

/// In int8, CONCATENATION wants one quantisation for all: what feeds nothing else takes that of the result at once.
fn share_with_concatenations(network: &Network, affines: &mut [Affine]) {
    for id in network.ids().rev() {
        let node = network.node(id);
        if !matches!(node.op, Op::Concat) {
            continue;
        }
        for input in &node.inputs {
            let bound = match Freedom::of(&network.node(*input).op) {
                Freedom::Image | Freedom::OfInput | Freedom::Logistic => true,
                Freedom::Own(..) | Freedom::OfInputUnlessGiven => false,
            };
            if !bound && network.sole_reader(*input) == Some(id) {
                affines[input.index()] = affines[id.index()];
            }
        }
    }
}
