//! The compiled form of a space: the places of its networks in order, and what may stand there.

pub(crate) mod edge;
pub(crate) mod operator;
pub(crate) mod rounding;

use panarch_graph::Activation;

use self::edge::Edge;
use self::operator::Operator;
use self::rounding::Rounding;
use crate::read::width::Width;

/// Where the choice at a slot comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// There is one choice.
    Fixed,
    /// A decision of the genotype.
    Decision(usize),
    /// Another decision drives this one: its choice number is looked up.
    Tied { driver: usize, map: Vec<u8> },
}

impl Source {
    pub(crate) fn decision(&self) -> Option<usize> {
        match self {
            Self::Fixed => None,
            Self::Decision(decision) | Self::Tied { driver: decision, .. } => Some(*decision),
        }
    }
}

/// The possible values of one property at one place. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot<T> {
    pub choices: Vec<T>,
    pub source: Source,
}

/// Answers which choice a decision takes, and may note that it was asked.
pub(crate) type Read<'a> = &'a mut dyn FnMut(usize) -> u8;

impl<T> Slot<T> {
    pub(crate) fn fixed(value: T) -> Self {
        Self {
            choices: vec![value],
            source: Source::Fixed,
        }
    }

    /// The same slot with other values.
    pub(crate) fn map<U>(self, change: impl Fn(&T) -> U) -> Slot<U> {
        Slot {
            choices: self.choices.iter().map(change).collect(),
            source: self.source,
        }
    }

    pub(crate) fn value(&self, read: Read<'_>) -> &T {
        let choice = match &self.source {
            Source::Fixed => 0,
            Source::Decision(decision) => read(*decision),
            Source::Tied { driver, map } => {
                let choice = usize::from(read(*driver));
                map.get(choice).copied().unwrap_or(0)
            }
        };
        // A choice beyond the end is only possible for a genotype of another space; any value will do then.
        &self.choices[usize::from(choice).min(self.choices.len() - 1)]
    }
}

/// An inner width: relative to another width, or in channels.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Inner {
    Times(f64),
    Channels(u32),
}

/// What a relative inner width is relative to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ExpansionBase {
    Input,
    Output,
    Declared(u32),
}

/// How a block's input reaches its end beside the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Residual {
    None,
    Add,
    /// Side by side with the block's result, along channels.
    Concat,
}

/// What stands in the shortcut of a bottleneck or basic block where shapes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortcut {
    /// 1×1 convolution with the block's stride, BN.
    Conv,
    /// Average pooling over the stride, 1×1 convolution, BN (ResNet-D, He et al. 2019).
    PoolConv,
}

/// One operator that may stand at a place, with its properties.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternative {
    pub operator: Operator,
    pub kernel: Slot<u32>,
    pub inner: Slot<Inner>,
    pub edges: [Slot<Edge>; 4],
    /// Channels of a group; 0 is without groups.
    pub group_width: Slot<u32>,
    /// Ratio of the squeeze-and-excite hidden width; 0 is without.
    pub squeeze_excite: Slot<f64>,
    pub activation: Slot<Option<Activation>>,
    /// The activation after the last convolution; of an edge chain, `None` in the choices takes it away.
    pub last_activation: Slot<Option<Activation>>,
    pub residual: Slot<Residual>,
}

/// What is the same for all that may stand at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fixed {
    pub stride: u32,
    /// Whether a bottleneck has its stride in the first convolution, not in the middle one.
    pub stride_in_first: bool,
    /// Zeros at each side of a plain convolution or of a pool.
    pub padding: Option<u32>,
    /// Whether a pool's last window may hang over the edge.
    pub ceil: bool,
    pub shortcut: Shortcut,
    pub batch_norm: bool,
    pub bias: bool,
}

