//! Compares the embedded profiles with published latencies, network by network.
//!
//! `cargo run -p panarch-cost --example published_latencies`
#[path = "../tests/it/published/mod.rs"]
#[allow(dead_code)]
mod published;

use panarch_cost::{AnalyticModel, DeviceProfile, kendall_tau};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (device, cases) in published::devices() {
        let Ok(profile) = DeviceProfile::preset(device) else {
            println!("{device}: no such preset");
            continue;
        };
        let model = AnalyticModel::new(profile)?;
        let mut pairs = Vec::new();
        println!("\n{device}");
        println!(
            "  {:<26} {:>8} {:>10} {:>10} {:>8}  {:>6}",
            "network", "MMACs", "published", "estimate", "error", "fixed"
        );
        for case in &cases {
            let cost = model.cost(&case.network)?;
            let estimate = cost.latency.value.millis();
            println!(
                "  {:<26} {:>8.0} {:>7.2} ms {:>7.2} ms {:>7.1}% {:>6.0}%",
                case.name,
                case.network.macs().0 as f64 / 1e6,
                case.latency_ms,
                estimate,
                (estimate / case.latency_ms - 1.0) * 100.0,
                panarch_cost::fixed_share(&cost) * 100.0,
            );
            pairs.push((estimate, case.latency_ms));
        }
        let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        println!(
            "  mean error {:.1} %, Kendall tau {:.2}",
            published::mean_error(&pairs) * 100.0,
            kendall_tau(&ours, &theirs).unwrap_or(f64::NAN)
        );
    }
    Ok(())
}
