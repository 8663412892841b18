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

impl Operator {
    /// Every operator.
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

    /// What may stand in a stem or a stage.
    pub const BLOCKS: [Self; 11] = [
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
    ];

    /// What may stand in a head.
    pub(crate) const HEAD: [Self; 6] = [
        Self::Conv,
        Self::GlobalAveragePool,
        Self::Flatten,
        Self::Linear,
        Self::Classifier,
        Self::ConvolutionClassifier,
    ];

    /// The name used in space files and as a choice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Conv => "conv",
            Self::Separable => "separable",
            Self::InvertedBottleneck => "inverted-bottleneck",
            Self::FusedInvertedBottleneck => "fused-inverted-bottleneck",
            Self::Bottleneck => "bottleneck",
            Self::Basic => "basic",
            Self::Fire => "fire",
            Self::EdgeChain => "edge-chain",
            Self::MaxPool => "max-pool",
            Self::AveragePool => "average-pool",
            Self::GlobalAveragePool => "global-average-pool",
            Self::Flatten => "flatten",
            Self::Linear => "linear",
            Self::Classifier => "classifier",
            Self::ConvolutionClassifier => "convolution-classifier",
        }
    }

    /// The part of a node's or decision's name that tells operators at one place apart.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::InvertedBottleneck => "ib",
            Self::FusedInvertedBottleneck => "fused",
            Self::EdgeChain => "edges",
            _ => self.name(),
        }
    }

    /// Whether it ends a network: its width comes from the dataset.
    pub(crate) const fn is_classifier(self) -> bool {
        matches!(self, Self::Classifier | Self::ConvolutionClassifier)
    }

    /// Whether it pools over a window.
    pub(crate) const fn is_pool(self) -> bool {
        matches!(self, Self::MaxPool | Self::AveragePool)
    }

    /// Whether it has an inner width, given by an expansion.
    pub(crate) const fn expands(self) -> bool {
        matches!(
            self,
            Self::InvertedBottleneck | Self::FusedInvertedBottleneck | Self::Bottleneck | Self::Fire | Self::EdgeChain
        )
    }

    /// Whether squeeze-and-excite may stand in it.
    pub(crate) const fn has_squeeze_excite(self) -> bool {
        matches!(self, Self::InvertedBottleneck | Self::FusedInvertedBottleneck)
    }

    /// Whether its k×k convolution may have groups.
    pub(crate) const fn has_groups(self) -> bool {
        matches!(self, Self::Conv | Self::FusedInvertedBottleneck | Self::Bottleneck)
    }

    /// Whether it has a kernel size.
    pub(crate) const fn has_kernel(self) -> bool {
        matches!(
            self,
            Self::Conv
                | Self::Separable
                | Self::InvertedBottleneck
                | Self::FusedInvertedBottleneck
                | Self::Bottleneck
                | Self::Basic
                | Self::Fire
                | Self::MaxPool
                | Self::AveragePool
        )
    }

    /// Whether its output width is a choice of the space.
    pub(crate) const fn has_width(self) -> bool {
        !matches!(
            self,
            Self::MaxPool
                | Self::AveragePool
                | Self::GlobalAveragePool
                | Self::Flatten
                | Self::Classifier
                | Self::ConvolutionClassifier
        )
    }

    /// Whether it has an activation.
    pub(crate) const fn has_activation(self) -> bool {
        !matches!(
            self,
            Self::Skip | Self::MaxPool | Self::AveragePool | Self::GlobalAveragePool | Self::Flatten | Self::Classifier
        )
    }

    /// Whether the activation after its last convolution is a matter of its own.
    pub(crate) const fn has_last_activation(self) -> bool {
        matches!(self, Self::Separable | Self::EdgeChain)
    }

    /// Whether a residual goes around it when the file is silent.
    pub(crate) const fn residual_by_default(self) -> bool {
        matches!(self, Self::InvertedBottleneck | Self::FusedInvertedBottleneck)
    }

    /// Whether a residual may go around it. The shortcut of a bottleneck or basic block is part of it.
    pub(crate) const fn may_have_residual(self) -> bool {
        matches!(
            self,
            Self::Conv | Self::Separable | Self::InvertedBottleneck | Self::FusedInvertedBottleneck | Self::EdgeChain
        )
    }

    /// Whether its positions may lie apart.
    pub(crate) const fn has_stride(self) -> bool {
        !matches!(
            self,
            Self::GlobalAveragePool | Self::Flatten | Self::Linear | Self::Classifier | Self::ConvolutionClassifier
        )
    }

    /// Whether its padding can be given.
    pub(crate) const fn has_padding(self) -> bool {
        matches!(self, Self::Conv | Self::MaxPool | Self::AveragePool)
    }

    /// Whether it has a shortcut of its own, with a convolution where shapes differ.
    pub(crate) const fn has_shortcut(self) -> bool {
        matches!(self, Self::Bottleneck | Self::Basic)
    }
}
