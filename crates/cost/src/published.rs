//! Latencies that others published, of networks of the zoo on devices that have a profile.
//!
//! All are quoted, none is measured here. A network is in the tables only where its layout is known; those that a source
//! lists and that are left out are named at the table.

mod tables;

use panarch_graph::{Latency, Macs};

pub use tables::PUBLISHED;

/// A published latency of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedLatency {
    /// The network's name in the zoo.
    pub network: &'static str,
    /// Height and width of its images.
    pub pixels: u32,
    /// Multiply-accumulates that the publication states, rounded as it rounds them.
    pub macs: Option<Macs>,
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
    /// The networks.
    pub rows: &'static [PublishedLatency],
}

impl PublishedDevice {
    /// The published latencies on the device of a profile; [`PUBLISHED`] has them all.
    #[must_use]
    pub fn of(profile: &str) -> Option<&'static Self> {
        PUBLISHED.iter().find(|device| device.profile == profile)
    }
}
