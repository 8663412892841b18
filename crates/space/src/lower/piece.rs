//! The parts that blocks are made of, as short lists of pieces in series.
//!
//! Lowering turns pieces into nodes, counting compares them: both see the same thing.

use panarch_graph::{BatchNorm, GraphError, NetworkBuilder, NodeId, Op};

use crate::element::SqueezeExcite;

/// A part of a network with one way in and one way out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// One node. The name is what follows the place's prefix.
    Node { name: String, op: Op },
    /// The sum of a shortcut and of a body; an empty shortcut is what comes in.
    Residual {
        name: String,
        shortcut: Vec<Piece>,
        body: Vec<Piece>,
    },
    /// What comes in, multiplied by the value of a branch.
    Gate { name: String, branch: Vec<Piece> },
    /// Branches side by side along channels; an empty one is what comes in.
    Concat { name: String, branches: Vec<Vec<Piece>> },
}

impl Piece {
    /// Adds the piece after `input`; the result is the node that the next piece reads.
    pub(crate) fn add(&self, builder: &mut NetworkBuilder, prefix: &str, input: NodeId) -> Result<NodeId, GraphError> {
        match self {
            Self::Node { name, op } => builder.add(format!("{prefix}.{name}"), op.clone(), &[input]),
            Self::Residual { name, shortcut, body } => {
                let shortcut = add_all(shortcut, builder, prefix, input)?;
                let result = add_all(body, builder, prefix, input)?;
                builder.add(format!("{prefix}.{name}"), Op::Add, &[shortcut, result])
            }
            Self::Gate { name, branch } => {
                let gate = add_all(branch, builder, prefix, input)?;
                builder.add(format!("{prefix}.{name}"), Op::Mul, &[input, gate])
            }
            Self::Concat { name, branches } => {
                let ends = branches.iter().map(|branch| add_all(branch, builder, prefix, input));
                let ends: Vec<NodeId> = ends.collect::<Result<_, _>>()?;
                builder.add(format!("{prefix}.{name}"), Op::Concat, &ends)
            }
        }
    }

    /// A text that is equal for two pieces exactly when they lower to equal nodes, whatever their names.
    pub(crate) fn signature(&self) -> String {
        let all = |pieces: &[Self]| -> String { pieces.iter().map(Self::signature).collect() };
        match self {
            Self::Node { op, .. } => format!("{op:?};"),
            Self::Residual { shortcut, body, .. } => format!("+({}|{})", all(shortcut), all(body)),
            Self::Gate { branch, .. } => format!("*({})", all(branch)),
            Self::Concat { branches, .. } => {
                let branches: Vec<String> = branches.iter().map(|branch| all(branch)).collect();
                format!(":({})", branches.join("|"))
            }
        }
    }
}

/// The shapes of the parameters of pieces in series, when `channels` arrive; gives the channels that leave. Where that
/// depends on the size of the image (behind a flattening) it is unknown, and linear layers are left out.
pub(crate) fn parameter_shapes(
    pieces: &[Piece],
    prefix: &str,
    channels: Option<u32>,
    found: &mut dyn FnMut(String, Vec<usize>),
) -> Option<u32> {
    pieces.iter().fold(channels, |channels, piece| match piece {
        Piece::Node { name, op } => node_shapes(&format!("{prefix}.{name}"), op, channels?, found),
        Piece::Residual { shortcut, body, .. } => {
            parameter_shapes(shortcut, prefix, channels, found);
            parameter_shapes(body, prefix, channels, found)
        }
        Piece::Gate { branch, .. } => {
            parameter_shapes(branch, prefix, channels, found);
            channels
        }
        Piece::Concat { branches, .. } => {
            let widths = branches
                .iter()
                .map(|branch| parameter_shapes(branch, prefix, channels, found));
            widths.sum()
        }
    })
}

fn node_shapes(node: &str, op: &Op, channels: u32, found: &mut dyn FnMut(String, Vec<usize>)) -> Option<u32> {
    for (role, shape) in op.parameters(channels) {
        found(format!("{node}.{}", role.suffix()), shape);
    }
    match op {
        Op::Conv2d(conv) => Some(conv.out),
        Op::Linear(linear) => Some(linear.out),
        Op::Flatten => None,
        Op::BatchNorm(_) | Op::Activation(_) | Op::Pool(_) | Op::GlobalAvgPool => Some(channels),
        // What changes the channels, if it does, is no node of a piece.
        Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) | Op::LayerNorm(_) | Op::Affine(_) => {
            Some(channels)
        }
        // Pieces of their own, or what comes in.
        Op::Input | Op::Add | Op::Mul | Op::Concat => Some(channels),
    }
}

pub(crate) fn add_all(
    pieces: &[Piece],
    builder: &mut NetworkBuilder,
    prefix: &str,
    input: NodeId,
) -> Result<NodeId, GraphError> {
    pieces
        .iter()
        .try_fold(input, |input, piece| piece.add(builder, prefix, input))
}

/// What a space's blocks have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub batch_norm: BatchNorm,
    pub squeeze_excite: SqueezeExcite,
}
