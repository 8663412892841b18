//! Activations that exporters spell out: ReLU as a clip, x·sigmoid(x), and the hard sigmoid and hard swish as additions,
//! clips and scalings in any of the usual orders.

use panarch_graph::{Activation, Op};

use super::super::draft::{Draft, Step};

/// How far a spelled-out constant may be from the right one.
const TOLERANCE: f64 = 1e-4;

fn close(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0)
}

/// Turns what is an activation into one node, and squares that are left into products.
pub fn recognise(draft: &mut Draft, outputs: &[usize]) {
    merge_clips(draft, outputs);
    let readers = draft.readers(outputs);
    // Later nodes first, so that the longest spelling is found before its parts.
    for id in (0..draft.nodes.len()).rev() {
        if readers[id] == 0 {
            continue;
        }
        if let Some((activation, base)) = activation(draft, id, &readers) {
            draft.nodes[id].step = Step::Plain(Op::Activation(activation));
            draft.nodes[id].inputs = vec![base];
        } else {
            steepen(draft, id, &readers);
        }
    }
    for node in &mut draft.nodes {
        if node.step == Step::Power(2.0)
            && let [x] = node.inputs[..]
        {
            node.step = Step::Plain(Op::Mul);
            node.inputs = vec![x, x];
        }
    }
}

/// A clip to 0 and 1 that is no hard sigmoid of its input is one of a scaled input. The scaling takes the place of a
/// scaling before the clip, or of a clip to other bounds before a scaling.
fn steepen(draft: &mut Draft, id: usize, readers: &[usize]) {
    let Some(input) = draft.nodes[id]
        .inputs
        .first()
        .copied()
        .filter(|input| readers[*input] == 1)
    else {
        return;
    };
    match (&draft.nodes[id].step, &draft.nodes[input].step) {
        (Step::Clip(0.0, 1.0), Step::Affine(scale, shift)) => {
            let scale = scale.iter().map(|scale| scale * 6.0).collect();
            let shift = shift.iter().map(|shift| 6.0 * shift - 3.0).collect();
            draft.nodes[input].step = Step::Affine(scale, shift);
        }
        (Step::Affine(scale, shift), inner) => {
            let (&[scale], &[shift], Some((low, high))) = (&scale[..], &shift[..], clip_of(inner)) else {
                return;
            };
            if high == f64::INFINITY || !close(scale * low + shift, 0.0) || !close(scale * high + shift, 1.0) {
                return;
            }
            let slope = 6.0 / (high - low);
            draft.nodes[input].step = Step::Affine(vec![slope], vec![-slope * low - 3.0]);
        }
        _ => return,
    }
    draft.nodes[id].step = Step::Plain(Op::Activation(Activation::HardSigmoid));
}

/// Takes a clip or ReLU into a clip that alone reads it.
fn merge_clips(draft: &mut Draft, outputs: &[usize]) {
    let readers = draft.readers(outputs);
    for id in 0..draft.nodes.len() {
        let Step::Clip(low, high) = draft.nodes[id].step else {
            continue;
        };
        let input = draft.nodes[id].inputs[0];
        if readers[input] == 1
            && let Some((inner_low, inner_high)) = clip_of(&draft.nodes[input].step)
            && inner_low <= high
            && low <= inner_high
        {
            draft.nodes[id].step = Step::Clip(low.max(inner_low), high.min(inner_high));
            draft.nodes[id].inputs = draft.nodes[input].inputs.clone();
        }
    }
}

/// The bounds of a step that is a clip.
fn clip_of(step: &Step) -> Option<(f64, f64)> {
    match step {
        Step::Clip(low, high) => Some((*low, *high)),
        Step::Plain(Op::Activation(Activation::Relu)) => Some((0.0, f64::INFINITY)),
        Step::Plain(Op::Activation(Activation::Relu6)) => Some((0.0, 6.0)),
        _ => None,
    }
}

