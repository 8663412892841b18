//! Fits figures of an embedded profile to published latencies and prints them; the profile itself is not changed.
//!
//! `cargo run -p panarch-cost --example fit_profile -- cortex-a53 array.utilisation array.output_elements_per_cycle`
//!
//! Coordinate descent on the sum of squared logarithms of estimate / published, from the figures that the profile has.
#[path = "../tests/it/published/mod.rs"]
#[allow(dead_code)]
mod published;

use panarch_cost::{AnalyticModel, DeviceProfile, preset_text};
use published::Case;

/// The first and the last factor by which a figure is moved.
const STEPS: (f64, f64) = (1.5, 1.002);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().ok_or("name a device and the figures to fit")?;
    let figures: Vec<String> = arguments.collect();
    let mut devices = published::devices().into_iter();
    let (_, cases) = devices
        .find(|(name, _)| *name == device)
        .ok_or_else(|| format!("no published latencies of `{device}`"))?;
    let mut text = preset_text(&device).ok_or("no such preset")?.to_owned();
    let mut best = loss(&text, &cases).ok_or("the profile does not answer")?;
    let mut step = STEPS.0;
    while step > STEPS.1 {
        let mut improved = false;
        for figure in &figures {
            for factor in [step, step.recip()] {
                let moved = scaled(&text, figure, factor).ok_or_else(|| format!("no figure `{figure}`"))?;
                // A figure outside its range has no loss.
                if let Some(loss) = loss(&moved, &cases).filter(|loss| *loss < best) {
                    (text, best, improved) = (moved, loss, true);
                }
            }
        }
        if !improved {
            step = 1.0 + (step - 1.0) / 2.0;
        }
    }
    println!(
        "{device}: root mean square error {:.1} %",
        (best / cases.len() as f64).sqrt() * 100.0
    );
    for figure in &figures {
        println!(
            "  {figure} = {:.3e}",
            find(&text, figure).map_or(f64::NAN, |(_, _, value)| value)
        );
    }
    let model = AnalyticModel::new(DeviceProfile::from_toml("fitted", &text)?)?;
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

fn loss(text: &str, cases: &[Case]) -> Option<f64> {
    let model = AnalyticModel::new(DeviceProfile::from_toml("candidate", text).ok()?).ok()?;
    let squares = cases.iter().map(|case| {
        let cost = model.cost(&case.network).ok()?;
        Some((cost.latency.value.millis() / case.latency_ms).ln().powi(2))
    });
    squares.sum()
}

fn scaled(text: &str, figure: &str, factor: f64) -> Option<String> {
    let (start, end, value) = find(text, figure)?;
    Some(format!("{}{:e}{}", &text[..start], value * factor, &text[end..]))
}

/// Where the number of `section.key` stands in the text, and the number.
fn find(text: &str, figure: &str) -> Option<(usize, usize, f64)> {
    let (section, key) = figure.split_once('.')?;
    let table = text.find(&format!("\n[{section}]\n"))?;
    let line = table + text[table..].find(&format!("\n{key} = {{ value = "))?;
    let start = line + text[line..].find("value = ")? + "value = ".len();
    let end = start + text[start..].find(',')?;
    Some((start, end, text[start..end].trim().parse().ok()?))
}
