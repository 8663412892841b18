//! Latencies of members from the table of blocks, once it is warm: `cargo bench -p panarch-predict`.

use divan::Bencher;
use divan::counter::ItemsCount;
use panarch_cost::{AnalyticModel, DeviceProfile};
use panarch_graph::stream;
use panarch_predict::BlockCache;
use panarch_space::{Head, Space};

fn main() {
    divan::main();
}

/// Without a weight cache; with one that holds part of the weights; with fetching ahead, which hangs on every layer.
const DEVICES: [&str; 5] = ["ethos-u55-128", "mobile-gpu", "cortex-a53", "cube-16", "systolic-32"];

#[divan::bench(args = DEVICES)]
fn ofa_mbv3(bencher: Bencher, device: &str) {
    let space = Space::preset("ofa-mbv3-w1.0").expect("a preset");
    let model = AnalyticModel::new(DeviceProfile::preset(device).expect("a preset")).expect("an accelerator");
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut cache = BlockCache::new(&space, model, head, 224).expect("a resolution of the space");
    let mut rng = stream(0, "bench", 0);
    let members: Vec<_> = (0..4096).map(|_| space.sample(&mut rng)).collect();
    for member in &members {
        cache.latency(member).expect("a member that runs");
    }
    let mut next = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        next = (next + 1) % members.len();
        cache.latency(&members[next])
    });
}
