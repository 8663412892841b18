//! What is no number stays none, on every instruction set; what stands beside it is not touched.

use panarch_graph::Activation;

use super::activation::Curve;
use super::depthwise::{Depthwise, convolve};
use super::elementwise::{Affine, Rows, RowsIn, RowsOut, affine};
use super::prefetch::Prefetch;
use super::product::{Ends, Product, pack, packed_length, product};
use crate::simd::Level;

/// More than one vector of any instruction set, and a part of one.
const COUNT: usize = 37;

/// Bounds of the fused ends: ReLU, ReLU6, and others.
const LIMITS: [[f32; 2]; 3] = [[0.0, f32::INFINITY], [0.0, 6.0], [-0.5, 0.75]];

/// Fails unless exactly the value at `place` is NaN.
fn only(place: usize, found: &[f32], what: &str) {
    for (index, value) in found.iter().enumerate() {
        assert_eq!(
            value.is_nan(),
            index == place,
            "{what}: {value} at {index}, NaN at {place}"
        );
    }
}

#[test]
fn activations_keep_it() {
    for level in Level::available() {
        for kind in Activation::ALL {
            for place in 0..COUNT {
                for nan in [f32::NAN, -f32::NAN] {
                    let mut x = [1.5; COUNT];
                    x[place] = nan;
                    let mut out = vec![0.0; COUNT];
                    let map = Affine {
                        activation: Curve::of(kind),
                        ..Affine::IDENTITY
                    };
                    let (rows, channels) = (1, COUNT);
                    let from = RowsIn {
                        data: x.as_ptr(),
                        stride: COUNT,
                    };
                    let to = RowsOut {
                        data: out.as_mut_ptr(),
                        stride: COUNT,
                    };
                    // SAFETY: the slices hold what the sizes say.
                    unsafe { affine(level, Rows { rows, channels }, from.into(), to, &map, false) };
                    only(place, &out, &format!("{level:?} {kind:?}"));
                }
            }
        }
    }
}

#[test]
fn the_limits_of_products_keep_it() {
    for level in Level::available() {
        for limits in LIMITS {
            for place in 0..COUNT {
                let mut b = [0.25; COUNT];
                b[place] = f32::NAN;
                let mut packed = vec![0.0; packed_length(level, 1, COUNT)];
                pack(level, 1, COUNT, &mut packed, |_, column| b[column]);
                let (a, mut c) = ([1.0; 9], vec![0.0; 9 * COUNT]);
                let p = Product {
                    rows: 9,
                    a: a.as_ptr(),
                    a_stride: 1,
                    segments: &[0],
                    segment_length: 1,
                    b: packed.as_ptr(),
                    columns: COUNT,
                    c: c.as_mut_ptr(),
                    c_stride: COUNT,
                    accumulate: false,
                    ends: Ends {
                        start: std::ptr::null(),
                        limits: Some(limits),
                    },
                };
                // SAFETY: the slices hold what the sizes say.
                unsafe { product(level, &p, &mut Prefetch::none()) };
                for row in c.chunks(COUNT) {
                    only(place, row, &format!("{level:?} product {limits:?}"));
                }
            }
        }
    }
}

#[test]
fn the_limits_of_depthwise_convolutions_keep_it() {
    let pixel = COUNT.next_multiple_of(16);
    for level in Level::available() {
        for limits in LIMITS {
            for place in 0..COUNT {
                let mut weights = vec![0.25; pixel];
                weights[place] = f32::NAN;
                let (input, mut output) = (vec![1.0; 5 * pixel], vec![0.0; 5 * COUNT]);
                let d = Depthwise {
                    lines: 1,
                    columns: 5,
                    channels: COUNT,
                    input: input.as_ptr(),
                    input_line: 5 * pixel,
                    input_step: pixel,
                    taps: &[0],
                    weights: weights.as_ptr(),
                    weight_stride: pixel,
                    output: output.as_mut_ptr(),
                    output_line: 5 * COUNT,
                    output_step: COUNT,
                    accumulate: false,
                    ends: Ends {
                        start: std::ptr::null(),
                        limits: Some(limits),
                    },
                };
                // SAFETY: the slices hold what the sizes say.
                unsafe { convolve(level, &d, &mut Prefetch::none()) };
                for row in output.chunks(COUNT) {
                    only(place, row, &format!("{level:?} depthwise {limits:?}"));
                }
            }
        }
    }
}
