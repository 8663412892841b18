//! The committed tables of `panarch reproduce vela` against the committed profiles: they must not drift apart.

use std::path::PathBuf;

use panarch::lookup;
use panarch_cost::{AnalyticModel, CycleSimulator, DeviceProfile, kendall_tau};
use panarch_graph::Latency;
use panarch_space::{Head, Space};

/// Tables hold nanoseconds.
const ROUNDING_S: f64 = 2e-9;

struct Row {
    device: String,
    space: String,
    genotype: String,
    resolution: u32,
    held_out: bool,
    macs: u64,
    vela: f64,
    analytic: f64,
    cycle: f64,
}

fn rows() -> Vec<Row> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reproductions/vela/networks.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), header.len(), "{line}");
        let field = |name: &str| {
            let place = header.iter().position(|it| *it == name);
            fields[place.unwrap_or_else(|| panic!("no column {name}"))].to_owned()
        };
        let millis = |name: &str| field(name).parse::<f64>().unwrap() / 1e3;
        Row {
            resolution: field("resolution").parse().unwrap(),
            held_out: match field("split").as_str() {
                "held out" => true,
                "training" => false,
                other => panic!("split {other}"),
            },
            macs: field("macs").parse().unwrap(),
            vela: millis("vela_ms"),
            analytic: millis("analytic_ms"),
            cycle: millis("cycle_ms"),
            device: field("device"),
            space: field("space"),
            genotype: field("genotype"),
        }
    };
    lines.map(row).collect()
}

fn of_device(device: &str) -> Vec<Row> {
    let mut rows = rows();
    rows.retain(|row| row.device == device);
    assert!(!rows.is_empty(), "no rows of {device}");
    rows
}

/// τ and mean |ours / theirs − 1|.
fn closeness(rows: &[&Row]) -> (f64, f64) {
    let ours: Vec<f64> = rows.iter().map(|row| row.analytic).collect();
    let theirs: Vec<f64> = rows.iter().map(|row| row.vela).collect();
    let errors = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| (ours / theirs - 1.0).abs());
    let mean = errors.sum::<f64>() / rows.len() as f64;
    (kendall_tau(&ours, &theirs).unwrap(), mean)
}

#[test]
fn the_profiles_give_the_latencies_of_the_study() {
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    for device in ["ethos-u55-256", "ethos-u65-512"] {
        let profile: DeviceProfile = lookup::device(device).unwrap();
        let analytic = AnalyticModel::new(profile.clone()).unwrap();
        let cycle = CycleSimulator::new(profile).unwrap();
        for row in of_device(device) {
            let space = Space::preset(&row.space).unwrap();
            let genotype = space.parse_genotype(&row.genotype).unwrap();
            let network = space.lower(&genotype, head, row.resolution).unwrap();
            assert_eq!(network.macs().0, row.macs, "{}", row.genotype);
            let same = |ours: Latency, then: f64, model: &str| {
                let ours = ours.seconds();
                assert!(
                    (ours - then).abs() <= ROUNDING_S,
                    "{device}, {model}, {}: {ours} s, in the study {then} s; if the profile was meant to change, run \
                     `panarch reproduce vela --output docs/reproductions/vela` again",
                    row.genotype
                );
            };
            same(analytic.cost(&network).unwrap().latency.value, row.analytic, "analytic");
            same(cycle.cost(&network).unwrap().latency.value, row.cycle, "cycle");
        }
    }
}

#[test]
fn the_closed_form_follows_the_compiler_on_networks_that_it_was_not_fitted_to() {
    let rows = of_device("ethos-u55-256");
    let held_out: Vec<&Row> = rows.iter().filter(|row| row.held_out).collect();
    assert!(
        rows.len() >= 300 && held_out.len() >= 240,
        "{} {}",
        rows.len(),
        held_out.len()
    );
    let (tau, error) = closeness(&held_out);
    println!(
        "ethos-u55-256, {} networks held out: τ {tau:.3}, MAPE {:.1} %",
        held_out.len(),
        error * 100.0
    );
    assert!(tau >= 0.9, "τ {tau}");
    assert!(error <= 0.1, "MAPE {error}");
    for space in ["ofa-mbv3-w1.0", "edgetpu"] {
        let of_space: Vec<&Row> = held_out.iter().filter(|row| row.space == space).copied().collect();
        let (tau, error) = closeness(&of_space);
        println!("  {space}: τ {tau:.3}, MAPE {:.1} %", error * 100.0);
        assert!(tau >= 0.85 && error <= 0.1, "{space}: τ {tau}, MAPE {error}");
    }
}
