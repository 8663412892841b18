//! Pooling over one image that lies densely in scratch memory.

use crate::plan::Window;

/// Calls `f(input pixel, output pixel)` for every pair of a window.
#[inline(always)]
fn for_each_pair(w: &Window, mut f: impl FnMut(usize, usize)) {
    for oy in 0..w.output[0] {
        for ox in 0..w.output[1] {
            for ky in 0..w.kernel[0] {
                let y = (oy * w.stride[0] + ky).wrapping_sub(w.before[0]);
                if y >= w.input[0] {
                    continue;
                }
                for kx in 0..w.kernel[1] {
                    let x = (ox * w.stride[1] + kx).wrapping_sub(w.before[1]);
                    if x < w.input[1] {
                        f(y * w.input[1] + x, oy * w.output[1] + ox);
                    }
                }
            }
        }
    }
}

/// Maximum of every window; `output` is overwritten.
pub(crate) fn max(w: &Window, channels: usize, input: &[f32], output: &mut [f32]) {
    output.fill(f32::NEG_INFINITY);
    for_each_pair(w, |from, to| {
        let input = &input[from * channels..(from + 1) * channels];
        let output = &mut output[to * channels..(to + 1) * channels];
        for (best, value) in output.iter_mut().zip(input) {
            if *value > *best || value.is_nan() {
                *best = *value;
            }
        }
    });
}

/// Gives each output's gradient to the first input that holds the maximum; `input_gradient` is overwritten.
///
/// `gradient` is consumed: a value that was given away is set to 0.
pub(crate) fn max_backward(
    w: &Window,
    channels: usize,
    input: &[f32],
    output: &[f32],
    gradient: &mut [f32],
    input_gradient: &mut [f32],
) {
    input_gradient.fill(0.0);
    for_each_pair(w, |from, to| {
        let (from, to) = (from * channels, to * channels);
        for channel in 0..channels {
            if input[from + channel] == output[to + channel] {
                input_gradient[from + channel] += std::mem::take(&mut gradient[to + channel]);
            }
        }
    });
}

/// Mean of every window, of which each value has its output's share; `output` is overwritten.
pub(crate) fn average(w: &Window, shares: &[f32], channels: usize, input: &[f32], output: &mut [f32]) {
    output.fill(0.0);
    for_each_pair(w, |from, to| {
        let share = shares[to];
        let input = &input[from * channels..(from + 1) * channels];
        let output = &mut output[to * channels..(to + 1) * channels];
        for (sum, value) in output.iter_mut().zip(input) {
            *sum += share * value;
        }
    });
}

/// Spreads each output's gradient over its window; `input_gradient` is overwritten.
pub(crate) fn average_backward(
    w: &Window,
    shares: &[f32],
    channels: usize,
    gradient: &[f32],
    input_gradient: &mut [f32],
) {
    input_gradient.fill(0.0);
    for_each_pair(w, |to, from| {
        let share = shares[from];
        let gradient = &gradient[from * channels..(from + 1) * channels];
        let input_gradient = &mut input_gradient[to * channels..(to + 1) * channels];
        for (sum, value) in input_gradient.iter_mut().zip(gradient) {
            *sum += share * value;
        }
    });
}
