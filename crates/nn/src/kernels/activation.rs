use panarch_graph::Activation;

use crate::simd::{Simd, exp};

/// Activations as a constant, so that inner loops are compiled for each; 0 is none.
pub(crate) const NONE: u8 = 0;
const RELU: u8 = 1;
const RELU6: u8 = 2;
const HARD_SWISH: u8 = 3;
const HARD_SIGMOID: u8 = 4;
const SIGMOID: u8 = 5;
const SWISH: u8 = 6;

/// The constant of an activation.
pub(crate) const fn code(activation: Option<Activation>) -> u8 {
    match activation {
        None => NONE,
        Some(Activation::Relu) => RELU,
        Some(Activation::Relu6) => RELU6,
        Some(Activation::HardSwish) => HARD_SWISH,
        Some(Activation::HardSigmoid) => HARD_SIGMOID,
        Some(Activation::Sigmoid) => SIGMOID,
        Some(Activation::Swish) => SWISH,
    }
}

/// The limits of an activation that only cuts off.
pub(crate) const fn limits(code: u8) -> Option<[f32; 2]> {
    match code {
        RELU => Some([0.0, f32::INFINITY]),
        RELU6 => Some([0.0, 6.0]),
        _ => None,
    }
}

/// Calls `$function::<S, A, _>($arguments)` with the activation `$code` as the constant `A`.
macro_rules! with_activation {
    ($code:expr, $function:ident::<$simd:ident>($($argument:expr),*)) => {
        match $code {
            1 => $function::<$simd, 1, _>($($argument),*),
            2 => $function::<$simd, 2, _>($($argument),*),
            3 => $function::<$simd, 3, _>($($argument),*),
            4 => $function::<$simd, 4, _>($($argument),*),
            5 => $function::<$simd, 5, _>($($argument),*),
            6 => $function::<$simd, 6, _>($($argument),*),
            _ => $function::<$simd, 0, _>($($argument),*),
        }
    };
}
pub(crate) use with_activation;

#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let one = S::splat(1.0);
        let minus = S::sub(S::splat(0.0), x);
        S::div(one, S::add(one, exp::<S>(minus)))
    }
}

/// min(max(x + 3, 0), 6) / 6.
#[inline(always)]
unsafe fn hard_sigmoid<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let raised = S::max(S::splat(0.0), S::add(x, S::splat(3.0)));
        S::mul(S::min(S::splat(6.0), raised), S::splat(1.0 / 6.0))
    }
}

/// The activation's value; of NaN, NaN: bounds stand first, see [`Simd::max`].
#[inline(always)]
pub(crate) unsafe fn value<S: Simd, const A: u8>(x: S::V) -> S::V {
    unsafe {
        match A {
            RELU => S::max(S::splat(0.0), x),
            RELU6 => S::min(S::splat(6.0), S::max(S::splat(0.0), x)),
            HARD_SWISH => S::mul(x, hard_sigmoid::<S>(x)),
            HARD_SIGMOID => hard_sigmoid::<S>(x),
            SIGMOID => sigmoid::<S>(x),
            SWISH => S::mul(x, sigmoid::<S>(x)),
            _ => x,
        }
    }
}

/// `gradient` times the activation's derivative at `x` (at kinks PyTorch's choice).
#[inline(always)]
pub(crate) unsafe fn pull_back<S: Simd, const A: u8>(x: S::V, gradient: S::V) -> S::V {
    unsafe {
        let one = S::splat(1.0);
        match A {
            RELU => S::keep_within(x, 0.0, f32::INFINITY, gradient),
            RELU6 => S::keep_within(x, 0.0, 6.0, gradient),
            HARD_SWISH => {
                let slope = S::fma(x, S::splat(1.0 / 3.0), S::splat(0.5));
                let inside = S::keep_within(x, -3.0, 3.0, slope);
                // 1 where x ≥ 3: the next f32 below 3 is the open bound.
                let right = S::keep_within(x, 3.0_f32.next_down(), f32::INFINITY, one);
                S::mul(gradient, S::add(inside, right))
            }
            HARD_SIGMOID => S::keep_within(x, -3.0, 3.0, S::mul(gradient, S::splat(1.0 / 6.0))),
            SIGMOID => {
                let s = sigmoid::<S>(x);
                S::mul(gradient, S::mul(s, S::sub(one, s)))
            }
            SWISH => {
                let s = sigmoid::<S>(x);
                let slope = S::mul(s, S::fma(x, S::sub(one, s), one));
                S::mul(gradient, slope)
            }
            _ => gradient,
        }
    }
}
