//! From published tensors to a supernet or a network of ours.

use std::collections::BTreeMap;

use panarch_graph::{Network, Tensor, Weights};
use panarch_nn::{Store, TensorKind};
use panarch_space::Space;

use super::names::{BATCHES, published_names, simplified};
use crate::error::OtherTensors;
use crate::supernet::Family;
use crate::{Supernet, TrainError, head_of};
use panarch_nn::kernel_matrices::{fits, install, refresh_all, shrink, suffix};

/// What an import did, besides the weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportedTensors {
    /// The tensors of the file that were taken, by their names there and ours.
    pub renamed: Vec<(String, String)>,
    /// The kernel matrices that were taken.
    pub matrices: usize,
    /// The names of what the file has and nothing needs: counts of batches, and matrices of convolutions whose kernel is fixed.
    pub unused: Vec<String>,
}

/// A supernet with published weights.
///
/// Classes and input channels are those of the weights. Depthwise kernels may be larger than the space's largest, which is
/// then made of them. Running
/// statistics come along: the published subnets use slices of them.
///
/// # Errors
/// [`TrainError::PublishedTensors`] with everything that is missing, superfluous or of another shape;
/// [`TrainError::NoPublishedName`] for a space of another kind.
pub fn import_supernet(
    space: &Space,
    tensors: impl IntoIterator<Item = (String, Tensor)>,
) -> Result<(Supernet, ImportedTensors), TrainError> {
    let mut file = PublishedFile::new(tensors);
    let shapes = file.left.values().map(|(name, tensor)| (&name[..], &tensor.shape[..]));
    let head = head_of(space, &space.largest(), shapes)?;
    let family = Family {
        space: std::sync::Arc::new(space.clone()),
        head,
        resolution: space.default_resolution(),
    };
    let largest = family.network(&space.largest())?;
    // The largest member has every parameter of these spaces, each as large as any member's.
    let covering = family.store()?;
    let mut store = Store::new();
    let mut matrices: Vec<(String, usize, Vec<f32>)> = Vec::new();
    for (spec, name) in published_names(&largest)? {
        let kind = TensorKind::of(&largest, &spec);
        let wanted = covering
            .get(&spec.name)
            .map_or(&spec.shape[..], |tensor| tensor.shape());
        let is_depthwise = kind == TensorKind::DepthwiseWeight;
        let Some(mut tensor) = file.take(&name, &spec.name, wanted, is_depthwise) else {
            continue;
        };
        if let [channels, _, largest, _] = tensor.shape[..]
            && is_depthwise
        {
            let (conv, layer) = (spec.name.trim_end_matches(".weight"), name.trim_end_matches(".weight"));
            let smallest = smallest_kernel(space, &spec.name);
            let (mut data, size) = (tensor.data, wanted[2]);
            for from in (smallest + 2..=largest).rev().step_by(2) {
                let matrix = file.take_matrix(&format!("{layer}.{}", suffix(from)));
                match matrix {
                    matrix if from > size => {
                        data = shrink(&data, from, from - 2, matrix.as_ref().map(|matrix| &matrix.data[..]));
                    }
                    Some(matrix) => matrices.push((conv.to_owned(), from, matrix.data)),
                    None => {}
                }
            }
            tensor = Tensor {
                shape: vec![channels, 1, size, size],
                data,
            };
        }
        store.insert(spec.name, kind, tensor.shape, tensor.data)?;
    }
    file.report.matrices = matrices.len();
    let report = file.finish(space.name())?;
    for (conv, from, matrix) in matrices {
        install(&mut store, &conv, from, matrix)?;
    }
    refresh_all(&mut store);
    let store = std::sync::Arc::new(store);
    Ok((Supernet { family, store }, report))
}

/// The weights of one network with published names, such as a specialised one; sizes must be the network's own.
///
/// # Errors
/// As [`import_supernet`].
pub fn import_network(
    network: &Network,
    tensors: impl IntoIterator<Item = (String, Tensor)>,
) -> Result<(Weights, ImportedTensors), TrainError> {
    let mut file = PublishedFile::new(tensors);
    let mut weights = Weights::new();
    for (spec, name) in published_names(network)? {
        if let Some(tensor) = file.take(&name, &spec.name, &spec.shape, false) {
            weights.insert(spec.name, tensor);
        }
    }
    let report = file.finish(network.name())?;
    Ok((weights, report))
}

