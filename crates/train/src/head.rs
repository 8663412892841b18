//! How many classes and input channels a file of weights is for.

use std::collections::BTreeMap;

use panarch_graph::ParameterSpec;
use panarch_space::{Genotype, Head, Space};

use crate::TrainError;
use crate::published::{published_names, simplified};

/// What ImageNet has.
const IMAGENET: Head = Head {
    classes: 1000,
    input_channels: 3,
};

/// Classes and input channels that a member of `space` has with the given tensors: read off the shapes of its first
/// convolution and of its classifier, under our names or published ones. What the tensors do not say is that of
/// ImageNet, so that reading them on tells all that they lack.
///
/// # Errors
/// A member that cannot be built.
pub fn head_of<'a>(
    space: &Space,
    member: &Genotype,
    shapes: impl IntoIterator<Item = (&'a str, &'a [usize])>,
) -> Result<Head, TrainError> {
    let network = space.lower(member, IMAGENET, space.default_resolution())?;
    let mut found: BTreeMap<String, &[usize]> = BTreeMap::new();
    for (name, shape) in shapes {
        found.insert(simplified(name), shape);
    }
    let parameters: Vec<(ParameterSpec, String)> = match published_names(&network) {
        Ok(named) => named,
        Err(_) => {
            let own = |spec: ParameterSpec| (spec.clone(), spec.name);
            network.parameters().into_iter().map(own).collect()
        }
    };
    let weighted = || parameters.iter().filter(|(spec, _)| spec.shape.len() > 1);
    let length = |parameter: Option<&(ParameterSpec, String)>, axis: usize| {
        let (spec, published) = parameter?;
        let shape = found.get(&simplified(&spec.name)).or_else(|| found.get(published))?;
        u32::try_from(*shape.get(axis)?).ok().filter(|length| *length > 0)
    };
    let first = weighted().next();
    // A depthwise convolution has as many kernels as it reads channels.
    let is_dense = first.is_some_and(|(spec, _)| spec.shape.get(1) == Some(&(IMAGENET.input_channels as usize)));
    Ok(Head {
        classes: length(weighted().next_back(), 0).unwrap_or(IMAGENET.classes),
        input_channels: length(first, usize::from(is_dense)).unwrap_or(IMAGENET.input_channels),
    })
}
