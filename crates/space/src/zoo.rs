//! Networks by name.
//!
//! A network of the zoo is data too: a space file in which nothing is left to choose.

use panarch_graph::Network;

use crate::preset::closest;
use crate::{Genotype, Head, Space, SpaceError};

macro_rules! zoo {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every network's file.
        const ZOO: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../spaces/zoo/", $name, ".toml")),
        )),*];
    };
}
zoo! {
    "efficientnet-edgetpu-l",
    "efficientnet-edgetpu-m",
    "efficientnet-edgetpu-s",
    "efficientnet-lite0",
    "efficientnet-lite1",
    "efficientnet-lite2",
    "efficientnet-lite3",
    "efficientnet-lite4",
    "isynet-n0",
    "isynet-n1",
    "isynet-n1-s1",
    "isynet-n1-s2",
    "isynet-n1-s3",
    "isynet-n2",
    "isynet-n3",
    "isynet-n3-s2",
    "mnasnet-b1",
    "mobilenet-edgetpu",
    "mobilenet-edgetpu-v2-l",
    "mobilenet-edgetpu-v2-m",
    "mobilenet-edgetpu-v2-s",
    "mobilenet-edgetpu-v2-tiny",
    "mobilenet-edgetpu-v2-xs",
    "mobilenet-edgetpu-w0.75",
    "mobilenet-edgetpu-w1.25",
    "mobilenet-edgetpu-w1.5",
    "mobilenet-edgetpu-w1.75",
    "mobilenet-multi-avg",
    "mobilenet-multi-avg-w0.75",
    "mobilenet-multi-max",
    "mobilenet-multi-max-w0.75",
    "mobilenet-v1",
    "mobilenet-v2",
    "mobilenet-v3-large",
    "mobilenet-v3-large-minimalistic",
    "mobilenet-v3-small",
    "proxylessnas-cpu",
    "proxylessnas-gpu",
    "proxylessnas-mobile",
    "resnet-18",
    "resnet-34",
    "resnet-50",
    "resnet-50-v1",
    "squeezenet-1.1",
    "vgg-16",
    "vgg-19",
}

/// The names of all networks.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ZOO.iter().map(|(name, _)| *name).collect()
}

/// The file of a named network.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    let found = ZOO.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

/// A named network as a space of one member, and its genotype there.
///
/// # Errors
/// An unknown name, with the closest known one.
pub fn member(name: &str) -> Result<(Space, Genotype), SpaceError> {
    let text = text(name).ok_or_else(|| SpaceError::UnknownNetwork {
        name: name.to_owned(),
        suggestion: closest(name, names()),
    })?;
    let space = Space::from_toml(&format!("spaces/zoo/{name}.toml"), text)?;
    let genotype = space.smallest();
    Ok((space, genotype))
}

/// A named network for colour images of `resolution` × `resolution` pixels.
///
/// # Errors
/// An unknown name, a resolution that the network is not for, no classes.
pub fn network(name: &str, classes: u32, resolution: u32) -> Result<Network, SpaceError> {
    let head = Head {
        classes,
        input_channels: 3,
    };
    network_with_head(name, head, resolution)
}

/// A named network for images of any number of channels.
///
/// # Errors
/// As [`network`].
pub fn network_with_head(name: &str, head: Head, resolution: u32) -> Result<Network, SpaceError> {
    let (space, genotype) = member(name)?;
    Ok(space.lower(&genotype, head, resolution)?.with_name(name))
}
