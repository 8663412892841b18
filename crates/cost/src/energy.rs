//! Energy by counting accesses.

use std::borrow::Cow;

use panarch_graph::{Bytes, Energy, Estimate, Latency, Macs};

use crate::memory_use::{EnergyParts, LevelTraffic};
use crate::plan::Moved;
use crate::profile::{Accelerator, Figure, ModelError};

/// What a layer moves at each memory level, in whole bytes of one image. Accumulators are a systolic array's alone.
pub(crate) fn levels(machine: &Accelerator, moved: &Moved) -> Vec<LevelTraffic> {
    let figures = machine.energy.as_ref();
    let level = |name: &'static str, read: f64, written: f64, joules_a_byte: Option<&Figure>| {
        let (read, written) = (Bytes(read.round() as u64), Bytes(written.round() as u64));
        LevelTraffic {
            level: Cow::Borrowed(name),
            energy: joules_a_byte.map(|each| Energy::from_joules((read + written).0 as f64 * each.value)),
            read,
            written,
        }
    };
    let on_chip = figures.map(|it| &it.on_chip_byte_j);
    let mut levels = vec![
        level(
            LevelTraffic::OFF_CHIP,
            moved.loaded + moved.streamed + moved.host_in,
            moved.stored + moved.host_out,
            figures.map(|it| &it.off_chip_byte_j),
        ),
        level(LevelTraffic::ACTIVATIONS, moved.read, moved.written, on_chip),
        level(
            LevelTraffic::WEIGHTS,
            moved.weights_read,
            0.0,
            figures.map(|it| it.weight_byte_j.as_ref().unwrap_or(&it.on_chip_byte_j)),
        ),
    ];
    if machine.array.systolic.is_some() {
        levels.push(level(
            LevelTraffic::ACCUMULATORS,
            moved.sums,
            moved.sums,
            figures.map(|it| it.accumulator_byte_j.as_ref().unwrap_or(&it.on_chip_byte_j)),
        ));
    }
    levels
}

/// Energy of a layer; `None` when the profile has no figures.
pub(crate) fn of_layer(
    machine: &Accelerator,
    macs: Macs,
    levels: &[LevelTraffic],
    latency: Latency,
) -> Option<EnergyParts> {
    let figures = machine.energy.as_ref()?;
    let memory = levels.iter().filter_map(|level| level.energy).map(Energy::joules).sum();
    Some(EnergyParts {
        macs: Energy::from_joules(macs.0 as f64 * figures.mac_j.value),
        memory: Energy::from_joules(memory),
        leakage: leakage(machine, latency)?,
    })
}

/// What is drawn all the time, for so long; `None` when the profile has no figures.
pub(crate) fn leakage(machine: &Accelerator, latency: Latency) -> Option<Energy> {
    let figures = machine.energy.as_ref()?;
    Some(Energy::from_joules(latency.seconds() * figures.static_w.value))
}

/// An energy with the latency model's interval, as a stand-in: nobody has published energies to check against.
pub(crate) fn estimate(joules: f64, error: &ModelError) -> Estimate<Energy> {
    let ratio = 1.0 + error.relative.value;
    Estimate {
        value: Energy::from_joules(joules),
        low: Energy::from_joules(joules / ratio),
        high: Energy::from_joules(joules * ratio),
        level: error.level.value,
    }
}
