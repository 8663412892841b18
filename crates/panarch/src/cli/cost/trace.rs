//! `panarch cost --trace`.

use std::path::Path;

use panarch::lookup::NamedNetwork;
use panarch::{Error, trace};
use panarch_cost::{DeviceProfile, Model};

use crate::cli::output::write as print;

/// Simulates the network on one device and writes the run.
pub(super) fn write(
    file: &Path,
    profiles: &[DeviceProfile],
    models: &[Model],
    named: &NamedNetwork,
) -> anyhow::Result<()> {
    let [profile] = profiles else {
        let message = format!(
            "a trace is of one device, {} were named: give one --device",
            profiles.len()
        );
        return Err(Error::Input(message).into());
    };
    if models.iter().any(|model| *model != Model::Cycle) {
        return Err(Error::Input("only the simulator leaves a trace: say --model cycle".to_owned()).into());
    }
    let written = trace::write_trace(file, profile, &named.network)?;
    print(&format!(
        "{}: {} jobs of {} on {}, {} an image, {:.1} MB\nOpen it in ui.perfetto.dev or chrome://tracing.\n",
        file.display(),
        written.jobs,
        named.network.name(),
        profile.name(),
        written.cost.latency.value,
        written.bytes as f64 / 1e6,
    ));
    Ok(())
}
