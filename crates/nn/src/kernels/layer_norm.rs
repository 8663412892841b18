//! Normalisation with the statistics of an image itself, over one image that lies densely in memory.

use panarch_graph::{LayerNorm, NormOver};

/// Normalises rows of so many channels in place, with sums in f64.
pub(crate) fn layer_norm(norm: &LayerNorm, channels: usize, image: &mut [f32]) {
    match norm.over {
        NormOver::Channels => {
            for row in image.chunks_exact_mut(channels) {
                let map = map(norm.eps, row.iter());
                row.iter_mut().for_each(|value| apply(map, value));
            }
        }
        NormOver::Groups(groups) => {
            let each = channels / (groups.max(1) as usize);
            for first in (0..channels).step_by(each.max(1)) {
                let rows = image.chunks_exact(channels);
                let map = map(norm.eps, rows.flat_map(|row| &row[first..first + each]));
                for row in image.chunks_exact_mut(channels) {
                    row[first..first + each].iter_mut().for_each(|value| apply(map, value));
                }
            }
        }
    }
}

/// Mean and 1/√(variance + ε); the variance about the mean, in a second pass.
fn map<'a>(eps: f32, values: impl Iterator<Item = &'a f32> + Clone) -> [f64; 2] {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(|value| f64::from(*value)).sum::<f64>() / count;
    let square: f64 = values.map(|value| (f64::from(*value) - mean).powi(2)).sum();
    [mean, 1.0 / (square / count + f64::from(eps)).sqrt()]
}

fn apply([mean, inverse]: [f64; 2], value: &mut f32) {
    *value = ((f64::from(*value) - mean) * inverse) as f32;
}
