//! Passes over rows of channels: normalise and activate, their backward passes, and sums over rows.

use super::activation::{Curve, NONE, pull_back, value, with_activation};
use super::saved::{Element, SavedRows, with_width};
use crate::simd::{Simd, kernels};

/// Rows of channels: `data[row · stride + channel]`.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) rows: usize,
    pub(crate) channels: usize,
}

/// Calls `$body` for every vector of channels with `$at` and `$count`, full vectors first.
macro_rules! for_channels {
    ($simd:ident, $channels:expr, |$at:ident, $load:ident, $store:ident, $kept:ident| $body:block) => {{
        let (channels, mut at) = ($channels, 0);
        while at + $simd::LANES <= channels {
            let $at = at;
            #[allow(unused_macros)]
            macro_rules! $load {
                ($from:expr) => {
                    $simd::load($from.add($at))
                };
            }
            #[allow(unused_macros)]
            macro_rules! $kept {
                ($from:expr) => {
                    crate::kernels::saved::Element::load::<$simd>($from.add($at))
                };
            }
            #[allow(unused_macros)]
            macro_rules! $store {
                ($to:expr, $v:expr) => {
                    $simd::store($to.add($at), $v)
                };
            }
            $body
            at += $simd::LANES;
        }
        if at < channels {
            let $at = at;
            #[allow(unused_macros)]
            macro_rules! $load {
                ($from:expr) => {
                    $simd::load_first($from.add($at), channels - $at)
                };
            }
            #[allow(unused_macros)]
            macro_rules! $kept {
                ($from:expr) => {
                    crate::kernels::saved::Element::load_first::<$simd>($from.add($at), channels - $at)
                };
            }
            #[allow(unused_macros)]
            macro_rules! $store {
                ($to:expr, $v:expr) => {
                    $simd::store_first($to.add($at), $v, channels - $at)
                };
            }
            $body
        }
    }};
}

/// Rows ahead of the one at hand that are asked for when rows are far apart, where the processor does not guess them.
const AHEAD: usize = 24;

/// Asks for a row ahead, if rows are apart.
#[inline(always)]
unsafe fn prefetch_row<S: Simd, E>(size: Rows, from: *const E, stride: usize, row: usize) {
    if stride > size.channels {
        let next = from.wrapping_add((row + AHEAD) * stride);
        for line in (0..size.channels).step_by(64 / size_of::<E>()) {
            unsafe { S::prefetch(next.wrapping_add(line).cast()) }
        }
    }
}

/// What [`affine`] does to each value: activation(x · scale + shift).
#[derive(Clone, Copy)]
pub(crate) struct Affine {
    /// Per channel, or null for 1.
    pub(crate) scale: *const f32,
    /// Per channel, or null for 0.
    pub(crate) shift: *const f32,
    /// What is done last.
    pub(crate) activation: Curve,
}

impl Affine {
    /// Leaves values as they are.
    pub(crate) const IDENTITY: Self = Self {
        scale: std::ptr::null(),
        shift: std::ptr::null(),
        activation: NONE,
    };

    /// True when values stay as they are.
    pub(crate) const fn is_identity(&self) -> bool {
        self.scale.is_null() && self.shift.is_null() && self.activation.is_none()
    }
}

/// A pointer to rows and the distance between them; a distance of 0 repeats one row.
#[derive(Clone, Copy)]
pub(crate) struct RowsIn {
    pub(crate) data: *const f32,
    pub(crate) stride: usize,
}

/// A pointer to rows that are written, and the distance between them.
#[derive(Clone, Copy)]
pub(crate) struct RowsOut {
    pub(crate) data: *mut f32,
    pub(crate) stride: usize,
}

kernels! {
    /// to = (to +)? activation(from · scale + shift).
    fn affine = affine_any(size: Rows, from: SavedRows, to: RowsOut, map: &Affine, accumulate: bool);
    /// to = a·g + b·z + c: the gradient before a batch normalisation.
    fn combine = combine_any(size: Rows, g: RowsIn, z: SavedRows, to: RowsOut, coefficients: [*const f32; 3]);
    /// g = g · activation'(z · scale + shift); adds Σ g and Σ g·(z − mean) to `sums`, channels apart.
    fn finish = finish_any(size: Rows, g: RowsOut, z: SavedRows, map: &Affine, mean: *const f32, sums: *mut f32);
    /// Adds Σ (x − x₀) and Σ (x − x₀)² over rows to `sums`, channels apart, where x₀ is the first row.
    fn moments = moments_rows(size: Rows, x: RowsIn, sums: *mut f32);
    /// sums += Σ over rows of a·b.
    fn column_dot = column_dot_rows(size: Rows, a: RowsIn, b: RowsIn, sums: *mut f32);
    /// sums += Σ over rows of a.
    fn column_sum = column_sum_rows(size: Rows, a: RowsIn, sums: *mut f32);
    /// Rounds to bf16: in place, so that whoever reads on sees what is kept, and into `to`, rows `stride` apart.
    fn keep = keep_rows(size: Rows, from: RowsOut, to: *mut u16, stride: usize);
    /// to = to · from.
    fn multiply = multiply_rows(size: Rows, from: RowsIn, to: RowsOut);
}

