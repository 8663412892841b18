//! What errors of networks that no figure was fitted to say of the profiles' intervals.

use panarch_cost::published::LeftOutErrors;
use panarch_cost::{DeviceProfile, Model};
use panarch_graph::{Latency, Network};
use panarch_report::Table;

use super::fit::estimates;
use super::sample::{Sample, network};
use crate::table::shown;
use panarch_run::Error;

/// Networks of a device's source that are in no fit, with what the committed profile says of them.
pub(super) struct NeverFitted {
    networks: Vec<Network>,
    latencies: Vec<Latency>,
}

impl NeverFitted {
    pub(super) fn of(sample: &Sample) -> Result<Self, Error> {
        let networks = sample.device.never_fitted.iter().map(network);
        let networks = networks.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            latencies: estimates(&sample.text, &networks, Model::Analytic)?,
            networks,
        })
    }

    /// Estimate and published latency of each.
    fn pairs(&self, sample: &Sample) -> impl Iterator<Item = (Latency, Latency)> {
        let published = sample.device.never_fitted.iter().map(|row| row.latency);
        self.latencies.iter().copied().zip(published)
    }

    /// Rows of `never-fitted.csv`.
    pub(super) fn rows(&self, sample: &Sample) -> Vec<Vec<String>> {
        let rows = sample
            .device
            .never_fitted
            .iter()
            .zip(&self.latencies)
            .zip(&self.networks);
        rows.map(|((row, latency), network)| {
            vec![
                sample.name().to_owned(),
                row.network.to_owned(),
                row.pixels.to_string(),
                format!("{:.1}", network.macs().0 as f64 / 1e6),
                format!("{:.2}", row.latency.millis()),
                format!("{:.3}", latency.millis()),
            ]
        })
        .collect()
    }
}

/// A row of `intervals.csv`: errors of networks left out in turn and of those never fitted, and the profile's interval.
pub(super) fn row(sample: &Sample, left_out: &[Latency], never: &NeverFitted) -> Result<Vec<String>, Error> {
    let profile = DeviceProfile::from_toml(sample.name(), &sample.text).map_err(panarch_cost::CostError::from)?;
    let Some(machine) = profile.accelerator() else {
        return Err(Error::Input(format!("`{}` describes no machine", sample.name())));
    };
    let in_turn = left_out
        .iter()
        .copied()
        .zip(sample.rows().iter().map(|row| row.latency));
    let errors = LeftOutErrors::new(in_turn.chain(never.pairs(sample)));
    let percent = |share: f64, digits: usize| format!("{:.digits$}", share * 100.0);
    let stated = machine.error.relative.value;
    Ok(vec![
        sample.name().to_owned(),
        left_out.len().to_string(),
        never.networks.len().to_string(),
        percent(errors.worst(), 1),
        errors.conformal().map_or_else(String::new, |it| percent(it, 1)),
        percent(errors.relative(), 1),
        percent(stated, 0),
        errors.inside(stated).to_string(),
        if errors.conformal().is_some() {
            "from left-out errors"
        } else {
            "assumed: too few rows"
        }
        .to_owned(),
    ])
}

pub(super) fn tables(intervals: Vec<Vec<String>>, never_fitted: Vec<Vec<String>>) -> [Table; 2] {
    let columns = [
        "device",
        "left out in turn",
        "never fitted",
        "worst (%)",
        "conformal (%)",
        "asked for (%)",
        "profile (%)",
        "inside",
        "origin",
    ];
    let mut first = shown(
        "Errors of networks that no figure was fitted to, and intervals",
        &columns,
        intervals,
    );
    first.note(
        "errors are factors: the larger of estimate / latency and latency / estimate, less one; intervals are of 90 %",
    );
    let columns = ["device", "network", "pixels", "MMACs", "published (ms)", "profile (ms)"];
    [first, shown("Networks in no fit", &columns, never_fitted)]
}
