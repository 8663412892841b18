//! The compiled form of a space: the places of its networks in order, and what may stand there.

use panarch_graph::Activation;

use crate::operator::Operator;
use crate::rounding::Rounding;

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

/// One operator that may stand at a place, with its properties.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alternative {
    pub operator: Operator,
    pub kernel: Slot<u32>,
    pub inner: Slot<Inner>,
    /// Ratio of the squeeze-and-excite hidden width; 0 is without.
    pub squeeze_excite: Slot<f64>,
    pub activation: Slot<Option<Activation>>,
    pub residual: Slot<bool>,
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
    pub stride: u32,
    pub width: Slot<u32>,
    /// The position among the alternatives.
    pub operator: Slot<usize>,
    pub alternatives: Vec<Alternative>,
    /// Whether a residual may go around this place when shapes agree.
    pub residual_allowed: bool,
    pub expansion_base: ExpansionBase,
    pub batch_norm: bool,
    pub bias: bool,
}

/// What stands at a place of one network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub operator: Operator,
    pub stride: u32,
    pub input: u32,
    /// Output width; 0 for the classifier, whose width comes from the dataset.
    pub output: u32,
    pub kernel: u32,
    pub inner: u32,
    /// Whether an inverted bottleneck has its first 1×1 convolution.
    pub expands: bool,
    pub squeeze_excite: Option<u32>,
    pub activation: Option<Activation>,
    pub residual: bool,
    pub batch_norm: bool,
    pub bias: bool,
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
        let declared = *self.width.value(read);
        let alternative = &self.alternatives[*self.operator.value(read)];
        let operator = alternative.operator;
        let output = match operator {
            Operator::Classifier => 0,
            _ if operator.has_width() => declared,
            _ => input,
        };
        let mut block = Block {
            operator,
            stride: self.stride,
            input,
            output,
            kernel: 1,
            inner: 0,
            expands: true,
            squeeze_excite: None,
            activation: None,
            residual: false,
            batch_norm: self.batch_norm,
            bias: self.bias,
        };
        if operator.has_kernel() {
            block.kernel = *alternative.kernel.value(read);
        }
        if operator.expands() {
            let base = match self.expansion_base {
                ExpansionBase::Input => input,
                ExpansionBase::Output => output,
                ExpansionBase::Declared(width) => width,
            };
            (block.inner, block.expands) = match alternative.inner.value(read) {
                Inner::Times(ratio) if *ratio == 1.0 => (input, false),
                Inner::Times(ratio) => (rounding.round(ratio * f64::from(base)), true),
                Inner::Channels(channels) => (*channels, *channels != input),
            };
            let ratio = *alternative.squeeze_excite.value(read);
            if ratio > 0.0 {
                let of = if squeeze_excite.of_input { input } else { block.inner };
                block.squeeze_excite = Some(squeeze_excite.rounding.round(ratio * f64::from(of)));
            }
        }
        if operator.has_activation() {
            block.activation = *alternative.activation.value(read);
        }
        let fits = self.residual_allowed && self.stride == 1 && input == output;
        if operator.may_have_residual() && fits {
            block.residual = *alternative.residual.value(read);
        }
        Some(block)
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
            visit(&mut alternative.squeeze_excite.source);
            visit(&mut alternative.activation.source);
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