/// What activation a node is, and of which node.
fn activation(draft: &Draft, id: usize, readers: &[usize]) -> Option<(Activation, usize)> {
    let node = &draft.nodes[id];
    match &node.step {
        Step::Plain(Op::Mul) => hard_swish(draft, id, 1.0)
            .or_else(|| swish(draft, &node.inputs, readers))
            .or_else(|| gelu(draft, id, 1.0)),
        Step::Affine(..) => {
            let (inner, scale, shift) = scalars(draft, id);
            let product = matches!(draft.nodes[inner].step, Step::Plain(Op::Mul)) && readers[inner] == 1;
            if product && shift == 0.0 {
                return hard_swish(draft, inner, scale).or_else(|| gelu(draft, inner, scale));
            }
            hard_sigmoid(draft, id)
        }
        Step::Clip(low, high) => hard_sigmoid(draft, id).or_else(|| {
            let activation = if *low != 0.0 {
                return None;
            } else if *high == f64::INFINITY {
                Activation::Relu
            } else if *high == 6.0 {
                Activation::Relu6
            } else {
                return None;
            };
            Some((activation, node.inputs[0]))
        }),
        _ => None,
    }
}

/// x·sigmoid(x), where nothing else reads the sigmoid.
fn swish(draft: &Draft, inputs: &[usize], readers: &[usize]) -> Option<(Activation, usize)> {
    let &[first, second] = inputs else { return None };
    [(first, second), (second, first)]
        .into_iter()
        .find_map(|(value, gate)| {
            let gate_node = &draft.nodes[gate];
            let is_gate = gate_node.step == Step::Plain(Op::Activation(Activation::Sigmoid));
            let own = is_gate && gate_node.inputs == [value] && readers[gate] == 1;
            own.then_some((Activation::Swish, value))
        })
}

fn hard_sigmoid(draft: &Draft, id: usize) -> Option<(Activation, usize)> {
    let (base, gain) = hard_gate(draft, id)?;
    close(gain, 1.0).then_some((Activation::HardSigmoid, base))
}

/// A product of x, scaled, and a hard sigmoid of x, scaled, that is x·hardsigmoid(x) after scaling by `scale`.
fn hard_swish(draft: &Draft, product: usize, scale: f64) -> Option<(Activation, usize)> {
    let &[first, second] = &draft.nodes[product].inputs[..] else {
        return None;
    };
    [(first, second), (second, first)]
        .into_iter()
        .find_map(|(value, gate)| {
            let (base, factor, shift) = scalars(draft, value);
            // Without its scalings, the value may itself be what the gate reads.
            let (whole, factor) = if shift == 0.0 { (base, factor) } else { (value, 1.0) };
            let (of, gain) = hard_gate(draft, gate)?;
            let same = if of == value {
                close(gain * scale, 1.0)
            } else {
                of == whole && close(gain * factor * scale, 1.0)
            };
            same.then_some((Activation::HardSwish, of))
        })
}

/// A product of x, scaled, and 1 + erf(x/√2) or 1 + tanh(√(2/π)·(x + 0.044715·x³)), scaled, that is GELU after scaling by
/// `scale`.
fn gelu(draft: &Draft, product: usize, scale: f64) -> Option<(Activation, usize)> {
    let &[first, second] = &draft.nodes[product].inputs[..] else {
        return None;
    };
    [(first, second), (second, first)]
        .into_iter()
        .find_map(|(value, gate)| {
            let (curve, gain, offset) = scalars(draft, gate);
            let (activation, slope) = match draft.nodes[curve].step {
                Step::Erf => (Activation::Gelu, std::f64::consts::FRAC_1_SQRT_2),
                Step::Tanh => (Activation::GeluTanh, (2.0 / std::f64::consts::PI).sqrt()),
                _ => return None,
            };
            let arguments = multiples(draft, *draft.nodes[curve].inputs.first()?);
            let values = multiples(draft, value);
            let fits = |(of, factor): (usize, f64), (argument, times): (usize, f64)| {
                let same = match activation {
                    Activation::Gelu => argument == of,
                    _ => cubic(draft, argument) == Some(of),
                };
                same && close(times, slope) && close(scale * factor * gain, 0.5) && close(scale * factor * offset, 0.5)
            };
            let found = values
                .iter()
                .find(|value| arguments.iter().any(|argument| fits(**value, *argument)));
            found.map(|(of, _)| (activation, *of))
        })
}

