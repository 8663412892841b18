//! Rewriting a draft until it has nothing but a network's operators.

mod activations;
mod affine;
mod borders;

use super::draft::Draft;
use super::notes::Notes;
use crate::FormatError;

/// Rewrites a draft; the result is the node that is then the output.
pub fn rewrite(draft: &mut Draft, output: usize, notes: &mut Notes) -> Result<usize, FormatError> {
    activations::recognise(draft, output);
    let output = affine::absorb(draft, output, notes);
    borders::merge(draft, output, notes)?;
    Ok(output)
}
