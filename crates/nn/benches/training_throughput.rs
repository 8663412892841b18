//! Training throughput of one fixed small CNN: the peer of `pytorch_peer.py`, same network, same step,
//! same line of output; and the memory that it needs.
//!
//! `THREADS` (default 2), `SECONDS` (a window's length, default 6), `NETWORK` (`reference`, default, `macro`: one of
//! NAS-Bench-Macro's, `residual`: dense 3×3 convolutions, or `small`: one for 28-pixel images as the demo trains it), `SIDE`
//! (pixels, default 32), `STORAGE` (`f32`, default, or `bf16`: how values are kept for
//! the backward pass).

mod reference;

use std::time::Instant;

use panarch_nn::Executor;
use reference::{BATCH, Trainer, median, network, pool, setting, workspace};

fn main() {
    let (threads, pool) = pool();
    let (precision, workspace) = workspace();
    let seconds = setting("SECONDS", 6.0);
    let network = network();
    let mut trainer = Trainer::new(&[&network]);
    let views = trainer.views(&network);
    let mut executor = Executor::with_workspace(&network, BATCH, workspace).expect("a plan");
    let mut step = || trainer.step(&mut executor, &views);
    let (rates, losses) = pool.install(|| {
        let first = step();
        let mut last = step();
        let window = |_| {
            let (start, mut steps) = (Instant::now(), 0);
            while start.elapsed().as_secs_f64() < seconds {
                last = step();
                steps += 1;
            }
            f64::from(steps) * BATCH as f64 / start.elapsed().as_secs_f64()
        };
        let rates: Vec<f64> = (0..3).map(window).collect();
        (rates, [first, last])
    });
    let printed: Vec<f64> = rates.iter().map(|rate| (rate * 10.0).round() / 10.0).collect();
    println!(
        "panarch-nn {} {} of {} px, {} parameters, {precision} nhwc threads={threads}: {:.1} img/s {printed:?} (loss {:.3} -> {:.3})",
        env!("CARGO_PKG_VERSION"),
        network.name(),
        network.input_shape().height,
        network.parameter_count(),
        median(rates),
        losses[0],
        losses[1]
    );
    let workspace = executor.into_workspace().bytes();
    println!("workspace {:.1} MB{}", workspace as f64 / 1e6, peak_memory());
}

/// The process's peak resident memory, where the system tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kilobytes.map_or(String::new(), |kilobytes| {
        format!(", peak resident {:.1} MB", kilobytes * 1024.0 / 1e6)
    })
}
