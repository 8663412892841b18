//! Every instruction set of this processor against the scalar twin, on sizes that fill no vector.

use proptest::prelude::*;

use super::activation::Curve;
use super::depthwise::{Depthwise, DepthwiseWeights, convolve, weight_gradient};
use super::elementwise::{
    Affine, Rows, RowsIn, RowsOut, affine, column_dot, column_sum, combine, finish, keep, moments, multiply,
};
use super::prefetch::Prefetch;
use super::product::{Ends, Product, pack, packed_length, product};
use super::reduction::{Reduction, reduce};
use super::saved::SavedRows;
use crate::simd::Level;

/// Values in (−1, 1), the same for the same seed.
fn values(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Runs the same on every level, and compares what each returns with what the scalar twin returns.
fn compare(run: impl Fn(Level) -> Vec<f32>) -> Result<(), TestCaseError> {
    let expected = run(Level::Portable);
    let scale = expected.iter().fold(1.0_f32, |scale, value| scale.max(value.abs()));
    for level in Level::available() {
        let found = run(level);
        prop_assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let close = (found - expected).abs() <= 1e-5 * scale;
            prop_assert!(close, "{:?} [{}]: {} instead of {}", level, index, found, expected);
        }
    }
    Ok(())
}

fn from(data: &[f32], stride: usize) -> RowsIn {
    RowsIn {
        data: data.as_ptr(),
        stride,
    }
}

