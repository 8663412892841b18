/// What stands at one place of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// Nothing where shapes agree; a 1×1 convolution with the place's stride and BN where they do not.
    Skip,
    /// Convolution, BN, activation.
    Conv,
    /// Depthwise convolution, BN, activation, 1×1 convolution, BN.
    Separable,
    /// 1×1 convolution, BN, activation, depthwise convolution (it carries the stride), BN, activation, optional
    /// squeeze-and-excite, 1×1 convolution, BN (Sandler et al. 2018). Expansion 1 has no first convolution.
    InvertedBottleneck,
    /// k×k convolution (it carries the stride), BN, activation, optional squeeze-and-excite, 1×1 convolution, BN
    /// (Gupta & Akin 2020).
    FusedInvertedBottleneck,
    /// 1×1 convolution, k×k convolution (it carries the stride), 1×1 convolution, each with BN and the first two with the
    /// activation; sum with the shortcut, activation (He et al. 2016; the stride as in torchvision).
    Bottleneck,
    /// Two k×k convolutions (the first carries the stride), each with BN and the first with the activation; sum with the
    /// shortcut, activation (He et al. 2016).
    Basic,
    /// 1×1 convolution and activation; a 1×1 and a k×k convolution side by side, each to half of the width, with their
    /// activations, concatenated (Iandola et al. 2016).
    Fire,
    /// Up to four convolutions in series, each of a form of its own, with BN and activation (Letunovskiy et al. 2022).
    EdgeChain,
    /// Maximum pooling.
    MaxPool,
    /// Average pooling, padding zeros counted.
    AveragePool,
    /// Average over all positions.
    GlobalAveragePool,
    /// All values as one vector.
    Flatten,
    /// Fully connected layer and activation.
    Linear,
    /// Fully connected layer to the classes of the dataset; the last layer of a head.
    Classifier,
    /// 1×1 convolution to the classes of the dataset, activation, average over all positions (SqueezeNet); instead of
    /// [`Operator::Classifier`].
    ConvolutionClassifier,
}

/// What is true of an operator: which keys of a space file it has, and where it may stand.
#[derive(Clone, Copy)]
struct Facts {
    /// The name used in space files and as a choice.
    name: &'static str,
    /// The part of a node's or decision's name that tells operators at one place apart.
    short: &'static str,
    /// Whether it may stand in a stem or a stage.
    block: bool,
    /// Whether it may stand in a head.
    head: bool,
    /// Whether its name begins the names of its nodes, so that operators at one place share no weights.
    scoped: bool,
    /// Whether it ends a network: its width comes from the dataset.
    classifier: bool,
    /// Whether it pools over a window.
    pool: bool,
    /// Whether it has an inner width, given by an expansion.
    expands: bool,
    /// Whether squeeze-and-excite may stand in it.
    squeeze_excite: bool,
    /// Whether its k×k convolution may have groups.
    groups: bool,
    /// Whether it has a kernel size.
    kernel: bool,
    /// Whether its output width is a choice of the space.
    width: bool,
    /// Whether it has an activation.
    activation: bool,
    /// Whether the activation after its last convolution is a matter of its own.
    last_activation: bool,
    /// Whether its positions may lie apart.
    stride: bool,
    /// Whether its padding can be given.
    padding: bool,
    /// Whether it has a shortcut of its own, with a convolution where shapes differ.
    shortcut: bool,
    /// Whether a residual may go around it, and does when the file is silent.
    residual: Residual,
}

/// A residual around an operator.
#[derive(Clone, Copy, PartialEq)]
enum Residual {
    /// There is none. The shortcut of a bottleneck or basic block is part of it.
    Never,
    /// There is one where the file says so.
    Possible,
    /// There is one unless the file says otherwise.
    Default,
}

/// An operator that has nothing; the others are given over this one.
const fn named(name: &'static str) -> Facts {
    Facts {
        name,
        short: name,
        block: false,
        head: false,
        scoped: false,
        classifier: false,
        pool: false,
        expands: false,
        squeeze_excite: false,
        groups: false,
        kernel: false,
        width: false,
        activation: false,
        last_activation: false,
        stride: false,
        padding: false,
        shortcut: false,
        residual: Residual::Never,
    }
}

impl Operator {
    /// Every operator. A new one stands here, in `facts` below, and in `lower/blocks.rs`, which says what it is made of.
    pub const ALL: [Self; 16] = [
        Self::Skip,
        Self::Conv,
        Self::Separable,
        Self::InvertedBottleneck,
        Self::FusedInvertedBottleneck,
        Self::Bottleneck,
        Self::Basic,
        Self::Fire,
        Self::EdgeChain,
        Self::MaxPool,
        Self::AveragePool,
        Self::GlobalAveragePool,
        Self::Flatten,
        Self::Linear,
        Self::Classifier,
        Self::ConvolutionClassifier,
    ];

