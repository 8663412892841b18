use std::iter::Sum;
use std::ops::Add;

use panarch_graph::{ElementOperations, Elements, Macs};
use serde::Serialize;

/// What a layer, a stage or a network asks of a machine with a matrix unit, for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MatrixWork {
    /// W: multiply-accumulates on the matrix unit, without padding.
    #[serde(rename = "matrix_macs")]
    pub matrix: Macs,
    /// V: element operations on the vector unit, after batch normalisation has been folded.
    #[serde(rename = "vector_operations")]
    pub vector: ElementOperations,
    /// D: elements of activations that layers read and write. Weights are not counted: a batch shares them.
    #[serde(rename = "moved_elements")]
    pub moved: Elements,
}

impl MatrixWork {
    /// The raw measure W / (V + D): MACs for each element that is worked on or moved. 0 where nothing is done.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        let besides = self.vector.0 as f64 + self.moved.0 as f64;
        if besides > 0.0 {
            self.matrix.0 as f64 / besides
        } else {
            0.0
        }
    }
}

impl Add for MatrixWork {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        // Networks come from files, whose counts may be anything.
        Self {
            matrix: Macs(self.matrix.0.saturating_add(other.matrix.0)),
            vector: ElementOperations(self.vector.0.saturating_add(other.vector.0)),
            moved: Elements(self.moved.0.saturating_add(other.moved.0)),
        }
    }
}

impl Sum for MatrixWork {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}
