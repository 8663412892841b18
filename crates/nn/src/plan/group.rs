use std::collections::HashMap;

use panarch_graph::{BatchNorm, Factor, LayerNorm, Network, Node, NodeId, Op, ParameterRole, Pool, PoolKind};

use super::{Bilinear, Convolution, Form, Gather, Window};
use crate::kernels::activation::{Curve, NONE};
use crate::simd::Level;

/// What a group computes before its batch normalisation and activation.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Input,
    Convolution(Box<Convolution>),
    Add,
    /// Product; true when the second input is one vector an image.
    Multiply(bool),
    Concat,
    MaxPool(Window),
    /// With the share of one value in each output position.
    AveragePool(Window, Vec<f32>),
    GlobalAverage,
    Flatten,
    /// Values that are only moved: slices, shuffles, borders and resizes to the nearest position.
    Gather(Gather),
    Bilinear(Bilinear),
    LayerNorm(LayerNorm),
    /// Scale and shift.
    Scale([Scaling; 2]),
    /// The first input as it is: a batch normalisation or activation that cannot join the node before it.
    Copy,
}

/// A scale or shift.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scaling {
    Constant(f32),
    /// The position of the vector among the network's parameters.
    Vector(usize),
}

/// The batch normalisation of a group.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    /// Name of the node.
    pub(crate) name: String,
    pub(crate) eps: f32,
    pub(crate) momentum: f32,
    /// Positions of weight, bias, running mean and running variance among the network's parameters.
    pub(crate) parameters: [usize; 4],
}

/// A node together with the batch normalisation and activation that alone read it.
///
/// Training keeps only the source's raw value; whoever reads the group normalises and activates while loading.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Name of the node that the source is.
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) inputs: Vec<usize>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) norm: Option<Norm>,
    pub(crate) activation: Curve,
    /// Number of times that other groups read it.
    pub(crate) readers: usize,
    /// Training does not keep its raw value: the group after it, its one reader, computes it again.
    pub(crate) is_recomputed: bool,
}

impl Source {
    /// The convolution, for what is one.
    pub(crate) const fn convolution(&self) -> Option<&Convolution> {
        match self {
            Self::Convolution(convolution) => Some(convolution),
            Self::Copy
            | Self::Add
            | Self::Multiply(_)
            | Self::Concat
            | Self::MaxPool(_)
            | Self::AveragePool(..)
            | Self::GlobalAverage
            | Self::Flatten
            | Self::Gather(_)
            | Self::Bilinear(_)
            | Self::LayerNorm(_)
            | Self::Scale(_)
            | Self::Input => None,
        }
    }

    /// Scale and shift, for what is a scaling.
    pub(crate) const fn scaling(&self) -> Option<&[Scaling; 2]> {
        match self {
            Self::Scale(both) => Some(both),
            Self::Convolution(_)
            | Self::Copy
            | Self::Add
            | Self::Multiply(_)
            | Self::Concat
            | Self::MaxPool(_)
            | Self::AveragePool(..)
            | Self::GlobalAverage
            | Self::Flatten
            | Self::Gather(_)
            | Self::Bilinear(_)
            | Self::LayerNorm(_)
            | Self::Input => None,
        }
    }

    /// Whether there is a backward pass.
    pub(crate) const fn is_trainable(&self) -> bool {
        match self {
            Self::LayerNorm(_) | Self::Scale(_) => false,
            Self::Convolution(_)
            | Self::Copy
            | Self::Add
            | Self::Multiply(_)
            | Self::Concat
            | Self::MaxPool(_)
            | Self::AveragePool(..)
            | Self::GlobalAverage
            | Self::Flatten
            | Self::Gather(_)
            | Self::Bilinear(_)
            | Self::Input => true,
        }
    }
}

impl Group {
    /// Values of one image.
    pub(crate) const fn elements(&self) -> usize {
        self.pixels() * self.channels
    }

