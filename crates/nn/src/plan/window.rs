use panarch_graph::{Conv2d, Pool, Shape};

/// The geometry of a sliding window; pairs are (height, width).
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// Padding before the first row and column; what is needed after the last follows from the output.
    pub(crate) before: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

/// Along one axis: the input positions start, start + stride, … and the outputs that reach them.
#[derive(Debug, Clone)]
pub(crate) struct AxisPhase {
    /// First input position.
    pub(crate) start: usize,
    /// Number of input positions.
    pub(crate) count: usize,
    /// (kernel position, output position that reaches `start` with it; may lie outside).
    pub(crate) taps: Vec<(usize, isize)>,
}

fn pair(values: [u32; 2]) -> [usize; 2] {
    values.map(|value| value as usize)
}

fn size(shape: Shape) -> [usize; 2] {
    [shape.height as usize, shape.width as usize]
}

impl Window {
    pub(crate) fn of_convolution(conv: &Conv2d, from: Shape, to: Shape) -> Self {
        Self {
            kernel: pair(conv.kernel),
            stride: pair(conv.stride),
            before: pair(conv.padding.before),
            dilation: pair(conv.dilation),
            input: size(from),
            output: size(to),
        }
    }

    pub(crate) fn of_pool(pool: &Pool, from: Shape, to: Shape) -> Self {
        Self {
            kernel: pair(pool.kernel),
            stride: pair(pool.stride),
            before: pair(pool.padding.before),
            dilation: [1, 1],
            input: size(from),
            output: size(to),
        }
    }

    /// The window of a product: one position.
    pub(crate) const fn unit() -> Self {
        Self {
            kernel: [1, 1],
            stride: [1, 1],
            before: [0, 0],
            dilation: [1, 1],
            input: [1, 1],
            output: [1, 1],
        }
    }

    /// True when every output reads exactly the input at its own place.
    pub(crate) fn is_unit(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.before == [0, 0] && self.input == self.output
    }

    /// Size of the padded input along an axis: all of the input and all that the outputs reach.
    pub(crate) fn padded(&self, axis: usize) -> usize {
        let reach = (self.output[axis] - 1) * self.stride[axis] + (self.kernel[axis] - 1) * self.dilation[axis] + 1;
        reach.max(self.before[axis] + self.input[axis])
    }

    /// The phases of the data gradient along an axis: input positions of equal remainder share their kernel positions.
    pub(crate) fn phases(&self, axis: usize) -> Vec<AxisPhase> {
        let (stride, before) = (self.stride[axis], self.before[axis]);
        let phase = |start: usize| {
            let reaches = |k: usize| {
                let distance = (start + before) as isize - (k * self.dilation[axis]) as isize;
                let stride = stride as isize;
                (distance.rem_euclid(stride) == 0).then(|| (k, distance.div_euclid(stride)))
            };
            AxisPhase {
                start,
                count: (self.input[axis] - start).div_ceil(stride),
                taps: (0..self.kernel[axis]).filter_map(reaches).collect(),
            }
        };
        (0..stride.min(self.input[axis])).map(phase).collect()
    }

    /// Zero positions that the output gradient needs before and after it along an axis, so that no tap of any phase
    /// leaves it.
    pub(crate) fn halo(&self, axis: usize) -> [usize; 2] {
        let (mut before, mut after) = (0, 0);
        for phase in self.phases(axis) {
            for (_, output) in &phase.taps {
                before = before.max(-output);
                let last = output + phase.count as isize - 1;
                after = after.max(last - (self.output[axis] as isize - 1));
            }
        }
        [before.max(0) as usize, after.max(0) as usize]
    }

    /// For each output position of an average, one part of the positions that it counts.
    ///
    /// Those are the window's positions in the image, or in the image with its padding; what hangs over both counts
    /// nowhere.
    pub(crate) fn shares(&self, pool: &Pool) -> Vec<f32> {
        let counted = |axis: usize, output: usize| {
            let (start, before) = (output * self.stride[axis], self.before[axis]);
            let image = before + self.input[axis];
            let (first, end) = if pool.count_padding {
                (start, image + pool.padding.after[axis] as usize)
            } else {
                (start.max(before), image)
            };
            (start + self.kernel[axis]).min(end).saturating_sub(first).max(1)
        };
        let mut shares = Vec::with_capacity(self.output[0] * self.output[1]);
        for y in 0..self.output[0] {
            for x in 0..self.output[1] {
                shares.push(1.0 / (counted(0, y) * counted(1, x)) as f32);
            }
        }
        shares
    }
}
