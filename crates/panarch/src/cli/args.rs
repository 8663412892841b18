//! The command line as data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use panarch_cost::Model;

/// Find one network that is good on every device you ship to.
#[derive(Debug, Parser)]
#[command(name = "panarch", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 no feasible result, or a check failed · 2 bad input · 3 environment (device, storage or dataset missing) · 130 interrupted, run the same command to go on";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Do the whole way of one run file: train, search, finalists, export, report
    Run(RunArgs),
    /// Say what this machine has: processor, runtimes, datasets, and how to get what is missing
    Doctor(FormatArgs),
    /// Obtain, list and check datasets
    #[command(subcommand)]
    Data(DataCommand),
    /// List, show, count, sample and check search spaces, and compare their matrix efficiency
    #[command(subcommand)]
    Space(SpaceCommand),
    /// List and show networks: named ones, genotypes, ONNX files
    #[command(subcommand)]
    Network(NetworkCommand),
    /// List, show and check device profiles
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Say what a network costs on devices
    Cost(CostArgs),
    /// Show, import and export checkpoints: PyTorch, safetensors, our own
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Say what a network sees in pictures
    Classify(ClassifyArgs),
    /// Train the supernet of a run file along a schedule
    Train(TrainArgs),
    /// List and show training schedules
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Search with the trained supernet of a run file
    Search(RunArgs),
    /// Write the report of a run again
    Report(RunArgs),
    /// List, show, export and recover studies
    #[command(subcommand)]
    Study(StudyCommand),
    /// Repeat the reproductions of published claims, or list them
    Reproduce(ReproduceArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The run file (TOML)
    pub file: PathBuf,
    /// Override a value of the run file, such as search.evaluations=100; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// The schedule: a preset (see `panarch schedule list`) or a TOML file; the same as --set train.schedule=…
    #[arg(long)]
    pub schedule: Option<String>,
    /// A checkpoint with the teacher, instead of the schedule's first phase; the same as --set train.teacher=…
    #[arg(long)]
    pub teacher: Option<PathBuf>,
    /// Only go on with a training that has begun; without it, one that has begun goes on and another one begins
    #[arg(long)]
    pub resume: bool,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// The schedules that come with Panarch
    List(FormatArgs),
    /// A schedule's phases
    Show {
        /// A preset's name or a TOML file
        schedule: String,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Which one; all are listed without
    pub name: Option<String>,
    /// The folder of its tables and checkpoints; runs/reproductions/NAME by default. The same folder goes on where it was
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// What all lengths of training are multiplied by: 1 for the page's, less for a quick look
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub scale: f64,
    #[command(flatten)]
    pub format: FormatArgs,
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && (1e-4..=100.0).contains(&scale) => Ok(scale),
        _ => Err("a number between 0.0001 and 100".to_owned()),
    }
}