    /// Positions of one image.
    pub(crate) const fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// True when the gradient of the group's value differs from that of its raw value.
    pub(crate) const fn is_mapped(&self) -> bool {
        self.norm.is_some() || !self.activation.is_none()
    }
}

struct Grouping<'a> {
    network: &'a Network,
    level: Level,
    parameters: HashMap<(NodeId, ParameterRole), usize>,
    groups: Vec<Group>,
    /// The group that holds each node's value.
    of_node: Vec<usize>,
    /// The last node of each group.
    last: Vec<NodeId>,
}

/// Groups the nodes of a network, in topological order; the second value are the groups of the network's outputs, in their
/// order. No two outputs are of one group.
pub(crate) fn groups(network: &Network, level: Level) -> (Vec<Group>, Vec<usize>) {
    let parameters = network.parameters();
    let parameters = parameters
        .iter()
        .enumerate()
        .map(|(index, spec)| ((spec.node, spec.role), index))
        .collect();
    let mut grouping = Grouping {
        network,
        level,
        parameters,
        groups: Vec::new(),
        of_node: Vec::new(),
        last: Vec::new(),
    };
    for id in network.ids() {
        grouping.add(id);
    }
    let outputs = network.outputs().iter();
    let outputs = outputs.map(|output| grouping.of_node[output.node.index()]).collect();
    let mut groups = grouping.groups;
    for index in 0..groups.len() {
        for input in groups[index].inputs.clone() {
            groups[input].readers += 1;
        }
    }
    let outputs: Vec<usize> = outputs;
    for index in 1..groups.len() {
        let is_result = outputs.contains(&(index - 1));
        groups[index - 1].is_recomputed = !is_result && is_expansion(&groups, index - 1, level);
    }
    (groups, outputs)
}

/// Whether a group is a normalised 1×1 convolution from so few channels that computing its value again costs less than
/// writing and reading it, and the group after it is a depthwise convolution, its one reader.
fn is_expansion(groups: &[Group], index: usize, level: Level) -> bool {
    let (group, reader) = (&groups[index], &groups[index + 1]);
    let (Some(conv), Some(depthwise)) = (group.source.convolution(), reader.source.convolution()) else {
        return false;
    };
    conv.form == Form::Pointwise
        && conv.bias.is_none()
        && conv.inputs <= MOST_INPUTS * level.lanes()
        && group.norm.is_some()
        && group.readers == 1
        && group.pixels() > 1
        && depthwise.form == Form::Depthwise
        && reader.inputs == [index]
}

/// Most input channels of a convolution that is computed again, in vectors: a wider one costs more operations, and a wider
/// vector does more of them in the time that memory takes. Measured on the benchmark's network with AVX2 and AVX-512.
const MOST_INPUTS: usize = 6;

