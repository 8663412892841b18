//! A slow executor in f64, node by node, with nothing fused: what the engine is compared with. Values are NHWC.

use std::collections::BTreeMap;

use panarch_graph::{
    Activation, BorderFill, Conv2d, Coordinates, Factor, ImageAxis, Interpolation, Network, NormOver, Op, Pool,
    PoolKind, Resize, Shape, Weights,
};

/// Whether batch normalisation uses the batch's statistics or the running ones.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// The batch's.
    Train,
    /// The running ones.
    Eval,
}

/// Values of all nodes, NHWC, and the statistics (mean, biased variance) of all batch normalisations.
pub struct Pass {
    /// Of each node, by its number.
    pub values: Vec<Vec<f64>>,
    /// By the name of the node.
    pub moments: BTreeMap<String, (Vec<f64>, Vec<f64>)>,
}

struct Geometry {
    batch: usize,
    from: [usize; 3],
    to: [usize; 3],
}

fn hwc(shape: Shape) -> [usize; 3] {
    [shape.height as usize, shape.width as usize, shape.channels as usize]
}

fn weight(weights: &Weights, node: &str, suffix: &str) -> Vec<f64> {
    let tensor = weights.get(&format!("{node}.{suffix}")).expect("parameter");
    tensor.data.iter().map(|value| f64::from(*value)).collect()
}

