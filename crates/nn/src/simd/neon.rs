use std::arch::aarch64::*;

use super::{InnerLoop, Simd};

/// Four f32 in a NEON register.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

#[inline(always)]
unsafe fn widen(narrow: uint16x4_t) -> float32x4_t {
    unsafe { vreinterpretq_f32_u32(vshll_n_u16::<16>(narrow)) }
}

#[inline(always)]
unsafe fn narrow(v: float32x4_t) -> uint16x4_t {
    unsafe {
        let bits = vreinterpretq_u32_f32(v);
        let odd = vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1));
        let rounded = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
        let nan = vdupq_n_u32(0x7fc0_0000);
        vshrn_n_u32::<16>(vbslq_u32(vceqq_f32(v, v), rounded, nan))
    }
}

// SAFETY: the intrinsics do what the trait says; every processor of this architecture that Rust's standard library runs
// on has NEON.
unsafe impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const REGISTERS: usize = 32;
    const TILE: [usize; 4] = [8, 8, 8, 8];

    #[inline(never)]
    #[target_feature(enable = "neon")]
    unsafe fn apart<L: InnerLoop>(inner_loop: L) {
        unsafe { inner_loop.run::<Self>() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> float32x4_t {
        let mut lanes = [0.0; 4];
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count);
            vld1q_f32(lanes.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: float32x4_t) {
        unsafe { vst1q_f32(to, v) }
    }
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: float32x4_t, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
        }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> float32x4_t {
        unsafe { widen(vld1_u16(from)) }
    }
    #[inline(always)]
    unsafe fn load_bf16_first(from: *const u16, count: usize) -> float32x4_t {
        let mut words = [0; 4];
        unsafe {
            std::ptr::copy_nonoverlapping(from, words.as_mut_ptr(), count);
            Self::load_bf16(words.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: float32x4_t) {
        unsafe { vst1_u16(to, narrow(v)) }
    }
    #[inline(always)]
    unsafe fn store_bf16_first(to: *mut u16, v: float32x4_t, count: usize) {
        let mut words = [0; 4];
        unsafe {
            Self::store_bf16(words.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(words.as_ptr(), to, count);
        }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // Of NaN and b, b, as on the other processors.
        unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn keep_within(x: float32x4_t, low: f32, high: f32, value: float32x4_t) -> float32x4_t {
        unsafe {
            let within = vandq_u32(vcgtq_f32(x, vdupq_n_f32(low)), vcltq_f32(x, vdupq_n_f32(high)));
            vreinterpretq_f32_u32(vandq_u32(within, vreinterpretq_u32_f32(value)))
        }
    }
    #[inline(always)]
    unsafe fn round(x: float32x4_t) -> float32x4_t {
        unsafe { vrndnq_f32(x) }
    }
    #[inline(always)]
    unsafe fn pow2(x: float32x4_t) -> float32x4_t {
        unsafe {
            let exponent = vaddq_s32(vcvtq_s32_f32(x), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent))
        }
    }
}
