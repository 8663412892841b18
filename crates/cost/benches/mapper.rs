//! Time to map networks onto memory hierarchies, on one thread: `cargo bench -p panarch-cost --bench mapper`.
//!
//! Shapes are mapped once a call; nothing is kept from one call to the next.
use divan::Bencher;
use panarch_cost::mapper::Objective;
use panarch_cost::{DeviceProfile, MappedModel};
use panarch_space::zoo;

fn main() {
    divan::main();
}

const NETWORKS: [&str; 3] = ["mobilenet-v2", "mobilenet-v3-large", "resnet-50"];

fn model(text: &str) -> MappedModel {
    let profile = DeviceProfile::from_toml("machine.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    MappedModel::new(profile).expect("a hierarchy")
}

fn edge_tpu() -> MappedModel {
    model(panarch_cost::preset_text("zigzag-edge-tpu").expect("a preset"))
}

#[divan::bench(args = NETWORKS)]
fn edge_tpu_for_latency(bencher: Bencher, name: &str) {
    let network = zoo::network(name, 1000, 224).expect("a network of the zoo");
    let model = edge_tpu();
    bencher.bench(|| model.cost(&network));
}

#[divan::bench(sample_count = 3)]
fn edge_tpu_for_energy(bencher: Bencher) {
    let network = zoo::network("mobilenet-v2", 1000, 224).expect("a network of the zoo");
    let model = edge_tpu().with_objective(Objective::Energy);
    bencher.bench(|| model.cost(&network));
}

#[divan::bench(args = ["tpu", "tesla-npu", "ascend"], sample_count = 3)]
fn other_machines(bencher: Bencher, machine: &str) {
    let text = match machine {
        "tpu" => include_str!("../examples/machines/zigzag-tpu.toml"),
        "tesla-npu" => include_str!("../examples/machines/zigzag-tesla-npu.toml"),
        _ => include_str!("../examples/machines/zigzag-ascend.toml"),
    };
    let network = zoo::network("mobilenet-v2", 1000, 224).expect("a network of the zoo");
    let model = model(text);
    bencher.bench(|| model.cost(&network));
}