/// Runs a network on images, `[images, height, width, channels]`.
///
/// # Panics
/// When the weights lack a parameter.
#[must_use]
pub fn forward(network: &Network, weights: &Weights, input: &[f32], mode: Mode) -> Pass {
    let image = network.input_shape().elements() as usize;
    let batch = input.len() / image;
    let mut pass = Pass {
        values: Vec::new(),
        moments: BTreeMap::new(),
    };
    for id in network.ids() {
        let node = network.node(id);
        let to = hwc(network.shape(id));
        let inputs: Vec<&Vec<f64>> = node.inputs.iter().map(|id| &pass.values[id.index()]).collect();
        let from = node.inputs.first().map_or(to, |id| hwc(network.shape(*id)));
        let geometry = Geometry { batch, from, to };
        let mut out = vec![0.0; batch * to.iter().product::<usize>()];
        match &node.op {
            Op::Input => out = input.iter().map(|value| f64::from(*value)).collect(),
            Op::Conv2d(conv) => {
                let kernel = weight(weights, &node.name, "weight");
                for_each_tap(&geometry, conv, |from, to, tap| {
                    out[to] += inputs[0][from] * kernel[tap]
                });
                if conv.bias {
                    add_bias(&mut out, &weight(weights, &node.name, "bias"));
                }
            }
            Op::Linear(linear) => {
                let matrix = weight(weights, &node.name, "weight");
                for_each_product(&geometry, |from, to, at| out[to] += inputs[0][from] * matrix[at]);
                if linear.bias {
                    add_bias(&mut out, &weight(weights, &node.name, "bias"));
                }
            }
            Op::BatchNorm(bn) => {
                let (mean, variance) = if mode == Mode::Train {
                    moments(inputs[0], to[2])
                } else {
                    (
                        weight(weights, &node.name, "running_mean"),
                        weight(weights, &node.name, "running_var"),
                    )
                };
                let (scale, shift) = (
                    weight(weights, &node.name, "weight"),
                    weight(weights, &node.name, "bias"),
                );
                for (index, out) in out.iter_mut().enumerate() {
                    let c = index % to[2];
                    let normal = (inputs[0][index] - mean[c]) / (variance[c] + f64::from(bn.eps)).sqrt();
                    *out = normal * scale[c] + shift[c];
                }
                pass.moments.insert(node.name.clone(), (mean, variance));
            }
            Op::Activation(kind) => {
                for (out, x) in out.iter_mut().zip(inputs[0]) {
                    *out = activation(*kind, *x).0;
                }
            }
            Op::Add => {
                for (index, out) in out.iter_mut().enumerate() {
                    *out = inputs[0][index] + inputs[1][index];
                }
            }
            Op::Mul => {
                let gate = hwc(network.shape(node.inputs[1]));
                for (index, out) in out.iter_mut().enumerate() {
                    *out = inputs[0][index] * inputs[1][gate_index(index, to, gate)];
                }
            }
            Op::Concat => {
                let mut start = 0;
                for (input, id) in inputs.iter().zip(&node.inputs) {
                    let channels = network.shape(*id).channels as usize;
                    for (index, value) in input.iter().enumerate() {
                        out[index / channels * to[2] + start + index % channels] = *value;
                    }
                    start += channels;
                }
            }
            Op::Pool(pool) => match pool.kind {
                PoolKind::Average => {
                    let counts = window_counts(&geometry, pool);
                    for_each_window(&geometry, pool, |from, to| out[to] += inputs[0][from] / counts[to]);
                }
                PoolKind::Max => {
                    out.fill(f64::NEG_INFINITY);
                    for_each_window(&geometry, pool, |from, to| out[to] = out[to].max(inputs[0][from]));
                }
            },
            Op::GlobalAvgPool => {
                let pixels = from[0] * from[1];
                for (index, value) in inputs[0].iter().enumerate() {
                    out[index / (pixels * from[2]) * from[2] + index % from[2]] += value / pixels as f64;
                }
            }
            Op::Flatten => {
                for (index, value) in inputs[0].iter().enumerate() {
                    out[flat_index(index, from)] = *value;
                }
            }
            op @ (Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_)) => {
                for_each_share(&geometry, op, |from, to, share| out[to] += share * inputs[0][from]);
            }
            Op::LayerNorm(norm) => {
                let each = match norm.over {
                    NormOver::Channels => to[2],
                    NormOver::Groups(groups) => to[2] / groups as usize,
                };
                // Which mean and variance a value belongs to.
                let set = |index: usize| {
                    let (pixel, channel) = (index / to[2], index % to[2]);
                    match norm.over {
                        NormOver::Channels => pixel,
                        NormOver::Groups(groups) => pixel / (to[0] * to[1]) * groups as usize + channel / each,
                    }
                };
                let mut sums: BTreeMap<usize, [f64; 3]> = BTreeMap::new();
                for (index, x) in inputs[0].iter().enumerate() {
                    let [count, sum, squares] = sums.entry(set(index)).or_default();
                    (*count, *sum, *squares) = (*count + 1.0, *sum + x, *squares + x * x);
                }
                for (index, out) in out.iter_mut().enumerate() {
                    let [count, sum, squares] = sums[&set(index)];
                    let mean = sum / count;
                    let variance = squares / count - mean * mean;
                    *out = (inputs[0][index] - mean) / (variance + f64::from(norm.eps)).sqrt();
                }
            }
            Op::Affine(affine) => {
                let factor = |factor: Factor, suffix: &str| match factor {
                    Factor::Constant(value) => vec![f64::from(value); to[2]],
                    Factor::Channels => weight(weights, &node.name, suffix),
                };
                let (scale, shift) = (factor(affine.scale, "weight"), factor(affine.shift, "bias"));
                for (index, out) in out.iter_mut().enumerate() {
                    *out = inputs[0][index] * scale[index % to[2]] + shift[index % to[2]];
                }
            }
        }
        pass.values.push(out);
    }
    pass
}

