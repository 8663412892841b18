//! Smaller kernels by matrices (Once-for-All, Cai et al. 2020, §3.3).
//!
//! A depthwise kernel of 5 is not just the centre of the one of 7: the centre, taken as a vector, is multiplied by a matrix
//! that the layer's channels share. From 5 to 3 another matrix does the same.
//!
//! Matrices are tensors like any other (`CONV.7to5_matrix`), so that optimiser and checkpoints take care of them. What they make
//! is a tensor too (`CONV.weight@5`), and members read it there; [`DerivedKernel`] says what an engine makes of what.

use panarch_graph::{Network, ParameterSpec};

use crate::{Binding, Gradients, Layout, NnError, Store, TensorId, TensorKind};

/// What a matrix's name has behind that of its convolution.
pub fn suffix(from: usize) -> String {
    format!("{from}to{}_matrix", from - 2)
}

/// The convolution and the larger kernel size of a matrix's name.
pub fn parse(name: &str) -> Option<(&str, usize)> {
    let (conv, last) = name.rsplit_once('.')?;
    let from = [7, 5].into_iter().find(|from| last == suffix(*from))?;
    Some((conv, from))
}

/// Whether a name and shape are those of a matrix.
pub fn fits(name: &str, shape: &[usize]) -> bool {
    parse(name).is_some_and(|(_, from)| shape == [(from - 2).pow(2); 2])
}

/// Adds a matrix of a convolution, from kernel size `from` to `from − 2`, and the place of what it makes. The convolution's
/// weight must be in the store.
pub fn install(store: &mut Store, conv: &str, from: usize, matrix: Vec<f32>) -> Result<(), NnError> {
    let weight = format!("{conv}.weight");
    let channels = store.get(&weight).map_or(0, |tensor| tensor.shape()[0]);
    let (size, to) = ((from - 2).pow(2), from - 2);
    store.insert(
        format!("{conv}.{}", suffix(from)),
        TensorKind::KernelMatrix,
        vec![size, size],
        matrix,
    )?;
    let derived = vec![0.0; channels * size];
    store.insert(
        format!("{weight}@{to}"),
        TensorKind::DerivedKernel,
        vec![channels, 1, to, to],
        derived,
    )?;
    Ok(())
}

/// Gives every depthwise kernel that members cut smaller its matrices, identities at first. `smallest` is a kernel's smallest size
/// in any member.
pub fn install_identities(store: &mut Store, smallest: &dyn Fn(&str) -> usize) -> Result<(), NnError> {
    let depthwise = |tensor: &&crate::StoredTensor| tensor.kind() == TensorKind::DepthwiseWeight;
    let kernels = store.tensors().iter().filter(depthwise);
    let kernels: Vec<(String, usize)> = kernels
        .map(|tensor| (tensor.name().to_owned(), tensor.shape()[2]))
        .collect();
    for (name, largest) in kernels {
        let conv = name.trim_end_matches(".weight");
        for from in [7, 5] {
            if from <= largest && from > smallest(&name) {
                let size = (from - 2_usize).pow(2);
                let identity = (0..size * size).map(|index| f32::from(u8::from(index % (size + 1) == 0)));
                install(store, conv, from, identity.collect())?;
            }
        }
    }
    refresh_all(store);
    Ok(())
}

/// The names of the matrices in a store.
pub fn matrices(store: &Store) -> impl Iterator<Item = &str> {
    let tensors = store.tensors().iter();
    let matrices = tensors.filter(|tensor| tensor.kind() == TensorKind::KernelMatrix);
    matrices.map(crate::StoredTensor::name)
}

/// Where a network's depthwise kernel lies, if matrices make it.
pub fn binding(network: &Network, layout: &Layout, spec: &ParameterSpec) -> Option<Binding> {
    if TensorKind::of(network, spec) != TensorKind::DepthwiseWeight {
        return None;
    }
    let largest = *layout.get(&spec.name)?.shape.get(2)?;
    let wanted = *spec.shape.get(2)?;
    let made = (wanted..largest).map(|size| format!("{}@{size}", spec.name));
    let tensor = made.into_iter().find(|name| layout.id(name).is_some())?;
    Some(Binding { tensor, scale: 1.0 })
}

/// A smaller kernel that is made of a larger one: made\[c\] = matrix · centre(source\[c\]) for every channel c, kernels taken
/// as vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DerivedKernel {
    /// The kernel of which the centre is taken, itself derived or not.
    pub source: TensorId,
    /// Height and width of the source.
    pub source_size: usize,
    /// The matrix, which all channels share.
    pub matrix: TensorId,
    /// The kernel that is made.
    pub made: TensorId,
    /// Height and width of what is made.
    pub made_size: usize,
}

