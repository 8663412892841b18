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
    /// Maximum pooling with padding ⌊k/2⌋.
    MaxPool,
    /// Average pooling with padding ⌊k/2⌋, padding zeros counted.
    AveragePool,
    /// Average over all positions.
    GlobalAveragePool,
    /// Fully connected layer and activation.
    Linear,
    /// Fully connected layer to the classes of the dataset; the last layer of every head.
    Classifier,
}

impl Operator {
    /// Every operator.
    pub const ALL: [Self; 10] = [
        Self::Skip,
        Self::Conv,
        Self::Separable,
        Self::InvertedBottleneck,
        Self::FusedInvertedBottleneck,
        Self::MaxPool,
        Self::AveragePool,
        Self::GlobalAveragePool,
        Self::Linear,
        Self::Classifier,
    ];

    /// What may stand in a stage.
    pub const BLOCKS: [Self; 5] = [
        Self::Skip,
        Self::Conv,
        Self::Separable,
        Self::InvertedBottleneck,
        Self::FusedInvertedBottleneck,
    ];

    /// What may stand in a stem.
    pub(crate) const STEM: [Self; 7] = [
        Self::Skip,
        Self::Conv,
        Self::Separable,
        Self::InvertedBottleneck,
        Self::FusedInvertedBottleneck,
        Self::MaxPool,
        Self::AveragePool,
    ];

    /// What may stand in a head.
    pub(crate) const HEAD: [Self; 4] = [Self::Conv, Self::GlobalAveragePool, Self::Linear, Self::Classifier];

    /// The name used in space files and as a choice.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Conv => "conv",
            Self::Separable => "separable",
            Self::InvertedBottleneck => "inverted-bottleneck",
            Self::FusedInvertedBottleneck => "fused-inverted-bottleneck",
            Self::MaxPool => "max-pool",
            Self::AveragePool => "average-pool",
            Self::GlobalAveragePool => "global-average-pool",
            Self::Linear => "linear",
            Self::Classifier => "classifier",
        }
    }

    /// The part of a node's or decision's name that tells operators at one place apart.
    #[must_use]
    pub const fn short(self) -> &'static str {
        match self {
            Self::InvertedBottleneck => "ib",
            Self::FusedInvertedBottleneck => "fused",
            _ => self.name(),
        }
    }

    /// Whether it has an inner width, given by an expansion.
    pub(crate) const fn expands(self) -> bool {
        matches!(self, Self::InvertedBottleneck | Self::FusedInvertedBottleneck)
    }

    /// Whether it has a kernel size.
    pub(crate) const fn has_kernel(self) -> bool {
        matches!(
            self,
            Self::Conv
                | Self::Separable
                | Self::InvertedBottleneck
                | Self::FusedInvertedBottleneck
                | Self::MaxPool
                | Self::AveragePool
        )
    }

    /// Whether its output width is a choice of the space.
    pub(crate) const fn has_width(self) -> bool {
        !matches!(
            self,
            Self::MaxPool | Self::AveragePool | Self::GlobalAveragePool | Self::Classifier
        )
    }

    /// Whether it has an activation.
    pub(crate) const fn has_activation(self) -> bool {
        matches!(
            self,
            Self::Conv | Self::Separable | Self::InvertedBottleneck | Self::FusedInvertedBottleneck | Self::Linear
        )
    }

    /// Whether a residual may go around it, and does so when the file is silent.
    pub(crate) const fn residual_by_default(self) -> bool {
        matches!(self, Self::InvertedBottleneck | Self::FusedInvertedBottleneck)
    }

    /// Whether a residual may go around it.
    pub(crate) const fn may_have_residual(self) -> bool {
        matches!(
            self,
            Self::Conv | Self::Separable | Self::InvertedBottleneck | Self::FusedInvertedBottleneck
        )
    }
}
