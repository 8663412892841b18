//! What the compiler makes of a network: jobs in the order of execution, and the tensors between them.

use super::extent::{Extent, up};

/// A tensor between jobs.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub extent: Extent,
    /// Bytes of an element.
    pub element: i64,
    /// Whether channels lie in bricks of 16; else they lie side by side, position by position.
    pub bricks: bool,
    pub role: Role,
    /// Jobs that write it, and jobs that read it.
    pub writers: Vec<usize>,
    pub readers: Vec<usize>,
}

/// Where a tensor comes from and goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The image.
    Image,
    /// The result of the network.
    Result,
    /// Between two jobs.
    Between,
    /// A constant, beside the weights.
    Constant,
}

impl Tensor {
    /// Bytes that it takes, rounded to its format and to 16.
    pub(super) fn bytes(&self) -> i64 {
        up(self.stored(self.extent).volume() * self.element, 16)
    }

    /// An extent as it is stored.
    pub(super) fn stored(&self, extent: Extent) -> Extent {
        let granule = if self.bricks { 16 } else { 1 };
        extent.rounded_up(Extent::new(1, 1, granule))
    }
}

/// The unit of the accelerator that does a job, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Products over all input channels.
    Convolution,
    /// Products over each channel alone.
    Depthwise,
    /// Largest or mean value of a window; a window of one position is a copy.
    Pooling { largest: bool },
    /// Sums, position by position.
    Add,
    /// Products, position by position.
    Multiply,
}

impl Work {
    pub(super) const fn is_elementwise(self) -> bool {
        matches!(self, Self::Add | Self::Multiply)
    }

    /// Whether an output channel sees one input channel only.
    pub(super) const fn keeps_depth(self) -> bool {
        !matches!(self, Self::Convolution)
    }

    pub(super) const fn has_weights(self) -> bool {
        matches!(self, Self::Convolution | Self::Depthwise)
    }
}

/// What happens to results on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// Values are clamped.
    Clamp,
    /// Values are looked up in a table of 256 bytes.
    Table,
}

/// One operation of the accelerator.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The layer of the network that it belongs to.
    pub layer: usize,
    pub work: Work,
    /// Tensors that it reads; of the first, `input` is read.
    pub reads: Vec<usize>,
    pub writes: usize,
    pub input: Extent,
    /// Of the second tensor.
    pub second: Option<Extent>,
    pub output: Extent,
    pub kernel: [i64; 2],
    pub stride: [i64; 2],
    pub dilation: [i64; 2],
    pub behind: Behind,
    /// Its weights are all 1, as those of a mean: they take next to nothing.
    pub plain_weights: bool,
    /// Element-wise work that is done with it.
    pub chain: Vec<Link>,
}

/// Element-wise work on the results of a job, on their way out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Whether the results before are of 32 bits.
    pub wide: bool,
    /// The other operand, where it is no single value, and what is read of it.
    pub other: Option<(usize, Extent)>,
}

impl Job {
    /// Rows and columns that a window spans.
    pub(super) fn span(&self) -> [i64; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }

    pub(super) const fn taps(&self) -> i64 {
        self.kernel[0] * self.kernel[1]
    }

    /// Tensors that it and its chain read.
    pub(super) fn all_reads(&self) -> impl Iterator<Item = usize> {
        let others = self.chain.iter().filter_map(|link| Some(link.other?.0));
        self.reads.iter().copied().chain(others)
    }

    /// Whether one of two operands is a single value.
    pub(super) fn has_scalar(&self) -> bool {
        self.input.volume() == 1 || self.second.is_some_and(|second| second.volume() == 1)
    }

    /// The part of the input that rows of the output need.
    pub(super) fn needed_for(&self, rows: Extent) -> Extent {
        let [high, wide] = self.span();
        Extent {
            height: ((rows.height - 1) * self.stride[0] + high).min(self.input.height),
            width: ((rows.width - 1) * self.stride[1] + wide).min(self.input.width),
            depth: self.input.depth,
        }
    }
}