impl DerivedKernel {
    /// All that a layout has, in an order in which each can be made: larger kernels first.
    #[must_use]
    pub fn all(layout: &Layout) -> Vec<Self> {
        let matrices = layout
            .tensors()
            .iter()
            .filter(|tensor| tensor.kind == TensorKind::KernelMatrix);
        let mut named: Vec<(&str, usize)> = matrices.filter_map(|tensor| parse(&tensor.name)).collect();
        named.sort_by_key(|(_, from)| std::cmp::Reverse(*from));
        let steps = named.into_iter().filter_map(|(conv, from)| {
            let weight = format!("{conv}.weight");
            let source = layout.id(&format!("{weight}@{from}")).or_else(|| layout.id(&weight))?;
            Some(Self {
                source,
                source_size: *layout.tensors().get(source.index())?.shape.get(2)?,
                matrix: layout.id(&format!("{conv}.{}", suffix(from)))?,
                made: layout.id(&format!("{weight}@{}", from - 2))?,
                made_size: from - 2,
            })
        });
        steps.collect()
    }

    /// The places of the centre in the source's kernel.
    #[must_use]
    pub fn centre(&self) -> Vec<usize> {
        centre(self.source_size, self.made_size)
    }
}

/// Makes all smaller kernels of a store anew.
pub fn refresh_all(store: &mut Store) {
    let derived = DerivedKernel::all(&store.layout());
    refresh(store, &derived);
}

/// Makes these kernels anew.
pub(crate) fn refresh(store: &mut Store, derived: &[DerivedKernel]) {
    for step in derived {
        let tensor = |id: TensorId| store.tensors()[id.index()].data();
        let made = shrink(
            tensor(step.source),
            step.source_size,
            step.made_size,
            Some(tensor(step.matrix)),
        );
        store.tensors_mut()[step.made.index()].data_mut().copy_from_slice(&made);
    }
}

/// Hands the gradients of the smaller kernels on to the matrices and the kernels that they were made of, and clears them.
pub(crate) fn backward(store: &Store, derived: &[DerivedKernel], gradients: &mut Gradients) {
    for step in derived.iter().rev() {
        let (size, centre) = (step.made_size.pow(2), step.centre());
        let slope = gradients.get(step.made).to_vec();
        if slope.iter().all(|value| *value == 0.0) {
            continue;
        }
        gradients.get_mut(step.made).fill(0.0);
        let tensor = |id: TensorId| store.tensors()[id.index()].data();
        let (kernels, matrix) = (tensor(step.source), tensor(step.matrix));
        let whole = step.source_size.pow(2);
        let mut to_matrix = vec![0.0_f64; size * size];
        for (channel, slope) in slope.chunks_exact(size).enumerate() {
            let kernel = &kernels[channel * whole..(channel + 1) * whole];
            for (row, slope) in slope.iter().enumerate() {
                for (column, place) in centre.iter().enumerate() {
                    to_matrix[row * size + column] += f64::from(*slope) * f64::from(kernel[*place]);
                }
            }
        }
        let target = gradients.get_mut(step.matrix);
        for (value, sum) in target.iter_mut().zip(to_matrix) {
            *value += sum as f32;
        }
        let target = gradients.get_mut(step.source);
        for (channel, slope) in slope.chunks_exact(size).enumerate() {
            for (column, place) in centre.iter().enumerate() {
                let rows = slope.iter().enumerate();
                let sum: f64 = rows
                    .map(|(row, slope)| f64::from(*slope) * f64::from(matrix[row * size + column]))
                    .sum();
                target[channel * whole + place] += sum as f32;
            }
        }
    }
}

/// The kernels of all channels, from one size to a smaller one by one matrix; only their centres without.
pub fn shrink(kernels: &[f32], from: usize, to: usize, matrix: Option<&[f32]>) -> Vec<f32> {
    let places = centre(from, to);
    let mut made = Vec::with_capacity(kernels.len() / (from * from).max(1) * places.len());
    for kernel in kernels.chunks_exact((from * from).max(1)) {
        match matrix {
            Some(matrix) => made.extend(matrix.chunks_exact(places.len()).map(|row| {
                let products = row.iter().zip(&places);
                let sum: f64 = products
                    .map(|(weight, place)| f64::from(*weight) * f64::from(kernel[*place]))
                    .sum();
                sum as f32
            })),
            None => made.extend(places.iter().map(|place| kernel[*place])),
        }
    }
    made
}

