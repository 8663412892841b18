//! Trains the small multi-hardware supernet on Fashion-MNIST, scores some members on the validation images and
//! fine-tunes them: the command to try settings with.
//!
//! ```sh
//! panarch data fetch fashion-mnist
//! cargo run --release -p panarch-train --example fashion_mnist -- train.optimisation.epochs=2 tune.distillation=1
//! ```
//!
//! Settings are those of [`SandwichTraining`] (`train.…`) and [`FineTuning`] (`tune.…`), `space`, `random_members` and
//! `tuned`. Everything is judged on validation images; the test images stay untouched.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use panarch_graph::random;
use panarch_space::{Genotype, Space};
use panarch_train::data::{DataRoot, DatasetSource, HeldOut, open};
use panarch_train::{
    Control, CpuEngine, FineTuning, NetworkTrainer, Progress, SandwichTraining, SupernetTrainer, Validation, Validator,
};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut settings = json!({
        "train": SandwichTraining::default(),
        "tune": FineTuning::default(),
        "space": "multi-hardware-small",
        "random_members": 8,
        "tuned": 3,
    });
    for argument in std::env::args().skip(1) {
        let (key, value) = argument.split_once('=').ok_or("settings have the form key=value")?;
        let place = key.split('.').try_fold(&mut settings, |value, key| value.get_mut(key));
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        *place.ok_or_else(|| format!("no setting `{key}`"))? = value;
    }
    let training: SandwichTraining = serde_json::from_value(settings["train"].clone())?;
    let tuning: FineTuning = serde_json::from_value(settings["tune"].clone())?;
    println!("{settings}");

    let space = Space::preset(settings["space"].as_str().unwrap_or_default())?;
    let dataset = open(&DatasetSource::FashionMnist, &DataRoot::from_environment()?, None)?;
    let splits = dataset.hold_out(HeldOut::Count(4_000), training.optimisation.seed)?;
    let validator = Validator::new(&splits, Validation::default())?;
    let mut engine = CpuEngine::new();
    let cancelled = AtomicBool::new(false);

    let start = Instant::now();
    let mut trainer = SupernetTrainer::new(&space, &splits, training)?;
    let mut shown = Instant::now();
    let mut progress = |event: &Progress| {
        if let Progress::Step {
            step,
            steps,
            images,
            loss,
            ..
        } = event
            && (shown.elapsed().as_secs() >= 10 || step == steps)
        {
            let rate = *step as f64 * *images as f64 / start.elapsed().as_secs_f64();
            println!("step {step}/{steps}  loss {loss:.3}  {rate:.0} images/s");
            shown = Instant::now();
        }
    };
    trainer.train(
        &mut engine,
        &mut Control {
            cancelled: &cancelled,
            checkpoint: None,
            progress: &mut progress,
        },
    )?;
    println!("supernet: {:.1} s", start.elapsed().as_secs_f64());
    let supernet = trainer.into_supernet();

    let mut rng = random::stream(17, "members", 0);
    let count = settings["random_members"].as_u64().unwrap_or(0);
    let drawn = (0..count).map(|_| space.canonical(&space.sample(&mut rng)));
    let named = [space.largest(), space.smallest()];
    let references = space.references().iter().map(|reference| reference.genotype.clone());
    let genotypes: Vec<Genotype> = named.into_iter().chain(references).chain(drawn).collect();
    for genotype in &genotypes {
        let start = Instant::now();
        let score = validator.inherited(&mut engine, &supernet, genotype)?.accuracy().value;
        let macs = supernet.member(genotype)?.network().macs();
        println!(
            "{genotype}  {macs}  inherited {score}  ({:.1} s)",
            start.elapsed().as_secs_f64()
        );
    }
    let tuned = settings["tuned"].as_u64().unwrap_or(0) as usize;
    for genotype in genotypes.iter().skip(1).take(tuned) {
        let start = Instant::now();
        let mut tuner = NetworkTrainer::fine_tune(&supernet, genotype, &splits, tuning)?;
        let mut progress = |_: &Progress| {};
        let mut control = Control {
            cancelled: &cancelled,
            checkpoint: None,
            progress: &mut progress,
        };
        tuner.train(&mut engine, &validator, &mut control)?;
        let tuned = tuner.finish(&mut engine, &validator)?;
        let score = validator
            .finished(&mut engine, &tuned.network, &tuned.weights)?
            .accuracy()
            .value;
        println!("{genotype}  tuned {score}  ({:.1} s)", start.elapsed().as_secs_f64());
    }
    Ok(())
}
