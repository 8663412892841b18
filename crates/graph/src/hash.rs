use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Activation, BorderFill, Coordinates, Factor, ImageAxis, Interpolation, Network, NodeId, NormOver, Op, Output,
    PoolKind, ResizeTo,
};

/// Identifies content by BLAKE3: a network, a space, a profile, a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of some bytes; `context` keeps hashes of different things apart.
    #[must_use]
    pub fn of(context: &str, bytes: &[u8]) -> Self {
        Self(blake3::derive_key(context, bytes))
    }

    /// The hash of parts one after another, each with its length, so that no two different lists agree.
    #[must_use]
    pub fn of_parts<'a>(context: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The plain BLAKE3 hash of a file's bytes, as `b3sum` prints it.
    #[must_use]
    pub fn plain(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, enough to tell things apart in a table.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hexadecimal digits, found `{0}`")]
pub struct ParseContentHashError(String);

impl FromStr for ContentHash {
    type Err = ParseContentHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseContentHashError(text.chars().take(80).collect());
        let hash = blake3::Hash::from_hex(text).map_err(|_| error())?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl TryFrom<String> for ContentHash {
    type Error = ParseContentHashError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// Hashes the input shape and then every node with its attributes and the numbers of its inputs.
///
/// Nodes are numbered in the order in which a depth-first walk from the outputs finishes them, inputs in their order, so
/// that the hash does not depend on how independent branches were interleaved when the network was built. Numbers, and
/// not the inputs' own hashes, keep two equal branches apart from one branch read twice. Outputs follow with their names;
/// a network with one of the default name, as all were once, writes none.
pub(crate) fn content_hash(network: &Network) -> ContentHash {
    let order = finishing_order(network);
    let mut number = vec![0_u32; network.nodes().len()];
    for (position, id) in order.iter().enumerate() {
        number[id.index()] = position as u32;
    }
    let mut bytes = Vec::with_capacity(network.nodes().len() * 40);
    let input = network.input_shape();
    put(&mut bytes, &[input.channels, input.height, input.width]);
    for id in order {
        let node = network.node(id);
        encode(&mut bytes, &node.op);
        put(&mut bytes, &[node.inputs.len() as u32]);
        for source in &node.inputs {
            put(&mut bytes, &[number[source.index()]]);
        }
    }
    let outputs = network.outputs();
    if !matches!(outputs, [only] if only.name == Output::DEFAULT) {
        // No operator has this tag.
        bytes.push(u8::MAX);
        put(&mut bytes, &[outputs.len() as u32]);
        for output in outputs {
            put(&mut bytes, &[number[output.node.index()], output.name.len() as u32]);
            bytes.extend_from_slice(output.name.as_bytes());
        }
    }
    ContentHash::of("panarch network v1", &bytes)
}

fn finishing_order(network: &Network) -> Vec<NodeId> {
    let mut order = Vec::with_capacity(network.nodes().len());
    let mut entered = vec![false; network.nodes().len()];
    for output in network.outputs() {
        if std::mem::replace(&mut entered[output.node.index()], true) {
            continue;
        }
        // (node, how many of its inputs have been walked)
        let mut walk = vec![(output.node, 0_usize)];
        while let Some((id, next)) = walk.pop() {
            match network.node(id).inputs.get(next) {
                Some(&input) => {
                    walk.push((id, next + 1));
                    if !std::mem::replace(&mut entered[input.index()], true) {
                        walk.push((input, 0));
                    }
                }
                None => order.push(id),
            }
        }
    }
    order
}

fn put(bytes: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
}

/// One tag byte an operator, then its attributes in a fixed order. Changing this changes every hash.
///
/// Paddings that differ at the two ends of an axis and pools other than PyTorch's default came later; they have tags of
/// their own and write more attributes, so that the hashes of all other networks stay as they were.
fn encode(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Input => bytes.push(0),
        Op::Conv2d(conv) => {
            bytes.push(if conv.padding.is_symmetric() { 1 } else { 12 });
            put(bytes, &[conv.out, conv.groups, u32::from(conv.bias)]);
            for pair in [conv.kernel, conv.stride, conv.padding.before, conv.dilation] {
                put(bytes, &pair);
            }
            if !conv.padding.is_symmetric() {
                put(bytes, &conv.padding.after);
            }
        }
        Op::BatchNorm(bn) => {
            bytes.push(2);
            put(bytes, &[bn.eps.to_bits(), bn.momentum.to_bits()]);
        }
        Op::Activation(activation) => {
            bytes.push(3);
            bytes.extend_from_slice(activation.name().as_bytes());
            bytes.push(0);
            if let Activation::LeakyRelu(slope) = activation {
                put(bytes, &[slope.get().to_bits()]);
            }
        }
        Op::Add => bytes.push(4),
        Op::Mul => bytes.push(5),
        Op::Concat => bytes.push(6),
        Op::Pool(pool) => {
            let plain = pool.padding.is_symmetric() && !pool.ceil && pool.count_padding;
            bytes.push(match (pool.kind, plain) {
                (PoolKind::Max, true) => 7,
                (PoolKind::Average, true) => 8,
                (PoolKind::Max, false) => 13,
                (PoolKind::Average, false) => 14,
            });
            for pair in [pool.kernel, pool.stride, pool.padding.before] {
                put(bytes, &pair);
            }
            if !plain {
                put(bytes, &pool.padding.after);
                put(bytes, &[u32::from(pool.ceil), u32::from(pool.count_padding)]);
            }
        }
        Op::GlobalAvgPool => bytes.push(9),
        Op::Flatten => bytes.push(10),
        Op::Linear(linear) => {
            bytes.push(11);
            put(bytes, &[linear.out, u32::from(linear.bias)]);
        }
        Op::Slice(slice) => {
            bytes.push(15);
            let axis = match slice.axis {
                ImageAxis::Channels => 0,
                ImageAxis::Height => 1,
                ImageAxis::Width => 2,
            };
            put(bytes, &[axis, slice.before, slice.after, slice.step]);
        }
        Op::Shuffle { groups } => {
            bytes.push(16);
            put(bytes, &[*groups]);
        }
        Op::Resize(resize) => {
            bytes.push(17);
            let (kind, sides) = match resize.to {
                ResizeTo::Factor(factor) => (0, factor),
                ResizeTo::Size(size) => (1, size),
            };
            let interpolation = match resize.interpolation {
                Interpolation::NearestFloor => 0,
                Interpolation::NearestDown => 1,
                Interpolation::NearestUp => 2,
                Interpolation::NearestCeil => 3,
                Interpolation::Linear => 4,
            };
            let coordinates = match resize.coordinates {
                Coordinates::HalfPixel => 0,
                Coordinates::PytorchHalfPixel => 1,
                Coordinates::Asymmetric => 2,
                Coordinates::AlignCorners => 3,
            };
            put(bytes, &[kind, sides[0], sides[1], interpolation, coordinates]);
        }
        Op::Pad(border) => {
            bytes.push(18);
            let fill = match border.fill {
                BorderFill::Zero => 0,
                BorderFill::Reflect => 1,
                BorderFill::Edge => 2,
            };
            put(bytes, &[fill]);
            put(bytes, &border.padding.before);
            put(bytes, &border.padding.after);
        }
        Op::LayerNorm(norm) => {
            bytes.push(19);
            let (kind, groups) = match norm.over {
                NormOver::Channels => (0, 0),
                NormOver::Groups(groups) => (1, groups),
            };
            put(bytes, &[kind, groups, norm.eps.to_bits()]);
        }
        Op::Affine(affine) => {
            bytes.push(20);
            for factor in [affine.scale, affine.shift] {
                match factor {
                    Factor::Constant(value) => put(bytes, &[0, value.to_bits()]),
                    Factor::Channels => put(bytes, &[1, 0]),
                }
            }
        }
    }
}
