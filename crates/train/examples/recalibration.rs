//! How long the evaluation of a supernet's members takes, part by part, and whether recalibrating them on fewer images ranks
//! them as well: processor time a member, Kendall's τ to the ranking by the most images, and τ between the ranking of the most
//! images on one half of the validation images and that of these on the other half. Of the latter the first line says how much
//! of a ranking is chance of the validation images; what recalibration adds is what further lines lack of it.
//!
//! ```sh
//! cargo run --release -p panarch-train --example recalibration -- \
//!     runs/fashion-mnist/supernet.safetensors multi-hardware-small fashion-mnist 200
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use panarch_data::{DataRoot, DatasetSource, FolderOptions, HeldOut};
use panarch_graph::random;
use panarch_nn::CpuEngine;
use panarch_space::Space;
use panarch_train::{Answers, Supernet, Validation, Validator, recalibrate};

/// Images that members are recalibrated on, the most first, and those of a batch.
const SETTINGS: [(usize, usize); 5] = [(2_000, 200), (1_000, 200), (500, 100), (500, 200), (250, 125)];
const VALIDATION: usize = 4_000;
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, space, dataset, members] = arguments.as_slice() else {
        return Err("say SUPERNET SPACE DATASET MEMBERS".into());
    };
    let space = Space::preset(space)?;
    let resolution = space.default_resolution();
    let options = FolderOptions {
        resolution: Some(resolution),
        ..FolderOptions::default()
    };
    let source = DatasetSource::parse(dataset)?;
    let dataset = panarch_data::open(&source, &DataRoot::from_environment(), &options)?.at_resolution(resolution)?;
    let splits = dataset.hold_out(HeldOut::Count(VALIDATION), SEED)?;
    let supernet = Supernet::open(Path::new(file), &space, splits.head(), resolution)?;
    let mut engine = CpuEngine::new();
    let placed = supernet.place(&mut engine)?;
    let drawn =
        (0..members.parse::<u64>()?).map(|index| space.sample(&mut random::stream(SEED, "recalibration", index)));
    let members: Vec<_> = drawn.collect();
    let mut first: Option<[Vec<usize>; 3]> = None;
    println!(
        "recalibrated on  a batch  recalibration (ms)  validation (ms)  τ, same images  τ, other images  mean (%)"
    );
    for (images, batch_size) in SETTINGS {
        let validator = Validator::new(
            &splits,
            Validation {
                recalibration_images: images,
                validation_images: VALIDATION,
                batch_size,
                seed: SEED,
            },
        )?;
        let (mut recalibrating, mut both) = (0.0, 0.0);
        // Right answers on all images, on the first half of them, on the second.
        let mut right: [Vec<usize>; 3] = Default::default();
        for genotype in &members {
            let (parameters, member) = (placed.parameters(), placed.member(genotype)?);
            let began = processor_seconds()?;
            recalibrate(&mut engine, parameters, &member, validator.recalibration())?;
            recalibrating += processor_seconds()? - began;
            let began = processor_seconds()?;
            let mut answers = Answers::default();
            validator.go_on(&mut engine, parameters, &member, &mut answers, &mut |_| true)?;
            both += processor_seconds()? - began;
            let (all, half) = (answers.score().correct, answers.first(VALIDATION / 2).score().correct);
            right[0].push(all);
            right[1].push(half);
            right[2].push(all - half);
        }
        let first = first.get_or_insert_with(|| right.clone());
        let count = members.len() as f64;
        let across = (kendall(&first[1], &right[2]) + kendall(&first[2], &right[1])) / 2.0;
        println!(
            "{images:15}  {batch_size:7}  {:18.1}  {:15.1}  {:14.3}  {across:15.3}  {:8.2}",
            1e3 * recalibrating / count,
            1e3 * (both - recalibrating) / count,
            kendall(&first[0], &right[0]),
            100.0 * right[0].iter().sum::<usize>() as f64 / count / VALIDATION as f64
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// What this process has had of its processors, all threads together, as Linux counts it.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let threads = std::fs::read_dir("/proc/self/task")?;
    let mut nanoseconds = 0;
    for thread in threads {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// Kendall's τ-b.
fn kendall(a: &[usize], b: &[usize]) -> f64 {
    let (mut agree, mut pairs_a, mut pairs_b) = (0.0_f64, 0.0_f64, 0.0_f64);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (a[i].cmp(&a[j]) as i32, b[i].cmp(&b[j]) as i32);
            agree += f64::from(x * y);
            pairs_a += f64::from(x.abs());
            pairs_b += f64::from(y.abs());
        }
    }
    agree / (pairs_a * pairs_b).sqrt()
}
