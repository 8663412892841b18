//! The arguments of both commands.

use clap::Args;

use panarch_cost::Model;

use crate::cli::args::{FormatArgs, ShapeArgs, model};

#[derive(Debug, Args)]
pub struct SpaceMemArgs {
    /// Presets' names or TOML files; every preset by default
    pub space: Vec<String>,
    /// A profile's name or TOML file, `micro`, `full` or `all`; may be given again
    #[arg(long, default_values = MATRIX_MACHINES)]
    pub device: Vec<String>,
    /// Networks to draw from each space
    #[arg(long, short = 'n', default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub samples: u32,
    /// The seed of the draw
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// What gives the times: `analytic` or `cycle`
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
    /// A profile's name or TOML file, `micro`, `full` or `all`; may be given again
    #[arg(long, default_values = MATRIX_MACHINES)]
    pub device: Vec<String>,
    /// Also print every layer
    #[arg(long)]
    pub layers: bool,
    /// What gives the times: `analytic` or `cycle`
    #[arg(long, default_value_t = Model::Analytic, value_parser = model)]
    pub model: Model,
    #[command(flatten)]
    pub shape: ShapeArgs,
    #[command(flatten)]
    pub format: FormatArgs,
}
