//! Whether the devices want different networks at all, before anything is trained.

use panarch_cost::{DeviceSample, Fairness, fairness};
use panarch_graph::{Latency, stream};
use panarch_report::fairness_table;

use super::{Devices, Setup, Watch, facts};
use crate::Error;

/// How many members are sampled.
const SAMPLED: usize = 500;

/// Each device's fixed share and the agreement of every pair of devices, over sampled members.
pub(super) fn judge(setup: &Setup, devices: &Devices, watch: &mut Watch<'_>) -> Result<Fairness, Error> {
    watch.step(format!("Comparing the devices on {SAMPLED} sampled networks"));
    let mut rng = stream(setup.file.seed, "fairness", 0);
    let mut samples: Vec<DeviceSample> = devices
        .iter()
        .map(|device| DeviceSample {
            device: device.name().to_owned(),
            latencies: Vec::new(),
            fixed: Vec::new(),
        })
        .collect();
    for _ in 0..SAMPLED {
        let genotype = setup.space.canonical(&setup.space.sample(&mut rng));
        let network = setup.network(&genotype)?;
        for (device, sample) in devices.iter().zip(&mut samples) {
            let cost = device.cost(&genotype, &network)?;
            sample.latencies.push(cost.latency.value);
            sample.fixed.push(cost.fixed.unwrap_or(Latency::ZERO));
        }
    }
    let judged = fairness(&samples);
    let word = if judged.is_fair() {
        "a fair comparison"
    } else {
        "NOT a fair comparison"
    };
    watch.done(word);
    watch.table(fairness_table(
        &facts::devices(setup, devices, &judged, &[]),
        &facts::fairness(&judged),
    ));
    Ok(judged)
}
