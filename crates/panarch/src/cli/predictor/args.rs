use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use panarch_predict::Model;

use crate::cli::args::FormatArgs;

#[derive(Debug, Subcommand)]
pub enum PredictorCommand {
    /// Train a predictor on a table and write it to a file
    Train {
        /// Preset name or TOML file of the space
        #[arg(long)]
        space: String,
        /// Table (CSV) of networks with the target
        #[arg(long)]
        train: PathBuf,
        /// Column to predict
        #[arg(long)]
        target: String,
        /// Model
        #[arg(long, value_enum, default_value_t = ModelArg::Auto)]
        model: ModelArg,
        /// File to write
        #[arg(long, short)]
        output: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Predict the networks of a table, with intervals
    Predict {
        /// File of a predictor
        #[arg(long)]
        model: PathBuf,
        /// Table (CSV) of networks, in any layout that a predictor is trained on
        #[arg(long)]
        networks: PathBuf,
        /// Preset name or TOML file of the space [default: the preset that the file names]
        #[arg(long)]
        space: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Train on one table and say how well another one is predicted
    Evaluate {
        /// Preset name or TOML file of the space
        #[arg(long)]
        space: String,
        /// Table (CSV) to train on
        #[arg(long)]
        train: PathBuf,
        /// Table (CSV) to predict; its target is only compared with
        #[arg(long)]
        test: PathBuf,
        /// Column to predict
        #[arg(long)]
        target: String,
        /// Model
        #[arg(long, value_enum, default_value_t = ModelArg::Auto)]
        model: ModelArg,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say how well a new device is predicted from a few rows, where other devices are known for all
    Transfer {
        /// Preset name or TOML file of the space
        #[arg(long)]
        space: String,
        /// Table (CSV) of networks with a column for each device
        #[arg(long)]
        table: PathBuf,
        /// Column of the new device
        #[arg(long)]
        target: String,
        /// Columns of the known devices, separated by commas
        #[arg(long, value_delimiter = ',', required = true)]
        known: Vec<String>,
        /// Rows of the new device that are measured, drawn at random
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(3..=1000))]
        measurements: u32,
        /// How many draws, with the seeds from 0
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        seeds: u32,
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelArg {
    /// The one whose predictions of training rows from the others err least
    Auto,
    /// Ridge regression on the choices
    Ridge,
    /// Ridge regression on the choices and on pairs of them within a stage or in neighbouring blocks
    Pairwise,
    /// Ridge regression on tables of whole blocks, neighbours and stages
    Tables,
    /// Ridge regression on what the lowered network does in each stage, and on the choices
    Counts,
    /// Gradient-boosted trees
    Trees,
    /// Multilayer perceptron
    Mlp,
    /// Gaussian process
    GaussianProcess,
}

impl ModelArg {
    pub(super) const fn model(self) -> Option<Model> {
        match self {
            Self::Auto => None,
            Self::Ridge => Some(Model::Ridge),
            Self::Pairwise => Some(Model::Pairwise),
            Self::Tables => Some(Model::Tables),
            Self::Counts => Some(Model::Counts),
            Self::Trees => Some(Model::Trees),
            Self::Mlp => Some(Model::Mlp),
            Self::GaussianProcess => Some(Model::GaussianProcess),
        }
    }
}
