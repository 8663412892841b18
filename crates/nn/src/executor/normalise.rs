//! The vectors of batch normalisation: statistics of the batch, the map they make, and its backward coefficients.

use super::operand::Block;
use super::share::Shared;
use crate::kernels::elementwise::{Affine, Rows, RowsIn, moments};
use crate::plan::{Group, GroupMemory, lines};
use crate::simd::Level;

// Positions of a normalised group's vectors.
pub(crate) const WEIGHT: usize = 0;
pub(crate) const BIAS: usize = 1;
pub(crate) const MEAN: usize = 2;
/// Unbiased.
pub(crate) const VARIANCE: usize = 3;
/// 1 / √(biased variance + ε).
pub(crate) const INVERSE: usize = 4;
pub(crate) const SCALE: usize = 5;
pub(crate) const SHIFT: usize = 6;
/// Coefficients a, b, c of the backward pass.
pub(crate) const COEFFICIENTS: [usize; 3] = [7, 8, 9];

/// A vector of a normalised group.
pub(crate) const fn vector(base: Shared<f32>, group: &Group, memory: &GroupMemory, which: usize) -> *mut f32 {
    base.at(memory.norm + which * lines(group.channels))
}

/// A vector as a slice.
///
/// # Safety
/// Nobody else may use the vector while the slice lives.
pub(crate) unsafe fn slice<'a>(base: Shared<f32>, group: &Group, memory: &GroupMemory, which: usize) -> &'a mut [f32] {
    unsafe { std::slice::from_raw_parts_mut(vector(base, group, memory, which), group.channels) }
}

/// The map from a group's raw value to its value.
pub(crate) fn map(base: Shared<f32>, group: &Group, memory: &GroupMemory) -> Affine {
    let mut map = Affine {
        activation: group.activation,
        ..Affine::IDENTITY
    };
    if group.norm.is_some() {
        map.scale = vector(base, group, memory, SCALE);
        map.shift = vector(base, group, memory, SHIFT);
    }
    map
}

/// Rows whose deviations are summed up in f32 before the sums go on in f64.
const SHORT: usize = 256;

/// Takes a block into a share's running count, mean and squared deviation (three vectors of f64).
///
/// # Safety
/// The block and `head` (two vectors) must be valid, and no other thread may touch `head` or `sums`.
pub(crate) unsafe fn observe(level: Level, channels: usize, block: Block, head: *mut f32, sums: *mut f64) {
    for start in (0..block.rows).step_by(SHORT) {
        let rows = SHORT.min(block.rows - start);
        let data = block.data.wrapping_add(start * block.stride);
        let from = RowsIn {
            data,
            stride: block.stride,
        };
        let size = Rows {
            rows,
            channels: block.channels,
        };
        unsafe {
            std::ptr::write_bytes(head, 0, 2 * block.channels);
            moments(level, size, from, head);
            let sums = sums.add(block.first_channel);
            // All channels of a block have been seen equally often.
            let (old, new) = (*sums, rows as f64);
            let (total, inverse) = (old + new, 1.0 / new);
            let (share, spread) = (new / total, old * new / total);
            for channel in 0..block.channels {
                let sum = f64::from(*head.add(channel)) * inverse;
                let square = f64::from(*head.add(block.channels + channel));
                let mean = f64::from(*data.add(channel)) + sum;
                let here = sums.add(channel);
                let delta = mean - *here.add(channels);
                *here = total;
                *here.add(channels) += delta * share;
                *here.add(2 * channels) += square - sum * sum * new + delta * delta * spread;
            }
        }
    }
}

/// Joins the shares' sums in their order and fills the vectors of the map.
///
/// # Safety
/// All shares must be done.
pub(crate) unsafe fn settle(
    base: Shared<f32>,
    group: &Group,
    memory: &GroupMemory,
    sums: *const f64,
    shares: usize,
    eps: f32,
) {
    let channels = group.channels;
    let moments = |channel: usize| {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for share in 0..shares {
            let place = sums.wrapping_add(share * 3 * channels + channel);
            let [new, other, more] = [0, channels, 2 * channels].map(|at| unsafe { *place.wrapping_add(at) });
            if new > 0.0 {
                let (total, delta): (f64, f64) = (count + new, other - mean);
                mean += delta * new / total;
                squares += more + delta * delta * count * new / total;
                count = total;
            }
        }
        (count, mean, squares)
    };
    // SAFETY: the caller's promise.
    unsafe { fill(base, group, memory, eps, moments) }
}

/// Fills the vectors of the map from each channel's number of values, their mean and their squared deviations.
///
/// # Safety
/// Nobody else may use the vectors.
pub(crate) unsafe fn fill(
    base: Shared<f32>,
    group: &Group,
    memory: &GroupMemory,
    eps: f32,
    moments: impl Fn(usize) -> (f64, f64, f64),
) {
    let [weight, bias, means, variances, inverses, scales, shifts] =
        [WEIGHT, BIAS, MEAN, VARIANCE, INVERSE, SCALE, SHIFT].map(|which| unsafe { slice(base, group, memory, which) });
    for channel in 0..group.channels {
        let (count, mean, squares) = moments(channel);
        // Not `max`, which would make a number of NaN.
        let squares = if squares < 0.0 { 0.0 } else { squares };
        let inverse = 1.0 / (squares / count + f64::from(eps)).sqrt();
        let scale = f64::from(weight[channel]) * inverse;
        means[channel] = mean as f32;
        variances[channel] = (squares / (count - 1.0).max(1.0)) as f32;
        inverses[channel] = inverse as f32;
        scales[channel] = scale as f32;
        shifts[channel] = (f64::from(bias[channel]) - mean * scale) as f32;
    }
}

/// Joins the shares' sums Σ g and Σ g·(z − mean) into the first share's, and fills the coefficients of
/// dz = a·g + b·z + c, where g is the gradient of the normalised value over `count` positions:
/// a = γ/σ, b = −γ/σ³·Σ g(z − mean)/count, c = −γ/σ·Σ g/count − b·mean.
///
/// # Safety
/// All shares must be done.
pub(crate) unsafe fn settle_backward(
    base: Shared<f32>,
    group: &Group,
    memory: &GroupMemory,
    sums: *mut f64,
    shares: usize,
    count: f64,
) {
    let channels = group.channels;
    let [weight, means, inverses] = [WEIGHT, MEAN, INVERSE].map(|which| unsafe { slice(base, group, memory, which) });
    let [a, b, c] = COEFFICIENTS.map(|which| unsafe { slice(base, group, memory, which) });
    for channel in 0..channels {
        let (mut sum, mut product) = (0.0, 0.0);
        for share in 0..shares {
            let place = sums.wrapping_add(share * 3 * channels + channel);
            unsafe {
                sum += *place;
                product += *place.wrapping_add(channels);
            }
        }
        unsafe {
            *sums.wrapping_add(channel) = sum;
            *sums.wrapping_add(channels + channel) = product;
        }
        let inverse = f64::from(inverses[channel]);
        a[channel] = (f64::from(weight[channel]) * inverse) as f32;
        let first = f64::from(a[channel]);
        b[channel] = (-first * inverse * inverse * product / count) as f32;
        // From the rounded a and b: dz sums up to 0, and their rounding must not add up over all positions.
        let second = f64::from(b[channel]);
        c[channel] = (-first * sum / count - second * f64::from(means[channel])) as f32;
    }
}
