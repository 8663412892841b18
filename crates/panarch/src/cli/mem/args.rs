//! The arguments of both commands.

use clap::Args;

use panarch_cost::Model;

use crate::cli::args::{FormatArgs, ShapeArgs, model};

#[derive(Debug, Args)]
pub struct SpaceMemArgs {
    /// Spaces: preset names or TOML files, separated by spaces or commas [default: every preset]
    pub space: Vec<String>,
    /// Devices: profile names or TOML files, `micro`, `full` or `all`; repeatable, or separated by commas
    #[arg(long, default_values = MATRIX_MACHINES)]
    pub device: Vec<String>,
    /// Networks to sample from each space
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub samples: u32,
    /// Random seed
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Cost model that gives the times: `analytic` or `cycle`
    #[arg(long, default_value_t = Model::Analytic, value_parser = model)]
    pub model: Model,
    #[command(flatten)]
    pub format: FormatArgs,
}

/// A cube, a grid and a systolic array: machines whose matrix units differ most.
const MATRIX_MACHINES: [&str; 3] = ["ascend-310", "edgetpu-v1", "systolic-32"];

#[derive(Debug, Args)]
pub struct NetworkMemArgs {
    /// A name (see `panarch network list`), SPACE:GENOTYPE, SPACE:REFERENCE, or an ONNX file
    pub network: String,
    /// Devices: profile names or TOML files, `micro`, `full` or `all`; repeatable, or separated by commas
    #[arg(long, default_values = MATRIX_MACHINES)]
    pub device: Vec<String>,
    /// Also print every layer
    #[arg(long)]
    pub layers: bool,
    /// Cost model that gives the times: `analytic` or `cycle`
    #[arg(long, default_value_t = Model::Analytic, value_parser = model)]
    pub model: Model,
    #[command(flatten)]
    pub shape: ShapeArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}
