//! Whether the devices want different networks at all, before anything is trained.

use panarch_cost::{DeviceSample, Fairness, fairness};
use panarch_graph::{Latency, stream};
use panarch_report::{Cell, Column, Emphasis, Table};

use super::{Devices, Setup, Watch};
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
    watch.done(verdict(&judged));
    watch.table(table(&judged));
    Ok(judged)
}

fn verdict(fairness: &Fairness) -> String {
    let different = fairness.different_pairs().len();
    let mostly_fixed = fairness.mostly_fixed().len();
    let word = if fairness.is_fair() {
        "a fair comparison"
    } else {
        "NOT a fair comparison"
    };
    format!(
        "{word}: {different} of {} pairs of devices order networks differently (τ < {}), {mostly_fixed} devices are mostly \
         fixed cost (median share > {:.0} %)",
        fairness.pairs.len(),
        Fairness::DIFFERENT_TAU,
        Fairness::LARGEST_FIXED_SHARE * 100.0
    )
}

/// One row a device: its fixed share, and τ with every other device.
fn table(fairness: &Fairness) -> Table {
    let mut columns = vec![
        Column::text("device"),
        Column::quantity("median latency", "ms").with_key("median_latency_s"),
        Column::quantity("median fixed share", "%").with_key("median_fixed_share"),
    ];
    columns.extend(
        fairness
            .devices
            .iter()
            .map(|device| Column::number(format!("τ {}", device.device))),
    );
    let title = format!("Do the devices disagree? {} sampled networks", fairness.networks);
    let mut table = Table::new(title, columns);
    for row in &fairness.devices {
        let mut cells = vec![
            Cell::text(&row.device),
            row.median_latency.map_or_else(Cell::missing, |l| {
                Cell::number(l.seconds(), format!("{:.3}", l.millis()))
            }),
            row.median_fixed_share
                .map_or_else(Cell::missing, |s| Cell::number(s, format!("{:.1}", s * 100.0))),
        ];
        for column in &fairness.devices {
            let pair = fairness.pairs.iter().find(|pair| {
                (pair.first == row.device && pair.second == column.device)
                    || (pair.first == column.device && pair.second == row.device)
            });
            cells.push(
                pair.and_then(|pair| pair.tau)
                    .map_or_else(Cell::missing, |tau| Cell::decimal(tau, 2)),
            );
        }
        table.push_row(cells, Emphasis::Plain);
    }
    table.note(verdict(fairness));
    table
}