#[inline(always)]
unsafe fn affine_any<S: Simd>(size: Rows, from: SavedRows, to: RowsOut, map: &Affine, accumulate: bool) {
    unsafe {
        with_width!(from, |data| {
            with_activation!(
                map.activation.code,
                affine_rows::<S>(size, data, from.stride(), to, map, accumulate)
            );
        });
    }
}

#[inline(always)]
unsafe fn affine_rows<S: Simd, const A: u8, E: Element>(
    size: Rows,
    from: *const E,
    stride: usize,
    to: RowsOut,
    map: &Affine,
    accumulate: bool,
) {
    unsafe {
        let Affine { scale, shift, .. } = *map;
        let slope = map.activation.slope;
        for row in 0..size.rows {
            prefetch_row::<S, E>(size, from, stride, row);
            let (x, y) = (from.add(row * stride), to.data.add(row * to.stride));
            if accumulate {
                for_channels!(S, size.channels, |_at, load, store, kept| {
                    let mut v = kept!(x);
                    if !scale.is_null() {
                        v = S::mul(v, load!(scale));
                    }
                    if !shift.is_null() {
                        v = S::add(v, load!(shift));
                    }
                    store!(y, S::add(load!(y), value::<S, A>(v, slope)));
                });
            } else if !scale.is_null() && !shift.is_null() {
                for_channels!(S, size.channels, |_at, load, store, kept| {
                    let v = S::fma(kept!(x), load!(scale), load!(shift));
                    store!(y, value::<S, A>(v, slope));
                });
            } else {
                for_channels!(S, size.channels, |_at, load, store, kept| {
                    let mut v = kept!(x);
                    if !scale.is_null() {
                        v = S::mul(v, load!(scale));
                    }
                    if !shift.is_null() {
                        v = S::add(v, load!(shift));
                    }
                    store!(y, value::<S, A>(v, slope));
                });
            }
        }
    }
}

#[inline(always)]
unsafe fn combine_any<S: Simd>(size: Rows, g: RowsIn, z: SavedRows, to: RowsOut, coefficients: [*const f32; 3]) {
    unsafe {
        with_width!(z, |data| combine_rows::<S, _>(
            size,
            g,
            data,
            z.stride(),
            to,
            coefficients
        ))
    }
}

#[inline(always)]
unsafe fn combine_rows<S: Simd, E: Element>(
    size: Rows,
    g: RowsIn,
    z: *const E,
    stride: usize,
    to: RowsOut,
    [a, b, c]: [*const f32; 3],
) {
    unsafe {
        for row in 0..size.rows {
            prefetch_row::<S, f32>(size, g.data, g.stride, row);
            prefetch_row::<S, E>(size, z, stride, row);
            let (g, z) = (g.data.add(row * g.stride), z.add(row * stride));
            let to = to.data.add(row * to.stride);
            for_channels!(S, size.channels, |_at, load, store, kept| {
                let rest = S::fma(kept!(z), load!(b), load!(c));
                store!(to, S::fma(load!(g), load!(a), rest));
            });
        }
    }
}

#[inline(always)]
unsafe fn finish_any<S: Simd>(size: Rows, g: RowsOut, z: SavedRows, map: &Affine, mean: *const f32, sums: *mut f32) {
    unsafe {
        with_width!(z, |data| {
            with_activation!(
                map.activation.code,
                finish_rows::<S>(size, g, data, z.stride(), map, mean, sums)
            );
        });
    }
}