fn to(data: &mut [f32], stride: usize) -> RowsOut {
    RowsOut {
        data: data.as_mut_ptr(),
        stride,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products(seed in any::<u64>(), rows in 1..20_usize, inner in 1..20_usize, columns in 1..70_usize,
        accumulate: bool, started: bool, limited: bool,
    ) {
        let start = values(seed + 4, columns + 64);
        let (a, b) = (values(seed, 2 * rows * (inner + 3)), values(seed + 1, 2 * inner * columns));
        compare(|level| {
            let mut packed = vec![0.0; packed_length(level, 2 * inner, columns)];
            pack(level, 2 * inner, columns, &mut packed, |row, column| b[row * columns + column]);
            let mut c = values(seed + 2, rows * (columns + 2));
            let p = Product {
                rows,
                a: a.as_ptr(),
                a_stride: inner + 3,
                segments: &[0, rows * (inner + 3)],
                segment_length: inner,
                b: packed.as_ptr(),
                columns,
                c: c.as_mut_ptr(),
                c_stride: columns + 2,
                accumulate,
                ends: Ends {
                    start: if started { start.as_ptr() } else { std::ptr::null() },
                    limits: limited.then_some([-0.5, 0.75]),
                },
            };
            // SAFETY: the slices hold what the sizes say.
            unsafe { product(level, &p, &mut Prefetch::none()) };
            c
        })?;
    }

    #[test]
    fn reductions(seed in any::<u64>(), lines in 1..5_usize, columns in 1..200_usize, inner in 1..20_usize, outer in 1..70_usize) {
        let a = values(seed, lines * columns * inner);
        let b = values(seed + 1, lines * columns * outer + 64);
        compare(|level| {
            let stride = outer.next_multiple_of(level.lanes());
            let mut c = vec![0.0; inner * stride];
            let r = Reduction {
                lines,
                columns,
                a: a.as_ptr(),
                a_stride: inner,
                a_line: columns * inner,
                inner,
                b: b.as_ptr(),
                b_stride: outer,
                b_line: columns * outer,
                outer,
                c: c.as_mut_ptr(),
                c_stride: stride,
            };
            // SAFETY: as above, with room for whole vectors behind b.
            unsafe { reduce(level, &r, &mut Prefetch::none()) };
            c.chunks(stride).flat_map(|row| row[..outer].to_vec()).collect()
        })?;
    }

    #[test]
    fn depthwise(
        seed in any::<u64>(), lines in 1..4_usize, columns in 1..20_usize, channels in 1..40_usize,
        kernel in 1..5_usize, stride in 1..3_usize,
        accumulate: bool, started: bool, limited: bool,
    ) {
        let start = values(seed + 4, channels + 16);
        let width = (columns - 1) * stride + kernel;
        let height = (lines - 1) * stride + kernel;
        // The widest vector decides the room, so that all levels read the same values.
        let pixel = channels.next_multiple_of(16);
        let mut input = values(seed, height * width * pixel);
        let mut gradient = values(seed + 1, lines * columns * pixel);
        for image in [&mut input, &mut gradient] {
            image.chunks_mut(pixel).for_each(|pixel| pixel[channels..].fill(0.0));
        }
        let weights = values(seed + 2, kernel * kernel * pixel);
        let taps: Vec<usize> =
            (0..kernel * kernel).map(|tap| (tap / kernel * width + tap % kernel) * pixel).collect();
        compare(|level| {
            let mut output = values(seed + 3, lines * columns * channels);
            let d = Depthwise {
                lines,
                columns,
                channels,
                input: input.as_ptr(),
                input_line: stride * width * pixel,
                input_step: stride * pixel,
                taps: &taps,
                weights: weights.as_ptr(),
                weight_stride: pixel,
                output: output.as_mut_ptr(),
                output_line: columns * channels,
                output_step: channels,
                accumulate,
                ends: Ends {
                    start: if started { start.as_ptr() } else { std::ptr::null() },
                    limits: limited.then_some([-0.5, 0.75]),
                },
            };
            let mut sums = vec![0.0; taps.len() * pixel];
            let w = DepthwiseWeights {
                lines,
                columns,
                channels: channels.next_multiple_of(level.lanes()),
                input: input.as_ptr(),
                input_line: stride * width * pixel,
                input_step: stride * pixel,
                taps: &taps,
                gradient: gradient.as_ptr(),
                gradient_line: columns * pixel,
                gradient_step: pixel,
                sums: sums.as_mut_ptr(),
                sum_stride: pixel,
            };
            // SAFETY: the slices hold what the sizes say.
            unsafe {
                convolve(level, &d, &mut Prefetch::none());
                weight_gradient(level, &w, &mut Prefetch::none());
            }
            [output, sums].concat()
        })?;
    }

    #[test]
    fn element_wise_passes(
        seed in any::<u64>(), rows in 1..9_usize, channels in 1..40_usize, code in 0..10_u8,
        scaled: bool, shifted: bool, accumulate: bool, bf16: bool,
    ) {
        let stride = channels + 5;
        let x: Vec<f32> = values(seed, rows * stride).iter().map(|x| 8.0 * x).collect();
        let (g, vectors) = (values(seed + 1, rows * stride), values(seed + 2, 4 * channels));
        let vector = |index: usize| vectors[index * channels..].as_ptr();
        let map = Affine {
            scale: if scaled { vector(0) } else { std::ptr::null() },
            shift: if shifted { vector(1) } else { std::ptr::null() },
            activation: Curve { code, slope: 0.1 },
        };
        let size = Rows { rows, channels };
        compare(|level| {
            let mut rounded = x.clone();
            let mut half = vec![0_u16; rows * stride];
            // SAFETY: the slices hold what the sizes say.
            unsafe { keep(level, size, to(&mut rounded, stride), half.as_mut_ptr(), stride) };
            // What is kept as bf16 reads as the rounded values do.
            let kept = if bf16 { SavedRows::new(half.as_ptr().cast(), stride, true) } else { from(&x, stride).into() };
            let mut out = values(seed + 3, rows * stride);
            let mut sums = vec![0.0; 2 * channels];
            let mut more = vec![0.0; 2 * channels];
            let mut dots = vec![0.0; 2 * channels];
            let mut gradient = g.clone();
            let mut combined = vec![0.0; rows * stride];
            let (x, y) = (from(&x, stride), from(&g, stride));
            // SAFETY: the slices hold what the sizes say.
            unsafe {
                affine(level, size, kept, to(&mut out, stride), &map, accumulate);
                finish(level, size, to(&mut gradient, stride), kept, &map, vector(2), sums.as_mut_ptr());
                moments(level, size, x, more.as_mut_ptr());
                column_dot(level, size, x, y, dots.as_mut_ptr());
                column_sum(level, size, x, dots.as_mut_ptr().add(channels));
                combine(level, size, y, kept, to(&mut combined, stride), [vector(0), vector(1), vector(2)]);
                multiply(level, size, y, to(&mut combined, stride));
            }
            [out, sums, more, dots, gradient, combined, rounded].concat()
        })?;
    }
}

/// Rounding to bf16 on every instruction set against rounding in f64's terms, and the way back.
#[test]
fn bf16_rounds_to_nearest_even() {
    // Every upper half, with lower halves around the tie.
    let lower = [0_u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
    let bits = (0..=0xffff_u32).flat_map(|upper| lower.map(|lower| upper << 16 | lower));
    let values: Vec<f32> = bits.map(f32::from_bits).collect();
    let expected = |value: f32| {
        if value.is_nan() {
            return f32::NAN;
        }
        let below = f32::from_bits(value.to_bits() & 0xffff_0000);
        let above = f32::from_bits((value.to_bits() & 0xffff_0000).wrapping_add(0x1_0000));
        // Beyond the largest finite bf16 the next one would be 2^128.
        let far = |end: f32| {
            if end.is_infinite() {
                2_f64.powi(128)
            } else {
                f64::from(end.abs())
            }
        };
        let (down, up) = (f64::from(value.abs()) - far(below), far(above) - f64::from(value.abs()));
        let even = below.to_bits() >> 16 & 1 == 0;
        if value.is_infinite() || down < up || (down == up && even) {
            below
        } else {
            above
        }
    };
    for level in Level::available() {
        // An odd number of channels, so that the last vector is a part of one.
        for channels in [values.len(), 3 * 31, 1] {
            let mut rounded = values.clone();
            let mut kept = vec![0_u16; values.len()];
            let rows = values.len() / channels;
            let size = Rows { rows, channels };
            // SAFETY: the slices hold what the sizes say.
            unsafe { keep(level, size, to(&mut rounded, channels), kept.as_mut_ptr(), channels) };
            for ((value, rounded), kept) in values.iter().zip(&rounded).zip(&kept).take(rows * channels) {
                let back = f32::from_bits(u32::from(*kept) << 16);
                let expected = expected(*value);
                let same = |found: f32| found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
                assert!(
                    same(back) && same(*rounded),
                    "{level:?} {value:e}: {back:e} {rounded:e}"
                );
            }
        }
    }
}

#[test]
fn exponential_and_activations_match_f64() {
    use panarch_graph::Activation;
    let x: Vec<f32> = (-2000..2000).map(|step| step as f32 / 100.0).collect();
    for level in Level::available() {
        for kind in Activation::ALL {
            let map = Affine {
                activation: Curve::of(kind),
                ..Affine::IDENTITY
            };
            let mut out = vec![0.0; x.len()];
            let size = Rows {
                rows: 1,
                channels: x.len(),
            };
            // SAFETY: the slices hold what the sizes say.
            unsafe { affine(level, size, from(&x, 0).into(), to(&mut out, 0), &map, false) };
            for (x, found) in x.iter().zip(&out) {
                let x = f64::from(*x);
                let expected = match kind {
                    Activation::Relu => x.max(0.0),
                    Activation::Relu6 => x.clamp(0.0, 6.0),
                    Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
                    Activation::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
                    Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                    Activation::Swish => x / (1.0 + (-x).exp()),
                    Activation::LeakyRelu(slope) => x.max(f64::from(slope.get()) * x),
                    Activation::Gelu => gelu(x),
                    Activation::GeluTanh => {
                        let argument = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                        0.5 * x * (1.0 + argument.tanh())
                    }
                };
                let error = (f64::from(*found) - expected).abs();
                assert!(
                    error <= 1e-6 * expected.abs().max(1e-2),
                    "{level:?} {kind:?} {x}: {found}"
                );
            }
        }
    }
}

/// x · Φ(x), the distribution function as the integral of the density (Simpson's rule).
fn gelu(x: f64) -> f64 {
    let (low, steps) = (-12.0_f64, 4000);
    if x <= low {
        return 0.0;
    }
    let width = (x - low) / f64::from(steps);
    let density = |at: f64| (-0.5 * at * at).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let sum: f64 = (0..=steps)
        .map(|step| {
            let weight = match step {
                0 => 1.0,
                last if last == steps => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(low + width * f64::from(step))
        })
        .sum();
    x * sum * width / 3.0
}
