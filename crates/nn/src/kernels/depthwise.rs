//! Depthwise convolution over a block of channels: forward, data gradient (the same with other taps) and weight
//! gradient. Inputs lie in a padded scratch image, so that no border is ever tested.

use super::ahead::Ahead;
use super::product::Ends;
use crate::simd::{Level, Simd, kernels};

/// One depthwise pass over `lines` × `columns` outputs of a block of channels.
#[derive(Clone, Copy)]
pub(crate) struct Depthwise<'a> {
    pub(crate) lines: usize,
    pub(crate) columns: usize,
    /// Channels written; the scratch and the weights are padded with zeros to whole vectors.
    pub(crate) channels: usize,
    /// Scratch image: `input[line · input_line + column · input_step + tap offset + channel]`.
    pub(crate) input: *const f32,
    pub(crate) input_line: usize,
    pub(crate) input_step: usize,
    pub(crate) taps: &'a [usize],
    /// `weights[tap · weight_stride + channel]`.
    pub(crate) weights: *const f32,
    pub(crate) weight_stride: usize,
    pub(crate) output: *mut f32,
    pub(crate) output_line: usize,
    pub(crate) output_step: usize,
    /// Adds to the output instead of overwriting it.
    pub(crate) accumulate: bool,
    pub(crate) ends: Ends,
}

impl Depthwise<'_> {
    /// About how often a pass asks ahead.
    pub(crate) const fn calls(level: Level, [lines, columns]: [usize; 2], channels: usize) -> usize {
        lines * columns.div_ceil(TILE) * channels.div_ceil(level.lanes())
    }
}

/// The weight gradient of one image and block of channels.
#[derive(Clone, Copy)]
pub(crate) struct DepthwiseWeights<'a> {
    pub(crate) lines: usize,
    pub(crate) columns: usize,
    /// A whole number of vectors.
    pub(crate) channels: usize,
    pub(crate) input: *const f32,
    pub(crate) input_line: usize,
    pub(crate) input_step: usize,
    pub(crate) taps: &'a [usize],
    /// `gradient[line · gradient_line + column · gradient_step + channel]`.
    pub(crate) gradient: *const f32,
    pub(crate) gradient_line: usize,
    pub(crate) gradient_step: usize,
    /// `sums[tap · sum_stride + channel]`, added to.
    pub(crate) sums: *mut f32,
    pub(crate) sum_stride: usize,
}

impl DepthwiseWeights<'_> {
    /// About how often a pass asks ahead.
    pub(crate) const fn calls(level: Level, [lines, columns]: [usize; 2], channels: usize, taps: usize) -> usize {
        (lines * columns).div_ceil(CHUNK) * channels.div_ceil(level.lanes()) * taps.div_ceil(TAPS)
    }
}

