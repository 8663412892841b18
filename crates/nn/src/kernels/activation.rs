use panarch_graph::Activation;

use crate::simd::{Simd, exp};

/// An activation: a number that inner loops have as a constant, so that they are compiled for each, and a slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Curve {
    /// 0 is none.
    pub(crate) code: u8,
    /// Of a leaky ReLU below 0; the others have none.
    pub(crate) slope: f32,
}

/// No activation.
pub(crate) const NONE: Curve = Curve { code: 0, slope: 0.0 };
const RELU: u8 = 1;
const RELU6: u8 = 2;
const HARD_SWISH: u8 = 3;
const HARD_SIGMOID: u8 = 4;
const SIGMOID: u8 = 5;
const SWISH: u8 = 6;
const LEAKY_RELU: u8 = 7;
const GELU: u8 = 8;
const GELU_TANH: u8 = 9;

impl Curve {
    /// That of an activation.
    pub(crate) const fn of(activation: Activation) -> Self {
        let (code, slope) = match activation {
            Activation::Relu => (RELU, 0.0),
            Activation::Relu6 => (RELU6, 0.0),
            Activation::HardSwish => (HARD_SWISH, 0.0),
            Activation::HardSigmoid => (HARD_SIGMOID, 0.0),
            Activation::Sigmoid => (SIGMOID, 0.0),
            Activation::Swish => (SWISH, 0.0),
            Activation::LeakyRelu(slope) => (LEAKY_RELU, slope.get()),
            Activation::Gelu => (GELU, 0.0),
            Activation::GeluTanh => (GELU_TANH, 0.0),
        };
        Self { code, slope }
    }

    /// Whether there is none.
    pub(crate) const fn is_none(self) -> bool {
        self.code == 0
    }
}

/// The limits of an activation that only cuts off.
pub(crate) const fn limits(curve: Curve) -> Option<[f32; 2]> {
    match curve.code {
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
            7 => $function::<$simd, 7, _>($($argument),*),
            8 => $function::<$simd, 8, _>($($argument),*),
            9 => $function::<$simd, 9, _>($($argument),*),
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

/// |x|; of NaN, NaN.
#[inline(always)]
unsafe fn absolute<S: Simd>(x: S::V) -> S::V {
    unsafe { S::max(S::sub(S::splat(0.0), x), x) }
}

/// 1 − Φ(|x|), the tail of the normal distribution, to 1.2e-7 of its value (Chebyshev fit of erfc: Press et al.,
/// Numerical Recipes, section 6.2).
#[inline(always)]
unsafe fn tail<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let z = S::mul(absolute::<S>(x), S::splat(std::f32::consts::FRAC_1_SQRT_2));
        let one = S::splat(1.0);
        let t = S::div(one, S::fma(z, S::splat(0.5), one));
        let mut p = S::splat(0.170_872_77);
        for coefficient in [
            -0.822_152_23,
            1.488_515_9,
            -1.135_204,
            0.278_868_07,
            -0.186_288_06,
            0.096_784_18,
            0.374_091_96,
            1.000_023_7,
            -1.265_512_2,
        ] {
            p = S::fma(p, t, S::splat(coefficient));
        }
        let minus = S::sub(S::splat(0.0), z);
        S::mul(S::mul(S::splat(0.5), t), exp::<S>(S::fma(minus, z, p)))
    }
}

/// Twice the argument of the hyperbolic tangent in the approximation of GELU, so that the whole is x · sigmoid(2u).
#[inline(always)]
unsafe fn gelu_argument<S: Simd>(x: S::V) -> S::V {
    unsafe {
        let cubic = S::fma(S::mul(x, x), S::splat(0.044_715), S::splat(1.0));
        S::mul(S::mul(x, S::splat(TWICE_ROOT)), cubic)
    }
}

/// 2·√(2/π).
const TWICE_ROOT: f32 = 1.595_769;
/// 1/√(2π).
const DENSITY_AT_0: f32 = 0.398_942_3;

/// The activation's value; of NaN, NaN: bounds stand first, see [`Simd::max`].
#[inline(always)]
pub(crate) unsafe fn value<S: Simd, const A: u8>(x: S::V, slope: f32) -> S::V {
    unsafe {
        match A {
            RELU => S::max(S::splat(0.0), x),
            RELU6 => S::min(S::splat(6.0), S::max(S::splat(0.0), x)),
            HARD_SWISH => S::mul(x, hard_sigmoid::<S>(x)),
            HARD_SIGMOID => hard_sigmoid::<S>(x),
            SIGMOID => sigmoid::<S>(x),
            SWISH => S::mul(x, sigmoid::<S>(x)),
            LEAKY_RELU => {
                let below = S::min(S::splat(0.0), x);
                S::fma(S::splat(slope), below, S::max(S::splat(0.0), x))
            }
            GELU => {
                let short = S::mul(absolute::<S>(x), tail::<S>(x));
                S::sub(S::max(S::splat(0.0), x), short)
            }
            GELU_TANH => S::mul(x, sigmoid::<S>(gelu_argument::<S>(x))),
            _ => x,
        }
    }
}

/// `gradient` times the activation's derivative at `x` (at kinks PyTorch's choice).
#[inline(always)]
pub(crate) unsafe fn pull_back<S: Simd, const A: u8>(x: S::V, gradient: S::V, slope: f32) -> S::V {
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
            LEAKY_RELU => {
                let right = S::keep_within(x, 0.0, f32::INFINITY, S::splat(1.0 - slope));
                S::mul(gradient, S::add(right, S::splat(slope)))
            }
            GELU => {
                // Φ(x) + x·φ(x).
                let tail = tail::<S>(x);
                let middle = S::sub(one, S::add(tail, tail));
                let below = S::add(tail, S::keep_within(x, 0.0, f32::INFINITY, middle));
                let square = S::mul(S::mul(x, x), S::splat(-0.5));
                let density = S::mul(S::splat(DENSITY_AT_0), exp::<S>(square));
                S::mul(gradient, S::fma(x, density, below))
            }
            GELU_TANH => {
                let s = sigmoid::<S>(gelu_argument::<S>(x));
                let inner = S::fma(S::mul(x, x), S::splat(3.0 * 0.044_715), one);
                let rise = S::mul(S::mul(x, S::splat(TWICE_ROOT)), inner);
                let slope = S::mul(s, S::fma(rise, S::sub(one, s), one));
                S::mul(gradient, slope)
            }
            _ => gradient,
        }
    }
}
