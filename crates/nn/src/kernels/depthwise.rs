//! Depthwise convolution over a block of channels: forward, data gradient (the same with other taps) and weight
//! gradient. Inputs lie in a padded scratch image, so that no border is ever tested.

use super::prefetch::Prefetch;
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
    fn convolve = convolve_any(d: &Depthwise<'_>, prefetch: &mut Prefetch);
    /// Adds the weight gradient to the sums.
    fn weight_gradient = weight_gradient_any(d: &DepthwiseWeights<'_>, prefetch: &mut Prefetch);
}

/// Outputs of one tile.
const TILE: usize = 8;

#[inline(always)]
unsafe fn convolve_any<S: Simd>(d: &Depthwise<'_>, prefetch: &mut Prefetch) {
    let tiles = d.columns.div_ceil(TILE).max(1);
    // With few registers a sliding tile spills what it holds.
    let row = if S::REGISTERS < 32 { None } else { Row::of(d) };
    for line in 0..d.lines {
        let mut channel = 0;
        while channel < d.channels {
            let (mut column, mut left) = (0, tiles);
            while column < d.columns {
                let width = (d.columns - column).div_ceil(left);
                unsafe {
                    prefetch.ask::<S>();
                    let input = d.input.add(line * d.input_line + column * d.input_step + channel);
                    let output = d.output.add(line * d.output_line + column * d.output_step + channel);
                    match (width, row.map_or(0, |row| row.width)) {
                        (7, 3) => slide::<S, 3, 7>(d, row, input, output, channel),
                        (8, 3) => slide::<S, 3, 8>(d, row, input, output, channel),
                        (7, 5) => slide::<S, 5, 7>(d, row, input, output, channel),
                        (8, 5) => slide::<S, 5, 8>(d, row, input, output, channel),
                        (7, 7) => slide::<S, 7, 7>(d, row, input, output, channel),
                        (8, 7) => slide::<S, 7, 8>(d, row, input, output, channel),
                        (1, _) => tile::<S, 1>(d, input, output, channel),
                        (2, _) => tile::<S, 2>(d, input, output, channel),
                        (3, _) => tile::<S, 3>(d, input, output, channel),
                        (4, _) => tile::<S, 4>(d, input, output, channel),
                        (5, _) => tile::<S, 5>(d, input, output, channel),
                        (6, _) => tile::<S, 6>(d, input, output, channel),
                        (7, _) => tile::<S, 7>(d, input, output, channel),
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

/// Where the sums of a tile begin.
#[inline(always)]
unsafe fn begin<S: Simd, const T: usize>(d: &Depthwise<'_>, channel: usize) -> [S::V; T] {
    if d.ends.start.is_null() {
        return unsafe { [S::splat(0.0); T] };
    }
    unsafe { [S::load(d.ends.start.add(channel)); T] }
}

/// Limits and stores the sums of a tile.
#[inline(always)]
unsafe fn finish<S: Simd, const T: usize>(d: &Depthwise<'_>, mut sums: [S::V; T], output: *mut f32, channel: usize) {
    unsafe {
        if let Some([low, high]) = d.ends.limits {
            let (low, high) = (S::splat(low), S::splat(high));
            for sum in &mut sums {
                *sum = S::min(high, S::max(low, *sum));
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

#[inline(always)]
unsafe fn tile<S: Simd, const T: usize>(d: &Depthwise<'_>, input: *const f32, output: *mut f32, channel: usize) {
    unsafe {
        let mut sums = begin::<S, T>(d, channel);
        let mut weights = d.weights.add(channel);
        for tap in d.taps {
            let weight = S::load(weights);
            weights = weights.add(d.weight_stride);
            let from = input.add(*tap);
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = S::fma(S::load(from.add(t * d.input_step)), weight, *sum);
            }
        }
        finish::<S, T>(d, sums, output, channel);
    }
}

/// Kernel rows whose neighbouring positions meet neighbouring outputs, so that a value that was loaded once serves all
/// outputs of a tile that it reaches.
#[derive(Clone, Copy)]
struct Row {
    width: usize,
    /// The positions come last first, as in a data gradient.
    reversed: bool,
}

impl Row {
    /// The rows of a kernel that moves by its own positions, of a width that tiles are compiled for.
    fn of(d: &Depthwise<'_>) -> Option<Self> {
        let is_row = |row: &[usize], reversed: bool| {
            row.windows(2).all(|pair| {
                let [from, to] = if reversed {
                    [pair[1], pair[0]]
                } else {
                    [pair[0], pair[1]]
                };
                to == from + d.input_step
            })
        };
        [3, 5, 7].into_iter().find_map(|width| {
            let fits = |reversed| {
                let rows = d.taps.chunks_exact(width);
                d.taps.len() >= width
                    && rows.remainder().is_empty()
                    && d.taps.chunks(width).all(|row| is_row(row, reversed))
            };
            let reversed = [false, true].into_iter().find(|reversed| fits(*reversed))?;
            Some(Self { width, reversed })
        })
    }
}

/// Runs a statement for each of the first so many numbers, written out, so that sums become registers.
macro_rules! written_out {
    ($count:expr, |$index:ident| $body:expr, $($number:literal),*) => {
        $(if $number < $count {
            const $index: usize = $number;
            $body;
        })*
    };
}

/// A tile of T outputs of rows of K positions.
#[inline(always)]
unsafe fn slide<S: Simd, const K: usize, const T: usize>(
    d: &Depthwise<'_>,
    row: Option<Row>,
    input: *const f32,
    output: *mut f32,
    channel: usize,
) {
    let reversed = row.is_some_and(|row| row.reversed);
    unsafe {
        let mut sums = begin::<S, T>(d, channel);
        let mut weights = d.weights.add(channel);
        for row in d.taps.chunks_exact(K) {
            let mut kernel = [S::splat(0.0); K];
            for (position, weight) in kernel.iter_mut().enumerate() {
                let at = if reversed { K - 1 - position } else { position };
                *weight = S::load(weights.add(at * d.weight_stride));
            }
            weights = weights.add(K * d.weight_stride);
            let from = input.add(if reversed { row[K - 1] } else { row[0] });
            written_out!(
                T + K - 1,
                |COLUMN| {
                    let value = S::load(from.add(COLUMN * d.input_step));
                    written_out!(
                        K,
                        |POSITION| {
                            // A position before the tile wraps round, beyond its end.
                            let output = COLUMN.wrapping_sub(POSITION);
                            if output < T {
                                sums[output] = S::fma(value, kernel[POSITION], sums[output]);
                            }
                        },
                        0,
                        1,
                        2,
                        3,
                        4,
                        5,
                        6
                    );
                },
                0,
                1,
                2,
                3,
                4,
                5,
                6,
                7,
                8,
                9,
                10,
                11,
                12,
                13
            );
        }
        finish::<S, T>(d, sums, output, channel);
    }
}

/// Positions that are summed in registers before the sums are touched.
const CHUNK: usize = 64;

/// Most taps that are summed at once.
const TAPS: usize = 10;

#[inline(always)]
unsafe fn weight_gradient_any<S: Simd>(d: &DepthwiseWeights<'_>, prefetch: &mut Prefetch) {
    let lines = (CHUNK / d.columns.max(1)).max(1);
    for start in (0..d.lines).step_by(lines) {
        let count = lines.min(d.lines - start);
        let mut channel = 0;
        while channel < d.channels {
            let (mut tap, mut groups) = (0, d.taps.len().div_ceil(TAPS));
            while tap < d.taps.len() {
                let width = (d.taps.len() - tap).div_ceil(groups);
                unsafe {
                    prefetch.ask::<S>();
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
