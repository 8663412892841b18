use super::{InnerLoop, Simd};

/// Eight f32 in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

type V = [f32; 8];

/// The nearest bf16, ties to even; of NaN a quiet one, whose payload cannot carry over into the sign.
#[inline(always)]
fn narrow(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16;
    if value.is_nan() { 0x7fc0 } else { rounded }
}

#[inline(always)]
fn map2(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

// SAFETY: needs no instruction set; loads and stores touch `LANES` or `count` values.
unsafe impl Simd for Portable {
    type V = V;
    const LANES: usize = 8;
    const REGISTERS: usize = 16;
    const TILE: [usize; 4] = [8, 8, 6, 3];

    #[inline(never)]
    unsafe fn apart<L: InnerLoop>(inner_loop: L) {
        unsafe { inner_loop.run::<Self>() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> V {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> V {
        unsafe { from.cast::<V>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> V {
        let mut v = [0.0; 8];
        unsafe { std::ptr::copy_nonoverlapping(from, v.as_mut_ptr(), count) };
        v
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: V) {
        unsafe { to.cast::<V>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: V, count: usize) {
        unsafe { std::ptr::copy_nonoverlapping(v.as_ptr(), to, count) }
    }
    #[inline(always)]
    unsafe fn load_bf16(from: *const u16) -> V {
        let narrow = unsafe { from.cast::<[u16; 8]>().read_unaligned() };
        narrow.map(|value| f32::from_bits(u32::from(value) << 16))
    }
    #[inline(always)]
    unsafe fn load_bf16_first(from: *const u16, count: usize) -> V {
        let mut narrow = [0; 8];
        unsafe {
            std::ptr::copy_nonoverlapping(from, narrow.as_mut_ptr(), count);
            Self::load_bf16(narrow.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_bf16(to: *mut u16, v: V) {
        unsafe { to.cast::<[u16; 8]>().write_unaligned(v.map(narrow)) }
    }
    #[inline(always)]
    unsafe fn store_bf16_first(to: *mut u16, v: V, count: usize) {
        unsafe { std::ptr::copy_nonoverlapping(v.map(narrow).as_ptr(), to, count) }
    }
    #[inline(always)]
    unsafe fn add(a: V, b: V) -> V {
        map2(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: V, b: V) -> V {
        map2(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: V, b: V) -> V {
        map2(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: V, b: V) -> V {
        map2(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn fma(a: V, b: V, c: V) -> V {
        // Two roundings: a fused one would be a library call where the processor has none.
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    unsafe fn max(a: V, b: V) -> V {
        map2(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(a: V, b: V) -> V {
        map2(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn keep_within(x: V, low: f32, high: f32, value: V) -> V {
        map2(x, value, |x, value| if x > low && x < high { value } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn round(x: V) -> V {
        x.map(f32::round_ties_even)
    }
    #[inline(always)]
    unsafe fn pow2(x: V) -> V {
        x.map(|x| f32::from_bits(((x as i32 + 127) << 23) as u32))
    }
}
