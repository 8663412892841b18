//! Pad nodes: their borders become the padding of the convolutions and pools behind them, where that computes the same.

use panarch_graph::{BorderFill, Node, Op, Padding, Pool, PoolKind, Shape};

use super::super::super::pooling::WrittenPool;
use super::super::draft::{Border, Draft, Step};
use super::super::notes::Notes;
use crate::FormatError;

/// Leaves no Pad in the draft: a border of zeros that nothing can take is an operator of its own.
///
/// # Errors
/// When something else than a maximum reads a border that no maximum takes.
pub fn merge(draft: &mut Draft, outputs: &[usize], notes: &mut Notes) -> Result<(), FormatError> {
    let needed = draft.needed(outputs);
    for (id, needed) in needed.into_iter().enumerate() {
        while let (true, Some(pad)) = (needed, pad_before(draft, id)) {
            // A pool is tried with another padding.
            let before = match &draft.nodes[id].step {
                Step::Plain(op) => Some(op.clone()),
                _ => None,
            };
            match take(draft, id) {
                Ok(()) => notes.count("Pad nodes taken into the padding of what reads them"),
                Err(error) => {
                    if let Some(op) = before {
                        draft.nodes[id].step = Step::Plain(op);
                    }
                    stay(draft, pad, error)?;
                }
            }
        }
    }
    for output in outputs {
        if matches!(draft.nodes[*output].step, Step::Pad(..)) {
            let error = refuse(draft, *output, "is the last node");
            stay(draft, *output, error)?;
        }
    }
    Ok(())
}

/// Makes an operator of a border of zeros; another is the error that it was.
fn stay(draft: &mut Draft, pad: usize, error: FormatError) -> Result<(), FormatError> {
    let Step::Pad(padding, Border::Zero) = draft.nodes[pad].step else {
        return Err(error);
    };
    let fill = BorderFill::Zero;
    draft.nodes[pad].step = Step::Plain(Op::Pad(panarch_graph::Border { padding, fill }));
    Ok(())
}

fn pad_before(draft: &Draft, id: usize) -> Option<usize> {
    let mut pads = draft.nodes[id].inputs.iter().copied();
    pads.find(|input| matches!(draft.nodes[*input].step, Step::Pad(..)))
}

fn refuse(draft: &Draft, pad: usize, reason: &str) -> FormatError {
    FormatError::Node {
        node: draft.nodes[pad].name.clone(),
        operator: "Pad".to_owned(),
        reason: format!("{reason}; a border is supported only before convolutions and pools"),
    }
}

/// Takes the border that a node reads into its own padding.
fn take(draft: &mut Draft, id: usize) -> Result<(), FormatError> {
    let Some(pad) = pad_before(draft, id) else {
        return Ok(());
    };
    let Step::Pad(border, kind) = draft.nodes[pad].step else {
        return Ok(());
    };
    let source = draft.nodes[pad].inputs[0];
    let name = draft.nodes[id].name.clone();
    let rounded =
        matches!(&draft.nodes[id].step, Step::Plain(Op::Pool(pool)) if rounds_up(draft, id, pool, border, kind));
    let taken = match &draft.nodes[id].step {
        Step::Convolution(conv, ..) if kind == Border::Zero => sum(conv.padding, border),
        Step::Pad(own, own_kind) if *own_kind == kind => sum(*own, border),
        Step::Plain(Op::Pool(pool)) => {
            let pool = trimmed(pool, draft.nodes[pad].shape, draft.nodes[id].shape);
            let merges = match pool.kind {
                // A maximum takes no border; where no value is below 0, it takes no zeros either.
                PoolKind::Max => kind == Border::Lowest || draft.is_non_negative(source),
                PoolKind::Average => kind == Border::Zero && (pool.padding == Padding::NONE || pool.count_padding),
            };
            if !merges && !rounded {
                return Err(refuse(draft, pad, &format!("changes what the pool `{name}` computes")));
            }
            if rounded { border } else { sum(pool.padding, border) }
        }
        _ => return Err(refuse(draft, pad, &format!("is read by `{name}`"))),
    };
    match &mut draft.nodes[id].step {
        Step::Convolution(conv, ..) => conv.padding = taken,
        Step::Pad(own, _) => *own = taken,
        Step::Plain(Op::Pool(pool)) => {
            pool.padding = taken;
            pool.ceil |= rounded;
            pool.count_padding = true;
        }
        _ => {}
    }
    let node = Node {
        name,
        op: draft.nodes[id].step.op(),
        inputs: Vec::new(),
        block: String::new(),
    };
    let is_pad = matches!(draft.nodes[id].step, Step::Pad(..));
    if !is_pad && node.infer_shape(&[draft.nodes[source].shape])? != draft.nodes[id].shape {
        return Err(refuse(draft, pad, &format!("changes the size of `{}`", node.name)));
    }
    draft.nodes[id].inputs = vec![source];
    Ok(())
}

/// The pool without padding behind the image that no window reaches.
fn trimmed(pool: &Pool, from: Shape, to: Shape) -> Pool {
    let Padding { before, after } = pool.padding;
    let sizes = [(from.height, to.height), (from.width, to.width)];
    let after = [0, 1].map(|axis| {
        let (size, outputs) = sizes[axis];
        let reach = u64::from(outputs.saturating_sub(1)) * u64::from(pool.stride[axis]) + u64::from(pool.kernel[axis]);
        u64::from(after[axis]).min(reach.saturating_sub(u64::from(size) + u64::from(before[axis]))) as u32
    });
    if pool.ceil {
        return *pool;
    }
    Pool {
        padding: Padding { before, after },
        ..*pool
    }
}

/// Whether a pool over a border of zeros is the form that an average which rounds up and counts its padding is written in.
fn rounds_up(draft: &Draft, id: usize, pool: &Pool, zeros: Padding, kind: Border) -> bool {
    let average = Pool {
        padding: zeros,
        ceil: true,
        count_padding: true,
        ..*pool
    };
    let found = WrittenPool {
        zeros,
        padding: pool.padding,
        count_padding: pool.count_padding,
    };
    let pad = draft.nodes[id].inputs[0];
    let from = draft.nodes[draft.nodes[pad].inputs[0]].shape;
    pool.kind == PoolKind::Average
        && kind == Border::Zero
        && !pool.ceil
        && WrittenPool::new(&average, from, draft.nodes[id].shape) == found
}

fn sum(a: Padding, b: Padding) -> Padding {
    Padding {
        before: [0, 1].map(|axis| a.before[axis].saturating_add(b.before[axis])),
        after: [0, 1].map(|axis| a.after[axis].saturating_add(b.after[axis])),
    }
}
