use super::{Window, lines};
use crate::kernels::product::packed_length;
use crate::simd::Level;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Rows of channels times a matrix: 1×1 convolutions and linear layers.
    Pointwise,
    /// Dense and grouped convolutions over a padded image.
    Dense,
    /// One channel alone, over a padded image of a block of channels.
    Depthwise,
}

/// One set of input positions that the same kernel positions reach in the data gradient.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// First input position (row, column).
    pub(crate) start: [usize; 2],
    /// Number of input positions (rows, columns), a stride apart.
    pub(crate) count: [usize; 2],
    /// Kernel positions, row-major numbers.
    pub(crate) taps: Vec<usize>,
    /// For each, the offset into the padded output gradient for the first input position.
    pub(crate) offsets: Vec<usize>,
    /// Where the phase's weights lie in the packed weights of the data gradient.
    pub(crate) packed: usize,
}

/// A convolution or linear layer, worked out.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    pub(crate) form: Form,
    pub(crate) window: Window,
    pub(crate) groups: usize,
    /// All input and output channels.
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Position of the weight and the bias among the network's parameters.
    pub(crate) weight: usize,
    pub(crate) bias: Option<usize>,
    /// Size of the padded input image.
    pub(crate) padded: [usize; 2],
    /// Size of the padded output gradient, and its zeros before the first row and column.
    pub(crate) gradient_padded: [usize; 2],
    pub(crate) halo: [usize; 2],
    /// Floats of one pixel in the padded input and the padded output gradient.
    pub(crate) pixel: usize,
    pub(crate) gradient_pixel: usize,
    /// Offsets of the kernel's segments from a pixel of the padded input, and their length.
    pub(crate) segments: Vec<usize>,
    pub(crate) segment_length: usize,
    pub(crate) phases: Vec<Phase>,
    /// Length of the packed weights forward, for the data gradient, and of the weight gradient's sums.
    pub(crate) packed: usize,
    pub(crate) gradient_packed: usize,
    pub(crate) sums: usize,
}

/// A padded image of a block of channels should stay within this many floats (64 KB).
const BLOCK: usize = 1 << 14;

impl Convolution {
    pub(crate) fn new(
        level: Level,
        window: Window,
        groups: usize,
        [inputs, outputs]: [usize; 2],
        weight: usize,
        bias: Option<usize>,
    ) -> Self {
        let lanes = level.lanes();
        let form = if groups > 1 && groups == inputs && groups == outputs {
            Form::Depthwise
        } else if groups == 1 && window.is_unit() {
            Form::Pointwise
        } else {
            Form::Dense
        };
        let padded = [window.padded(0), window.padded(1)];
        let halos = [window.halo(0), window.halo(1)];
        let halo = [halos[0][0], halos[1][0]];
        let gradient_padded = [0, 1].map(|axis| halos[axis][0] + window.output[axis] + halos[axis][1]);
        let (pixel, gradient_pixel) = match form {
            Form::Depthwise => {
                let image = padded[0] * padded[1];
                let most = image.max(gradient_padded[0] * gradient_padded[1]);
                let block = (BLOCK / most.max(1) / 16 * 16).max(32);
                let block = block.min(inputs.next_multiple_of(lanes));
                (block, block)
            }
            _ => (inputs, outputs.next_multiple_of(lanes)),
        };
        let mut this = Self {
            form,
            groups,
            inputs,
            outputs,
            weight,
            bias,
            padded,
            gradient_padded,
            halo,
            pixel,
            gradient_pixel,
            segments: Vec::new(),
            segment_length: inputs / groups,
            phases: Vec::new(),
            packed: 0,
            gradient_packed: 0,
            sums: 0,
            window,
        };
        this.segment();
        this.phase();
        this.measure(level);
        this
    }

    /// Input and output channels of one group.
    pub(crate) const fn group(&self) -> [usize; 2] {
        [self.inputs / self.groups, self.outputs / self.groups]
    }

    /// Number of kernel positions.
    pub(crate) const fn taps(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1]
    }

    /// Rows of a group's matrix: kernel positions times input channels.
    pub(crate) const fn inner(&self) -> usize {
        self.taps() * (self.inputs / self.groups)
    }

    fn segment(&mut self) {
        let [kernel_height, kernel_width] = self.window.kernel;
        let [down, right] = self.window.dilation;
        let line = self.padded[1] * self.pixel;
        let merged = self.form != Form::Depthwise && self.groups == 1 && right == 1;
        for y in 0..kernel_height {
            if merged {
                self.segments.push(y * down * line);
                continue;
            }
            let row = (0..kernel_width).map(|x| y * down * line + x * right * self.pixel);
            self.segments.extend(row);
        }
        if merged {
            self.segment_length *= kernel_width;
        }
    }

    fn phase(&mut self) {
        let line = self.gradient_padded[1] * self.gradient_pixel;
        for vertical in self.window.phases(0) {
            for horizontal in self.window.phases(1) {
                let (mut taps, mut offsets) = (Vec::new(), Vec::new());
                for (ky, y) in &vertical.taps {
                    for (kx, x) in &horizontal.taps {
                        taps.push(ky * self.window.kernel[1] + kx);
                        // The halo makes both sums non-negative.
                        let y = (y + self.halo[0] as isize) as usize;
                        let x = (x + self.halo[1] as isize) as usize;
                        offsets.push(y * line + x * self.gradient_pixel);
                    }
                }
                self.phases.push(Phase {
                    start: [vertical.start, horizontal.start],
                    count: [vertical.count, horizontal.count],
                    taps,
                    offsets,
                    packed: 0,
                });
            }
        }
    }

    fn measure(&mut self, level: Level) {
        let [ins, outs] = self.group();
        let lanes = level.lanes();
        let mut position = 0;
        if self.form == Form::Depthwise {
            let channels = self.inputs.next_multiple_of(lanes);
            // Blocks of channels are read as whole vectors.
            self.packed = lines(self.taps() * channels);
            self.sums = lines(self.taps() * channels);
            for phase in &mut self.phases {
                phase.packed = position;
                position += lines(phase.taps.len() * channels);
            }
        } else {
            self.packed = lines(self.groups * packed_length(level, self.inner(), outs));
            self.sums = lines(self.groups * self.inner() * outs.next_multiple_of(lanes));
            for phase in &mut self.phases {
                phase.packed = position;
                position += lines(self.groups * packed_length(level, phase.taps.len() * outs, ins));
            }
        }
        self.gradient_packed = position;
    }
}