    const fn facts(self) -> Facts {
        match self {
            Self::Skip => Facts {
                block: true,
                scoped: true,
                width: true,
                stride: true,
                ..named("skip")
            },
            Self::Conv => Facts {
                block: true,
                head: true,
                kernel: true,
                groups: true,
                width: true,
                activation: true,
                stride: true,
                padding: true,
                residual: Residual::Possible,
                ..named("conv")
            },
            Self::Separable => Facts {
                block: true,
                scoped: true,
                kernel: true,
                width: true,
                activation: true,
                last_activation: true,
                stride: true,
                residual: Residual::Possible,
                ..named("separable")
            },
            Self::InvertedBottleneck => Facts {
                short: "ib",
                block: true,
                scoped: true,
                expands: true,
                squeeze_excite: true,
                kernel: true,
                width: true,
                activation: true,
                stride: true,
                residual: Residual::Default,
                ..named("inverted-bottleneck")
            },
            Self::FusedInvertedBottleneck => Facts {
                short: "fused",
                block: true,
                scoped: true,
                expands: true,
                squeeze_excite: true,
                groups: true,
                kernel: true,
                width: true,
                activation: true,
                stride: true,
                residual: Residual::Default,
                ..named("fused-inverted-bottleneck")
            },
            Self::Bottleneck => Facts {
                block: true,
                scoped: true,
                expands: true,
                groups: true,
                kernel: true,
                width: true,
                activation: true,
                stride: true,
                shortcut: true,
                ..named("bottleneck")
            },
            Self::Basic => Facts {
                block: true,
                scoped: true,
                kernel: true,
                width: true,
                activation: true,
                stride: true,
                shortcut: true,
                ..named("basic")
            },
            Self::Fire => Facts {
                block: true,
                scoped: true,
                expands: true,
                kernel: true,
                width: true,
                activation: true,
                stride: true,
                ..named("fire")
            },
            Self::EdgeChain => Facts {
                short: "edges",
                block: true,
                scoped: true,
                expands: true,
                width: true,
                activation: true,
                last_activation: true,
                stride: true,
                residual: Residual::Possible,
                ..named("edge-chain")
            },
            Self::MaxPool => Facts {
                block: true,
                pool: true,
                kernel: true,
                stride: true,
                padding: true,
                ..named("max-pool")
            },
            Self::AveragePool => Facts {
                block: true,
                pool: true,
                kernel: true,
                stride: true,
                padding: true,
                ..named("average-pool")
            },
            Self::GlobalAveragePool => Facts {
                head: true,
                ..named("global-average-pool")
            },
            Self::Flatten => Facts {
                head: true,
                ..named("flatten")
            },
            Self::Linear => Facts {
                head: true,
                width: true,
                activation: true,
                ..named("linear")
            },
            Self::Classifier => Facts {
                head: true,
                classifier: true,
                ..named("classifier")
            },
            Self::ConvolutionClassifier => Facts {
                head: true,
                classifier: true,
                activation: true,
                ..named("convolution-classifier")
            },
        }
    }

    /// What may stand in a stem or a stage.
    #[must_use]
    pub fn blocks() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|operator| operator.facts().block)
            .collect()
    }

    /// What may stand in a head.
    pub(crate) fn of_head() -> Vec<Self> {
        Self::ALL.into_iter().filter(|operator| operator.facts().head).collect()
    }

    /// The name used in space files and as a choice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The part of a node's or decision's name that tells operators at one place apart.
    #[must_use]
    pub const fn short(self) -> &'static str {
        self.facts().short
    }

    /// Whether its name begins the names of its nodes, so that operators at one place share no weights.
    pub(crate) const fn is_scoped(self) -> bool {
        self.facts().scoped
    }

    /// Whether it ends a network: its width comes from the dataset.
    pub(crate) const fn is_classifier(self) -> bool {
        self.facts().classifier
    }

    /// Whether it pools over a window.
    pub(crate) const fn is_pool(self) -> bool {
        self.facts().pool
    }

    /// Whether it has an inner width, given by an expansion.
    pub(crate) const fn expands(self) -> bool {
        self.facts().expands
    }

    /// Whether squeeze-and-excite may stand in it.
    pub(crate) const fn has_squeeze_excite(self) -> bool {
        self.facts().squeeze_excite
    }

    /// Whether its k×k convolution may have groups.
    pub(crate) const fn has_groups(self) -> bool {
        self.facts().groups
    }

    /// Whether it has a kernel size.
    pub(crate) const fn has_kernel(self) -> bool {
        self.facts().kernel
    }

    /// Whether its output width is a choice of the space.
    pub(crate) const fn has_width(self) -> bool {
        self.facts().width
    }

    /// Whether it has an activation.
    pub(crate) const fn has_activation(self) -> bool {
        self.facts().activation
    }

    /// Whether the activation after its last convolution is a matter of its own.
    pub(crate) const fn has_last_activation(self) -> bool {
        self.facts().last_activation
    }

    /// Whether its positions may lie apart.
    pub(crate) const fn has_stride(self) -> bool {
        self.facts().stride
    }

    /// Whether its padding can be given.
    pub(crate) const fn has_padding(self) -> bool {
        self.facts().padding
    }

    /// Whether it has a shortcut of its own, with a convolution where shapes differ.
    pub(crate) const fn has_shortcut(self) -> bool {
        self.facts().shortcut
    }

    /// Whether a residual goes around it when the file is silent.
    pub(crate) const fn residual_by_default(self) -> bool {
        matches!(self.facts().residual, Residual::Default)
    }

    /// Whether a residual may go around it.
    pub(crate) const fn may_have_residual(self) -> bool {
        !matches!(self.facts().residual, Residual::Never)
    }
}
