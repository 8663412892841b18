use serde::{Deserialize, Serialize};

use crate::{AnalyticModel, Checked, CostError, CostSource, CycleSimulator, DeviceProfile, EthosUModel, FallbackModel};

/// The ways to compute what a network costs on an accelerator that is described by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// [`AnalyticModel`]: a closed form; [`EthosUModel`] where the profile describes what the vendor's compiler needs.
    Analytic,
    /// [`CycleSimulator`]: tile by tile.
    Cycle,
}

impl Model {
    /// Every model with its name on the command line.
    pub const NAMES: [(&'static str, Self); 2] = [("analytic", Self::Analytic), ("cycle", Self::Cycle)];

    /// The name used on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analytic => "analytic",
            Self::Cycle => "cycle",
        }
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl DeviceProfile {
    /// A model of the accelerator that the profile describes, with its fallback if it has one, ready to be asked.
    ///
    /// # Errors
    /// When it describes none.
    pub fn model(&self, model: Model) -> Result<Box<dyn CostSource>, CostError> {
        if self.fallback().is_some() && self.accelerator().is_some() {
            return Ok(Box::new(Checked::new(FallbackModel::new(self, model)?)));
        }
        Ok(Box::new(match model {
            Model::Analytic if self.ethos_u().is_some() => {
                return Ok(Box::new(Checked::new(EthosUModel::new(self.clone())?)));
            }
            Model::Analytic => Checked::new(AnalyticModel::new(self.clone())?),
            Model::Cycle => Checked::new(CycleSimulator::new(self.clone())?),
        }))
    }
}
