use panarch_graph::{Conv2d, Layer, Network, Op, Shape};

/// A dimension of a convolution's loop nest.
///
/// O\[b,g,k,y,x\] += W\[g,k,c,fy,fx\] · I\[b,g,c,iy,ix\], where iy = stride·y + dilation·fy and ix likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopDim {
    /// Images of a batch.
    Batch,
    /// Groups; the channels of a depthwise convolution.
    Group,
    /// Output channels of a group.
    OutputChannel,
    /// Input channels of a group.
    InputChannel,
    /// Rows of the output.
    OutputRow,
    /// Columns of the output.
    OutputColumn,
    /// Rows of the kernel.
    KernelRow,
    /// Columns of the kernel.
    KernelColumn,
}

/// Number of dimensions of a nest.
pub const DIMS: usize = 8;

impl LoopDim {
    /// Every dimension with its name in profiles, in the order of the enum.
    pub const NAMES: [(&'static str, Self); DIMS] = [
        ("batch", Self::Batch),
        ("group", Self::Group),
        ("output_channel", Self::OutputChannel),
        ("input_channel", Self::InputChannel),
        ("output_row", Self::OutputRow),
        ("output_column", Self::OutputColumn),
        ("kernel_row", Self::KernelRow),
        ("kernel_column", Self::KernelColumn),
    ];

    /// Position in the order of the enum.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name used in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

/// What a layer reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// The kernel or matrix.
    Weight,
    /// What the layer before left.
    Input,
    /// What the layer leaves; partial sums on the way.
    Output,
}

impl Operand {
    /// Every operand with its name in profiles.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("weight", Self::Weight),
        ("input", Self::Input),
        ("output", Self::Output),
    ];

    /// Every operand.
    pub const ALL: [Self; 3] = [Self::Weight, Self::Input, Self::Output];

    /// Position in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// How a loop over a dimension touches the operand.
    #[must_use]
    pub const fn relevance(self, dim: LoopDim) -> Relevance {
        use LoopDim::{Batch, Group, InputChannel, KernelColumn, KernelRow, OutputChannel, OutputColumn, OutputRow};
        match (self, dim) {
            (Self::Weight, Group | OutputChannel | InputChannel | KernelRow | KernelColumn)
            | (Self::Input, Batch | Group | InputChannel)
            | (Self::Output, Batch | Group | OutputChannel | OutputRow | OutputColumn) => Relevance::Relevant,
            (Self::Input, OutputRow | OutputColumn | KernelRow | KernelColumn) => Relevance::Partial,
            _ => Relevance::Irrelevant,
        }
    }
}

/// How a loop touches an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relevance {
    /// Every iteration uses other elements.
    Relevant,
    /// Iterations share some elements: a sliding window.
    Partial,
    /// Every iteration uses the same elements: reuse.
    Irrelevant,
}

/// A convolution or linear layer as a nest of eight loops; what the mapper maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoopNest {
    /// Sizes of the loops, by [`LoopDim::index`]; at least 1.
    pub sizes: [u64; DIMS],
    /// Stride of rows and columns.
    pub stride: [u64; 2],
    /// Dilation of rows and columns.
    pub dilation: [u64; 2],
    /// Rows and columns of the input, without padding: no more of them ever move.
    pub input: [u64; 2],
}

impl LoopNest {
    /// Products of sizes stay below this, so that no count of bits or cycles overflows.
    pub(super) const MOST_MACS: u64 = 1 << 44;

