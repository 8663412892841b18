//! Energy by counting accesses.

use panarch_graph::{Energy, Estimate, Latency, Macs};

use crate::plan::Flow;
use crate::profile::{EnergyFigures, ModelError};

/// Energy of one inference: multiply-accumulates, bytes on and off chip, and static power for as long as it takes.
///
/// The interval is the latency model's, as a stand-in: nobody has published energies to check against.
pub(crate) fn of_inference(
    figures: &EnergyFigures,
    error: &ModelError,
    macs: Macs,
    flow: &Flow,
    latency: Latency,
) -> Estimate<Energy> {
    let joules = macs.0 as f64 * figures.mac_j.value
        + flow.on_chip_bytes() * figures.on_chip_byte_j.value
        + flow.traffic_bytes() * figures.off_chip_byte_j.value
        + latency.seconds() * figures.static_w.value;
    let ratio = 1.0 + error.relative.value;
    Estimate {
        value: Energy::from_joules(joules),
        low: Energy::from_joules(joules / ratio),
        high: Energy::from_joules(joules * ratio),
        level: error.level.value,
    }
}