/// The places of the centre of size `to` in a kernel of size `from`.
fn centre(from: usize, to: usize) -> Vec<usize> {
    let margin = (from - to) / 2;
    let row = |y: usize| (0..to).map(move |x| (y + margin) * from + x + margin);
    (0..to).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use panarch_graph::random;
    use rand::RngExt as _;

    use super::*;

    const CENTRE_OF_SEVEN: [f32; 9] = [16.0, 17.0, 18.0, 23.0, 24.0, 25.0, 30.0, 31.0, 32.0];

    fn store(channels: usize) -> Store {
        let mut store = Store::new();
        let values = (0..channels * 49).map(|value| value as f32).collect();
        let shape = vec![channels, 1, 7, 7];
        store
            .insert("c.weight", TensorKind::DepthwiseWeight, shape, values)
            .unwrap();
        store
    }

    /// A matrix that reverses a vector and scales it.
    fn reversing(size: usize, factor: f32) -> Vec<f32> {
        let mut matrix = vec![0.0; size * size];
        (0..size).for_each(|row| matrix[row * size + size - 1 - row] = factor);
        matrix
    }

    fn centre_of_five(store: &Store) -> Vec<f32> {
        let made = store.get("c.weight@5").unwrap();
        shrink(made.data(), 5, 3, None)
    }

    #[test]
    fn a_kernel_of_seven_becomes_one_of_three_through_five() {
        let mut store = store(1);
        install(&mut store, "c", 7, reversing(25, 2.0)).unwrap();
        refresh_all(&mut store);
        let doubled: Vec<f32> = CENTRE_OF_SEVEN.iter().rev().map(|value| 2.0 * value).collect();
        // Without a second matrix the last step only takes the centre.
        assert_eq!(centre_of_five(&store), doubled);
        install(&mut store, "c", 5, reversing(9, 0.5)).unwrap();
        refresh_all(&mut store);
        assert_eq!(store.get("c.weight@3").unwrap().data(), CENTRE_OF_SEVEN);
        assert!(fits("a.b.7to5_matrix", &[25, 25]));
        assert!(!fits("a.b.7to5_matrix", &[9, 9]));
        assert!(!fits("a.b.7to3_matrix", &[25, 25]));
    }

    #[test]
    fn identities_take_the_centre() {
        let mut store = store(3);
        install_identities(&mut store, &|_| 3).unwrap();
        assert_eq!(matrices(&store).collect::<Vec<_>>(), ["c.7to5_matrix", "c.5to3_matrix"]);
        let made = store.get("c.weight@3").unwrap().data();
        assert_eq!(&made[..9], CENTRE_OF_SEVEN);
    }

    /// Σ of (made kernel · random slope), its change against the gradients that arrive.
    #[test]
    fn gradients_match_finite_differences() {
        let mut rng = random::stream(1, "kernel transform", 0);
        let mut store = store(2);
        install_identities(&mut store, &|_| 3).unwrap();
        for tensor in store.tensors_mut() {
            tensor
                .data_mut()
                .iter_mut()
                .for_each(|value| *value = rng.random_range(-1.0..1.0));
        }
        refresh_all(&mut store);
        let slopes: Vec<Vec<f32>> = [50, 18]
            .map(|count| (0..count).map(|_| rng.random_range(-1.0..1.0)).collect())
            .into();
        let loss = |store: &Store| -> f64 {
            let made = ["c.weight@5", "c.weight@3"].into_iter().zip(&slopes);
            made.flat_map(|(name, slope)| store.get(name).unwrap().data().iter().zip(slope))
                .map(|(value, slope)| f64::from(*value) * f64::from(*slope))
                .sum()
        };
        let mut gradients = Gradients::zeros(&store);
        for (name, slope) in ["c.weight@5", "c.weight@3"].into_iter().zip(&slopes) {
            gradients.get_mut(store.id(name).unwrap()).copy_from_slice(slope);
        }
        backward(&store, &DerivedKernel::all(&store.layout()), &mut gradients);
        for name in ["c.weight", "c.7to5_matrix", "c.5to3_matrix"] {
            let id = store.id(name).unwrap();
            for index in (0..store.get(name).unwrap().data().len()).step_by(7) {
                let mut sides = [0.0; 2];
                for (side, change) in sides.iter_mut().zip([1e-2_f32, -1e-2]) {
                    let mut moved = store.clone();
                    moved.get_mut(name).unwrap().data_mut()[index] += change;
                    refresh_all(&mut moved);
                    *side = loss(&moved);
                }
                let slope = (sides[0] - sides[1]) / 2e-2;
                let found = f64::from(gradients.get(id)[index]);
                assert!((slope - found).abs() < 1e-3, "{name}[{index}]: {slope} {found}");
            }
        }
        let derived = store.id("c.weight@5").unwrap();
        assert!(gradients.get(derived).iter().all(|value| *value == 0.0));
    }
}
