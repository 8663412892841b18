//! The command line as data.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use panarch::ImageSize;
use panarch_cost::Model;
use panarch_cost::mapper::Objective;
use panarch_data::Generated;

/// Find one network that is good on every device you ship to.
#[derive(Debug, Parser)]
#[command(name = "panarch", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 no feasible result, or a check failed · 2 bad input · 3 environment (device, storage or dataset missing) · 130 interrupted, run the same command again to continue";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job end to end: train, search, fine-tune, export, report
    Run(RunArgs),
    /// Check this machine: processor, runtimes, datasets, and how to get what is missing
    Doctor(FormatArgs),
    /// Fetch, generate, list and check datasets
    #[command(subcommand)]
    Data(DataCommand),
    /// Inspect search spaces: list, show, count, sample, check, matrix efficiency
    #[command(subcommand)]
    Space(SpaceCommand),
    /// Inspect, import and export networks: named ones, genotypes, ONNX files
    #[command(subcommand)]
    Network(NetworkCommand),
    /// List, show, write and check device profiles, and build latency tables
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Estimate or measure the latency and memory of a network on devices
    Cost(CostArgs),
    /// Train predictors on tables of measured networks, evaluate them, predict, transfer to a new device
    #[command(subcommand)]
    Predictor(super::predictor::PredictorCommand),
    /// Show, import and export checkpoints: PyTorch, safetensors, our own
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Check proofs of exact searches
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Classify pictures
    Classify(ClassifyArgs),
    /// Train the supernet of a run file, or one network by itself
    Train(super::train::TrainArgs),
    /// List and show training schedules
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Search with the trained supernet of a run file, or in a table of known values
    Search(super::search::SearchArgs),
    /// Redraw the report of a finished run
    Report(RunArgs),
    /// List, show, export and recover studies (the results of runs)
    #[command(subcommand)]
    Study(StudyCommand),
    /// Reproduce published results, or list what can be reproduced
    Reproduce(ReproduceArgs),
    /// Print a reference page as Markdown
    Reference {
        /// Which page
        #[arg(value_enum)]
        page: ReferencePage,
    },
    /// Print a completion script for your shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The pages in `docs/reference`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReferencePage {
    /// Every key of a run file, with its type, default and meaning
    RunFile,
    /// Every key of a device profile, with its type, unit, default and meaning
    DeviceProfile,
    /// Every command with its arguments
    CommandLine,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run file (TOML); `panarch reference run-file` lists its keys
    pub file: PathBuf,
    /// Override a key of the run file, such as search.evaluations=100; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// List the built-in schedules
    List(FormatArgs),
    /// Show the phases of a schedule
    Show {
        /// Preset name or TOML file
        schedule: String,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Compute everything in a certificate anew: exit code 0 when it proves what it says, 1 when it does not
    Check {
        /// Certificate (JSON) of an exact search; `/dev/stdin` reads standard input
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Args)]
pub struct ReproduceArgs {
    /// Which one; without it, all are listed
    pub name: Option<String>,
    /// Folder for tables and checkpoints [default: runs/reproductions/NAME]; give the same one again to resume
    #[arg(long, short)]
    pub output: Option<PathBuf>,
    /// Multiplier for all training lengths: 1 is what the page used, less is a quick look
    #[arg(long, default_value_t = 1.0, value_parser = scale)]
    pub scale: f64,
    /// Run this part alone, of a reproduction that has parts; what is there of the others stays
    #[arg(long, value_name = "PART")]
    pub only: Option<String>,
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
    /// Output format: aligned text, a JSON array of objects, or comma-separated values
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    pub format: FormatArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Fetch a dataset; the only command that downloads anything
    Fetch {
        /// Dataset name, such as fashion-mnist
        name: String,
    },
    /// Generate a small folder of pictures (coloured shapes, four classes) to try things with
    Generate {
        /// Folder to write train/CLASS/*.png and test/CLASS/*.png into
        folder: PathBuf,
        /// Training pictures of each class
        #[arg(long, default_value_t = Generated::default().train, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        train: u32,
        /// Test pictures of each class
        #[arg(long, default_value_t = Generated::default().test, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        test: u32,
        /// Random seed
        #[arg(long, default_value_t = Generated::default().seed)]
        seed: u64,
    },
    /// List the known datasets and where they are stored
    List(FormatArgs),
    /// Read a dataset and list parts, classes, and every file that is damaged, passed over or present more than once
    Check {
        /// Dataset name, folder of pictures, or run file (.toml), which is read as the run would
        dataset: String,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum SpaceCommand {
    /// List the built-in search spaces
    List(FormatArgs),
    /// Show a space's decisions, resolutions and reference networks
    Show {
        /// Preset name or TOML file
        space: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Count the networks of a space: raw, active, distinct
    Count {
        /// Preset name or TOML file
        #[arg(required_unless_present = "all")]
        space: Option<String>,
        /// Count every built-in space
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Sample random networks of a space
    Sample {
        /// Preset name or TOML file
        space: String,
        /// How many networks
        #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        count: u32,
        /// Random seed
        #[arg(long, default_value_t = 0)]
        seed: u64,
        #[command(flatten)]
        shape: ShapeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Check a space file, and which of its choices a device cannot run
    Check {
        /// TOML file or preset name
        space: String,
        /// Also list the choices that these devices cannot run: profile names or TOML files, `micro`, `full` or `all`;
        /// repeatable, or separated by commas
        #[arg(long)]
        device: Vec<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Compare how well the networks of spaces use the matrix units of devices
    Mem(super::mem::SpaceMemArgs),
}

/// What a genotype needs besides its space to become a network.
#[derive(Debug, Args, Clone, Copy)]
pub struct ShapeArgs {
    /// Height and width of the images, such as 224, or 48x320 for networks by name and ONNX files [default: the space's]
    #[arg(long)]
    pub resolution: Option<ImageSize>,
    /// Number of image channels
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub channels: u32,
    /// Number of classes
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub classes: u32,
}

#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Network: a name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
    #[arg(value_name = "NETWORK", conflicts_with = "network")]
    pub named: Option<String>,
    /// The same as an option
    #[arg(long, required_unless_present_any = ["named", "networks", "gemms", "scalesim_topology"])]
    pub network: Option<String>,
    #[command(flatten)]
    pub shape: ShapeArgs,
}

#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// List the networks known by name
    List(FormatArgs),
    /// Import an ONNX file written by any tool, and show the resulting network
    Import {
        /// ONNX file; external data files beside it are read too
        file: PathBuf,
        /// Height and width of the images, such as 224 or 48x320, if the file leaves them open
        #[arg(long)]
        resolution: Option<ImageSize>,
        /// Also write the network as a Panarch ONNX file, with batch normalisation not folded
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Export a network: ONNX, int8 TFLite for phones and vendor compilers, or its weights alone
    Export {
        /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file with its weights
        network: String,
        #[command(flatten)]
        shape: ShapeArgs,
        /// File to write: .onnx, .tflite, or .safetensors for the weights alone
        #[arg(long, short)]
        output: PathBuf,
        /// Random seed: of the weights if the network has none, else of the images used for calibration
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show a network's layers with shapes, multiply-accumulates and parameters
    Show {
        /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
        network: String,
        #[command(flatten)]
        shape: ShapeArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show how well a network uses the matrix units of devices, by stage and operator
    Mem(super::mem::NetworkMemArgs),
}

/// Which network a checkpoint is of.
#[derive(Debug, Args, Clone)]
pub struct SubjectArgs {
    /// Space of the supernet: preset name or TOML file; Panarch's own checkpoints name their preset themselves
    #[arg(long, conflicts_with = "config")]
    pub space: Option<String>,
    /// Member of the supernet: a genotype, a reference, `largest` or `smallest`
    #[arg(long, conflicts_with = "config")]
    pub member: Option<String>,
    /// Published description of a single network (JSON)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Height and width of the images, such as 224, or 48x320 for an ONNX file [default: those of the space or description]
    #[arg(long)]
    pub resolution: Option<ImageSize>,
}

#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// Show what is in a file: every tensor with its type and shape, and its metadata
    Show {
        /// PyTorch (.pth) or safetensors file
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Convert published weights into a Panarch supernet or network
    Import {
        /// PyTorch (.pth) or safetensors file
        file: PathBuf,
        #[command(flatten)]
        subject: SubjectArgs,
        /// Sort the inner channels of a supernet by importance
        #[arg(long)]
        sort_channels: bool,
        /// File to write: .safetensors for a supernet, .onnx or .safetensors for a network
        #[arg(long, short)]
        output: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Export one member of a supernet, or a network, with its weights
    Export {
        /// Checkpoint: .safetensors, .pth or .onnx
        file: PathBuf,
        #[command(flatten)]
        subject: SubjectArgs,
        /// File to write: .onnx, .tflite, or .safetensors for the weights alone
        #[arg(long, short)]
        output: PathBuf,
        /// Names of the weights in the file
        #[arg(long, value_enum, default_value_t = NamesArg::Own)]
        names: NamesArg,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NamesArg {
    /// Panarch's names
    Own,
    /// The names in the published checkpoints of Once-for-All and ProxylessNAS
    Published,
}

#[derive(Debug, Args)]
pub struct ClassifyArgs {
    /// Picture files; one that cannot be read is reported, and the others are classified
    #[arg(required = true)]
    pub pictures: Vec<PathBuf>,
    /// Network with weights: .onnx, .pth or .safetensors
    #[arg(long)]
    pub checkpoint: PathBuf,
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// Class names, one per line [default: those in the checkpoint, or ImageNet's for 1000 classes]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// How many guesses to show for each picture
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub top: u32,
    #[command(flatten)]
    pub format: FormatArgs,
}

#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// List the built-in device profiles
    List(FormatArgs),
    /// Show a profile's figures, each with its source
    Show {
        /// Profile name or TOML file
        device: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write the profile of a new device: what you give, and a named default for everything else
    New(super::device_new::NewArgs),
    /// Check a profile and what it names: its table, its command or its runtime
    Check {
        /// Profile name or TOML file
        device: String,
    },
    /// List the choices of a space that devices cannot run, and why
    Support {
        /// Profile names or TOML files, `micro`, `full` or `all`
        #[arg(default_value = "all")]
        device: Vec<String>,
        /// Space: preset name or TOML file
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
#[command(
    override_usage = "panarch cost <NETWORK> --device <DEVICE> [OPTIONS]\n       panarch cost --networks <FILE> --device <DEVICE> [OPTIONS]\n       panarch cost --gemms <FILE> --device <DEVICE> [OPTIONS]\n       panarch cost --scalesim-topology <FILE> --scalesim-config <FILE> [OPTIONS]"
)]
pub struct CostArgs {
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Devices: profile names or TOML files, `micro`, `full` or `all`; repeatable, or separated by commas
    #[arg(long, required_unless_present = "scalesim_topology")]
    pub device: Vec<String>,
    /// Cost model of accelerators: `analytic`, `cycle`, or both separated by a comma [default: what the profile says]
    #[arg(long, value_delimiter = ',', value_parser = model)]
    pub model: Vec<Model>,
    /// What the mappings of layers are optimised for, on devices described as a memory hierarchy: `cycles`, `energy` or
    /// `edp`, the product of both [default: what the profile says, else cycles]
    #[arg(long, value_parser = objective, conflicts_with = "scalesim_topology")]
    pub objective: Option<Objective>,
    /// Write the simulated timeline of one device as a trace (JSON), for Perfetto or chrome://tracing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scalesim_topology", "scalesim_export"])]
    pub trace: Option<PathBuf>,
    /// Print what many networks cost: a file with one network a line, named as NETWORK is; `#` begins a comment
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "named", "gemms", "layers", "trace", "scalesim_topology", "scalesim_export"])]
    pub networks: Option<PathBuf>,
    /// Print what matrix products cost instead of a network: a file (CSV) of m, n and k, one product a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["network", "named", "layers", "trace", "scalesim_topology", "scalesim_export"])]
    pub gemms: Option<PathBuf>,
    /// Also print every layer
    #[arg(long)]
    pub layers: bool,
    #[command(flatten)]
    pub scalesim: ScaleSimArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// Reads the name of an objective.
pub fn objective(name: &str) -> Result<Objective, String> {
    let known = Objective::NAMES.map(|(name, _)| name);
    let found = Objective::NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, objective)| *objective)
        .ok_or_else(|| format!("the objectives are {}", known.join(", ")))
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
    /// SCALE-Sim topology (CSV): print the compute cycles of its rows, as SCALE-Sim 3.0.0 does
    #[arg(long, value_name = "FILE", requires = "scalesim_config", conflicts_with_all = ["network", "named", "device", "layers"])]
    pub scalesim_topology: Option<PathBuf>,
    /// SCALE-Sim configuration (.cfg) of the array
    #[arg(long, value_name = "FILE", requires = "scalesim_topology")]
    pub scalesim_config: Option<PathBuf>,
    /// Write the network and the devices' arrays as SCALE-Sim files into this folder instead of printing costs
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["scalesim_topology", "layers"])]
    pub scalesim_export: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// List the studies below a folder
    List {
        /// Folder to look in
        #[arg(default_value = "runs")]
        folder: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show a study's searches and finalists
    Show {
        /// Folder of the run, or its study.db
        study: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Save what is readable of a damaged study into a new one
    Recover {
        /// Damaged database (study.db)
        damaged: PathBuf,
        /// New database to write
        into: PathBuf,
    },
    /// Export the rows of a study
    Export {
        /// Folder of the run, or its study.db
        study: PathBuf,
        /// Which rows to export
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
