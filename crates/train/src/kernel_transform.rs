//! Smaller kernels by matrices (Once-for-All, Cai et al. 2020, §3.3).
//!
//! A depthwise kernel of 5 is not just the centre of the one of 7: the centre, taken as a vector, is multiplied by a matrix
//! that the layer's channels share. From 5 to 3 another matrix does the same.

use std::collections::BTreeMap;

use panarch_graph::{Network, Op, Tensor, Weights};
use panarch_nn::Store;

/// The matrices of a supernet's depthwise convolutions. Empty: smaller kernels are the centres of larger ones (CompOFA).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KernelTransforms(BTreeMap<String, Tensor>);

/// What a matrix's name has behind that of its convolution.
pub(crate) fn suffix(from: usize) -> String {
    format!("{from}to{}_matrix", from - 2)
}

impl KernelTransforms {
    /// The matrices by name: a convolution's node name, then `.7to5_matrix` ([25, 25]) or `.5to3_matrix` ([9, 9]).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, matrix)| (name.as_str(), matrix))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn insert(&mut self, name: String, matrix: Tensor) {
        self.0.insert(name, matrix);
    }

    /// Whether a name and shape are those of a matrix.
    pub(crate) fn fits(name: &str, shape: &[usize]) -> bool {
        [(7, 25), (5, 9)].into_iter().any(|(from, size)| {
            let named = name.rsplit_once('.').is_some_and(|(_, last)| last == suffix(from));
            named && shape == [size, size]
        })
    }

    /// Replaces the depthwise kernels of a network that were cut out of larger ones in the store.
    pub(crate) fn apply(&self, network: &Network, store: &Store, weights: &mut Weights) {
        if self.is_empty() {
            return;
        }
        for node in network.nodes() {
            let Op::Conv2d(conv) = &node.op else { continue };
            let name = format!("{}.weight", node.name);
            let Some(stored) = store.get(&name) else { continue };
            let (&[_, 1, from, _], to) = (stored.shape(), conv.kernel[0] as usize) else {
                continue;
            };
            let channels = conv.out as usize;
            let kernels = stored.data().get(..channels * from * from);
            if let Some(kernels) = kernels.filter(|_| from > to) {
                let tensor = Tensor {
                    shape: vec![channels, 1, to, to],
                    data: self.shrink_all(&node.name, kernels, from, to),
                };
                weights.insert(name, tensor);
            }
        }
    }

    /// The kernels of all channels of a convolution, from one size to another.
    pub(crate) fn shrink_all(&self, conv: &str, kernels: &[f32], from: usize, to: usize) -> Vec<f32> {
        let kernels = kernels.chunks_exact((from * from).max(1));
        kernels
            .flat_map(|kernel| self.shrink(conv, kernel.to_vec(), from, to))
            .collect()
    }

    /// Drops the matrices of a convolution that begin with a larger kernel than `size`.
    pub(crate) fn forget_above(&mut self, conv: &str, size: usize) {
        for from in [5, 7].into_iter().filter(|from| *from > size) {
            self.0.remove(&format!("{conv}.{}", suffix(from)));
        }
    }

    /// One channel's kernel, step by step from one size to another; a step without a matrix only takes the centre.
    fn shrink(&self, conv: &str, mut kernel: Vec<f32>, mut size: usize, to: usize) -> Vec<f32> {
        while size > to {
            let centre: Vec<f32> = (1..size - 1)
                .flat_map(|row| kernel[row * size + 1..(row + 1) * size - 1].to_vec())
                .collect();
            kernel = match self.0.get(&format!("{conv}.{}", suffix(size))) {
                Some(matrix) => matrix
                    .data
                    .chunks_exact(centre.len())
                    .map(|row| dot(row, &centre))
                    .collect(),
                None => centre,
            };
            size -= 2;
        }
        kernel
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_of_seven_becomes_one_of_three_through_five() {
        let mut transforms = KernelTransforms::default();
        let scaled = |size: usize, factor: f32| {
            let mut matrix = Tensor::filled(vec![size, size], 0.0);
            // The matrix reverses the vector and scales it.
            (0..size).for_each(|row| matrix.data[row * size + size - 1 - row] = factor);
            matrix
        };
        transforms.insert("c.7to5_matrix".into(), scaled(25, 2.0));
        let kernel: Vec<f32> = (0..49).map(|value| value as f32).collect();
        let centre_of_five = [16, 17, 18, 23, 24, 25, 30, 31, 32].map(|value| value as f32);
        let doubled: Vec<f32> = centre_of_five.iter().rev().map(|value| 2.0 * value).collect();
        // Without a second matrix the last step only takes the centre.
        assert_eq!(transforms.shrink("c", kernel.clone(), 7, 3), doubled);
        transforms.insert("c.5to3_matrix".into(), scaled(9, 0.5));
        assert_eq!(transforms.shrink("c", kernel.clone(), 7, 3), centre_of_five);
        assert_eq!(transforms.shrink("other", kernel.clone(), 7, 3), centre_of_five);
        assert_eq!(transforms.shrink("c", kernel.clone(), 7, 7), kernel);
        assert!(KernelTransforms::fits("a.b.7to5_matrix", &[25, 25]));
        assert!(!KernelTransforms::fits("a.b.7to5_matrix", &[9, 9]));
        assert!(!KernelTransforms::fits("a.b.7to3_matrix", &[25, 25]));
    }
}
