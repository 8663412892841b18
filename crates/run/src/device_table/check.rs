//! A table's sums against the device's own answers for whole networks.

use std::collections::BTreeSet;

use panarch_cost::{CostError, CostSource, kendall_tau};
use panarch_graph::{Latency, Network, stream};
use panarch_predict::{LatencyTable, TableCheck, TableCostSource, TableEntry, TableHeader};
use panarch_space::{Genotype, Head, Space};

use super::cancelled;
use crate::Error;
use crate::event::Watch;

/// How many whole networks are asked for.
const NETWORKS: usize = 50;
/// How many are drawn to find as many that the device runs.
const DRAWN: usize = 2_000;
/// How many are asked for at once.
const TOGETHER: usize = 10;

/// What the check finds.
pub(super) struct Checked {
    pub check: TableCheck,
    /// The median of the answers' fixed times.
    pub fixed: Latency,
}

pub(super) fn check(
    space: &Space,
    head: Head,
    resolution: u32,
    device: &dyn CostSource,
    header: &TableHeader,
    entries: &[(String, TableEntry)],
    watch: &mut Watch<'_>,
) -> Result<Checked, Error> {
    watch.step("Comparing sums with whole networks");
    let table = LatencyTable::new(header.clone(), entries.to_vec())?;
    let origin = &header.origin;
    let sums = TableCostSource::new("table", origin.precision, origin.batch, table, "", device.protocol()?);
    let mut rng = stream(1, "check of a latency table", 0);
    let mut seen: BTreeSet<Genotype> = BTreeSet::new();
    let mut networks: Vec<(Network, f64)> = Vec::new();
    for _ in 0..DRAWN {
        if networks.len() >= NETWORKS {
            break;
        }
        let genotype = space.sample(&mut rng);
        if !seen.insert(genotype.clone()) {
            continue;
        }
        // A member without a network at this resolution, or with a block that the device cannot run, is none to compare.
        let Ok(network) = space.lower(&genotype, head, resolution) else {
            continue;
        };
        match sums.estimate(std::slice::from_ref(&network)).pop() {
            Some(Ok(cost)) => networks.push((network, cost.latency.value.seconds())),
            Some(Err(CostError::NotInTable { .. })) | None => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
    let (mut found, mut whole, mut fixed) = (Vec::new(), Vec::new(), Vec::new());
    for together in networks.chunks(TOGETHER) {
        cancelled(watch)?;
        let asked: Vec<Network> = together.iter().map(|(network, _)| network.clone()).collect();
        for ((_, sum), answer) in together.iter().zip(device.estimate(&asked)) {
            match answer {
                Ok(cost) => {
                    found.push(*sum);
                    whole.push(cost.latency.value.seconds());
                    fixed.push(cost.fixed.seconds());
                }
                // The whole may be more than the device takes, though each of its blocks is not.
                Err(CostError::Unsupported { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        watch.progress(whole.len() as u64, networks.len() as u64, "networks", "");
    }
    let fixed = median(fixed).ok_or_else(|| {
        let device = device.device();
        Error::Infeasible(format!(
            "{device} runs none of the networks that were drawn from {}",
            space.name()
        ))
    })?;
    let check = compare(&found, &whole, fixed);
    let tau = check
        .kendall_tau
        .map_or_else(String::new, |tau| format!(", Kendall τ {tau:.3}"));
    watch.done(format!(
        "{} networks: mean error {:.2} %{tau}",
        check.networks,
        check.mean_error * 100.0
    ));
    Ok(Checked {
        check,
        fixed: Latency::from_seconds(fixed),
    })
}

fn compare(sums: &[f64], whole: &[f64], fixed: f64) -> TableCheck {
    let predicted: Vec<f64> = sums.iter().map(|sum| sum + fixed).collect();
    let errors: Vec<f64> = predicted
        .iter()
        .zip(whole)
        .map(|(predicted, whole)| (predicted - whole) / whole)
        .filter(|error| error.is_finite())
        .collect();
    let count = errors.len().max(1) as f64;
    TableCheck {
        networks: u32::try_from(whole.len()).unwrap_or(u32::MAX),
        mean_error: errors.iter().map(|error| error.abs()).sum::<f64>() / count,
        rms_error: (errors.iter().map(|error| error.powi(2)).sum::<f64>() / count).sqrt(),
        kendall_tau: kendall_tau(&predicted, whole),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
