//! Maps a network of the zoo onto a memory hierarchy and prints every layer's best mapping:
//! `cargo run --release -p panarch-cost --example map_network -- NETWORK [PROFILE.toml]`.
use std::time::Instant;

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
    // ZigZag maps one group at a time.
    let model = MappedModel::new(profile)?.without_packing();
    let start = Instant::now();
    let mappings = model.mappings(&network)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "layer,cycles,bound,loops,stall,onload,offload,busiest_port,picojoules,weight_cuts,input_cuts,output_cuts,order"
    );
    for (layer, _, mapping) in &mappings {
        let it = mapping.cycles;
        let parts = [
            it.total(),
            mapping.bound,
            it.loops,
            it.stall,
            it.onload,
            it.offload,
            it.busiest_port,
        ];
        let order: Vec<String> = mapping
            .order
            .iter()
            .map(|(dim, size)| format!("{}:{size}", dim.name()))
            .collect();
        let mut cuts = Vec::new();
        for (operand, cuts_of) in mapping.cuts.iter().enumerate() {
            let known = cuts_of.iter().take(model.machine().levels(operand));
            cuts.push(known.map(u8::to_string).collect::<Vec<_>>().join(" "));
        }
        let parts = parts.map(|it| it.to_string()).join(",");
        println!(
            "{layer},{parts},{:.2},{},{}",
            mapping.picojoules,
            cuts.join(","),
            order.join(" ")
        );
    }
    let total: u64 = mappings.iter().map(|(.., mapping)| mapping.cycles.total()).sum();
    let bound: u64 = mappings.iter().map(|(.., mapping)| mapping.bound).sum();
    println!("{name}: {total} cycles, bound {bound}, mapped in {:.4} s", seconds);
    Ok(())
}
