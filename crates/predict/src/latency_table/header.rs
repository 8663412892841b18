use panarch_graph::{ContentHash, Latency, Provenance};

/// What a table of our own says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct TableHeader {
    /// How each entry came about: device, tool and its version, precision, batch, repeats, protocol in words.
    pub origin: Provenance,
    /// The space whose blocks it lists.
    pub space: String,
    /// The hash of that space.
    pub space_hash: ContentHash,
    /// Identifies the device profile and whatever else the answers depend on.
    pub device_hash: ContentHash,
    /// Height and width of the images.
    pub resolution: u32,
    /// Number of classes.
    pub classes: u32,
    /// Channels of the images.
    pub input_channels: u32,
    /// How often the device was asked for each block.
    pub asked: u32,
    /// The time of an inference that belongs to no block.
    pub fixed: Latency,
    /// What the device says of itself: one standard deviation of its answers, relative to them, the same way for all
    /// blocks. Zero for a measured device.
    pub model_error: f64,
    /// The latency of the anchor that everything was measured beside, which is the scale of all entries; of a measured
    /// device.
    pub anchor: Option<Latency>,
    /// How much the anchor's readings varied (a robust coefficient of variation), once all is measured.
    pub anchor_spread: Option<f64>,
    /// How the sums compare with what the device says of whole networks, once that has been looked at.
    pub check: Option<TableCheck>,
}

/// A table's sums against the same device's answers for whole networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableCheck {
    /// How many networks.
    pub networks: u32,
    /// Mean of |sum − whole| / whole.
    pub mean_error: f64,
    /// Root of the mean square of (sum − whole) / whole.
    pub rms_error: f64,
    /// Kendall's τ_b between sums and answers; none when all are equal.
    pub kendall_tau: Option<f64>,
}

impl TableHeader {
    /// One standard deviation of a sum relative to it, beyond what the entries' spread says.
    #[must_use]
    pub fn systematic_error(&self) -> f64 {
        self.model_error.hypot(self.check.map_or(0.0, |check| check.rms_error))
    }
}
