//! Rewriting a draft until it has nothing but a network's operators.

mod activations;
mod affine;
mod borders;

use super::draft::Draft;
use super::notes::Notes;
use crate::FormatError;

/// Rewrites a draft; the result are the nodes that are then the outputs.
pub fn rewrite(draft: &mut Draft, outputs: &[usize], notes: &mut Notes) -> Result<Vec<usize>, FormatError> {
    activations::recognise(draft, outputs);
    let outputs = affine::absorb(draft, outputs, notes);
    borders::merge(draft, &outputs, notes)?;
    Ok(outputs)
}
