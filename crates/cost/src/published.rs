//! Latencies that others published, of networks of the zoo on devices that have a profile.
//!
//! All are quoted, none is measured here. A network is in the tables only where its layout is known; those that a source
//! lists and that are left out are named at the table.

mod inception;
mod interval;
mod tables;

use panarch_graph::{GraphError, Latency, Macs, Network};

pub use interval::LeftOutErrors;
pub use tables::PUBLISHED;

/// A published latency of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedLatency {
    /// The network's name in the zoo, or one that [`outside_zoo`] knows.
    pub network: &'static str,
    /// Height and width of its images.
    pub pixels: u32,
    /// Multiply-accumulates that the publication states, rounded as it rounds them.
    pub macs: Option<Macs>,
    /// Our count of convolutions and linear layers at this size, rounded, where the publication states another number and
    /// why is not known; [`PublishedLatency::macs`] else is that count.
    pub counted: Option<Macs>,
    /// Time of one image.
    pub latency: Latency,
}

/// Published latencies on one device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedDevice {
    /// The name of its profile.
    pub profile: &'static str,
    /// Who published them, and under which conditions.
    pub source: &'static str,
    /// What the same source lists and why it is not here.
    pub left_out: &'static str,
    /// The networks that the profile's figures are fitted to.
    pub rows: &'static [PublishedLatency],
    /// Networks of the same source that no figure was ever fitted to; they count in the profile's interval.
    pub never_fitted: &'static [PublishedLatency],
}

/// A network of the published tables that is not in the zoo, for 1000 classes; `None` for other names.
///
/// # Errors
/// When the images are too small for it.
pub fn outside_zoo(network: &str, pixels: u32) -> Option<Result<Network, GraphError>> {
    match network {
        "inception-v1" => Some(inception::v1(pixels)),
        "inception-v4" => Some(inception::v4(pixels)),
        _ => None,
    }
}

impl PublishedDevice {
    /// The published latencies on the device of a profile; [`PUBLISHED`] has them all.
    #[must_use]
    pub fn of(profile: &str) -> Option<&'static Self> {
        PUBLISHED.iter().find(|device| device.profile == profile)
    }
}
