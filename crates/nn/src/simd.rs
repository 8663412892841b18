//! Vectors of f32 behind one trait, and the choice of instruction set at run time.
//!
//! Every kernel is written once, generic over [`Simd`], and compiled for each instruction set by the `kernels!` macro.
//! [`Portable`] is the scalar twin: it runs everywhere and tests compare the others with it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// An instruction set that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Plain Rust.
    Portable,
    /// AVX2 with FMA: 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW and VL: 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// NEON: 4 lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// The best level of this processor.
    pub(crate) fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// All levels that this processor runs, the best last.
    pub(crate) fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            levels.push(Self::Avx2);
            let wide = !cfg!(feature = "without-avx512")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            if wide {
                levels.push(Self::Avx512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            levels.push(Self::Neon);
        }
        levels
    }

    /// Number of f32 in a vector.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::LANES,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Neon::LANES,
        }
    }
}

/// A vector of f32 and its operations.
///
/// # Safety
/// All functions need a processor with the instruction set; loads and stores need `LANES` (or `count`) valid values
/// behind the pointer, of any alignment.
pub(crate) unsafe trait Simd: Copy {
    /// The vector.
    type V: Copy;
    /// Number of f32 in it.
    const LANES: usize;
    /// Vector registers.
    const REGISTERS: usize;
    /// For a tile of n vectors side by side, the rows whose sums the registers hold beside the operands of a product.
    const TILE: [usize; 4];

    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    /// The first `count` lanes; the others are 0.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize);
    /// Widens `LANES` bf16.
    unsafe fn load_bf16(from: *const u16) -> Self::V;
    /// The first `count` lanes; the others are 0.
    unsafe fn load_bf16_first(from: *const u16, count: usize) -> Self::V;
    /// Rounds to the nearest bf16, ties to even.
    unsafe fn store_bf16(to: *mut u16, v: Self::V);
    unsafe fn store_bf16_first(to: *mut u16, v: Self::V, count: usize);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// a·b + c.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger; where `b` is not a number, not a number. What a NaN in `a` gives differs between processors (x86 gives
    /// `b`), so that a bound stands first and the value that it bounds second.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller, likewise.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `value` where low < x < high, 0 elsewhere.
    unsafe fn keep_within(x: Self::V, low: f32, high: f32, value: Self::V) -> Self::V;
    /// Asks for a cache line that will be read soon; any address will do.
    #[inline(always)]
    unsafe fn prefetch(_from: *const f32) {}
    /// The same into a cache that is farther away, for what is read later.
    #[inline(always)]
    unsafe fn prefetch_far(_from: *const f32) {}
    /// The nearest whole number.
    unsafe fn round(x: Self::V) -> Self::V;
    /// 2^x of a whole number −126 ≤ x ≤ 127.
    unsafe fn pow2(x: Self::V) -> Self::V;
    /// Runs an inner loop as a function of its own, compiled for the instruction set: within a large function the
    /// compiler gives registers away that the loop needs.
    unsafe fn apart<L: InnerLoop>(inner_loop: L);
}

/// What [`Simd::apart`] runs.
pub(crate) trait InnerLoop {
    /// Runs it; to be inlined always.
    unsafe fn run<S: Simd>(self);
}

/// Defines `pub(crate) unsafe fn name(level, arguments)` that runs `implementation::<S>(arguments)` compiled for the
/// level's instruction set.
macro_rules! kernels {
    ($($(#[$meta:meta])* fn $name:ident = $implementation:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$meta])*
        pub(crate) unsafe fn $name(level: $crate::simd::Level, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($argument: $type),*) {
                unsafe { $implementation::<$crate::simd::Avx2>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl")]
            unsafe fn avx512($($argument: $type),*) {
                unsafe { $implementation::<$crate::simd::Avx512>($($argument),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            unsafe fn neon($($argument: $type),*) {
                unsafe { $implementation::<$crate::simd::Neon>($($argument),*) }
            }
            // SAFETY: a level above `Portable` exists only where the processor has it; the rest is the caller's promise.
            unsafe {
                match level {
                    $crate::simd::Level::Portable => $implementation::<$crate::simd::Portable>($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx2 => avx2($($argument),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx512 => avx512($($argument),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::simd::Level::Neon => neon($($argument),*),
                }
            }
        }
    )*};
}
pub(crate) use kernels;

/// e^x to about two units in the last place, NaN of NaN, by a polynomial (coefficients of Cephes' `expf`).
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let x = S::min(S::splat(87.0), S::max(S::splat(-87.0), x));
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::fma(n, S::splat(-0.693_359_4), x);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
            p = S::fma(p, r, S::splat(coefficient));
        }
        let p = S::fma(p, S::mul(r, r), S::add(r, S::splat(1.0)));
        S::mul(p, S::pow2(n))
    }
}