/// Gradients of all parameters by name, and of the input, from the gradient of the first output; training mode.
///
/// # Panics
/// When the pass is of another network.
#[must_use]
pub fn backward(
    network: &Network,
    weights: &Weights,
    pass: &Pass,
    output_gradient: &[f64],
) -> (BTreeMap<String, Vec<f64>>, Vec<f64>) {
    let mut grads: Vec<Vec<f64>> = pass.values.iter().map(|values| vec![0.0; values.len()]).collect();
    let mut parameters = BTreeMap::new();
    grads[network.output().index()].copy_from_slice(output_gradient);
    let batch = pass.values[0].len() / network.input_shape().elements() as usize;
    for id in network.ids().rev() {
        let node = network.node(id);
        let to = hwc(network.shape(id));
        let Some(first) = node.inputs.first().copied() else {
            continue;
        };
        let from = hwc(network.shape(first));
        let geometry = Geometry { batch, from, to };
        let dy = grads[id.index()].clone();
        let x = &pass.values[first.index()];
        let mut dx = vec![0.0; x.len()];
        match &node.op {
            Op::Input => {}
            Op::Conv2d(conv) => {
                let kernel = weight(weights, &node.name, "weight");
                let mut dw = vec![0.0; kernel.len()];
                for_each_tap(&geometry, conv, |from, to, tap| {
                    dx[from] += dy[to] * kernel[tap];
                    dw[tap] += dy[to] * x[from];
                });
                parameters.insert(format!("{}.weight", node.name), dw);
                if conv.bias {
                    parameters.insert(format!("{}.bias", node.name), channel_sums(&dy, to[2]));
                }
            }
            Op::Linear(linear) => {
                let matrix = weight(weights, &node.name, "weight");
                let mut dw = vec![0.0; matrix.len()];
                for_each_product(&geometry, |from, to, at| {
                    dx[from] += dy[to] * matrix[at];
                    dw[at] += dy[to] * x[from];
                });
                parameters.insert(format!("{}.weight", node.name), dw);
                if linear.bias {
                    parameters.insert(format!("{}.bias", node.name), channel_sums(&dy, to[2]));
                }
            }
            Op::BatchNorm(bn) => {
                let (mean, variance) = &pass.moments[&node.name];
                let scale = weight(weights, &node.name, "weight");
                let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + f64::from(bn.eps)).sqrt()).collect();
                let normal: Vec<f64> = x
                    .iter()
                    .enumerate()
                    .map(|(i, x)| (x - mean[i % to[2]]) * inverse[i % to[2]])
                    .collect();
                let products: Vec<f64> = dy.iter().zip(&normal).map(|(dy, n)| dy * n).collect();
                let (db, dw) = (channel_sums(&dy, to[2]), channel_sums(&products, to[2]));
                let count = (x.len() / to[2]) as f64;
                for (i, dx) in dx.iter_mut().enumerate() {
                    let c = i % to[2];
                    *dx = scale[c] * inverse[c] * (dy[i] - db[c] / count - normal[i] * dw[c] / count);
                }
                parameters.insert(format!("{}.weight", node.name), dw);
                parameters.insert(format!("{}.bias", node.name), db);
            }
            Op::Activation(kind) => {
                for (i, dx) in dx.iter_mut().enumerate() {
                    *dx = dy[i] * activation(*kind, x[i]).1;
                }
            }
            Op::Add => dx.copy_from_slice(&dy),
            Op::Mul => {
                let gate = hwc(network.shape(node.inputs[1]));
                let other = &pass.values[node.inputs[1].index()];
                let mut d_other = vec![0.0; other.len()];
                for (i, dy) in dy.iter().enumerate() {
                    let g = gate_index(i, to, gate);
                    dx[i] = dy * other[g];
                    d_other[g] += dy * x[i];
                }
                add_to(&mut grads[node.inputs[1].index()], &d_other);
            }
            Op::Concat => {
                let mut start = 0;
                for id in &node.inputs {
                    let channels = network.shape(*id).channels as usize;
                    for (i, grad) in grads[id.index()].iter_mut().enumerate() {
                        *grad += dy[i / channels * to[2] + start + i % channels];
                    }
                    start += channels;
                }
            }
            Op::Pool(pool) => match pool.kind {
                PoolKind::Average => {
                    let counts = window_counts(&geometry, pool);
                    for_each_window(&geometry, pool, |from, to| dx[from] += dy[to] / counts[to]);
                }
                PoolKind::Max => {
                    let y = &pass.values[id.index()];
                    let mut taken = vec![false; y.len()];
                    for_each_window(&geometry, pool, |from, to| {
                        if !taken[to] && x[from] == y[to] {
                            taken[to] = true;
                            dx[from] += dy[to];
                        }
                    });
                }
            },
            Op::GlobalAvgPool => {
                let pixels = from[0] * from[1];
                for (i, dx) in dx.iter_mut().enumerate() {
                    *dx = dy[i / (pixels * from[2]) * from[2] + i % from[2]] / pixels as f64;
                }
            }
            op @ (Op::Slice(_) | Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_)) => {
                for_each_share(&geometry, op, |from, to, share| dx[from] += share * dy[to]);
            }
            Op::LayerNorm(_) | Op::Affine(_) => unreachable!("these are not trained"),
            Op::Flatten => {
                for (i, dx) in dx.iter_mut().enumerate() {
                    *dx = dy[flat_index(i, from)];
                }
            }
        }
        add_to(&mut grads[first.index()], &dx);
        if node.op == Op::Add {
            add_to(&mut grads[node.inputs[1].index()], &dy);
        }
    }
    (parameters, grads.swap_remove(0))
}

