mod blocks;
mod closed_form;

use panarch_graph::{ContentHash, Network, ProvenanceKind, fused_layers};
use rayon::prelude::*;

use crate::assemble::{Tool, assemble};
use crate::plan::{Part, Rates, fastest};
use crate::profile::Accelerator;
use crate::{Cost, CostError, CostSource, DeviceProfile};

pub use blocks::{BlockCost, BlockSum};
use closed_form::layer_time;

/// Identifies what this model says of a profile; raised whenever that changes.
pub(crate) const REVISION: &str = "panarch analytic model of a profile v4";
/// The number of networks from which starting threads pays off.
const PARALLEL: usize = 32;

/// A closed-form performance model of an accelerator profile.
///
/// It is the roofline (Williams et al. 2009) with the losses that decide between mobile operators put in: lanes and
/// channels rounded up, weights loaded into the array, the output stage, a depthwise mapping of its own, weights that fit
/// on chip or stream, activations that fit or spill; and with the first and the last tile of each layer, which nothing
/// hides. Layers, tiles and residency are the simulator's ([`crate::CycleSimulator`]); only the time is a formula here,
/// which the module of the closed form states. The interval around the sum is the profile's
/// [`crate::profile::ModelError`]: low = t / (1 + e), high = t · (1 + e). It states how far off the model was where it
/// could be checked, or is assumed to be; it is not derived from the network.
#[derive(Debug, Clone)]
pub struct AnalyticModel {
    profile: DeviceProfile,
    machine: Accelerator,
    rates: Rates,
}

impl AnalyticModel {
    /// The model of an accelerator profile.
    ///
    /// # Errors
    /// When the profile describes no accelerator.
    pub fn new(profile: DeviceProfile) -> Result<Self, CostError> {
        let machine = profile.described()?.clone();
        Ok(Self {
            rates: Rates::new(&machine),
            machine,
            profile,
        })
    }

    /// The profile that the model computes with.
    #[must_use]
    pub const fn profile(&self) -> &DeviceProfile {
        &self.profile
    }

    /// Checks whether the device can run a network.
    ///
    /// # Errors
    /// The layers that it cannot run.
    pub fn check_support(&self, network: &Network) -> Result<(), CostError> {
        let layers = fused_layers(network);
        self.machine.support.check(self.profile.name(), network, &layers)
    }

    /// The cost of one network.
    ///
    /// # Errors
    /// The layers that the device cannot run.
    pub fn cost(&self, network: &Network) -> Result<Cost, CostError> {
        self.cost_of(network, Part::whole(network))
    }

    /// The cost of the layers of a network that run on this device.
    pub(crate) fn cost_of(&self, network: &Network, part: Part) -> Result<Cost, CostError> {
        let rates = &self.rates;
        let scheduled = fastest(
            &self.profile,
            &self.machine,
            rates,
            network,
            part,
            |layer, ahead, next_is_chained| layer_time(rates, layer, ahead, next_is_chained),
        )?;
        let tool = Tool {
            kind: ProvenanceKind::Predicted,
            name: "analytic model",
        };
        Ok(assemble(&self.profile, &self.machine, network, scheduled, tool))
    }
}

impl CostSource for AnalyticModel {
    fn device(&self) -> &str {
        self.profile.name()
    }

    fn protocol(&self) -> Result<ContentHash, CostError> {
        Ok(self.profile.protocol(REVISION, ""))
    }

    fn check_support(&self, network: &Network) -> Result<(), CostError> {
        Self::check_support(self, network)
    }

    fn estimate(&self, networks: &[Network]) -> Vec<Result<Cost, CostError>> {
        if networks.len() < PARALLEL {
            networks.iter().map(|network| self.cost(network)).collect()
        } else {
            networks
                .par_iter()
                .with_min_len(PARALLEL / 2)
                .map(|network| self.cost(network))
                .collect()
        }
    }
}