/// Whether named shapes are exactly those of a space's published supernet, whatever the values.
#[must_use]
pub fn is_supernet_of(space: &Space, shapes: &[(String, Vec<usize>)]) -> bool {
    let mut found: BTreeMap<String, &[usize]> = BTreeMap::new();
    for (name, shape) in shapes.iter().filter(|(name, _)| !name.ends_with(BATCHES)) {
        found.insert(simplified(name), shape);
    }
    let named = found.iter().map(|(name, shape)| (&name[..], *shape));
    let Ok(head) = head_of(space, &space.largest(), named) else {
        return false;
    };
    let largest = space.lower(&space.largest(), head, space.default_resolution());
    let Some(named) = largest.ok().and_then(|network| published_names(&network).ok()) else {
        return false;
    };
    let all = named
        .iter()
        .all(|(spec, name)| found.remove(name).is_some_and(|shape| shape == spec.shape));
    all && found.iter().all(|(name, shape)| fits(name, shape))
}

/// The smallest kernel that a depthwise convolution of a space takes.
fn smallest_kernel(space: &Space, parameter: &str) -> usize {
    let block = parameter.split(".ib.").next().unwrap_or_default();
    let smallest = |text: &[String]| text.first().and_then(|kernel| kernel.parse().ok());
    let decision = space
        .decisions()
        .iter()
        .find(|decision| decision.name == format!("{block}.kernel"));
    decision
        .and_then(|decision| smallest(&decision.choices))
        .unwrap_or_else(|| fixed_kernel(space, block))
}

/// The kernel of a block that has no choice of it.
fn fixed_kernel(space: &Space, block: &str) -> usize {
    let description = space.describe();
    let place = description.places.iter().find(|place| place.block == block);
    let kernel = place.and_then(|place| place.operators.first()?.kernel.first()?.parse().ok());
    kernel.unwrap_or(1)
}

/// The tensors of a file while they are taken one by one.
struct PublishedFile {
    /// By simple name: the name in the file, and the tensor.
    left: BTreeMap<String, (String, Tensor)>,
    doubled: Vec<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
    report: ImportedTensors,
}

impl PublishedFile {
    fn new(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Self {
        let mut file = Self {
            left: BTreeMap::new(),
            doubled: Vec::new(),
            missing: Vec::new(),
            misshapen: Vec::new(),
            report: ImportedTensors::default(),
        };
        for (name, tensor) in tensors {
            if name.ends_with(BATCHES) {
                file.report.unused.push(name);
                continue;
            }
            if let Some((first, _)) = file.left.insert(simplified(&name), (name.clone(), tensor)) {
                file.doubled.push(format!("`{first}` and `{name}` are the same layer"));
            }
        }
        file
    }

    /// Takes a tensor of this shape; the kernel of a depthwise one may be larger.
    fn take(&mut self, name: &str, ours: &str, shape: &[usize], is_depthwise: bool) -> Option<Tensor> {
        let Some((original, tensor)) = self.left.remove(name) else {
            self.missing.push(format!("{name} {shape:?}"));
            return None;
        };
        let mut axes = tensor.shape.iter().zip(shape).enumerate();
        let fits = |(axis, (have, want)): (usize, (&usize, &usize))| {
            have == want || is_depthwise && axis >= 2 && have > want && (have - want) % 2 == 0
        };
        let square = !is_depthwise || tensor.shape.get(2) == tensor.shape.get(3);
        if tensor.shape.len() != shape.len() || !axes.all(fits) || !square {
            self.misshapen
                .push(format!("{original} is {:?}, should be {shape:?}", tensor.shape));
            return None;
        }
        self.report.renamed.push((original, ours.to_owned()));
        Some(tensor)
    }

    fn take_matrix(&mut self, name: &str) -> Option<Tensor> {
        let (_, tensor) = self.left.get(name)?;
        if !fits(name, &tensor.shape) {
            return None;
        }
        self.left.remove(name).map(|(_, tensor)| tensor)
    }

    /// What was done; or everything that does not fit.
    fn finish(mut self, subject: &str) -> Result<ImportedTensors, TrainError> {
        let mut surplus = self.doubled;
        for (name, (original, tensor)) in self.left {
            if fits(&name, &tensor.shape) {
                self.report.unused.push(original);
            } else {
                surplus.push(format!("{original} {:?}", tensor.shape));
            }
        }
        if self.missing.is_empty() && surplus.is_empty() && self.misshapen.is_empty() {
            return Ok(self.report);
        }
        Err(TrainError::PublishedTensors(Box::new(OtherTensors {
            subject: subject.to_owned(),
            missing: self.missing,
            surplus,
            misshapen: self.misshapen,
        })))
    }
}