/// Value and derivative of an activation.
#[must_use]
pub fn activation(kind: Activation, x: f64) -> (f64, f64) {
    let inside = |low: f64, high: f64| f64::from(u8::from(x > low && x < high));
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match kind {
        Activation::Relu => (x.max(0.0), inside(0.0, f64::INFINITY)),
        Activation::Relu6 => (x.clamp(0.0, 6.0), inside(0.0, 6.0)),
        Activation::HardSigmoid => ((x + 3.0).clamp(0.0, 6.0) / 6.0, inside(-3.0, 3.0) / 6.0),
        Activation::HardSwish => {
            let slope = if x <= -3.0 {
                0.0
            } else if x < 3.0 {
                x / 3.0 + 0.5
            } else {
                1.0
            };
            (x * (x + 3.0).clamp(0.0, 6.0) / 6.0, slope)
        }
        Activation::Sigmoid => (sigmoid, sigmoid * (1.0 - sigmoid)),
        Activation::Swish => (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid))),
        Activation::LeakyRelu(slope) => {
            let slope = if x > 0.0 { 1.0 } else { f64::from(slope.get()) };
            (x * slope, slope)
        }
        Activation::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let below = 0.5 + normal_integral(x);
            (x * below, below + x * density)
        }
        Activation::GeluTanh => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            let tanh = (root * (x + 0.044_715 * x.powi(3))).tanh();
            let slope = (1.0 - tanh * tanh) * root * (1.0 + 3.0 * 0.044_715 * x * x);
            (0.5 * x * (1.0 + tanh), 0.5 * (1.0 + tanh) + 0.5 * x * slope)
        }
    }
}

