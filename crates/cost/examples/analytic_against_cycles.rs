//! Compares the analytic model with the cycle simulator, layer by layer and network by network.
//!
//! `cargo run --release -p panarch-cost --example analytic_against_cycles -- ofa-mbv3 300`
use panarch_cost::{AnalyticModel, CycleSimulator, DeviceProfile, kendall_tau, preset_names};
use panarch_graph::stream;
use panarch_space::{Head, Space};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "ofa-mbv3".to_owned());
    let count: u32 = arguments.next().map_or(Ok(300), |text| text.parse())?;
    let only = arguments.next();
    let space = Space::preset(&name)?;
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut rng = stream(5, "analytic against cycles", 0);
    let networks = (0..count)
        .map(|_| space.lower(&space.sample(&mut rng), head, space.default_resolution()))
        .collect::<Result<Vec<_>, _>>()?;
    println!("{name}, {count} networks: device, layers, median and 95th percentile of |analytic / cycles - 1|, tau");
    for device in preset_names() {
        let profile = DeviceProfile::preset(device)?;
        if profile.accelerator().is_none() || only.as_ref().is_some_and(|only| only != device) {
            continue;
        }
        let (analytic, cycles) = (AnalyticModel::new(profile.clone())?, CycleSimulator::new(profile)?);
        let (mut differences, mut totals) = (Vec::new(), (Vec::new(), Vec::new()));
        for network in &networks {
            let (Ok(fast), Ok(slow)) = (analytic.cost(network), cycles.cost(network)) else {
                continue;
            };
            for (fast, slow) in fast.per_layer.iter().zip(&slow.per_layer) {
                if slow.latency.seconds() > 0.0 {
                    let difference = fast.latency.seconds() / slow.latency.seconds() - 1.0;
                    if only.is_some() && difference.abs() > 0.15 {
                        println!(
                            "{}: {:+.3} {} analytic {:?} cycles {:?}",
                            slow.name, difference, slow.latency, fast.attribution, slow.attribution
                        );
                    }
                    differences.push(difference.abs());
                }
            }
            totals.0.push(fast.latency.value.seconds());
            totals.1.push(slow.latency.value.seconds());
        }
        differences.sort_by(f64::total_cmp);
        let at = |share: f64| {
            differences
                .get((differences.len() as f64 * share) as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let whole: f64 = totals
            .0
            .iter()
            .zip(&totals.1)
            .map(|(a, b)| (a / b - 1.0).abs())
            .sum::<f64>()
            / totals.0.len() as f64;
        println!(
            "  {device:<16} {:>6} layers  {:>6.2} %  {:>6.2} %  max {:>6.1} %  network {:>5.2} %  tau {:.4}",
            differences.len(),
            at(0.5) * 100.0,
            at(0.95) * 100.0,
            at(1.0 - 1e-9) * 100.0,
            whole * 100.0,
            kendall_tau(&totals.0, &totals.1).unwrap_or(f64::NAN)
        );
    }
    Ok(())
}
