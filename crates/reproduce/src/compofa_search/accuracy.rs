//! The published accuracy predictor of the width-1.2 space: a network of three hidden layers on one-hot choices.

use panarch_format::{FileKind, TypedData, read_file, read_torch};
use panarch_run::Error;

use super::arch::{Arch, BLOCKS, CHOICES, RESOLUTIONS};
use crate::reference_data::Find;

const FILE: &str = "ofa/ofa_mbv3w12_acc_predictor.pth";
const HIDDEN: usize = 400;
/// Kernels, expansions, eight resolutions from 112 pixels on.
const FEATURES: usize = 2 * BLOCKS * CHOICES + 8;
const LARGEST: u64 = 16 << 20;

/// Top-1 of a member, from 0 to 1; trained on resolutions from 160 on.
pub(super) struct AccuracyPredictor {
    /// The first layer by feature: what a choice adds to each of the hidden values.
    first: Vec<f32>,
    /// The square layers, row by row of the output.
    square: [Vec<f32>; 2],
    last: Vec<f32>,
    biases: [Vec<f32>; 4],
}

impl AccuracyPredictor {
    pub(super) fn read(find: Find) -> Result<Self, Error> {
        let path = find(FILE)?;
        let file = read_torch(&read_file(&path, FileKind::new("checkpoint", LARGEST))?)?;
        let state = file.state_dict()?;
        let get = |name: &str, shape: &[usize]| match state.get(name) {
            Some(tensor) if tensor.shape == shape => match &tensor.data {
                TypedData::F32(data) => Ok(data.clone()),
                _ => Err(wrong(name)),
            },
            _ => Err(wrong(name)),
        };
        let by_row = get("0.weight", &[HIDDEN, FEATURES])?;
        let mut first = vec![0.0; FEATURES * HIDDEN];
        for (row, weights) in by_row.chunks_exact(FEATURES).enumerate() {
            for (feature, weight) in weights.iter().enumerate() {
                if let Some(place) = first.get_mut(feature * HIDDEN + row) {
                    *place = *weight;
                }
            }
        }
        Ok(Self {
            first,
            square: [get("2.weight", &[HIDDEN, HIDDEN])?, get("4.weight", &[HIDDEN, HIDDEN])?],
            last: get("6.weight", &[1, HIDDEN])?,
            biases: [
                get("0.bias", &[HIDDEN])?,
                get("2.bias", &[HIDDEN])?,
                get("4.bias", &[HIDDEN])?,
                get("6.bias", &[1])?,
            ],
        })
    }

    /// What it says of a member.
    pub(super) fn top1(&self, arch: &Arch) -> f64 {
        let mut hidden = self.biases[0].clone();
        for feature in features(arch) {
            let column = self.first.chunks_exact(HIDDEN).nth(feature).unwrap_or_default();
            hidden.iter_mut().zip(column).for_each(|(sum, weight)| *sum += weight);
        }
        for (weights, bias) in self.square.iter().zip(&self.biases[1..3]) {
            hidden.iter_mut().for_each(|value| *value = value.max(0.0));
            let rows = weights.chunks_exact(HIDDEN).zip(bias);
            hidden = rows.map(|(row, bias)| bias + dot(row, &hidden)).collect();
        }
        hidden.iter_mut().for_each(|value| *value = value.max(0.0));
        f64::from(dot(&self.last, &hidden) + self.biases[3].first().copied().unwrap_or_default())
    }
}

fn wrong(name: &str) -> Error {
    Error::Input(format!("{FILE}: no tensor `{name}` of the expected shape"))
}

/// In sixteen partial sums, which a processor adds side by side.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// The features that are 1: kernel and expansion of every block that is there, and the resolution.
fn features(arch: &Arch) -> impl Iterator<Item = usize> + '_ {
    let resolution = RESOLUTIONS
        .get(usize::from(arch.resolution))
        .copied()
        .unwrap_or_default();
    let blocks = arch.blocks().flat_map(|(block, kernel, expansion)| {
        [block * CHOICES + kernel, BLOCKS * CHOICES + block * CHOICES + expansion]
    });
    blocks.chain([2 * BLOCKS * CHOICES + (resolution.saturating_sub(112) / 16) as usize])
}