/// Channels outside, rows inside: the sums stay in registers. The block is expected in a near cache.
#[inline(always)]
unsafe fn finish_rows<S: Simd, const A: u8, E: Element>(
    size: Rows,
    g: RowsOut,
    z: *const E,
    stride: usize,
    map: &Affine,
    mean: *const f32,
    sums: *mut f32,
) {
    unsafe {
        let zero = S::splat(0.0);
        let slope = map.activation.slope;
        let second = sums.add(size.channels);
        for_channels!(S, size.channels, |at, load, store, kept| {
            let scale = if map.scale.is_null() {
                S::splat(1.0)
            } else {
                load!(map.scale)
            };
            let shift = if map.shift.is_null() { zero } else { load!(map.shift) };
            let mean = if mean.is_null() { zero } else { load!(mean) };
            // Every fourth row has its own sums: shorter sums round less, and do not wait for each other.
            let (mut sum, mut product) = ([zero; 4], [zero; 4]);
            let mut row = 0;
            while row < size.rows {
                let rows = (size.rows - row).min(4);
                for part in 0..rows {
                    let (gp, zp) = (g.data.add((row + part) * g.stride), z.add((row + part) * stride));
                    let z = kept!(zp);
                    let gradient = pull_back::<S, A>(S::fma(z, scale, shift), load!(gp), slope);
                    store!(gp, gradient);
                    sum[part] = S::add(sum[part], gradient);
                    product[part] = S::fma(gradient, S::sub(z, mean), product[part]);
                }
                row += rows;
            }
            let join = |parts: [S::V; 4]| S::add(S::add(parts[0], parts[1]), S::add(parts[2], parts[3]));
            store!(sums, S::add(load!(sums), join(sum)));
            store!(second, S::add(load!(second), join(product)));
        });
    }
}

#[inline(always)]
unsafe fn moments_rows<S: Simd>(size: Rows, x: RowsIn, sums: *mut f32) {
    unsafe {
        let zero = S::splat(0.0);
        let second = sums.add(size.channels);
        for_channels!(S, size.channels, |at, load, store, _kept| {
            let origin = load!(x.data);
            let (mut sum, mut square) = (zero, zero);
            let (mut sum2, mut square2) = (zero, zero);
            let mut row = 0;
            while row + 2 <= size.rows {
                let (p, q) = (x.data.add(row * x.stride), x.data.add((row + 1) * x.stride));
                let (v, w) = (S::sub(load!(p), origin), S::sub(load!(q), origin));
                sum = S::add(sum, v);
                square = S::fma(v, v, square);
                sum2 = S::add(sum2, w);
                square2 = S::fma(w, w, square2);
                row += 2;
            }
            if row < size.rows {
                let p = x.data.add(row * x.stride);
                let v = S::sub(load!(p), origin);
                sum = S::add(sum, v);
                square = S::fma(v, v, square);
            }
            store!(sums, S::add(load!(sums), S::add(sum, sum2)));
            store!(second, S::add(load!(second), S::add(square, square2)));
        });
    }
}

#[inline(always)]
unsafe fn column_dot_rows<S: Simd>(size: Rows, a: RowsIn, b: RowsIn, sums: *mut f32) {
    unsafe {
        for_channels!(S, size.channels, |at, load, store, _kept| {
            let mut sum = S::splat(0.0);
            for row in 0..size.rows {
                let (a, b) = (a.data.add(row * a.stride), b.data.add(row * b.stride));
                sum = S::fma(load!(a), load!(b), sum);
            }
            store!(sums, S::add(load!(sums), sum));
        });
    }
}

#[inline(always)]
unsafe fn column_sum_rows<S: Simd>(size: Rows, a: RowsIn, sums: *mut f32) {
    unsafe {
        for_channels!(S, size.channels, |at, load, store, _kept| {
            let mut sum = S::splat(0.0);
            for row in 0..size.rows {
                let a = a.data.add(row * a.stride);
                sum = S::add(sum, load!(a));
            }
            store!(sums, S::add(load!(sums), sum));
        });
    }
}

#[inline(always)]
unsafe fn keep_rows<S: Simd>(size: Rows, from: RowsOut, to: *mut u16, stride: usize) {
    unsafe {
        for row in 0..size.rows {
            let (x, y) = (from.data.add(row * from.stride), to.add(row * stride));
            let mut at = 0;
            while at + S::LANES <= size.channels {
                S::store_bf16(y.add(at), S::load(x.add(at)));
                S::store(x.add(at), S::load_bf16(y.add(at)));
                at += S::LANES;
            }
            let left = size.channels - at;
            if left > 0 {
                S::store_bf16_first(y.add(at), S::load_first(x.add(at), left), left);
                S::store_first(x.add(at), S::load_bf16_first(y.add(at), left), left);
            }
        }
    }
}

#[inline(always)]
unsafe fn multiply_rows<S: Simd>(size: Rows, from: RowsIn, to: RowsOut) {
    unsafe {
        for row in 0..size.rows {
            let (x, y) = (from.data.add(row * from.stride), to.data.add(row * to.stride));
            for_channels!(S, size.channels, |_at, load, store, _kept| {
                store!(y, S::mul(load!(y), load!(x)));
            });
        }
    }
}