/// One place of a network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Element {
    /// The block that its nodes belong to: `stem`, `stage1.block2`, `head`.
    pub block: String,
    /// What its nodes' names begin with.
    pub prefix: String,
    /// For a block of a stage: the stage's depth and this block's number, from 0.
    pub depth: Option<(Slot<u32>, u32)>,
    pub width: Slot<Width>,
    /// The position among the alternatives.
    pub operator: Slot<usize>,
    pub alternatives: Vec<Alternative>,
    /// Whether a residual may go around this place when shapes agree.
    pub residual_allowed: bool,
    pub expansion_base: ExpansionBase,
    pub fixed: Fixed,
}

/// One convolution of an edge chain.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChainLink {
    /// The edge's number, from 0.
    pub edge: usize,
    pub form: Edge,
    pub width: u32,
    pub activation: Option<Activation>,
}

/// What stands at a place of one network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub operator: Operator,
    pub input: u32,
    /// Output width, with the input where that is concatenated; 0 for a classifier, whose width comes from the dataset.
    pub output: u32,
    pub kernel: u32,
    pub inner: u32,
    /// Whether an inverted bottleneck has its first 1×1 convolution.
    pub expands: bool,
    pub links: Vec<ChainLink>,
    pub groups: u32,
    pub squeeze_excite: Option<u32>,
    pub activation: Option<Activation>,
    pub last_activation: Option<Activation>,
    pub residual: Residual,
    pub fixed: Fixed,
}

/// The hidden width of squeeze-and-excite and its gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SqueezeExcite {
    /// Relative to the inner width, or to the block's input.
    pub of_input: bool,
    pub rounding: Rounding,
    pub gate: Activation,
}

impl Element {
    /// What stands here when `input` channels arrive; `None` for a block beyond the depth.
    ///
    /// Exactly the decisions that are asked for are active.
    pub(crate) fn resolve(
        &self,
        input: u32,
        rounding: Rounding,
        squeeze_excite: SqueezeExcite,
        read: Read<'_>,
    ) -> Option<Block> {
        if let Some((depth, position)) = &self.depth
            && depth.value(read) <= position
        {
            return None;
        }
        let alternative = &self.alternatives[*self.operator.value(read)];
        let operator = alternative.operator;
        let output = match operator {
            _ if operator.is_classifier() => 0,
            _ if operator.has_width() => self.width.value(read).channels(input),
            _ => input,
        };
        let mut block = Block {
            operator,
            input,
            output,
            kernel: 1,
            inner: output,
            expands: true,
            links: Vec::new(),
            groups: 1,
            squeeze_excite: None,
            activation: None,
            last_activation: None,
            residual: Residual::None,
            fixed: self.fixed,
        };
        if operator.has_kernel() {
            block.kernel = *alternative.kernel.value(read);
        }
        if operator == Operator::EdgeChain {
            self.resolve_chain(alternative, rounding, &mut block, read);
        } else if operator.expands() {
            (block.inner, block.expands) = self.inner(alternative.inner.value(read), &block, rounding);
        }
        if operator.has_groups() {
            let width = *alternative.group_width.value(read);
            let inputs = match operator {
                Operator::Bottleneck => block.inner,
                _ => input,
            };
            block.groups = groups(inputs, block.inner, width);
        }
        if operator.has_squeeze_excite() {
            let ratio = *alternative.squeeze_excite.value(read);
            if ratio > 0.0 {
                let of = if squeeze_excite.of_input { input } else { block.inner };
                block.squeeze_excite = Some(squeeze_excite.rounding.round(ratio * f64::from(of)));
            }
        }
        if operator.has_activation() && operator != Operator::EdgeChain {
            block.activation = *alternative.activation.value(read);
        }
        if operator == Operator::Separable {
            block.last_activation = *alternative.last_activation.value(read);
        }
        if self.residual_fits(alternative, &block) {
            let residual = *alternative.residual.value(read);
            block.residual = match residual {
                Residual::Add if block.input != block.output => Residual::None,
                residual => residual,
            };
        }
        if block.residual == Residual::Concat {
            block.output = block.output.saturating_add(input);
        }
        Some(block)
    }

