//! A device with published latencies, its networks, and the figures of its profile that are fitted.

use panarch_cost::StartingFigure;
use panarch_cost::published::{PUBLISHED, PublishedDevice, PublishedLatency, outside_zoo};
use panarch_graph::{Latency, Network};
use panarch_space::zoo;

use panarch_run::{Error, lookup};

/// The figures of each profile that are fitted, at most four, and where every fit begins: round values, so that nothing of
/// the profile, which has seen all networks, gets into a fit to all but one.
const FIGURES: [(&str, &[(&str, f64)]); 7] = [
    (
        "edgetpu-coral",
        &[
            ("array.utilisation", 0.5),
            ("depthwise.utilisation", 0.5),
            ("memory.off_chip_bytes_per_s", 0.5e9),
            ("overhead.inference_s", 1e-3),
        ],
    ),
    (
        "cortex-a53",
        &[("array.utilisation", 0.5), ("array.output_elements_per_cycle", 0.5)],
    ),
    (
        "edgetpu-pixel4",
        &[
            ("array.utilisation", 0.5),
            ("depthwise.utilisation", 0.5),
            ("overhead.inference_s", 1e-3),
        ],
    ),
    (
        "edgetpu-pixel6",
        &[
            ("array.utilisation", 0.5),
            ("depthwise.utilisation", 0.5),
            ("overhead.inference_s", 0.5e-3),
        ],
    ),
    (
        "mobile-gpu",
        &[("depthwise.utilisation", 0.5), ("overhead.inference_s", 1e-3)],
    ),
    (
        "mobile-cpu",
        &[("depthwise.utilisation", 0.5), ("array.output_elements_per_cycle", 5.0)],
    ),
    (
        "ascend-310",
        &[
            ("array.utilisation", 0.5),
            ("memory.off_chip_bytes_per_s", 50e9),
            ("overhead.inference_s", 20e-6),
            ("overhead.layer_s", 10e-6),
        ],
    ),
];

/// What is fitted and to what.
pub(super) struct Sample {
    pub(super) device: &'static PublishedDevice,
    pub(super) networks: Vec<Network>,
    /// The text of the device's profile.
    pub(super) text: String,
    pub(super) figures: Vec<StartingFigure>,
}

impl Sample {
    /// Every device with published latencies.
    pub(super) fn all() -> Result<Vec<Self>, Error> {
        PUBLISHED.iter().map(Self::of).collect()
    }

    fn of(device: &'static PublishedDevice) -> Result<Self, Error> {
        let networks = device.rows.iter().map(network);
        let of_device = FIGURES.iter().find(|(name, _)| *name == device.profile);
        let (_, figures) = of_device.ok_or_else(|| {
            let name = device.profile;
            Error::Input(format!("it is not said which figures of `{name}` are fitted"))
        })?;
        let figures = figures.iter().map(|(path, value)| StartingFigure {
            path: (*path).to_owned(),
            value: Some(*value),
        });
        Ok(Self {
            device,
            networks: networks.collect::<Result<_, _>>()?,
            text: lookup::device_text(device.profile)?,
            figures: figures.collect(),
        })
    }

    /// Name of the device's profile.
    pub(super) const fn name(&self) -> &'static str {
        self.device.profile
    }

    pub(super) const fn rows(&self) -> &'static [PublishedLatency] {
        self.device.rows
    }

    /// The networks with their published latencies.
    pub(super) fn cases(&self) -> Vec<(&Network, Latency)> {
        let latencies = self.rows().iter().map(|row| row.latency);
        self.networks.iter().zip(latencies).collect()
    }
}

/// The network of a row, of the zoo or outside of it.
pub(super) fn network(row: &PublishedLatency) -> Result<Network, Error> {
    match outside_zoo(row.network, row.pixels) {
        Some(network) => Ok(network?),
        None => Ok(zoo::network(row.network, 1000, row.pixels)?),
    }
}