impl Grouping<'_> {
    fn add(&mut self, id: NodeId) {
        let node = self.network.node(id);
        let tail = match &node.op {
            Op::BatchNorm(bn) => Some((Some(self.norm(id, node, bn)), NONE)),
            Op::Activation(kind) => Some((None, Curve::of(*kind))),
            Op::Input
            | Op::Conv2d(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Linear(_)
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_) => None,
        };
        let Some((norm, activation)) = tail else {
            let source = self.source(id, node);
            self.push(id, node, source);
            return;
        };
        let input = node.inputs[0];
        let mut group = self.of_node[input.index()];
        if !self.can_join(input, group, norm.is_some()) {
            self.push(id, node, Source::Copy);
            group = self.groups.len() - 1;
        } else {
            self.of_node.push(group);
            self.last[group] = id;
        }
        let group = &mut self.groups[group];
        if norm.is_some() {
            group.norm = norm;
        } else {
            group.activation = activation;
        }
    }

    /// Whether a batch normalisation or activation that reads `input` can become part of its group.
    fn can_join(&self, input: NodeId, group: usize, is_norm: bool) -> bool {
        let held = &self.groups[group];
        self.last[group] == input
            && self.network.sole_reader(input).is_some()
            && !matches!(held.source, Source::Input)
            && held.activation.is_none()
            && !(is_norm && held.norm.is_some())
    }

    fn push(&mut self, id: NodeId, node: &Node, source: Source) {
        let shape = self.network.shape(id);
        self.of_node.push(self.groups.len());
        self.last.push(id);
        self.groups.push(Group {
            name: node.name.clone(),
            source,
            inputs: node.inputs.iter().map(|input| self.of_node[input.index()]).collect(),
            height: shape.height as usize,
            width: shape.width as usize,
            channels: shape.channels as usize,
            norm: None,
            activation: NONE,
            readers: 0,
            is_recomputed: false,
        });
    }

    fn norm(&self, id: NodeId, node: &Node, bn: &BatchNorm) -> Norm {
        let parameter = |role| self.parameters[&(id, role)];
        Norm {
            name: node.name.clone(),
            eps: bn.eps,
            momentum: bn.momentum,
            parameters: [
                parameter(ParameterRole::Weight),
                parameter(ParameterRole::Bias),
                parameter(ParameterRole::RunningMean),
                parameter(ParameterRole::RunningVar),
            ],
        }
    }

    fn scaling(&self, id: NodeId, factor: Factor, role: ParameterRole) -> Scaling {
        match factor {
            Factor::Constant(value) => Scaling::Constant(value),
            Factor::Channels => Scaling::Vector(self.parameters[&(id, role)]),
        }
    }

    fn source(&self, id: NodeId, node: &Node) -> Source {
        let to = self.network.shape(id);
        let from = node.inputs.first().map_or(to, |input| self.network.shape(*input));
        let product = |window, groups: u32| {
            let weight = self.parameters[&(id, ParameterRole::Weight)];
            let bias = self.parameters.get(&(id, ParameterRole::Bias)).copied();
            let channels = [from.channels as usize, to.channels as usize];
            let convolution = Convolution::new(self.level, window, groups as usize, channels, weight, bias);
            Source::Convolution(Box::new(convolution))
        };
        match &node.op {
            Op::Input => Source::Input,
            Op::Conv2d(conv) => product(Window::of_convolution(conv, from, to), conv.groups),
            Op::Linear(_) => product(Window::unit(), 1),
            Op::Add => Source::Add,
            Op::Mul => {
                let gate = self.network.shape(node.inputs[1]);
                Source::Multiply(gate != to)
            }
            Op::Concat => Source::Concat,
            Op::Pool(pool @ Pool { kind, .. }) => {
                let window = Window::of_pool(pool, from, to);
                match kind {
                    PoolKind::Max => Source::MaxPool(window),
                    PoolKind::Average => {
                        let shares = window.shares(pool);
                        Source::AveragePool(window, shares)
                    }
                }
            }
            Op::GlobalAvgPool => Source::GlobalAverage,
            Op::Flatten => Source::Flatten,
            Op::Slice(slice) => Source::Gather(Gather::slice(slice, from)),
            Op::Shuffle { groups } => Source::Gather(Gather::shuffle(*groups, from)),
            Op::Pad(border) => Source::Gather(Gather::border(border, from)),
            Op::Resize(resize) if resize.interpolation.is_nearest() => {
                Source::Gather(Gather::nearest(resize, from, to))
            }
            Op::Resize(resize) => Source::Bilinear(Bilinear::new(resize, from, to)),
            Op::LayerNorm(norm) => Source::LayerNorm(*norm),
            Op::Affine(affine) => Source::Scale([
                self.scaling(id, affine.scale, ParameterRole::Weight),
                self.scaling(id, affine.shift, ParameterRole::Bias),
            ]),
            Op::BatchNorm(_) | Op::Activation(_) => Source::Copy,
        }
    }
}
