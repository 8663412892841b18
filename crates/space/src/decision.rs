use crate::genotype::Genotype;

/// What a decision chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// How many blocks a stage has.
    Depth,
    /// Output channels.
    Width,
    /// What stands at a place.
    Operator,
    /// Kernel size.
    Kernel,
    /// Inner width relative to another width.
    Expansion,
    /// Inner width in channels.
    InnerWidth,
    /// Ratio of the squeeze-and-excite hidden width; 0 is without.
    SqueezeExcite,
    /// The form of the first edge of a chain.
    Edge1,
    /// The form of the second edge of a chain.
    Edge2,
    /// The form of the third edge of a chain.
    Edge3,
    /// The form of the fourth edge of a chain.
    Edge4,
    /// Channels of a group; 0 is without groups.
    GroupWidth,
    /// The activation.
    Activation,
    /// The activation after the last convolution.
    LastActivation,
    /// Whether the block's input is added to its output.
    Residual,
}

impl Property {
    /// Every property.
    pub const ALL: [Self; 15] = [
        Self::Depth,
        Self::Width,
        Self::Operator,
        Self::Kernel,
        Self::Expansion,
        Self::InnerWidth,
        Self::SqueezeExcite,
        Self::Edge1,
        Self::Edge2,
        Self::Edge3,
        Self::Edge4,
        Self::GroupWidth,
        Self::Activation,
        Self::LastActivation,
        Self::Residual,
    ];

    /// The four edges of a chain, in order.
    pub(crate) const EDGES: [Self; 4] = [Self::Edge1, Self::Edge2, Self::Edge3, Self::Edge4];

    /// Whether it is about numbers of channels.
    #[must_use]
    pub const fn is_width(self) -> bool {
        matches!(
            self,
            Self::Width | Self::Expansion | Self::InnerWidth | Self::GroupWidth
        )
    }

    /// The key of the space file and last part of a decision's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Width => "width",
            Self::Operator => "operator",
            Self::Kernel => "kernel",
            Self::Expansion => "expansion",
            Self::InnerWidth => "inner_width",
            Self::SqueezeExcite => "squeeze_excite",
            Self::Edge1 => "edge1",
            Self::Edge2 => "edge2",
            Self::Edge3 => "edge3",
            Self::Edge4 => "edge4",
            Self::GroupWidth => "group_width",
            Self::Activation => "activation",
            Self::LastActivation => "last_activation",
            Self::Residual => "residual",
        }
    }
}

/// One choice that a space leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Unique in the space: `stage1.depth`, `stage1.block2.kernel`.
    pub name: String,
    /// What is chosen.
    pub property: Property,
    /// The choices as text, in order: from small to large, or from cheap to expensive.
    pub choices: Vec<String>,
    /// When the decision counts; empty for always. All must hold.
    pub conditions: Vec<Condition>,
    /// Names of the properties that follow this decision by a tie.
    pub drives: Vec<String>,
}

/// What must hold for a decision to be active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Another decision takes one of these choices.
    Choice {
        /// The other decision's position in the space.
        decision: usize,
        /// Its name.
        name: String,
        /// The choice numbers that make this one count.
        choices: Vec<u8>,
        /// The same choices as text.
        texts: Vec<String>,
    },
    /// Input and output of the place have as many channels, so that a residual fits.
    ResidualFits,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Choice { name, texts, .. } => match texts.as_slice() {
                [only] => write!(f, "{name} = {only}"),
                texts => write!(f, "{name} in {{{}}}", texts.join(", ")),
            },
            Self::ResidualFits => f.write_str("input and output have the same width"),
        }
    }
}

impl Decision {
    /// The text of the choice that a genotype takes, given this decision's position.
    #[must_use]
    pub fn text(&self, genotype: &Genotype, position: usize) -> &str {
        let choice = usize::from(genotype.choice(position));
        self.choices.get(choice).map_or("?", String::as_str)
    }
}
