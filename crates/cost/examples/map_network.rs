//! Maps a network of the zoo onto a memory hierarchy and prints every layer's best mapping:
//! `cargo run --release -p panarch-cost --example map_network -- NETWORK [PROFILE.toml]`.
use std::time::Instant;

use panarch_cost::mapper::{Objective, best_mapping};
use panarch_cost::{DeviceProfile, MappedModel};
use panarch_space::zoo;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "mobilenet-v2".to_owned());
    let profile = match arguments.next() {
        Some(file) => DeviceProfile::from_toml(&file, &std::fs::read_to_string(&file)?)?,
        None => DeviceProfile::preset("zigzag-edge-tpu")?,
    };
    let network = zoo::network(&name, 1000, 224)?;
    let model = MappedModel::new(profile)?;
    for (layer, nest, _) in std::env::var_os("LAYERS").map(|_| model.mappings(&network)).transpose()?.unwrap_or_default() {
        let start = Instant::now();
        let mapping = best_mapping(model.machine(), &nest, Objective::Latency);
        println!("{layer} {:.4} s {:?}", start.elapsed().as_secs_f64(), mapping.map(|it| (it.cycles.total(), it.bound)));
    }
    let start = Instant::now();
    let mappings = model.mappings(&network)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("layer,cycles,bound,loops,stall,onload,offload,busiest_port,microjoules,order");
    for (layer, _, mapping) in &mappings {
        let it = mapping.cycles;
        let order: Vec<String> = mapping.order.iter().map(|(dim, size)| format!("{dim:?} {size}")).collect();
        println!(
            "{layer},{},{},{},{},{},{},{},{:.3},{} {:?}",
            it.total(),
            mapping.bound,
            it.loops,
            it.stall,
            it.onload,
            it.offload,
            it.busiest_port,
            mapping.picojoules * 1e-6,
            order.join(" "),
            mapping.cuts.map(|it| it[..4].to_vec())
        );
    }
    let total: u64 = mappings.iter().map(|(.., mapping)| mapping.cycles.total()).sum();
    let bound: u64 = mappings.iter().map(|(.., mapping)| mapping.bound).sum();
    println!("{name}: {total} cycles, bound {bound}, mapped in {:.4} s", seconds);
    Ok(())
}