/// x, if a node is x + 0.044715·x³.
fn cubic(draft: &Draft, sum: usize) -> Option<usize> {
    let node = &draft.nodes[sum];
    let (Step::Plain(Op::Add), &[first, second]) = (&node.step, &node.inputs[..]) else {
        return None;
    };
    [(first, second), (second, first)].into_iter().find_map(|(x, cube)| {
        let (cube, factor, shift) = scalars(draft, cube);
        (close(factor, 0.044_715) && shift == 0.0 && cube_of(draft, cube) == Some(x)).then_some(x)
    })
}

/// x, if a node is x³ as a power or as products.
fn cube_of(draft: &Draft, id: usize) -> Option<usize> {
    let node = &draft.nodes[id];
    match (&node.step, &node.inputs[..]) {
        (Step::Power(power), &[x]) if *power == 3.0 => Some(x),
        (Step::Plain(Op::Mul), &[first, second]) => {
            let square_of = |id: usize| match (&draft.nodes[id].step, &draft.nodes[id].inputs[..]) {
                (Step::Power(power), &[x]) if *power == 2.0 => Some(x),
                (Step::Plain(Op::Mul), &[a, b]) if a == b => Some(a),
                _ => None,
            };
            let pairs = [(first, second), (second, first)];
            pairs
                .into_iter()
                .find_map(|(x, square)| (square_of(square) == Some(x)).then_some(x))
        }
        _ => None,
    }
}

/// What a node is a multiple of, by single numbers, with the factors; itself first.
fn multiples(draft: &Draft, id: usize) -> Vec<(usize, f64)> {
    let mut found = vec![(id, 1.0)];
    // Longer chains are of no exporter.
    while found.len() < 4 {
        let Some((at, factor)) = found.last().copied() else {
            break;
        };
        let node = &draft.nodes[at];
        let (Step::Affine(scale, shift), Some(input)) = (&node.step, node.inputs.first()) else {
            break;
        };
        let (&[scale], &[0.0]) = (&scale[..], &shift[..]) else {
            break;
        };
        found.push((*input, factor * scale));
    }
    found
}

/// x and g, if a node is g·min(max(x + 3, 0), 6)/6.
fn hard_gate(draft: &Draft, id: usize) -> Option<(usize, f64)> {
    let (clip, scale, shift) = scalars(draft, id);
    let node = &draft.nodes[clip];
    let inner = *node.inputs.first()?;
    if node.step == Step::Plain(Op::Activation(Activation::HardSigmoid)) {
        return (shift == 0.0).then_some((inner, scale));
    }
    let (low, high) = clip_of(&node.step)?;
    let (base, slope, offset) = scalars(draft, inner);
    let fits = slope > 0.0
        && close((low - offset) / slope, -3.0)
        && close((high - offset) / slope, 3.0)
        && close(scale * low + shift, 0.0);
    fits.then_some((base, scale * high + shift))
}

/// The node before a chain of scalings by single numbers, and the scale and shift of the whole chain.
fn scalars(draft: &Draft, id: usize) -> (usize, f64, f64) {
    let (mut at, mut scale, mut shift) = (id, 1.0, 0.0);
    // Longer chains are of no exporter.
    for _ in 0..4 {
        let node = &draft.nodes[at];
        let (Step::Affine(factors, terms), Some(input)) = (&node.step, node.inputs.first()) else {
            break;
        };
        let (&[factor], &[term]) = (&factors[..], &terms[..]) else {
            break;
        };
        shift += scale * term;
        scale *= factor;
        at = *input;
    }
    (at, scale, shift)
}