kernels! {
    /// Convolves.
    fn convolve = convolve_any(d: &Depthwise<'_>, ahead: &mut Ahead);
    /// Adds the weight gradient to the sums.
    fn weight_gradient = weight_gradient_any(d: &DepthwiseWeights<'_>, ahead: &mut Ahead);
}

/// Outputs of one tile.
const TILE: usize = 8;

#[inline(always)]
unsafe fn convolve_any<S: Simd>(d: &Depthwise<'_>, ahead: &mut Ahead) {
    let tiles = d.columns.div_ceil(TILE).max(1);
    for line in 0..d.lines {
        let mut channel = 0;
        while channel < d.channels {
            let (mut column, mut left) = (0, tiles);
            while column < d.columns {
                let width = (d.columns - column).div_ceil(left);
                unsafe {
                    ahead.ask::<S>();
                    let input = d.input.add(line * d.input_line + column * d.input_step + channel);
                    let output = d.output.add(line * d.output_line + column * d.output_step + channel);
                    match width {
                        1 => tile::<S, 1>(d, input, output, channel),
                        2 => tile::<S, 2>(d, input, output, channel),
                        3 => tile::<S, 3>(d, input, output, channel),
                        4 => tile::<S, 4>(d, input, output, channel),
                        5 => tile::<S, 5>(d, input, output, channel),
                        6 => tile::<S, 6>(d, input, output, channel),
                        7 => tile::<S, 7>(d, input, output, channel),
                        _ => tile::<S, 8>(d, input, output, channel),
                    }
                }
                column += width;
                left -= 1;
            }
            channel += S::LANES;
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, const T: usize>(d: &Depthwise<'_>, input: *const f32, output: *mut f32, channel: usize) {
    unsafe {
        let start = if d.ends.start.is_null() {
            S::splat(0.0)
        } else {
            S::load(d.ends.start.add(channel))
        };
        let mut sums = [start; T];
        let mut weights = d.weights.add(channel);
        for tap in d.taps {
            let weight = S::load(weights);
            weights = weights.add(d.weight_stride);
            let from = input.add(*tap);
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = S::fma(S::load(from.add(t * d.input_step)), weight, *sum);
            }
        }
        if let Some([low, high]) = d.ends.limits {
            let (low, high) = (S::splat(low), S::splat(high));
            for sum in &mut sums {
                *sum = S::min(S::max(*sum, low), high);
            }
        }
        let tail = d.channels - channel;
        for (t, sum) in sums.iter().enumerate() {
            let to = output.add(t * d.output_step);
            if tail >= S::LANES {
                let sum = if d.accumulate { S::add(S::load(to), *sum) } else { *sum };
                S::store(to, sum);
            } else {
                let sum = if d.accumulate {
                    S::add(S::load_first(to, tail), *sum)
                } else {
                    *sum
                };
                S::store_first(to, sum, tail);
            }
        }
    }
}

/// Positions that are summed in registers before the sums are touched.
const CHUNK: usize = 64;

/// Most taps that are summed at once.
const TAPS: usize = 10;

#[inline(always)]
unsafe fn weight_gradient_any<S: Simd>(d: &DepthwiseWeights<'_>, ahead: &mut Ahead) {
    let lines = (CHUNK / d.columns.max(1)).max(1);
    for start in (0..d.lines).step_by(lines) {
        let count = lines.min(d.lines - start);
        let mut channel = 0;
        while channel < d.channels {
            let (mut tap, mut groups) = (0, d.taps.len().div_ceil(TAPS));
            while tap < d.taps.len() {
                let width = (d.taps.len() - tap).div_ceil(groups);
                unsafe {
                    ahead.ask::<S>();
                    match width {
                        1 => taps::<S, 1>(d, start, count, channel, tap),
                        2 => taps::<S, 2>(d, start, count, channel, tap),
                        3 => taps::<S, 3>(d, start, count, channel, tap),
                        4 => taps::<S, 4>(d, start, count, channel, tap),
                        5 => taps::<S, 5>(d, start, count, channel, tap),
                        6 => taps::<S, 6>(d, start, count, channel, tap),
                        7 => taps::<S, 7>(d, start, count, channel, tap),
                        8 => taps::<S, 8>(d, start, count, channel, tap),
                        9 => taps::<S, 9>(d, start, count, channel, tap),
                        _ => taps::<S, 10>(d, start, count, channel, tap),
                    }
                }
                tap += width;
                groups -= 1;
            }
            channel += S::LANES;
        }
    }
}

#[inline(always)]
unsafe fn taps<S: Simd, const T: usize>(
    d: &DepthwiseWeights<'_>,
    start: usize,
    count: usize,
    channel: usize,
    tap: usize,
) {
    unsafe {
        let mut offsets = [0; T];
        for (offset, tap) in offsets.iter_mut().zip(&d.taps[tap..]) {
            *offset = *tap;
        }
        let mut sums = [S::splat(0.0); T];
        for line in start..start + count {
            let mut input = d.input.add(line * d.input_line + channel);
            let mut gradient = d.gradient.add(line * d.gradient_line + channel);
            for _ in 0..d.columns {
                let g = S::load(gradient);
                for (sum, offset) in sums.iter_mut().zip(&offsets) {
                    *sum = S::fma(S::load(input.add(*offset)), g, *sum);
                }
                input = input.add(d.input_step);
                gradient = gradient.add(d.gradient_step);
            }
        }
        for (index, sum) in sums.iter().enumerate() {
            let to = d.sums.add((tap + index) * d.sum_stride + channel);
            S::store(to, S::add(S::load(to), *sum));
        }
    }
}