#[derive(Debug, Args, Clone, Copy)]
pub struct FormatArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    pub format: FormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Aligned text for people
    Table,
    /// JSON, an array of objects
    Json,
    /// Comma-separated values
    Csv,
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Obtain a dataset; the only command that downloads anything
    Fetch {
        /// The dataset's name, such as fashion-mnist
        name: String,
    },
    /// The datasets that are known, and where they lie
    List(FormatArgs),
    /// Read a dataset and say what is in it: parts, classes, and every file that is damaged, passed over or there twice
    Check {
        /// A dataset's name, a folder of pictures, or a run file (.toml), which is read as the run would
        dataset: String,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum SpaceCommand {
    /// The spaces that come with Panarch
    List(FormatArgs),
    /// A space's decisions, resolutions and references
    Show {
        /// A preset's name or a TOML file
        space: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// How many networks a space holds: raw, active, distinct
    Count {
        /// A preset's name or a TOML file
        #[arg(required_unless_present = "all")]
        space: Option<String>,
        /// Every preset
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Draw genotypes
    Sample {
        /// A preset's name or a TOML file
        space: String,
        /// How many
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
        /// The seed of the draw
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[command(flatten)]
        shape: ShapeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check a space file and say everything that is wrong with it, and what devices cannot run of it
    Check {
        /// A TOML file, or a preset's name
        space: String,
        /// Also list the choices that this device excludes: a profile's name or TOML file, `micro`, `full` or `all`; may be
        /// given again
        #[arg(long)]
        device: Vec<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say how well the networks of spaces use the matrix units of devices: which space suits which machine
    Mem(super::mem::SpaceMemArgs),
}

/// What a genotype needs besides its space to become a network.
#[derive(Debug, Args, Clone, Copy)]
pub struct ShapeArgs {
    /// Height and width of the images; the space's own by default
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub resolution: Option<u32>,
    /// Channels of the images
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub channels: u32,
    /// Number of classes
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub classes: u32,
}

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
    #[arg(long, required_unless_present = "scalesim_topology")]
    pub network: Option<String>,
    #[command(flatten)]
    pub shape: ShapeArgs,
}

#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// The networks that are known by name
    List(FormatArgs),
    /// Read an ONNX file of any tool as a network, and say what became of it
    Import {
        /// The ONNX file; values in files beside it are read too
        file: PathBuf,
        /// Height and width of the images, for a file that leaves them open
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
        resolution: Option<u32>,
        /// Write the network as an ONNX file of ours, with batch normalisation kept
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write a network as an int8 TFLite file, for phones and vendors' compilers
    Export {
        /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file with its weights
        network: String,
        #[command(flatten)]
        shape: ShapeArgs,
        /// What to write: .tflite
        #[arg(long, short)]
        output: PathBuf,
        /// Of the kernels of a network without weights, and of the images that give ranges to one with weights
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// A network's layers with shapes, multiply-accumulates and parameters
    Show {
        /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
        network: String,
        #[command(flatten)]
        shape: ShapeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say how well a network uses the matrix units of devices, by stage and operator
    Mem(super::mem::NetworkMemArgs),
}

/// Which network a checkpoint is of.
#[derive(Debug, Args, Clone)]
pub struct SubjectArgs {
    /// The space whose supernet or member it is: a preset's name or a TOML file; checkpoints of ours name a preset themselves
    #[arg(long, conflicts_with = "config")]
    pub space: Option<String>,
    /// The member: a genotype, a reference, `largest` or `smallest`
    #[arg(long, conflicts_with = "config")]
    pub member: Option<String>,
    /// The publishers' description of a single network (JSON)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Height and width of the images; by default those of the space or description
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub resolution: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// What is in a file: every tensor with its type and shape, and what else it says
    Show {
        /// A .pth file (zip or legacy form) or a safetensors file
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Read published weights as a supernet or network of ours, and write it
    Import {
        /// A .pth or safetensors file
        file: PathBuf,
        #[command(flatten)]
        subject: SubjectArgs,
        /// Sort the inner channels of a supernet by importance
        #[arg(long)]
        sort_channels: bool,
        /// What to write: .safetensors for a supernet, .onnx or .safetensors for a network
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write one member of a supernet, or a network, with its weights
    Export {
        /// A checkpoint: of a training or import here, .pth, safetensors, or an ONNX file
        file: PathBuf,
        #[command(flatten)]
        subject: SubjectArgs,
        /// What to write: .onnx, or .safetensors for the weights alone
        #[arg(long, short)]
        output: PathBuf,
        /// By which names weights are written
        #[arg(long, value_enum, default_value_t = NamesArg::Own)]
        names: NamesArg,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamesArg {
    /// Ours
    Own,
    /// Those of the published networks of Once-for-All and ProxylessNAS
    Published,
}

#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// The pictures (PNG or JPEG)
    #[arg(required = true)]
    pub pictures: Vec<PathBuf>,
    /// A network with weights: ONNX, .pth, safetensors, or a checkpoint of ours
    #[arg(long)]
    pub checkpoint: PathBuf,
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// The names of the classes, one a line; by default those of the file, or ImageNet's for 1000 classes
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// How many guesses a picture
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub top: u32,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// The device profiles that come with Panarch
    List(FormatArgs),
    /// A profile's figures, each with its source
    Show {
        /// A profile's name or a TOML file
        device: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check a profile and say everything that is wrong with it
    Check {
        /// A TOML file
        file: PathBuf,
    },
    /// List the choices of a space that devices exclude, and why
    Support {
        /// Profiles' names or TOML files, `micro`, `full` or `all`
        #[arg(default_value = "all")]
        device: Vec<String>,
        /// A space's preset or TOML file
        #[arg(long)]
        space: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Build tables of block latencies
    #[command(subcommand)]
    Table(super::device_table::TableCommand),
}

#[derive(Debug, Args)]
pub struct CostArgs {
    #[command(flatten)]
    pub network: NetworkArgs,
    /// A profile's name or TOML file, `micro`, `full` or `all`; may be given again
    #[arg(long, required_unless_present = "scalesim_topology")]
    pub device: Vec<String>,
    /// What computes the cost of an accelerator: `analytic`, `cycle` or both with a comma; without it, what the profile says
    #[arg(long, value_delimiter = ',', value_parser = model)]
    pub model: Vec<Model>,
    /// Write the simulated run of one device in the Trace Event Format (JSON), for Perfetto or chrome://tracing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scalesim_topology", "scalesim_export"])]
    pub trace: Option<PathBuf>,
    /// Also print every layer
    #[arg(long)]
    pub layers: bool,
    #[command(flatten)]
    pub scalesim: ScaleSimArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Reads the name of a model.
pub fn model(name: &str) -> Result<Model, String> {
    let known = Model::NAMES.map(|(name, _)| name);
    Model::NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, model)| *model)
        .ok_or_else(|| format!("the models are {}", known.join(" and ")))
}

/// SCALE-Sim's files, instead of a network and a device or as what these are written as.
#[derive(Debug, Args)]
pub struct ScaleSimArgs {
    /// A topology of SCALE-Sim (CSV): print the compute cycles of its rows, as SCALE-Sim 3.0.0 does
    #[arg(long, value_name = "FILE", requires = "scalesim_config", conflicts_with_all = ["network", "device", "layers"])]
    pub scalesim_topology: Option<PathBuf>,
    /// The configuration of SCALE-Sim (.cfg) with the array
    #[arg(long, value_name = "FILE", requires = "scalesim_topology")]
    pub scalesim_config: Option<PathBuf>,
    /// Write the network as a topology and the devices' arrays as configurations into this folder, and print no costs
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["scalesim_topology", "layers"])]
    pub scalesim_export: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// The studies below a folder
    List {
        /// Where to look
        #[arg(default_value = "runs")]
        folder: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// A study's searches and finalists
    Show {
        /// The study's folder or database
        study: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Save what can be read of a damaged study into a new one
    Recover {
        /// The damaged database
        damaged: PathBuf,
        /// The new database
        into: PathBuf,
    },
    /// Every row of a study
    Export {
        /// The study's folder or database
        study: PathBuf,
        /// Which rows
        #[arg(long, value_enum, default_value_t = StudyRows::Trials)]
        rows: StudyRows,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StudyRows {
    /// Every trial of every search
    Trials,
    /// Every evaluated network
    Evaluations,
    /// Every cost on every device
    Costs,
    /// The finalists
    Finalists,
    /// What was finished when
    Events,
}
