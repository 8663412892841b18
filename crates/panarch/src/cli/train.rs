//! `panarch train`: the supernet of a run file, or one network by itself.

use std::path::PathBuf;

use clap::Args;
use panarch::network_training::{self, CHECKPOINT, CURVE, NETWORK, NetworkTraining, TrainingResult, WEIGHTS};
use panarch::run_file::Recipe;
use panarch::{Error, ImageSize, lookup, run};
use panarch_report::{Cell, Column, Format, Table};

use super::args::{FormatArgs, RunArgs};
use super::output::{Printer, write};
use super::progress::duration;
use super::run::{open, repeat_command, watched};
use super::shell;

#[derive(Debug, Args)]
#[command(
    override_usage = "panarch train <FILE> [OPTIONS]\n       panarch train --network <NETWORK> --dataset <DATASET> [OPTIONS]"
)]
pub struct TrainArgs {
    /// Run file (TOML) whose supernet is trained; `panarch reference run-file` lists its keys
    #[arg(required_unless_present = "network", conflicts_with = "network")]
    pub file: Option<PathBuf>,
    /// Override a key of the run file or recipe, such as train.batch=128; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Schedule of a supernet: a preset (see `panarch schedule list`) or a TOML file; short for --set train.schedule=…
    #[arg(long, conflicts_with = "network")]
    pub schedule: Option<String>,
    /// Checkpoint of a supernet's teacher to use instead of the schedule's first phase; short for --set train.teacher=…
    #[arg(long, conflicts_with = "network")]
    pub teacher: Option<PathBuf>,
    #[command(flatten)]
    pub network: NetworkTrainingArgs,
    /// Fail unless there is a training to resume (a training that was interrupted is resumed with or without this)
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// One network by itself, and how it is trained.
#[derive(Debug, Args)]
pub struct NetworkTrainingArgs {
    /// Train one network from scratch: a name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
    #[arg(long, requires = "dataset")]
    pub network: Option<String>,
    /// Dataset name (see `panarch data list`), or a folder: CIFAR binaries, IDX files, or pictures
    #[arg(long, requires = "network")]
    pub dataset: Option<String>,
    /// Recipe (TOML) with keys as in `[train]` of a run file; a training writes its own as recipe.toml
    #[arg(long, value_name = "FILE", requires = "network")]
    pub recipe: Option<PathBuf>,
    /// Passes over the training images; short for --set train.epochs=…
    #[arg(long, requires = "network")]
    pub epochs: Option<f64>,
    /// Highest learning rate; short for --set train.learning_rate=…
    #[arg(long, value_name = "RATE", requires = "network")]
    pub learning_rate: Option<f64>,
    /// Images a step; short for --set train.batch=…
    #[arg(long, value_name = "IMAGES", requires = "network")]
    pub batch_size: Option<u64>,
    /// Height and width of the images [default: the dataset's own where the network takes them, else the network's]
    #[arg(long, requires = "network")]
    pub resolution: Option<ImageSize>,
    /// Training images to hold out and validate with after each epoch, at most a fifth
    #[arg(long, default_value_t = 2000, value_name = "IMAGES", requires = "network", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub validation: u32,
    /// Seed of weights, split, order and augmentation
    #[arg(long, default_value_t = 1, requires = "network")]
    pub seed: u64,
    /// Folder for the checkpoint and everything that comes of it [default: runs/NETWORK-on-DATASET]
    #[arg(long, short, value_name = "FOLDER", requires = "network")]
    pub output: Option<PathBuf>,
}

pub fn train(args: &TrainArgs) -> anyhow::Result<()> {
    match (&args.network.network, &args.network.dataset) {
        (Some(network), Some(dataset)) => train_network(args, network, dataset),
        _ => train_supernet(args),
    }
}

fn train_supernet(args: &TrainArgs) -> anyhow::Result<()> {
    let schedule = args.schedule.as_ref().map(|it| format!("train.schedule={it}"));
    let teacher = args.teacher.as_ref();
    let teacher = teacher.map(|it| format!("train.teacher={}", it.display()));
    let overrides = args.overrides.iter().cloned().chain(schedule).chain(teacher);
    let run = &RunArgs {
        file: args.file.clone().unwrap_or_default(),
        overrides: overrides.collect(),
        format: args.format,
    };
    let (file, printer) = open(run)?;
    if args.resume && !run::has_begun(&file) {
        let folder = file.output.directory.display();
        let message = format!("there is no training to go on with in {folder}; without --resume one begins");
        return Err(Error::Input(message).into());
    }
    let path = watched(printer, &repeat_command("train", run), |watch| run::train(&file, watch))?;
    let mut table = Table::new("Trained", vec![Column::text("supernet"), Column::text("next")]);
    table.push(vec![
        Cell::text(path.display().to_string()),
        Cell::text(repeat_command("search", run)),
    ]);
    printer.table(&table);
    Ok(())
}

fn train_network(args: &TrainArgs, network: &str, dataset: &str) -> anyhow::Result<()> {
    let options = &args.network;
    let asked = NetworkTraining {
        network: network.to_owned(),
        dataset: dataset.to_owned(),
        resolution: options.resolution,
        validation: options.validation as usize,
        seed: options.seed,
        recipe: recipe(args)?,
        folder: options.output.clone(),
    };
    if args.resume && !asked.has_begun() {
        let folder = asked.folder();
        let folder = folder.display();
        let message = format!("there is no training to go on with in {folder}; without --resume one begins");
        return Err(Error::Input(message).into());
    }
    let printer = Printer::new(args.format);
    let command = repeat(args, network, dataset);
    let result = watched(printer, &command, |watch| network_training::train(&asked, watch))?;
    printer.table(&result_table(&result));
    if printer.format() == Format::Table {
        let test = &result.test;
        write(&format!(
            "\ntest accuracy {} ({} to {}, Wilson's 95 % interval)\n",
            test.value, test.low, test.high
        ));
    }
    Ok(())
}

/// The recipe with what stands on the command line; short options come last.
fn recipe(args: &TrainArgs) -> Result<Recipe, Error> {
    let options = &args.network;
    let mut overrides = args.overrides.clone();
    let mut short = |key: &str, value: Option<String>| {
        overrides.extend(value.map(|value| format!("train.{key}={value}")));
    };
    // A whole number of epochs is a number with a point for the reader too.
    short("epochs", options.epochs.map(|it| format!("{it:?}")));
    short("learning_rate", options.learning_rate.map(|it| format!("{it:?}")));
    short("batch", options.batch_size.map(|it| it.to_string()));
    let (name, text) = match &options.recipe {
        Some(file) => (file.display().to_string(), lookup::read_text(file)?),
        None => ("recipe".to_owned(), String::new()),
    };
    Ok(Recipe::parse(&name, &text, &overrides)?)
}

/// The same command again.
fn repeat(args: &TrainArgs, network: &str, dataset: &str) -> String {
    let options = &args.network;
    let mut words: Vec<String> = ["train", "--network", network, "--dataset", dataset]
        .map(str::to_owned)
        .into();
    let mut add = |flag: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([flag.to_owned(), value]);
        }
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    add("--recipe", path(&options.recipe));
    add("--epochs", options.epochs.map(|it| it.to_string()));
    add("--learning-rate", options.learning_rate.map(|it| it.to_string()));
    add("--batch-size", options.batch_size.map(|it| it.to_string()));
    add("--resolution", options.resolution.map(|it| it.to_string()));
    add(
        "--validation",
        (options.validation != 2000).then(|| options.validation.to_string()),
    );
    add("--seed", (options.seed != 1).then(|| options.seed.to_string()));
    add("--output", path(&options.output));
    for change in &args.overrides {
        add("--set", Some(change.clone()));
    }
    shell::command(words)
}

