//! Time of one estimate by the analytic model and by the simulator: `cargo bench -p panarch-cost --bench analytic`.
//!
//! Single estimates run on one thread. `batch` asks for 512 networks at once, as a search does, on one thread and on all.

use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use panarch_cost::{AnalyticModel, CostSource, CycleSimulator, DeviceProfile};
use panarch_graph::{Network, stream};
use panarch_space::{Head, Space, zoo};

fn main() {
    divan::main();
}

const DEVICES: [&str; 4] = ["ethos-u55-128", "cube-16", "cortex-a53", "systolic-32"];
const BATCH: usize = 512;

const HEAD: Head = Head {
    classes: 1000,
    input_channels: 3,
};

fn profile(device: &str) -> DeviceProfile {
    DeviceProfile::preset(device).expect("a preset")
}

fn analytic(device: &str) -> AnalyticModel {
    AnalyticModel::new(profile(device)).expect("an accelerator")
}

fn simulator(device: &str) -> CycleSimulator {
    CycleSimulator::new(profile(device)).expect("an accelerator")
}

fn mobilenet_v2() -> Network {
    zoo::network_with_head("mobilenet-v2", HEAD, 224).expect("a named network")
}

/// Members of OFA-MobileNetV3, each of some 100 layers.
static MEMBERS: LazyLock<Vec<Network>> = LazyLock::new(|| {
    let space = Space::preset("ofa-mbv3-w1.0").expect("a preset");
    let mut rng = stream(0, "bench", 0);
    let lower = |_| space.lower(&space.sample(&mut rng), HEAD, 224).expect("a member");
    (0..BATCH).map(lower).collect()
});

#[divan::bench(args = DEVICES)]
fn analytic_mobilenet_v2(bencher: Bencher, device: &str) {
    let (model, network) = (analytic(device), mobilenet_v2());
    bencher.bench(|| model.cost(&network));
}

#[divan::bench(args = DEVICES)]
fn analytic_ofa_mbv3(bencher: Bencher, device: &str) {
    let model = analytic(device);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        next = (next + 1) % MEMBERS.len();
        model.cost(&MEMBERS[next])
    });
}

#[divan::bench(args = DEVICES)]
fn cycles_mobilenet_v2(bencher: Bencher, device: &str) {
    let (model, network) = (simulator(device), mobilenet_v2());
    bencher.bench(|| model.cost(&network));
}

#[divan::bench(args = DEVICES)]
fn cycles_ofa_mbv3(bencher: Bencher, device: &str) {
    let model = simulator(device);
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        next = (next + 1) % MEMBERS.len();
        model.cost(&MEMBERS[next])
    });
}

/// Threads: 1, or as many as there are processors.
#[divan::bench(args = [1, 0])]
fn batch_analytic(bencher: Bencher, threads: usize) {
    batch(bencher, threads, &analytic("systolic-32"));
}

#[divan::bench(args = [1, 0])]
fn batch_cycles(bencher: Bencher, threads: usize) {
    batch(bencher, threads, &simulator("systolic-32"));
}

fn batch(bencher: Bencher, threads: usize, model: &dyn CostSource) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench(|| pool.install(|| model.estimate(&MEMBERS)));
}
