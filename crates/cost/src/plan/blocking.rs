//! Blocks of results, and how often a convolution reads its input for them.

use panarch_graph::{Conv2d, Shape};

use crate::profile::Blocking;

/// How many times a convolution reads its input, at least 1.
///
/// A block is as many rows and columns as the output, rounded up to powers of two, and the profile allow, and as many output
/// channels as the accumulators then hold; it is half as wide where all output channels then fit. A dense convolution reads the input of a block of positions for each block of output channels; of a depthwise
/// one, each block of channels has an input of its own. A kernel larger than its stride reaches over the seams.
pub(super) fn input_reads(blocking: &Blocking, conv: &Conv2d, input: Shape, output: Shape) -> f64 {
    let most = |of: u32, allowed: u32| u64::from(of).next_power_of_two().min(u64::from(allowed)).max(1);
    let rows = most(output.height, blocking.rows.value);
    let mut columns = most(output.width, blocking.columns.value);
    let channels = u64::from(output.channels / conv.groups.max(1));
    let held = |columns: u64| (u64::from(blocking.accumulators.value) / (rows * columns)).max(1);
    if channels > held(columns) && columns > 1 && channels <= held(columns / 2) {
        columns /= 2;
    }
    let seams = |of: u32, blocks: u64, axis: usize| {
        let [kernel, stride] = [conv.kernel, conv.stride].map(|it| it.get(axis).copied().unwrap_or(1));
        let reach = u64::from(kernel.saturating_sub(stride));
        1.0 + (reach * blocks.saturating_sub(1)) as f64 / f64::from(of.max(1))
    };
    let high = seams(input.height, u64::from(output.height).div_ceil(rows), 0);
    let wide = seams(input.width, u64::from(output.width).div_ceil(columns), 1);
    high * wide * channels.div_ceil(held(columns)).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Origin, Sourced};

    fn blocking() -> Blocking {
        let sourced = |value| Sourced {
            value,
            origin: Origin::Assumption("a test".to_owned()),
        };
        Blocking {
            accumulators: sourced(4096),
            rows: sourced(8),
            columns: sourced(16),
        }
    }

    fn conv(kernel: u32, stride: u32, groups: u32) -> Conv2d {
        let mut conv = Conv2d::square(1, kernel, stride);
        conv.groups = groups;
        conv
    }

    #[test]
    fn inputs_are_read_for_each_block() {
        // The compiler's own counts for MobileNetV2 (ethos-u-vela 5.2.0, 256 MACs) are 20, 5, 3.5, 6.4 and 1.36.
        let cases = [
            (conv(1, 1, 1), (320, 7), (1280, 7), 20.0),
            (conv(1, 1, 1), (960, 7), (320, 7), 5.0),
            (conv(1, 1, 1), (16, 112), (96, 112), 3.0),
            (conv(1, 1, 1), (24, 56), (144, 56), 5.0),
            (conv(3, 1, 144), (144, 56), (144, 56), 68.0 * 62.0 / (56.0 * 56.0)),
            (conv(1, 1, 1), (960, 1), (240, 1), 1.0),
            // All 40 fit into blocks of 8×8.
            (conv(1, 1, 1), (240, 24), (40, 24), 1.0),
        ];
        for (conv, (from, high), (to, low), expected) in cases {
            let (input, output) = (Shape::new(from, high, high), Shape::new(to, low, low));
            let found = input_reads(&blocking(), &conv, input, output);
            assert!((found - expected).abs() < 1e-9, "{conv:?} {input} {output}: {found}");
        }
    }
}
