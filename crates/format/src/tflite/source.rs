use std::borrow::Cow;

use panarch_graph::{Node, Weights, stream};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::FormatError;

/// Where the values of kernels and biases come from, for a network without foldable batch normalisation.
pub enum Source<'a> {
    Given(Cow<'a, Weights>),
    Seeded(u64),
}

impl Source<'_> {
    /// The kernel of a node in rows, one for each output channel; `shape` is PyTorch's.
    pub fn kernel(&self, node: &Node, shape: &[usize]) -> Result<Rows<'_>, FormatError> {
        let length: usize = shape.iter().skip(1).product();
        match self {
            Self::Given(weights) => {
                let values = finite(weights, &format!("{}.weight", node.name), shape)?;
                Ok(Rows::given(values, length))
            }
            Self::Seeded(seed) => Ok(Rows {
                form: Form::Seeded {
                    // The node's name decides, so that a layer keeps its values when others come and go.
                    rng: Box::new(stream(*seed, &format!("tflite kernel {}", node.name), 0)),
                    unit: (2.0 / length.max(1) as f32).sqrt() / DEVIATION,
                },
                count: shape.first().copied().unwrap_or(0),
                length,
            }),
        }
    }

    /// A vector of a node by the last part of its name; none where values are seeded.
    pub fn vector(&self, node: &Node, role: &str, channels: usize) -> Result<Option<&[f32]>, FormatError> {
        match self {
            Self::Given(weights) => finite(weights, &format!("{}.{role}", node.name), &[channels]).map(Some),
            Self::Seeded(_) => Ok(None),
        }
    }
}

/// The values of a tensor, none of them infinite or undefined: no whole number stands for those.
fn finite<'a>(weights: &'a Weights, name: &str, shape: &[usize]) -> Result<&'a [f32], FormatError> {
    let tensor = weights.require(name, shape)?;
    tensor.check_numbers(name, None)?;
    Ok(&tensor.data)
}

/// √(4 · (256² − 1) / 12): the deviation of the sum of four bytes.
const DEVIATION: f32 = 147.8;
/// The mean of the sum of four bytes.
const MEAN: f32 = 510.0;

/// A kernel row by row, so that seeded ones never lie in memory as a whole.
pub struct Rows<'a> {
    form: Form<'a>,
    count: usize,
    length: usize,
}

enum Form<'a> {
    Given(std::slice::Chunks<'a, f32>),
    Seeded { rng: Box<ChaCha8Rng>, unit: f32 },
}

impl<'a> Rows<'a> {
    /// Rows of `length` values that lie one behind the other.
    pub fn given(values: &'a [f32], length: usize) -> Self {
        Self {
            count: values.len() / length.max(1),
            form: Form::Given(values.chunks(length.max(1))),
            length,
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Values of a row.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Puts the next row in place of what `row` holds.
    ///
    /// Seeded values are sums of four bytes (an Irwin–Hall distribution, near to normal) with the deviation √(2 / fan-in)
    /// of He et al. 2015: whole numbers and one multiplication, the same on every machine, where a logarithm is not.
    pub fn next(&mut self, row: &mut Vec<f32>) {
        row.clear();
        match &mut self.form {
            Form::Given(rows) => row.extend_from_slice(rows.next().unwrap_or(&[])),
            Form::Seeded { rng, unit } => row.extend((0..self.length).map(|_| {
                let sum: u32 = rng.next_u32().to_le_bytes().into_iter().map(u32::from).sum();
                (sum as f32 - MEAN) * *unit
            })),
        }
    }
}
