//! Networks by name.
//!
//! A network of the zoo is data too: a space file in which nothing is left to choose, or a named member of a preset.

use panarch_graph::Network;
use panarch_toml::did_you_mean;

use crate::{Genotype, Head, Space, SpaceError};

/// Where a named network is written down.
#[derive(Debug, Clone, Copy)]
enum Entry {
    /// A space of one member.
    File(&'static str),
    /// A reference of a preset.
    Member {
        preset: &'static str,
        reference: &'static str,
    },
}

const ZOO: [(&str, Entry); 5] = [
    (
        "mobilenet-v2",
        Entry::File(include_str!("../../../spaces/zoo/mobilenet-v2.toml")),
    ),
    (
        "mobilenet-multi-avg",
        Entry::Member {
            preset: "multi-hardware",
            reference: "mobilenet-multi-avg",
        },
    ),
    (
        "mobilenet-multi-max",
        Entry::Member {
            preset: "multi-hardware",
            reference: "mobilenet-multi-max",
        },
    ),
    (
        "mobilenet-edgetpu",
        Entry::Member {
            preset: "edgetpu",
            reference: "mobilenet-edgetpu",
        },
    ),
    (
        "efficientnet-edgetpu-s",
        Entry::Member {
            preset: "edgetpu",
            reference: "efficientnet-edgetpu-s",
        },
    ),
];

/// The names of all networks.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ZOO.iter().map(|(name, _)| *name).collect()
}

/// The space that a named network is a member of, and its genotype there.
///
/// # Errors
/// An unknown name, with the closest known one.
pub fn member(name: &str) -> Result<(Space, Genotype), SpaceError> {
    let unknown = || SpaceError::UnknownNetwork {
        name: name.to_owned(),
        suggestion: did_you_mean(name, names()),
    };
    let found = ZOO.iter().find(|(known, _)| *known == name);
    match found.map(|(_, entry)| *entry).ok_or_else(unknown)? {
        Entry::File(text) => {
            let space = Space::from_toml(&format!("spaces/zoo/{name}.toml"), text)?;
            let genotype = space.smallest();
            Ok((space, genotype))
        }
        Entry::Member { preset, reference } => {
            let space = Space::preset(preset)?;
            let genotype = space.reference(reference).cloned().ok_or_else(unknown)?;
            Ok((space, genotype))
        }
    }
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
