//! Memory and time of training a full-size supernet: one step of each phase of progressive shrinking over `ofa-mbv3-w1.0` at
//! 224 pixels, eight images a step, 1000 classes.
//!
//! ```sh
//! cargo bench -p panarch-train --bench full_size_supernet
//! ```

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use panarch_data::{Dataset, HeldOut, ImageSet};
use panarch_graph::{Shape, random};
use panarch_nn::CpuEngine;
use panarch_space::Space;
use panarch_train::{Control, Optimisation, Progress, Schedule, SupernetTrainer, Training};
use rand::Rng as _;

const BATCH: usize = 8;
const RESOLUTION: u32 = 224;
const CLASSES: usize = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let space = Space::preset("ofa-mbv3-w1.0")?;
    let names = (0..CLASSES).map(|class| class.to_string()).collect();
    let dataset = Dataset::new("noise", names, noise(2 * BATCH, 0)?, None, noise(BATCH, 1)?)?;
    let splits = dataset.hold_out(HeldOut::Count(BATCH), 0)?;
    // As short as possible is one step a phase.
    let schedule = Schedule::preset("progressive-shrinking")?.scaled(1e-4).for_batch(BATCH);
    let phases: Vec<String> = schedule.phases.iter().map(|phase| phase.name.clone()).collect();
    let optimisation = Optimisation {
        batch_size: BATCH,
        ..Optimisation::default()
    };
    let began = Instant::now();
    let mut trainer = SupernetTrainer::new(&space, &splits, Training { optimisation, schedule }, None)?;
    let parameters = trainer.supernet().store().parameter_count();
    println!(
        "ofa-mbv3-w1.0, {parameters} parameters, {RESOLUTION} px, batch {BATCH}, {} threads; made in {:.1} s",
        rayon::current_num_threads(),
        began.elapsed().as_secs_f64()
    );
    println!("phase      seconds  largest memory so far (MiB)");
    let mut since = Instant::now();
    let mut progress = |event: &Progress| {
        if let Progress::Step { phase, .. } = event {
            let seconds = since.elapsed().as_secs_f64();
            println!("{:10} {seconds:7.2}  {}", phases[*phase], peak_memory());
            since = Instant::now();
        }
    };
    let cancelled = AtomicBool::new(false);
    let mut control = Control {
        cancelled: &cancelled,
        checkpoint: None,
        progress: &mut progress,
    };
    trainer.train(&mut CpuEngine::new(), &mut control)?;
    Ok(())
}

/// Images of noise: what is in them does not change the work.
fn noise(count: usize, seed: u64) -> Result<ImageSet, panarch_data::DataError> {
    let shape = Shape::new(3, RESOLUTION, RESOLUTION);
    let mut pixels = vec![0; count * shape.elements() as usize];
    random::stream(seed, "noise", 0).fill_bytes(&mut pixels);
    let labels = (0..count).map(|index| (index * 37 % CLASSES) as u16).collect();
    ImageSet::new(shape, pixels, labels)
}

/// The most memory that the process has had, as Linux counts it.
fn peak_memory() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or_else(|| "unknown here".to_owned(), |it| (it / 1024).to_string())
}