fn result_table(result: &TrainingResult) -> Table {
    let columns = vec![
        Column::text("network"),
        Column::raw("content_hash"),
        Column::quantity("MACs", "M").with_key("macs"),
        Column::raw("parameters"),
        Column::text("dataset"),
        Column::number("epochs"),
        Column::text("time").with_key("seconds"),
        Column::text("validation").with_key("validation_accuracy"),
        Column::text("test").with_key("test_accuracy"),
        Column::raw("test_accuracy_low"),
        Column::raw("test_accuracy_high"),
        Column::raw("folder"),
    ];
    let mut table = Table::new("Trained", columns);
    let time = duration(std::time::Duration::from_secs_f64(result.seconds.max(0.0)));
    table.push(vec![
        Cell::text(&result.network),
        Cell::text(result.content_hash.to_string()),
        Cell::number(result.macs as f64, format!("{:.1}", result.macs as f64 / 1e6)),
        Cell::number(result.parameters as f64, result.parameters.to_string()),
        Cell::text(&result.dataset),
        Cell::number(result.epochs, result.epochs.to_string()),
        Cell::number(result.seconds, time),
        Cell::number(result.validation.value.share(), result.validation.value.to_string()),
        Cell::number(result.test.value.share(), result.test.value.to_string()),
        Cell::number(result.test.low.share(), result.test.low.to_string()),
        Cell::number(result.test.high.share(), result.test.high.to_string()),
        Cell::text(result.folder.display().to_string()),
    ]);
    let place = |file: &str| result.folder.join(file).display().to_string();
    table.note(format!("content hash {}", result.content_hash));
    table.note(format!(
        "wrote {} (checked in {}), {}, {}, {}",
        place(NETWORK),
        result.export_checks.join(" and "),
        place(WEIGHTS),
        place(CURVE),
        place(CHECKPOINT)
    ));
    let next = shell::command(["cost", "--network", &place(NETWORK), "--device", "all"]);
    table.note(format!("next: {next}"));
    table
}
