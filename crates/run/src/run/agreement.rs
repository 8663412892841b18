//! Whether the devices want different networks at all, before anything is trained.

use panarch_cost::{CostError, DeviceAgreement, DeviceSample, agreement};
use panarch_graph::{Latency, stream};
use panarch_report::agreement_table;

use super::{Device, Devices, Setup, Watch, facts};
use crate::Error;

/// How many members are sampled; where a program is run for each, as many as are measured on a real machine.
const SAMPLED: usize = 500;
/// How many networks a program is asked for at once.
const TOGETHER: usize = 8;
/// How many draws each of them may take, where a device cannot run everything.
const MOST_DRAWS: usize = 20;

/// Each device's fixed share and the agreement of every pair of devices, over sampled members.
pub(super) fn judge(setup: &Setup, devices: &Devices, watch: &mut Watch<'_>) -> Result<DeviceAgreement, Error> {
    let sampled = if devices.iter().any(Device::takes_time) {
        SAMPLED.min(setup.file.measure.samples)
    } else {
        SAMPLED
    };
    watch.step(format!("Comparing the devices on {sampled} sampled networks"));
    let mut rng = stream(setup.file.seed, "fairness", 0);
    if devices.iter().any(Device::takes_time) {
        prefetch(setup, devices, sampled, watch)?;
    }
    let mut samples: Vec<DeviceSample> = devices
        .iter()
        .map(|device| DeviceSample {
            device: device.name().to_owned(),
            latencies: Vec::new(),
            fixed: Vec::new(),
        })
        .collect();
    let mut refused = 0;
    let mut last_refusal = None;
    for _ in 0..sampled * MOST_DRAWS {
        watch.check()?;
        if samples.first().is_none_or(|sample| sample.latencies.len() == sampled) {
            break;
        }
        let genotype = setup.space.canonical(&setup.space.sample(&mut rng));
        let network = setup.network(&genotype)?;
        let costs: Result<Vec<_>, _> = devices.iter().map(|device| device.cost(&genotype, &network)).collect();
        let costs = match costs {
            Ok(costs) => costs,
            Err(Error::Cost(refusal @ CostError::Unsupported { .. })) => {
                refused += 1;
                last_refusal = Some(refusal);
                continue;
            }
            Err(error) => return Err(error),
        };
        for (cost, sample) in costs.iter().zip(&mut samples) {
            sample.latencies.push(cost.latency.value);
            sample.fixed.push(cost.fixed.unwrap_or(Latency::ZERO));
        }
    }
    if let Some(refusal) = last_refusal {
        if samples.iter().all(|sample| sample.latencies.is_empty()) {
            return Err(refusal.into());
        }
        watch.note(format!(
            "{refused} sampled networks were left out because a device cannot run them, such as: {refusal}"
        ));
    }
    let judged = agreement(&samples);
    let word = if judged.is_fair() {
        "a fair comparison"
    } else {
        "NOT a fair comparison"
    };
    watch.done(word);
    watch.table(agreement_table(
        &facts::devices(setup, devices, &judged),
        &facts::agreement(&judged),
    ));
    Ok(judged)
}

/// Lets the programs answer for the first members, several at once.
fn prefetch(setup: &Setup, devices: &Devices, sampled: usize, watch: &mut Watch<'_>) -> Result<(), Error> {
    // The stream that the comparison draws from.
    let mut rng = stream(setup.file.seed, "fairness", 0);
    let mut asked = 0;
    while asked < sampled {
        watch.check()?;
        let together = TOGETHER.min(sampled - asked);
        let networks: Vec<_> = (0..together)
            .map(|_| setup.network(&setup.space.canonical(&setup.space.sample(&mut rng))))
            .collect::<Result<_, _>>()?;
        devices.iter().for_each(|device| device.prefetch(&networks));
        asked += together;
        watch.progress(asked as u64, sampled as u64, "networks", "");
    }
    Ok(())
}
