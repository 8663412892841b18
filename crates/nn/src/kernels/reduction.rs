//! c += aᵀ · b summed over many rows: weight gradients.

use super::prefetch::Prefetch;
use super::product::{each_row, each_vector, load_vectors, panel_vectors};
use crate::simd::{InnerLoop, Level, Simd, kernels};

/// One sum of outer products over `lines` × `columns` positions.
#[derive(Clone, Copy)]
pub(crate) struct Reduction {
    pub(crate) lines: usize,
    pub(crate) columns: usize,
    /// `a[line · a_line + column · a_stride + i]`, i < `inner`.
    pub(crate) a: *const f32,
    pub(crate) a_stride: usize,
    pub(crate) a_line: usize,
    pub(crate) inner: usize,
    /// `b[line · b_line + column · b_stride + o]`; read in whole vectors, so that values beyond `outer` must be readable.
    pub(crate) b: *const f32,
    pub(crate) b_stride: usize,
    pub(crate) b_line: usize,
    pub(crate) outer: usize,
    /// `c[i · c_stride + o]`, `c_stride` a whole number of vectors; what lies beyond `outer` is rubbish.
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
}

impl Reduction {
    /// About how often a sum over one line asks ahead.
    pub(crate) const fn calls(level: Level, rows: usize, inner: usize, outer: usize) -> usize {
        rows.div_ceil(CHUNK) * inner.div_ceil(8) * outer.div_ceil(3 * level.lanes())
    }
}

kernels! {
    /// Adds the products of all positions to c.
    fn reduce = reduce_any(r: &Reduction, prefetch: &mut Prefetch);
}

/// Positions that are summed in registers before c is touched; keeps both operands in the first cache.
const CHUNK: usize = 128;

#[inline(always)]
unsafe fn reduce_any<S: Simd>(r: &Reduction, prefetch: &mut Prefetch) {
    if r.columns > CHUNK {
        let mut chunk = *r;
        for line in 0..r.lines {
            for start in (0..r.columns).step_by(CHUNK) {
                chunk.lines = 1;
                chunk.columns = CHUNK.min(r.columns - start);
                unsafe {
                    chunk.a = r.a.add(line * r.a_line + start * r.a_stride);
                    chunk.b = r.b.add(line * r.b_line + start * r.b_stride);
                    tiles::<S>(&chunk, prefetch);
                }
            }
        }
    } else {
        let lines = (CHUNK / r.columns.max(1)).max(1);
        let mut chunk = *r;
        for start in (0..r.lines).step_by(lines) {
            chunk.lines = lines.min(r.lines - start);
            unsafe {
                chunk.a = r.a.add(start * r.a_line);
                chunk.b = r.b.add(start * r.b_line);
                tiles::<S>(&chunk, prefetch);
            }
        }
    }
}

#[inline(always)]
unsafe fn tiles<S: Simd>(r: &Reduction, prefetch: &mut Prefetch) {
    let vectors = r.outer.div_ceil(S::LANES);
    let mut first = 0;
    while first < vectors {
        let width = panel_vectors(vectors - first);
        unsafe {
            match width {
                1 => panel::<S, 1>(r, first, prefetch),
                2 => panel::<S, 2>(r, first, prefetch),
                _ => panel::<S, 3>(r, first, prefetch),
            }
        }
        first += width;
    }
}

#[inline(always)]
unsafe fn panel<S: Simd, const N: usize>(r: &Reduction, first: usize, prefetch: &mut Prefetch) {
    let most = S::TILE[N];
    let mut at = 0;
    while at < r.inner {
        let left = r.inner - at;
        let tile = if left > most && left < 2 * most {
            left.div_ceil(2)
        } else {
            left.min(most)
        };
        unsafe {
            prefetch.ask::<S>();
            match tile {
                1 => S::apart(Micro::<1, N> { r, first, at }),
                2 => S::apart(Micro::<2, N> { r, first, at }),
                3 => S::apart(Micro::<3, N> { r, first, at }),
                4 => S::apart(Micro::<4, N> { r, first, at }),
                5 => S::apart(Micro::<5, N> { r, first, at }),
                6 => S::apart(Micro::<6, N> { r, first, at }),
                7 => S::apart(Micro::<7, N> { r, first, at }),
                _ => S::apart(Micro::<8, N> { r, first, at }),
            }
        }
        at += tile;
    }
}

/// M rows by N vectors of c, accumulated in registers.
struct Micro<'a, const M: usize, const N: usize> {
    r: &'a Reduction,
    first: usize,
    at: usize,
}

impl<const M: usize, const N: usize> InnerLoop for Micro<'_, M, N> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        unsafe { micro::<S, M, N>(self.r, self.first, self.at) }
    }
}

#[inline(always)]
unsafe fn micro<S: Simd, const M: usize, const N: usize>(r: &Reduction, first: usize, at: usize) {
    unsafe {
        let mut sums = [[S::splat(0.0); 3]; 8];
        let column = first * S::LANES;
        // One loop over all positions: with a loop over lines around it, the sums would not stay in registers.
        let (mut a, mut b) = (r.a.add(at), r.b.add(column));
        let a_skip = r.a_line.wrapping_sub(r.columns * r.a_stride);
        let b_skip = r.b_line.wrapping_sub(r.columns * r.b_stride);
        let mut left = r.columns;
        for _ in 0..r.lines * r.columns {
            let (x, y, z) = load_vectors::<S, N>(b);
            each_row!(M, |INDEX| {
                let value = S::splat(*a.add(INDEX));
                sums[INDEX][0] = S::fma(value, x, sums[INDEX][0]);
                if N > 1 {
                    sums[INDEX][1] = S::fma(value, y, sums[INDEX][1]);
                }
                if N > 2 {
                    sums[INDEX][2] = S::fma(value, z, sums[INDEX][2]);
                }
            });
            left -= 1;
            let turn = left == 0;
            left = if turn { r.columns } else { left };
            a = a.wrapping_add(r.a_stride).wrapping_add(if turn { a_skip } else { 0 });
            b = b.wrapping_add(r.b_stride).wrapping_add(if turn { b_skip } else { 0 });
        }
        each_row!(M, |INDEX| {
            each_vector!(N, |VECTOR| {
                let c = r.c.add((at + INDEX) * r.c_stride + column + VECTOR * S::LANES);
                S::store(c, S::add(S::load(c), sums[INDEX][VECTOR]));
            });
        });
    }
}
