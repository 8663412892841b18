//! Time of one analytic estimate: `cargo bench -p panarch-cost`.
use divan::Bencher;
use panarch_cost::{AnalyticModel, DeviceProfile};
use panarch_graph::stream;
use panarch_space::{Head, Space, zoo};

fn main() {
    divan::main();
}

const DEVICES: [&str; 3] = ["ethos-u55-128", "cube-16", "cortex-a53"];

fn model(device: &str) -> AnalyticModel {
    AnalyticModel::new(DeviceProfile::preset(device).expect("a preset")).expect("an accelerator")
}

#[divan::bench(args = DEVICES)]
fn mobilenet_v2(bencher: Bencher, device: &str) {
    let model = model(device);
    let network = zoo::network("mobilenet-v2", 1000, 224).expect("a network of the zoo");
    bencher.bench(|| model.cost(&network));
}

#[divan::bench(args = DEVICES)]
fn member_of_the_small_space(bencher: Bencher, device: &str) {
    let model = model(device);
    let space = Space::preset("multi-hardware-small").expect("a preset");
    let mut rng = stream(0, "bench", 0);
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let resolution = space.default_resolution();
    let networks: Vec<_> = (0..64)
        .map(|_| {
            space
                .lower(&space.sample(&mut rng), head, resolution)
                .expect("a member")
        })
        .collect();
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % networks.len();
        model.cost(&networks[next])
    });
}
