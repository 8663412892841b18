//! The hard limits of a run: whether what a device answers keeps them.

use panarch_cost::weight_size;
use panarch_graph::Network;
use panarch_space::Subspace;
use panarch_study::{Amount, CostSummary, Limit, Quantity, Violation};

use super::guard_band::{GuardBand, NO_BAND};
use super::problems::Problems;
use super::{Devices, Finished, Setup};
use crate::Error;

/// The limits of the run file that a network does not keep, the furthest over first. `costs` are those on the run's devices,
/// in their order.
///
/// # Errors
/// A limit on something that a device does not answer.
pub(super) fn violations(
    setup: &Setup,
    devices: &Devices,
    network: &Network,
    costs: &[CostSummary],
    band: GuardBand,
) -> Result<Vec<Violation>, Error> {
    let found = |limit: &Limit| found(limit, setup, devices, network, costs, band);
    Ok(panarch_study::violations(setup.file.limits.iter().as_slice(), found)?)
}

/// Refuses limits on what a device does not answer, by its answers for the smallest network.
///
/// # Errors
/// [`Error::Input`] with the limit.
pub(super) fn check_answers(setup: &Setup, devices: &Devices) -> Result<(), Error> {
    if setup.file.limits.iter().len() == 0 {
        return Ok(());
    }
    let smallest = Subspace::whole(&setup.space).smallest();
    let costs = devices.costs(setup, &smallest)?;
    let network = setup.network(&smallest)?;
    let answered = |limit: &&Limit| found(limit, setup, devices, &network, &costs, NO_BAND).is_some();
    match setup.file.limits.iter().find(|limit| !answered(limit)) {
        Some(limit) => Err(mute(limit)),
        None => Ok(()),
    }
}

/// A limit that held while searching has to hold for the finished network that is recommended too.
pub(super) fn check(
    setup: &Setup,
    devices: &Devices,
    chosen: Option<u32>,
    finished: &[Finished],
    problems: &mut Problems,
) {
    let Some(finalist) = chosen.and_then(|chosen| finished.get(chosen as usize)) else {
        return;
    };
    let costs: Vec<CostSummary> = finalist.costs.iter().map(CostSummary::from).collect();
    for limit in setup.file.limits.iter() {
        // A machine that is measured at the end says less than the model that was searched with.
        let Some(found) = found(limit, setup, devices, &finalist.network, &costs, NO_BAND) else {
            continue;
        };
        if let Ok(Some(violation)) = limit.violation(found) {
            problems.add(Error::Infeasible(format!(
                "{} vetoes the network that was found: {violation}; the report is written all the same",
                violation.whose()
            )));
        }
    }
}

/// What a network has of what a limit is on, with the guard band on what is estimated; none where nobody knows.
pub(super) fn found(
    limit: &Limit,
    setup: &Setup,
    devices: &Devices,
    network: &Network,
    costs: &[CostSummary],
    band: GuardBand,
) -> Option<Amount> {
    let Some(name) = limit.device() else {
        return match limit.most().quantity() {
            Quantity::Macs => Some(Amount::Macs(network.macs())),
            Quantity::Parameters => Some(Amount::Parameters(network.parameter_count())),
            _ => None,
        };
    };
    // By the name in the run file, which may be the path of a profile.
    let place = setup.file.devices.names.iter().position(|known| known == name)?;
    let (device, cost) = (devices.iter().nth(place)?, costs.get(place)?);
    match limit.most().quantity() {
        Quantity::Latency => Some(Amount::Latency(band.latency(cost.latency))),
        Quantity::Energy => cost.energy.map(|energy| Amount::Energy(band.energy(energy))),
        Quantity::PeakMemory => cost.peak_memory.map(Amount::PeakMemory),
        Quantity::WeightBytes => Some(Amount::WeightBytes(weight_size(network, device.profile.precision()))),
        Quantity::Score | Quantity::Accuracy | Quantity::Macs | Quantity::Parameters => None,
    }
}

fn mute(limit: &Limit) -> Error {
    let device = limit.device().unwrap_or("the network");
    let quantity = limit.most().quantity();
    Error::Input(format!(
        "there is a limit on the {quantity} of `{device}`, and `{device}` does not say what a network takes of it; \
         `panarch cost NETWORK --device {device}` shows what it says. Take the limit out, or a device that answers"
    ))
}
