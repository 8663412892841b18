//! `panarch space mem` and `panarch network mem`: matrix efficiency.

mod args;
mod network;
mod space;

use panarch::{Error, lookup};
use panarch_cost::{DeviceProfile, Model};

pub use args::{NetworkMemArgs, SpaceMemArgs};
pub use network::network;
pub use space::space;

/// The profiles that describe a machine, and a note on each that does not.
fn accelerators(names: &[String]) -> Result<(Vec<DeviceProfile>, Vec<String>), Error> {
    let (machines, measured): (Vec<_>, Vec<_>) = lookup::devices(names)?
        .into_iter()
        .partition(|profile| profile.accelerator().is_some());
    let note = |of: &DeviceProfile| format!("the profile of {} says nothing about its matrix unit", of.name());
    let notes: Vec<String> = measured.iter().map(note).collect();
    if machines.is_empty() {
        return Err(Error::Input(format!("{}; name another --device", notes.join("; "))));
    }
    Ok((machines, notes))
}

/// How the times are known, in words.
const fn provenance(model: Model) -> &'static str {
    match model {
        Model::Cycle => "simulated",
        Model::Analytic => "predicted by the analytic model",
    }
}
