//! c = a · b for many rows of a and packed weights b: 1×1 convolutions, linear layers, and dense convolutions whose
//! kernel positions are segments of an enlarged row.

use crate::simd::{Level, Simd, kernels};

/// One product.
///
/// Row r of a is the concatenation over segments s of `segment_length` values from `a + r·a_stride + segments[s]`.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub(crate) rows: usize,
    pub(crate) a: *const f32,
    pub(crate) a_stride: usize,
    pub(crate) segments: &'a [usize],
    pub(crate) segment_length: usize,
    /// Weights from [`pack`].
    pub(crate) b: *const f32,
    /// Columns of b and c.
    pub(crate) columns: usize,
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    /// Adds to c instead of overwriting it.
    pub(crate) accumulate: bool,
}

kernels! {
    /// Computes a product.
    fn product = product_any(p: &Product<'_>);
}

/// Vectors in the next panel of columns when `left` remain.
pub(crate) const fn panel_vectors(left: usize) -> usize {
    match left {
        1 => 1,
        2 | 4 => 2,
        _ => 3,
    }
}

/// Length of the packed form of a matrix.
pub(crate) const fn packed_length(level: Level, inner: usize, columns: usize) -> usize {
    inner * columns.next_multiple_of(level.lanes())
}

/// Packs a matrix of `inner` rows and `columns` columns, given by `at(row, column)`, into panels of up to three vectors:
/// panel by panel, row by row, padded with zeros to whole vectors.
pub(crate) fn pack(level: Level, inner: usize, columns: usize, out: &mut [f32], at: impl Fn(usize, usize) -> f32) {
    let lanes = level.lanes();
    let vectors = columns.div_ceil(lanes);
    let (mut first, mut position) = (0, 0);
    while first < vectors {
        let width = panel_vectors(vectors - first) * lanes;
        let start = first * lanes;
        for row in 0..inner {
            let line = &mut out[position..position + width];
            for (offset, value) in line.iter_mut().enumerate() {
                let column = start + offset;
                *value = if column < columns { at(row, column) } else { 0.0 };
            }
            position += width;
        }
        first += width / lanes;
    }
}

#[inline(always)]
unsafe fn product_any<S: Simd>(p: &Product<'_>) {
    let vectors = p.columns.div_ceil(S::LANES);
    let inner = p.segments.len() * p.segment_length;
    let (mut first, mut b) = (0, p.b);
    while first < vectors {
        let width = panel_vectors(vectors - first);
        unsafe {
            match width {
                1 => panel::<S, 1>(p, b, first),
                2 => panel::<S, 2>(p, b, first),
                _ => panel::<S, 3>(p, b, first),
            }
            b = b.add(inner * width * S::LANES);
        }
        first += width;
    }
}

/// All rows of one panel of columns.
#[inline(always)]
unsafe fn panel<S: Simd, const N: usize>(p: &Product<'_>, b: *const f32, first: usize) {
    let most = (S::ACCUMULATORS / N).min(8);
    let mut row = 0;
    while row < p.rows {
        let left = p.rows - row;
        // Two even tiles at the end instead of a full one and a thin one.
        let tile = if left > most && left < 2 * most {
            left.div_ceil(2)
        } else {
            left.min(most)
        };
        unsafe {
            match tile {
                1 => micro::<S, 1, N>(p, b, first, row),
                2 => micro::<S, 2, N>(p, b, first, row),
                3 => micro::<S, 3, N>(p, b, first, row),
                4 => micro::<S, 4, N>(p, b, first, row),
                5 => micro::<S, 5, N>(p, b, first, row),
                6 => micro::<S, 6, N>(p, b, first, row),
                7 => micro::<S, 7, N>(p, b, first, row),
                _ => micro::<S, 8, N>(p, b, first, row),
            }
        }
        row += tile;
    }
}

/// M rows by N vectors, accumulated in registers.
#[inline(always)]
unsafe fn micro<S: Simd, const M: usize, const N: usize>(p: &Product<'_>, b: *const f32, first: usize, row: usize) {
    unsafe {
        let mut sums = [[S::splat(0.0); N]; M];
        let mut b = b;
        let base = p.a.add(row * p.a_stride);
        for segment in p.segments {
            let start = base.add(*segment);
            let mut a: [*const f32; M] = [start; M];
            for (index, a) in a.iter_mut().enumerate() {
                *a = start.add(index * p.a_stride);
            }
            for inner in 0..p.segment_length {
                let mut weights = [S::splat(0.0); N];
                for (v, weight) in weights.iter_mut().enumerate() {
                    *weight = S::load(b.add(v * S::LANES));
                }
                b = b.add(N * S::LANES);
                for (a, sums) in a.iter().zip(&mut sums) {
                    let x = S::splat(*a.add(inner));
                    for (sum, weight) in sums.iter_mut().zip(&weights) {
                        *sum = S::fma(x, *weight, *sum);
                    }
                }
            }
        }
        let column = first * S::LANES;
        let tail = p.columns - column - (N - 1) * S::LANES;
        for (index, sums) in sums.iter().enumerate() {
            let c = p.c.add((row + index) * p.c_stride + column);
            for (v, sum) in sums.iter().enumerate() {
                let c = c.add(v * S::LANES);
                if v + 1 < N || tail >= S::LANES {
                    let sum = if p.accumulate { S::add(S::load(c), *sum) } else { *sum };
                    S::store(c, sum);
                } else {
                    let sum = if p.accumulate {
                        S::add(S::load_first(c, tail), *sum)
                    } else {
                        *sum
                    };
                    S::store_first(c, sum, tail);
                }
            }
        }
    }
}
