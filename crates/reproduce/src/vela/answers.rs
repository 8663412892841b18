//! What everybody says of the networks of one device.

use panarch_cost::{AnalyticModel, Calibration, Cost, CycleSimulator, DeviceProfile, StartingFigure};
use panarch_graph::{Latency, Network};

use super::Studied;
use super::sample::Member;
use panarch_run::event::Watch;
use panarch_run::{Error, device_source, lookup};

/// Networks that the compiler is asked about at once.
const TOGETHER: usize = 4;

/// The networks of a device, what the compiler says of them, and what others say.
pub(super) struct Answers {
    pub(super) studied: &'static Studied,
    pub(super) members: Vec<Member>,
    /// The compiler's.
    pub(super) theirs: Vec<Cost>,
    /// The closed form of the profile as it is committed.
    pub(super) analytic: Vec<Cost>,
    /// The simulator of the same.
    pub(super) cycle: Vec<Cost>,
    /// The closed form with the constants as they were before any fit.
    pub(super) unfitted: Vec<Latency>,
    /// Proportional to MACs; the rate is fitted.
    pub(super) macs: Vec<Latency>,
    /// Of each constant: what this fit gives, and what the profile has.
    pub(super) constants: Vec<Constant>,
}

/// A fitted constant.
pub(super) struct Constant {
    pub(super) path: &'static str,
    pub(super) before: f64,
    pub(super) fitted: f64,
    pub(super) committed: f64,
}

impl Answers {
    /// Asks the compiler, fits to the training networks, and asks the models.
    pub(super) fn new(studied: &'static Studied, members: Vec<Member>, watch: &mut Watch<'_>) -> Result<Self, Error> {
        let theirs = ask(studied.device, &members, watch)?;
        watch.step(format!("Fitting {} to its training networks", studied.device));
        let training: Vec<(&Network, Latency)> = members
            .iter()
            .zip(&theirs)
            .filter(|(member, _)| member.training)
            .map(|(member, cost)| (&member.network, cost.latency.value))
            .collect();
        let text = lookup::device_text(studied.device)?;
        let figures = |of: &dyn Fn(f64) -> Option<f64>| -> Vec<StartingFigure> {
            let figure = |(path, before): &(&'static str, f64)| StartingFigure {
                path: (*path).to_owned(),
                value: of(*before),
            };
            studied.figures.iter().map(figure).collect()
        };
        // A fit to nothing leaves its figures as they stand.
        let unfitted = Calibration::new(&text, &figures(&Some), &[])?;
        let fitted = Calibration::new(&text, &figures(&Some), &training)?;
        let committed = Calibration::new(&text, &figures(&|_| None), &[])?;
        let value = |fit: &Calibration, path: &str| {
            let found = fit.figures.iter().find(|(of, _)| of == path);
            found.map_or(f64::NAN, |(_, value)| *value)
        };
        let constants = studied.figures.iter().map(|(path, before)| Constant {
            path,
            before: *before,
            fitted: value(&fitted, path),
            committed: value(&committed, path),
        });
        let profile = DeviceProfile::from_toml(studied.device, &text)?;
        let (analytic, cycle) = (AnalyticModel::new(profile.clone())?, CycleSimulator::new(profile)?);
        let unfitted = unfitted.model()?;
        let logarithms = training
            .iter()
            .map(|(network, latency)| (latency.seconds() / network.macs().0 as f64).ln());
        let rate = (logarithms.sum::<f64>() / training.len().max(1) as f64).exp();
        let networks = || members.iter().map(|member| &member.network);
        let answers = Self {
            studied,
            constants: constants.collect(),
            analytic: networks().map(|it| analytic.cost(it)).collect::<Result<_, _>>()?,
            cycle: networks().map(|it| cycle.cost(it)).collect::<Result<_, _>>()?,
            unfitted: networks()
                .map(|it| Ok(unfitted.cost(it)?.latency.value))
                .collect::<Result<_, Error>>()?,
            macs: networks()
                .map(|it| Latency::from_seconds(rate * it.macs().0 as f64))
                .collect(),
            members,
            theirs,
        };
        watch.done(format!(
            "root mean square of the logarithms of ours / theirs {:.3}",
            fitted.error
        ));
        Ok(answers)
    }

    /// Each estimate of latency by name, in the order of the networks.
    pub(super) fn estimates(&self) -> [(&'static str, Vec<Latency>); 4] {
        let of = |costs: &[Cost]| costs.iter().map(|cost| cost.latency.value).collect();
        [
            ("MACs alone", self.macs.clone()),
            ("analytic, before the fit", self.unfitted.clone()),
            ("analytic", of(&self.analytic)),
            ("cycle", of(&self.cycle)),
        ]
    }
}

fn ask(device: &str, members: &[Member], watch: &mut Watch<'_>) -> Result<Vec<Cost>, Error> {
    let source = device_source::open(&lookup::device(device)?)?;
    let count = members.len();
    watch.step(format!("Asking the compiler about {count} networks on {device}"));
    let mut costs = Vec::with_capacity(count);
    for some in members.chunks(TOGETHER) {
        if watch.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let networks: Vec<Network> = some.iter().map(|it| it.network.clone()).collect();
        for answer in source.estimate(&networks) {
            costs.push(answer?);
        }
        watch.progress(costs.len() as u64, count as u64, "networks", "");
    }
    watch.done(format!("{count} answers"));
    Ok(costs)
}