    /// Whether it is asked what goes around a block: one of the choices must fit.
    fn residual_fits(&self, alternative: &Alternative, block: &Block) -> bool {
        let concatenates = alternative.residual.choices.contains(&Residual::Concat);
        let nothing = block.operator == Operator::EdgeChain && block.links.is_empty();
        block.operator.may_have_residual()
            && self.residual_allowed
            && self.fixed.stride == 1
            && (block.input == block.output || concatenates)
            && !nothing
    }

    /// The inner width, and whether it takes a convolution to get there.
    fn inner(&self, inner: &Inner, block: &Block, rounding: Rounding) -> (u32, bool) {
        let base = match self.expansion_base {
            ExpansionBase::Input => block.input,
            ExpansionBase::Output => block.output,
            ExpansionBase::Declared(width) => width,
        };
        let inverted = matches!(
            block.operator,
            Operator::InvertedBottleneck | Operator::FusedInvertedBottleneck
        );
        match inner {
            Inner::Times(ratio) if *ratio == 1.0 && inverted => match block.operator {
                Operator::InvertedBottleneck => (block.input, false),
                _ => (base, false),
            },
            // The published code rounds to a whole number first, halves to even.
            Inner::Times(ratio) => (rounding.round((ratio * f64::from(base)).round_ties_even()), true),
            Inner::Channels(channels) => (*channels, *channels != block.input),
        }
    }

    /// The convolutions of an edge chain. The inner width matters when there are two of them or more; the last
    /// activation when the fourth edge is one of them.
    fn resolve_chain(&self, alternative: &Alternative, rounding: Rounding, block: &mut Block, read: Read<'_>) {
        let forms: Vec<(usize, Edge)> = alternative
            .edges
            .iter()
            .map(|edge| *edge.value(read))
            .enumerate()
            .filter(|(_, form)| *form != Edge::Identity)
            .collect();
        let Some((last, _)) = forms.last().copied() else {
            return;
        };
        if forms.len() > 1 {
            block.inner = self.inner(alternative.inner.value(read), block, rounding).0;
        }
        let is_fourth = last + 1 == alternative.edges.len();
        // The fourth edge alone has nothing but the last activation.
        let activation = match forms.len() {
            1 if is_fourth => None,
            _ => *alternative.activation.value(read),
        };
        let after = if is_fourth {
            *alternative.last_activation.value(read)
        } else {
            activation
        };
        let link = |(edge, form)| ChainLink {
            edge,
            form,
            width: if edge == last { block.output } else { block.inner },
            activation: if edge == last { after } else { activation },
        };
        block.links = forms.into_iter().map(link).collect();
    }

    /// Calls `visit` with the source of every slot.
    pub(crate) fn sources(&mut self, visit: &mut dyn FnMut(&mut Source)) {
        if let Some((depth, _)) = &mut self.depth {
            visit(&mut depth.source);
        }
        visit(&mut self.width.source);
        visit(&mut self.operator.source);
        for alternative in &mut self.alternatives {
            visit(&mut alternative.kernel.source);
            visit(&mut alternative.inner.source);
            for edge in &mut alternative.edges {
                visit(&mut edge.source);
            }
            visit(&mut alternative.group_width.source);
            visit(&mut alternative.squeeze_excite.source);
            visit(&mut alternative.activation.source);
            visit(&mut alternative.last_activation.source);
            visit(&mut alternative.residual.source);
        }
    }

    /// The decisions that may be asked for here.
    pub(crate) fn decisions(&self) -> Vec<usize> {
        let mut decisions = Vec::new();
        self.clone().sources(&mut |source| decisions.extend(source.decision()));
        decisions.sort_unstable();
        decisions.dedup();
        decisions
    }
}

/// The largest number of groups, each of at least `width` outputs, that divides inputs and outputs; 1 without a width.
fn groups(inputs: u32, outputs: u32, width: u32) -> u32 {
    let most = outputs.checked_div(width).unwrap_or(1).clamp(1, inputs.max(1));
    let divides = |groups: &u32| inputs.is_multiple_of(*groups) && outputs.is_multiple_of(*groups);
    (1..=most).rev().find(divides).unwrap_or(1)
}
