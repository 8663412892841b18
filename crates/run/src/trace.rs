//! Simulated runs as files for trace viewers.

use std::path::Path;

use panarch_cost::{Cost, CycleSimulator, DeviceProfile};
use panarch_graph::Network;
use panarch_report::chrome_trace;

use crate::Error;

/// A simulated run that has been written.
pub struct WrittenTrace {
    /// What the network costs.
    pub cost: Cost,
    /// Number of jobs in the file.
    pub jobs: usize,
    /// Bytes of the file.
    pub bytes: usize,
}

/// Simulates a network on a device and writes the run in the Trace Event Format.
///
/// # Errors
/// A device that has no simulator or cannot run the network; a file that cannot be written.
pub fn write_trace(file: &Path, profile: &DeviceProfile, network: &Network) -> Result<WrittenTrace, Error> {
    let clock_hz = profile
        .accelerator()
        .map_or(0.0, |accelerator| accelerator.clock_hz.value);
    let (cost, jobs) = CycleSimulator::new(profile.clone())?.trace(network)?;
    let text = chrome_trace(&cost, &jobs, clock_hz)?;
    panarch_format::atomic_write(file, text.as_bytes()).map_err(Error::artefact(file))?;
    Ok(WrittenTrace {
        cost,
        jobs: jobs.len(),
        bytes: text.len(),
    })
}
