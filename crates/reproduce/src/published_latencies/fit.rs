//! A profile's figures fitted to all networks of a device, and to all but each.

use panarch_cost::{Calibration, DeviceProfile, Model, StartingFigure};
use panarch_graph::{Latency, Network};

use super::sample::Sample;
use panarch_run::Error;

/// Fits to all networks and to all but each.
pub(super) struct Fit {
    pub(super) whole: Calibration,
    /// To all but each, in the order of the networks.
    pub(super) without: Vec<Calibration>,
}

impl Fit {
    /// Fits figures of the profile in `text`, which may be none, to the networks of a device.
    pub(super) fn new(sample: &Sample, text: &str, figures: &[StartingFigure]) -> Result<Self, Error> {
        let cases = sample.cases();
        Ok(Self {
            whole: Calibration::new(text, figures, &cases)?,
            without: Calibration::without_each(text, figures, &cases)?,
        })
    }

    /// Each network's latency by the fit to all.
    pub(super) fn within(&self, sample: &Sample, model: Model) -> Result<Vec<Latency>, Error> {
        estimates(&self.whole.text, &sample.networks, model)
    }

    /// Each network's latency by the fit to all others.
    pub(super) fn left_out(&self, sample: &Sample, model: Model) -> Result<Vec<Latency>, Error> {
        let each = self.without.iter().zip(sample.networks.chunks(1));
        let found: Result<Vec<Vec<Latency>>, Error> = each
            .map(|(fit, network)| estimates(&fit.text, network, model))
            .collect();
        Ok(found?.concat())
    }

    /// A fitted figure's smallest and largest value in the fits to all but one.
    pub(super) fn spread(&self, path: &str) -> (f64, f64) {
        let values = self.without.iter().flat_map(|fit| &fit.figures);
        let of_path = values.filter(|(fitted, _)| fitted == path);
        of_path.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, value)| {
            (low.min(*value), high.max(*value))
        })
    }
}

/// What a model says of networks on the profile in `text`.
pub(super) fn estimates(text: &str, networks: &[Network], model: Model) -> Result<Vec<Latency>, Error> {
    let source = DeviceProfile::from_toml("profile", text)?.model(model)?;
    let costs = source.estimate(networks).into_iter();
    costs.map(|cost| Ok(cost?.latency.value)).collect()
}
