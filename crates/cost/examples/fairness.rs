//! How far the devices agree about sampled networks of a space: the agreement of a comparison over them.
//!
//! `cargo run -p panarch-cost --example agreement [SPACE [SEED]]`

use panarch_cost::{AnalyticModel, CostSource, DeviceProfile, DeviceSample, SizeClass, agreement};
use panarch_graph::stream;
use panarch_space::{Head, Space};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let space = Space::preset(arguments.next().as_deref().unwrap_or("multi-hardware-small"))?;
    let seed = arguments.next().map_or(Ok(0), |seed| seed.parse())?;
    let resolution = space.default_resolution();
    let class = if resolution < 100 {
        SizeClass::Micro
    } else {
        SizeClass::Full
    };
    let head = Head {
        classes: 10,
        input_channels: if class == SizeClass::Micro { 1 } else { 3 },
    };
    let mut rng = stream(seed, "fairness", 0);
    let networks: Vec<_> = (0..500)
        .map(|_| space.lower(&space.sample(&mut rng), head, resolution))
        .collect::<Result<_, _>>()?;
    let mut samples = Vec::new();
    for profile in DeviceProfile::presets_of(class)? {
        let Ok(model) = AnalyticModel::new(profile) else {
            continue;
        };
        let costs: Result<Vec<_>, _> = model.estimate(&networks).into_iter().collect();
        samples.push(DeviceSample::from_costs(model.device(), &costs?));
    }
    let judged = agreement(&samples);
    for device in &judged.devices {
        println!(
            "{:<16} median {:<10} fixed {:>5.1} %",
            device.device,
            device
                .median_latency
                .map(|latency| latency.to_string())
                .unwrap_or_default(),
            device.median_fixed_share.unwrap_or(f64::NAN) * 100.0
        );
    }
    for pair in &judged.pairs {
        println!(
            "{:<16} {:<16} tau {:.3}",
            pair.first,
            pair.second,
            pair.tau.unwrap_or(f64::NAN)
        );
    }
    println!("{} networks, fair: {}", judged.networks, judged.is_fair());
    Ok(())
}
