//! Fits figures of an embedded profile to published latencies and prints them; the profile itself is not changed.
//!
//! `cargo run -p panarch-cost --example fit_profile -- cortex-a53 array.utilisation array.output_elements_per_cycle`
//!
//! From the figures that the profile has; see [`panarch_cost::Calibration`].
#[path = "../tests/it/published/mod.rs"]
#[allow(dead_code)]
mod published;

use panarch_cost::{Calibration, StartingFigure, preset_text};
use panarch_graph::Latency;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().ok_or("name a device and the figures to fit")?;
    let figures = arguments.map(|path| StartingFigure { path, value: None });
    let figures: Vec<StartingFigure> = figures.collect();
    let mut devices = published::devices().into_iter();
    let (_, cases) = devices
        .find(|(name, _)| *name == device)
        .ok_or_else(|| format!("no published latencies of `{device}`"))?;
    let text = preset_text(&device).ok_or("no such preset")?;
    let known = cases
        .iter()
        .map(|case| (&case.network, Latency::from_millis(case.latency_ms)));
    let fitted = Calibration::new(text, &figures, &known.collect::<Vec<_>>())?;
    println!("{device}: root mean square error {:.1} %", fitted.error * 100.0);
    for (path, value) in &fitted.figures {
        println!("  {path} = {value:.3e}");
    }
    let model = fitted.model()?;
    for case in &cases {
        let estimate = model.cost(&case.network)?.latency.value.millis();
        let error = (estimate / case.latency_ms - 1.0) * 100.0;
        println!(
            "  {:<26} published {:>8.2} ms, estimate {:>8.2} ms, {:>+6.1} %",
            case.name, case.latency_ms, estimate, error
        );
    }
    Ok(())
}