    /// The nest of a layer; `None` for operators that do no multiply-accumulates or are too large to count.
    #[must_use]
    pub fn of(network: &Network, layer: &Layer, batch: u32) -> Option<Self> {
        let node = network.node(layer.anchor);
        let input = network.shape(*node.inputs.first()?);
        let output = network.shape(layer.anchor);
        match &node.op {
            Op::Conv2d(conv) => Self::of_convolution(conv, input, output, batch),
            Op::Linear(linear) => {
                let mut sizes = [1; DIMS];
                sizes[LoopDim::Batch.index()] = u64::from(batch);
                sizes[LoopDim::OutputChannel.index()] = u64::from(linear.out);
                sizes[LoopDim::InputChannel.index()] = input.elements();
                Self::checked(sizes, [1; 2], [1; 2], [1; 2])
            }
            Op::Input
            | Op::Slice(_)
            | Op::Shuffle { .. }
            | Op::Resize(_)
            | Op::Pad(_)
            | Op::LayerNorm(_)
            | Op::Affine(_)
            | Op::BatchNorm(_)
            | Op::Activation(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten => None,
        }
    }

    /// The nest of a convolution.
    #[must_use]
    pub fn of_convolution(conv: &Conv2d, input: Shape, output: Shape, batch: u32) -> Option<Self> {
        let groups = conv.groups.max(1);
        let sizes = [
            batch,
            groups,
            conv.out / groups,
            input.channels / groups,
            output.height,
            output.width,
            conv.kernel[0],
            conv.kernel[1],
        ];
        let wide = |pair: [u32; 2]| pair.map(u64::from);
        let image = [input.height, input.width];
        Self::checked(
            sizes.map(u64::from),
            wide(conv.stride),
            wide(conv.dilation),
            wide(image),
        )
    }

    fn checked(sizes: [u64; DIMS], stride: [u64; 2], dilation: [u64; 2], input: [u64; 2]) -> Option<Self> {
        let macs = sizes
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size))?;
        let whole = macs > 0 && macs <= Self::MOST_MACS && stride.iter().chain(&dilation).all(|step| *step > 0);
        whole.then_some(Self {
            sizes,
            stride,
            dilation,
            input,
        })
    }

    /// The nest with so many groups made one, weights that are zero between them included; `None` when it is too large.
    #[must_use]
    pub fn packed(&self, groups: u64) -> Option<Self> {
        let mut sizes = self.sizes;
        let [group, outputs, inputs] =
            [LoopDim::Group, LoopDim::OutputChannel, LoopDim::InputChannel].map(LoopDim::index);
        sizes[group] = sizes[group].div_ceil(groups.max(1));
        sizes[outputs] = sizes[outputs].checked_mul(groups)?;
        sizes[inputs] = sizes[inputs].checked_mul(groups)?;
        Self::checked(sizes, self.stride, self.dilation, self.input)
    }

    /// Multiply-accumulates of the nest.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.sizes.iter().product()
    }

    /// Elements of an operand that a tile of these extents touches.
    ///
    /// A window of y outputs and f taps touches y·f − max(0, f − s/g)·(y − d/g) rows, g the greatest common divisor of
    /// stride s and dilation d, and never more rows than the input has. Extents may be broken numbers: an array dimension
    /// that a loop does not fill evenly works on part of its lanes on average.
    #[must_use]
    pub fn elements(&self, operand: Operand, extent: &[f64; DIMS]) -> f64 {
        use LoopDim::{Batch, Group, InputChannel, KernelColumn, KernelRow, OutputChannel, OutputColumn, OutputRow};
        let e = |dim: LoopDim| extent[dim.index()];
        match operand {
            Operand::Weight => e(Group) * e(OutputChannel) * e(InputChannel) * e(KernelRow) * e(KernelColumn),
            Operand::Output => e(Batch) * e(Group) * e(OutputChannel) * e(OutputRow) * e(OutputColumn),
            Operand::Input => {
                let rows = self.window(0, e(OutputRow), e(KernelRow));
                let columns = self.window(1, e(OutputColumn), e(KernelColumn));
                e(Batch) * e(Group) * e(InputChannel) * rows * columns
            }
        }
    }

    fn window(&self, axis: usize, outputs: f64, taps: f64) -> f64 {
        let (outputs, taps) = (outputs.floor(), taps.floor());
        let common = gcd(self.stride[axis], self.dilation[axis]);
        let stride = (self.stride[axis] / common) as f64;
        let dilation = (self.dilation[axis] / common) as f64;
        let touched = outputs * taps - (taps - stride).max(0.0) * (outputs - dilation);
        touched.clamp(1.0, self.input[axis].max(1) as f64)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_and_are_clipped() {
        let nest =
            LoopNest::of_convolution(&Conv2d::square(8, 3, 2), Shape::new(4, 9, 9), Shape::new(8, 5, 5), 1).unwrap();
        let mut extent = [1.0; DIMS];
        extent[LoopDim::KernelRow.index()] = 3.0;
        assert!((nest.elements(Operand::Input, &extent) - 3.0).abs() < 1e-9);
        extent[LoopDim::OutputRow.index()] = 2.0;
        assert!((nest.elements(Operand::Input, &extent) - 5.0).abs() < 1e-9);
        extent[LoopDim::OutputRow.index()] = 5.0;
        assert!((nest.elements(Operand::Input, &extent) - 9.0).abs() < 1e-9);
        assert_eq!(nest.macs(), 8 * 4 * 25 * 9);
    }
}
