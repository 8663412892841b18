//! Between PyTorch's layout of a convolution's weights, `[out, in / groups, height, width]`, and the kernels' layouts.

use crate::kernels::product::{pack, packed_length};
use crate::plan::{Convolution, Form};
use crate::simd::Level;

/// Packs weights for the forward pass.
pub(crate) fn forward(level: Level, conv: &Convolution, weights: &[f32], out: &mut [f32]) {
    let [ins, outs] = conv.group();
    let taps = conv.taps();
    if conv.form == Form::Depthwise {
        depthwise(level, conv, weights, &mut (0..taps), out);
        return;
    }
    let inner = conv.inner();
    let length = packed_length(level, inner, outs);
    for (group, out) in out.chunks_exact_mut(length).take(conv.groups).enumerate() {
        let weights = weights.get(group * outs * inner..).unwrap_or_default();
        if taps == 1 {
            // No division for each of the many weights of a linear layer.
            pack(level, inner, outs, out, |row, column| weights[column * inner + row]);
        } else {
            pack(level, inner, outs, out, |row, column| {
                weights[(column * ins + row % ins) * taps + row / ins]
            });
        }
    }
}

/// Packs weights for the data gradient: transposed, phase by phase.
pub(crate) fn backward(level: Level, conv: &Convolution, weights: &[f32], out: &mut [f32]) {
    let [ins, outs] = conv.group();
    let taps = conv.taps();
    for phase in &conv.phases {
        let out = &mut out[phase.packed..];
        if conv.form == Form::Depthwise {
            depthwise(level, conv, weights, &mut phase.taps.iter().copied(), out);
            continue;
        }
        let inner = phase.taps.len() * outs;
        let length = packed_length(level, inner, ins);
        for group in 0..conv.groups {
            let out = &mut out[group * length..(group + 1) * length];
            pack(level, inner, ins, out, |row, column| {
                let tap = phase.taps[row / outs];
                weights[((group * outs + row % outs) * ins + column) * taps + tap]
            });
        }
    }
}

fn depthwise(
    level: Level,
    conv: &Convolution,
    weights: &[f32],
    taps: &mut dyn Iterator<Item = usize>,
    out: &mut [f32],
) {
    let stride = conv.inputs.next_multiple_of(level.lanes());
    for (line, tap) in out.chunks_exact_mut(stride).zip(taps) {
        for (channel, value) in line.iter_mut().enumerate() {
            *value = if channel < conv.inputs {
                weights[channel * conv.taps() + tap]
            } else {
                0.0
            };
        }
    }
}

/// Brings weight-gradient sums into PyTorch's layout.
pub(crate) fn unpack(level: Level, conv: &Convolution, sums: &[f32], out: &mut [f32]) {
    let [ins, outs] = conv.group();
    let taps = conv.taps();
    let lanes = level.lanes();
    if conv.form == Form::Depthwise {
        let stride = conv.inputs.next_multiple_of(lanes);
        for (index, value) in out.iter_mut().enumerate() {
            *value = sums[index % taps * stride + index / taps];
        }
        return;
    }
    let stride = outs.next_multiple_of(lanes);
    for (out_channel, kernel) in out.chunks_exact_mut(ins * taps).enumerate() {
        let (group, column) = (out_channel / outs, out_channel % outs);
        for input in 0..ins {
            for tap in 0..taps {
                let row = (group * taps + tap) * ins + input;
                kernel[input * taps + tap] = sums[row * stride + column];
            }
        }
    }
}
