//! The closed form follows the simulator: layer by layer and network by network, on every profile that describes a machine.

mod variants;

use std::collections::BTreeMap;
use std::path::Path;

use panarch_cost::{DeviceProfile, Model, kendall_tau, preset_names};
use panarch_graph::{Network, stream};
use panarch_report::{Cell, Column, Format, Table};
use panarch_space::{Head, Space};

use panarch_run::Error;
use panarch_run::event::Watch;

/// Spaces that every profile runs: inverted bottlenecks for several devices, residual bottlenecks, and deep inverted ones.
const SPACES: [&str; 3] = ["multi-hardware", "ofa-resnet50", "ofa-proxyless-w1.3"];
const NETWORKS_OF_EACH: u32 = 100;
const SEED: u64 = 5;

/// |analytic / simulated − 1| of the layers of one kind, and the totals of the networks, in seconds.
#[derive(Default)]
struct Agreement {
    by_operator: BTreeMap<String, Vec<f64>>,
    analytic: Vec<f64>,
    simulated: Vec<f64>,
}

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    watch.step("Drawing networks");
    let networks = networks()?;
    watch.done(format!("{} networks of {} spaces", networks.len(), SPACES.len()));
    let mut devices = Vec::new();
    for name in preset_names() {
        let profile = DeviceProfile::preset(name)?;
        if profile.accelerator().is_some() {
            watch.step(format!("Asking both models of {name}"));
            let agreement = compare(&profile, &networks)?;
            watch.done(format!("{} networks", agreement.analytic.len()));
            devices.push((profile, agreement));
        }
    }
    let mut tables = vec![
        ("machines.csv", machines(&devices)),
        ("operators.csv", operators(&devices)),
    ];
    tables.extend(variants::tables()?);
    for (name, table) in &tables {
        let text = table.render(Format::Csv, None, false);
        panarch_format::atomic_write(folder.join(name), text.as_bytes())?;
    }
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

fn networks() -> Result<Vec<Network>, Error> {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut networks = Vec::new();
    for name in SPACES {
        let space = Space::preset(name)?;
        let mut rng = stream(SEED, "analytic model against simulator", 0);
        for _ in 0..NETWORKS_OF_EACH {
            networks.push(space.lower(&space.sample(&mut rng), head, space.default_resolution())?);
        }
    }
    Ok(networks)
}

fn compare(profile: &DeviceProfile, networks: &[Network]) -> Result<Agreement, Error> {
    let formulas = profile.model(Model::Analytic)?.estimate(networks);
    let simulations = profile.model(Model::Cycle)?.estimate(networks);
    let mut agreement = Agreement::default();
    for (formula, simulated) in formulas.into_iter().zip(simulations) {
        let (formula, simulated) = (formula?, simulated?);
        for (formula, simulated) in formula.per_layer.iter().zip(&simulated.per_layer) {
            let (formula, seconds) = (formula.latency.seconds(), simulated.latency.seconds());
            if seconds > 0.0 {
                let of = agreement.by_operator.entry(simulated.operator.clone()).or_default();
                of.push((formula / seconds - 1.0).abs());
            }
        }
        agreement.analytic.push(formula.latency.value.seconds());
        agreement.simulated.push(simulated.latency.value.seconds());
    }
    Ok(agreement)
}

fn machines(devices: &[(DeviceProfile, Agreement)]) -> Table {
    let mut table = Table::new(
        "Analytic model against cycle simulator",
        vec![
            Column::text("device"),
            Column::text("array"),
            Column::number("networks"),
            Column::number("layers"),
            Column::quantity("layer median", "%").with_key("layer_median"),
            Column::quantity("layer p95", "%").with_key("layer_p95"),
            Column::quantity("layer worst", "%").with_key("layer_worst"),
            Column::quantity("network mean", "%").with_key("network_mean"),
            Column::number("Kendall τ").with_key("tau"),
        ],
    );
    for (profile, agreement) in devices {
        let mut layers: Vec<f64> = agreement.by_operator.values().flatten().copied().collect();
        layers.sort_by(f64::total_cmp);
        let array = profile.accelerator().map_or("", |machine| machine.array.kind.name());
        let pairs = agreement.analytic.iter().zip(&agreement.simulated);
        let networks = agreement.analytic.len();
        let mean = pairs
            .map(|(formula, simulated)| (formula / simulated - 1.0).abs())
            .sum::<f64>()
            / networks as f64;
        let tau = kendall_tau(&agreement.analytic, &agreement.simulated);
        table.push(vec![
            Cell::text(profile.name()),
            Cell::text(array),
            Cell::count(networks as u64),
            Cell::count(layers.len() as u64),
            percent(quantile(&layers, 0.5)),
            percent(quantile(&layers, 0.95)),
            percent(layers.last().copied()),
            percent(Some(mean)),
            tau.map_or_else(Cell::missing, |tau| Cell::decimal(tau, 4)),
        ]);
    }
    table.note(format!(
        "{NETWORKS_OF_EACH} networks each of {}, drawn with seed {SEED}; differences are |analytic / simulated - 1|",
        SPACES.join(", ")
    ));
    table
}

fn operators(devices: &[(DeviceProfile, Agreement)]) -> Table {
    let mut table = Table::new(
        "The same by operator, over all devices",
        vec![
            Column::text("operator"),
            Column::number("layers"),
            Column::quantity("median", "%").with_key("median"),
            Column::quantity("p95", "%").with_key("p95"),
            Column::quantity("worst", "%").with_key("worst"),
        ],
    );
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (operator, differences) in devices.iter().flat_map(|(_, agreement)| &agreement.by_operator) {
        all.entry(operator).or_default().extend(differences);
    }
    for (operator, mut differences) in all {
        differences.sort_by(f64::total_cmp);
        table.push(vec![
            Cell::text(operator),
            Cell::count(differences.len() as u64),
            percent(quantile(&differences, 0.5)),
            percent(quantile(&differences, 0.95)),
            percent(differences.last().copied()),
        ]);
    }
    table
}

/// The value below which a share of sorted values lies.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = (sorted.len() as f64 * share) as usize;
    sorted.get(position.min(sorted.len().saturating_sub(1))).copied()
}

fn percent(share: Option<f64>) -> Cell {
    share.map_or_else(Cell::missing, |share| {
        Cell::number(share, format!("{:.2}", share * 100.0))
    })
}
