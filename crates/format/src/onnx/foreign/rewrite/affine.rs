//! Multiplications and additions of constants: taken into the layer before them where that is exact and leaves the number
//! of parameters as it is, else an operator of their own. One with a scale and a shift for each channel, and a rescaling of
//! the input, are batch normalisations with fixed statistics.

use panarch_graph::{Affine, BatchNorm, Factor};

use super::super::draft::{Draft, Step};
use super::super::notes::Notes;

/// Of a batch normalisation that stands for a scaling.
const EPS: f32 = 1e-5;

/// Leaves no scaling in the draft; the result are the nodes that are then the outputs.
pub fn absorb(draft: &mut Draft, outputs: &[usize], notes: &mut Notes) -> Vec<usize> {
    let mut readers = draft.readers(outputs);
    let scaled_again = read_by_scaling(draft, &readers);
    let mut instead: Vec<usize> = (0..draft.nodes.len()).collect();
    for id in 0..draft.nodes.len() {
        for input in &mut draft.nodes[id].inputs {
            *input = instead[*input];
        }
        if readers[id] == 0 || scaled_again[id] {
            continue;
        }
        if let Step::Bias(shift) = &draft.nodes[id].step {
            draft.nodes[id].step = Step::Affine(vec![1.0], shift.clone());
        } else {
            compose(draft, id, &readers);
        }
        let Step::Affine(scale, shift) = &draft.nodes[id].step else {
            continue;
        };
        let (scale, shift) = (scale.clone(), shift.clone());
        let input = draft.nodes[id].inputs[0];
        let alone = readers[input] == 1;
        let plain = scale.iter().all(|scale| *scale == 1.0);
        // A bias of zeros is one all the same.
        let taken = alone && take_into(&mut draft.nodes[input].step, &scale, &shift, plain);
        let gone = taken || (plain && shift.iter().all(|shift| *shift == 0.0));
        if gone {
            instead[id] = input;
            readers[input] = readers[input] - 1 + readers[id];
            continue;
        }
        let channels = draft.nodes[id].shape.channels as usize;
        if input != 0 && (scale.len() == 1 || shift.len() == 1) {
            notes.count("Multiplications and additions of constants that are operators of their own");
            draft.nodes[id].step = as_scaling(&scale, &shift);
            continue;
        }
        if input == 0 {
            let name = &draft.nodes[id].name;
            notes.say(format!(
                "The rescaling of the input is the batch normalisation `{name}` with fixed statistics."
            ));
        } else {
            notes.count(
                "Multiplications and additions of constants that are batch normalisations with fixed statistics",
            );
        }
        draft.nodes[id].step = as_batch_norm(&spread(&scale, channels), &spread(&shift, channels));
    }
    outputs.iter().map(|output| instead[*output]).collect()
}

/// For each node, whether it is a scaling that another alone reads, which will take it in.
fn read_by_scaling(draft: &Draft, readers: &[usize]) -> Vec<bool> {
    let mut found = vec![false; draft.nodes.len()];
    for (id, node) in draft.nodes.iter().enumerate() {
        if let (Step::Affine(..), true) = (&node.step, readers[id] > 0) {
            let input = node.inputs[0];
            found[input] = readers[input] == 1 && matches!(draft.nodes[input].step, Step::Affine(..));
        }
    }
    found
}

/// Takes scalings before this one into it.
fn compose(draft: &mut Draft, id: usize, readers: &[usize]) {
    while let Some(input) = draft.nodes[id].inputs.first().copied() {
        let (Step::Affine(inner_scale, inner_shift), 1) = (&draft.nodes[input].step, readers[input]) else {
            return;
        };
        let Step::Affine(scale, shift) = &draft.nodes[id].step else {
            return;
        };
        let scales = scale.len().max(inner_scale.len());
        let shifts = if inner_shift[..] == [0.0] {
            1
        } else {
            inner_shift.len().max(scale.len())
        };
        let shifts = shifts.max(shift.len());
        let at = |values: &[f64], place: usize| {
            values
                .get(if values.len() == 1 { 0 } else { place })
                .copied()
                .unwrap_or(0.0)
        };
        let composed = (0..scales).map(|place| at(scale, place) * at(inner_scale, place));
        let shifted = (0..shifts).map(|place| at(scale, place) * at(inner_shift, place) + at(shift, place));
        draft.nodes[id].step = Step::Affine(composed.collect(), shifted.collect());
        draft.nodes[id].inputs = draft.nodes[input].inputs.clone();
    }
}

fn spread(values: &[f64], channels: usize) -> Vec<f64> {
    match values {
        [one] => vec![*one; channels],
        all => all.to_vec(),
    }
}

/// Changes a layer so that it does the scaling after it as well; false where it cannot.
fn take_into(step: &mut Step, scale: &[f64], shift: &[f64], plain: bool) -> bool {
    match step {
        Step::Convolution(conv, _, bias) if plain && is_bias(shift) => {
            conv.bias = true;
            add_to_bias(bias, shift, conv.out as usize);
            true
        }
        Step::Linear(linear, _, bias) if plain && is_bias(shift) => {
            linear.bias = true;
            add_to_bias(bias, shift, linear.out as usize);
            true
        }
        // A scale for each channel is a parameter of its own, as layers are scaled after the normalisation at their end.
        Step::BatchNorm(..) if scale.len() > 1 && shift == [0.0] => false,
        Step::BatchNorm(_, [gamma, beta, _, _]) => {
            let (scale, shift) = (spread(scale, gamma.len()), spread(shift, gamma.len()));
            for (channel, (gamma, beta)) in gamma.iter_mut().zip(beta).enumerate() {
                *gamma = (f64::from(*gamma) * scale[channel]) as f32;
                *beta = (f64::from(*beta) * scale[channel] + shift[channel]) as f32;
            }
            true
        }
        _ => false,
    }
}

/// One number for all channels that is 0 is nothing.
fn is_bias(shift: &[f64]) -> bool {
    shift.len() > 1 || shift.iter().any(|shift| *shift != 0.0)
}

fn add_to_bias(bias: &mut Option<Vec<f32>>, shift: &[f64], outputs: usize) {
    let bias = bias.get_or_insert_with(|| vec![0.0; outputs]);
    for (bias, shift) in bias.iter_mut().zip(spread(shift, outputs)) {
        *bias = (f64::from(*bias) + shift) as f32;
    }
}

/// One number is a constant of the operator, one a channel its parameter.
fn as_scaling(scale: &[f64], shift: &[f64]) -> Step {
    let narrow = |values: &[f64]| match values {
        [one] => (Factor::Constant(*one as f32), None),
        all => (Factor::Channels, Some(all.iter().map(|value| *value as f32).collect())),
    };
    let ((scale, scales), (shift, shifts)) = (narrow(scale), narrow(shift));
    Step::Scaling(Affine { scale, shift }, scales, shifts)
}

/// γ·(x − 0)/√(1 − ε + ε) + β.
fn as_batch_norm(scale: &[f64], shift: &[f64]) -> Step {
    let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
    let bn = BatchNorm {
        eps: EPS,
        momentum: 0.0,
    };
    let channels = scale.len();
    Step::BatchNorm(
        bn,
        [
            narrow(scale),
            narrow(shift),
            vec![0.0; channels],
            vec![1.0 - EPS; channels],
        ],
    )
}