/// The integral of the normal density from 0 to x, by its series (Abramowitz & Stegun 26.2.11).
fn normal_integral(x: f64) -> f64 {
    // Beyond, what is missing to a half is less than 1e-18, and the terms of the series no longer fit.
    if x.abs() > 9.0 {
        return 0.5_f64.copysign(x);
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while f64::abs(term) > 1e-17 && odd < 1e3 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    sum * (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Calls `f(input index, output index, share)` for every value that an operator moves, share by share.
fn for_each_share(g: &Geometry, op: &Op, mut f: impl FnMut(usize, usize, f64)) {
    let ([ih, iw, ic], [oh, ow, oc]) = (g.from, g.to);
    for n in 0..g.batch {
        for (y, x, c) in (0..oh).flat_map(|y| (0..ow).flat_map(move |x| (0..oc).map(move |c| (y, x, c)))) {
            let rows = sources(op, 0, [y, ih, oh]);
            let columns = sources(op, 1, [x, iw, ow]);
            let channel = match op {
                Op::Slice(slice) if slice.axis == ImageAxis::Channels => {
                    slice.before as usize + c * slice.step as usize
                }
                Op::Shuffle { groups } => {
                    let groups = *groups as usize;
                    (c % groups) * (ic / groups) + c / groups
                }
                _ => c,
            };
            for (row, down) in &rows {
                for (column, across) in &columns {
                    let from = ((n * ih + row) * iw + column) * ic + channel;
                    f(from, ((n * oh + y) * ow + x) * oc + c, down * across);
                }
            }
        }
    }
}

/// What position `at` of an axis (0 rows, 1 columns) of `to` positions is made of, where the input has `from`.
fn sources(op: &Op, axis: usize, [at, from, to]: [usize; 3]) -> Vec<(usize, f64)> {
    let last = from as f64 - 1.0;
    match op {
        Op::Slice(slice)
            if (slice.axis, axis) == (ImageAxis::Height, 0) || (slice.axis, axis) == (ImageAxis::Width, 1) =>
        {
            vec![(slice.before as usize + at * slice.step as usize, 1.0)]
        }
        Op::Pad(border) => {
            let mut place = at as i64 - i64::from(border.padding.before[axis]);
            let size = from as i64;
            match border.fill {
                BorderFill::Zero if place < 0 || place >= size => return Vec::new(),
                BorderFill::Zero => {}
                BorderFill::Edge => place = place.max(0).min(size - 1),
                BorderFill::Reflect => {
                    while place < 0 || place >= size {
                        place = if place < 0 { -place } else { 2 * (size - 1) - place };
                    }
                }
            }
            vec![(place as usize, 1.0)]
        }
        Op::Resize(Resize {
            interpolation,
            coordinates,
            ..
        }) => {
            let scale = to as f64 / from as f64;
            let at = at as f64;
            let place = match coordinates {
                Coordinates::HalfPixel => (at + 0.5) / scale - 0.5,
                Coordinates::PytorchHalfPixel if to > 1 => (at + 0.5) / scale - 0.5,
                Coordinates::AlignCorners if to > 1 => at * (from as f64 - 1.0) / (to as f64 - 1.0),
                Coordinates::PytorchHalfPixel | Coordinates::AlignCorners => 0.0,
                Coordinates::Asymmetric => at / scale,
            };
            // Ties are meant to be ties.
            let place = (place * 1e9).round() / 1e9;
            let nearest = |place: f64| vec![(place.clamp(0.0, last) as usize, 1.0)];
            match interpolation {
                Interpolation::NearestFloor => nearest(place.floor()),
                Interpolation::NearestCeil => nearest(place.ceil()),
                Interpolation::NearestDown => nearest(if place.fract() == 0.5 {
                    place.floor()
                } else {
                    place.round()
                }),
                Interpolation::NearestUp => nearest(if place.fract() == 0.5 {
                    place.ceil()
                } else {
                    place.round()
                }),
                Interpolation::Linear => {
                    let place = place.clamp(0.0, last);
                    let low = place.floor();
                    let high = (low + 1.0).min(last);
                    vec![(low as usize, 1.0 - (place - low)), (high as usize, place - low)]
                }
            }
        }
        _ => vec![(at, 1.0)],
    }
}

fn moments(x: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (x.len() / channels) as f64;
    let mean: Vec<f64> = channel_sums(x, channels).iter().map(|sum| sum / count).collect();
    let squares: Vec<f64> = x
        .iter()
        .enumerate()
        .map(|(i, x)| (x - mean[i % channels]).powi(2))
        .collect();
    let variance = channel_sums(&squares, channels).iter().map(|sum| sum / count).collect();
    (mean, variance)
}

fn channel_sums(x: &[f64], channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for row in x.chunks_exact(channels) {
        add_to(&mut sums, row);
    }
    sums
}

fn add_to(into: &mut [f64], from: &[f64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += from;
    }
}

fn add_bias(out: &mut [f64], bias: &[f64]) {
    for row in out.chunks_exact_mut(bias.len()) {
        add_to(row, bias);
    }
}

fn gate_index(index: usize, [height, width, channels]: [usize; 3], gate: [usize; 3]) -> usize {
    if gate == [height, width, channels] {
        index
    } else {
        index / (height * width * channels) * channels + index % channels
    }
}

/// The position in C, H, W order of an NHWC position.
fn flat_index(index: usize, [height, width, channels]: [usize; 3]) -> usize {
    let pixels = height * width;
    let (image, rest) = (index / (pixels * channels), index % (pixels * channels));
    image * pixels * channels + rest % channels * pixels + rest / channels
}

/// Calls `f(input index, output index, kernel index)` for every multiplication.
fn for_each_tap(g: &Geometry, conv: &Conv2d, mut f: impl FnMut(usize, usize, usize)) {
    let ([ih, iw, ic], [oh, ow, oc]) = (g.from, g.to);
    let [kh, kw] = conv.kernel.map(|k| k as usize);
    let groups = conv.groups as usize;
    let (ig, og) = (ic / groups, oc / groups);
    for n in 0..g.batch {
        for (oy, ox) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
            for (ky, kx) in (0..kh).flat_map(|y| (0..kw).map(move |x| (y, x))) {
                let y = oy * conv.stride[0] as usize + ky * conv.dilation[0] as usize;
                let x = ox * conv.stride[1] as usize + kx * conv.dilation[1] as usize;
                let (Some(y), Some(x)) = (
                    y.checked_sub(conv.padding.before[0] as usize),
                    x.checked_sub(conv.padding.before[1] as usize),
                ) else {
                    continue;
                };
                if y >= ih || x >= iw {
                    continue;
                }
                for o in 0..oc {
                    for i in 0..ig {
                        f(
                            ((n * ih + y) * iw + x) * ic + o / og * ig + i,
                            ((n * oh + oy) * ow + ox) * oc + o,
                            ((o * ig + i) * kh + ky) * kw + kx,
                        );
                    }
                }
            }
        }
    }
}

/// Calls `f(input index, output index)` for every value in every window.
fn for_each_window(g: &Geometry, pool: &Pool, mut f: impl FnMut(usize, usize)) {
    let conv = Conv2d {
        out: g.to[2] as u32,
        kernel: pool.kernel,
        stride: pool.stride,
        padding: pool.padding,
        dilation: [1; 2],
        groups: g.to[2] as u32,
        bias: false,
    };
    for_each_tap(g, &conv, |from, to, _| f(from, to));
}

/// How many positions each output of an average counts, found by looking at every position of every window.
fn window_counts(g: &Geometry, pool: &Pool) -> Vec<f64> {
    let [height, width, channels] = g.to;
    let side = |axis: usize, output: usize| {
        let counts = |k: &u32| {
            let at =
                output as i64 * i64::from(pool.stride[axis]) + i64::from(*k) - i64::from(pool.padding.before[axis]);
            let inside = (0..g.from[axis] as i64).contains(&at);
            let after = g.from[axis] as i64 + i64::from(pool.padding.after[axis]);
            inside || (pool.count_padding && at < after)
        };
        (0..pool.kernel[axis]).filter(counts).count() as f64
    };
    let mut counts = Vec::new();
    for index in 0..g.batch * height * width {
        let count = side(0, index / width % height) * side(1, index % width);
        counts.extend(std::iter::repeat_n(count, channels));
    }
    counts
}

/// Calls `f(input index, output index, matrix index)` for every multiplication of a linear layer.
fn for_each_product(g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
    let (inputs, outs) = (g.from.iter().product::<usize>(), g.to[2]);
    for n in 0..g.batch {
        for o in 0..outs {
            for i in 0..inputs {
                f(n * inputs + i, n * outs + o, o * inputs + i);
            }
        }
    }
}
