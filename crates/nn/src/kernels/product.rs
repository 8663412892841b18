//! c = a · b for many rows of a and packed weights b: 1×1 convolutions, linear layers, and dense convolutions whose
//! kernel positions are segments of an enlarged row.

use super::prefetch::Prefetch;
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
    pub(crate) ends: Ends,
}

/// What is done to a result at both ends of its sum, while it is in registers.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// For each column where the sum begins, or null for 0. Read in whole vectors.
    pub(crate) start: *const f32,
    /// What the sum is limited to.
    pub(crate) limits: Option<[f32; 2]>,
}

impl Ends {
    /// A sum as it is.
    pub(crate) const NONE: Self = Self {
        start: std::ptr::null(),
        limits: None,
    };

    /// The same from a later column on.
    pub(crate) const fn at(self, column: usize) -> Self {
        let start = if self.start.is_null() {
            self.start
        } else {
            self.start.wrapping_add(column)
        };
        Self { start, ..self }
    }
}

kernels! {
    /// Computes a product.
    fn product = product_any(p: &Product<'_>, prefetch: &mut Prefetch);
}

impl Product<'_> {
    /// About how often a product asks ahead.
    pub(crate) const fn calls(level: Level, rows: usize, columns: usize) -> usize {
        rows.div_ceil(8) * columns.div_ceil(3 * level.lanes())
    }
}

/// Runs a statement for each row of a tile, written out, so that accumulators become registers.
macro_rules! each_row {
    ($rows:ident, |$index:ident| $body:expr) => {
        each_row!($rows, $index, $body, 0, 1, 2, 3, 4, 5, 6, 7)
    };
    ($rows:ident, $index:ident, $body:expr, $($number:literal),*) => {
        $(if $rows > $number {
            const $index: usize = $number;
            $body;
        })*
    };
}
pub(crate) use each_row;

/// The same for the vectors of a row.
macro_rules! each_vector {
    ($vectors:ident, |$index:ident| $body:expr) => {
        each_vector!($vectors, $index, $body, 0, 1, 2)
    };
    ($vectors:ident, $index:ident, $body:expr, $($number:literal),*) => {
        $(if $vectors > $number {
            const $index: usize = $number;
            $body;
        })*
    };
}
pub(crate) use each_vector;

/// Up to three neighbouring vectors.
#[inline(always)]
pub(crate) unsafe fn load_vectors<S: Simd, const N: usize>(from: *const f32) -> (S::V, S::V, S::V) {
    unsafe {
        let first = S::load(from);
        let second = if N > 1 { S::load(from.add(S::LANES)) } else { first };
        let third = if N > 2 { S::load(from.add(2 * S::LANES)) } else { first };
        (first, second, third)
    }
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
unsafe fn product_any<S: Simd>(p: &Product<'_>, prefetch: &mut Prefetch) {
    let vectors = p.columns.div_ceil(S::LANES);
    let inner = p.segments.len() * p.segment_length;
    let (mut first, mut b) = (0, p.b);
    while first < vectors {
        let width = panel_vectors(vectors - first);
        unsafe {
            match width {
                1 => panel::<S, 1>(p, b, first, prefetch),
                2 => panel::<S, 2>(p, b, first, prefetch),
                _ => panel::<S, 3>(p, b, first, prefetch),
            }
            b = b.add(inner * width * S::LANES);
        }
        first += width;
    }
}

/// All rows of one panel of columns.
#[inline(always)]
unsafe fn panel<S: Simd, const N: usize>(p: &Product<'_>, b: *const f32, first: usize, prefetch: &mut Prefetch) {
    let most = S::TILE[N];
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
            prefetch.ask::<S>();
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
        let column = first * S::LANES;
        let mut sums = [[S::splat(0.0); 3]; 8];
        if !p.ends.start.is_null() {
            let (x, y, z) = load_vectors::<S, N>(p.ends.start.add(column));
            sums = [[x, y, z]; 8];
        }
        let mut b = b;
        let base = p.a.add(row * p.a_stride);
        for segment in p.segments {
            let start = base.add(*segment);
            let mut a = [start; 8];
            each_row!(M, |INDEX| a[INDEX] = start.add(INDEX * p.a_stride));
            for inner in 0..p.segment_length {
                let (x, y, z) = load_vectors::<S, N>(b);
                b = b.add(N * S::LANES);
                each_row!(M, |INDEX| {
                    let value = S::splat(*a[INDEX].add(inner));
                    sums[INDEX][0] = S::fma(value, x, sums[INDEX][0]);
                    if N > 1 {
                        sums[INDEX][1] = S::fma(value, y, sums[INDEX][1]);
                    }
                    if N > 2 {
                        sums[INDEX][2] = S::fma(value, z, sums[INDEX][2]);
                    }
                });
            }
        }
        if let Some([low, high]) = p.ends.limits {
            let (low, high) = (S::splat(low), S::splat(high));
            each_row!(M, |INDEX| {
                each_vector!(N, |VECTOR| {
                    sums[INDEX][VECTOR] = S::min(high, S::max(low, sums[INDEX][VECTOR]));
                });
            });
        }
        let tail = p.columns - column - (N - 1) * S::LANES;
        each_row!(M, |INDEX| {
            let c = p.c.add((row + INDEX) * p.c_stride + column);
            each_vector!(N, |VECTOR| {
                let (c, sum) = (c.add(VECTOR * S::LANES), &sums[INDEX][VECTOR]);
                if VECTOR + 1 < N || tail >= S::LANES {
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
            });
        });
    }
}
