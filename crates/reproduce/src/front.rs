//! The best networks of a supernet under limits on several devices.

use panarch_cost::{CostSource, DeviceProfile};
use panarch_graph::{Accuracy, Latency, Network, stream};
use panarch_predict::{Additive, Measurement};
use panarch_space::{Genotype, Head, Space};
use panarch_study::RewardForm;
use panarch_train::{Reward, Rewarder, Supernet, TrainError, inherit};

use super::bench::{Bench, RESOLUTION};
use super::table::Csv;
use panarch_run::Error;
use panarch_run::event::Watch;

/// Devices by the analytic model, which answers the same everywhere.
const DEVICES: [&str; 3] = ["ethos-u55-128", "cube-16", "cortex-a53"];
/// Limits on each device, between the latency of the compound space's smallest member (0) and largest (1).
const LIMITS: [f64; 5] = [0.1, 0.2, 0.35, 0.5, 0.75];
/// Members that are evaluated to begin with.
const SAMPLED: usize = 80;
/// Members whose accuracy is predicted from those.
const PREDICTED: usize = 2_000;
/// For each limit, how many of the best predicted are evaluated.
const CHECKED: usize = 3;
/// Validation images of an evaluation.
pub(super) const IMAGES: usize = 4_000;

pub(super) const EVALUATIONS: &[&str] = &["training", "seed", "genotype", "macs", "correct", "images"];
pub(super) const FRONT: &[&str] = &[
    "training",
    "seed",
    "device",
    "limit",
    "limit_s",
    "genotype",
    "latency_s",
    "validation_accuracy",
    "test_accuracy",
];

/// One device with its limits.
pub(super) struct Limits {
    pub(super) device: &'static str,
    pub(super) limits: Vec<(f64, Latency)>,
    source: Box<dyn CostSource>,
}

/// The devices, with limits between the extremes of a space.
pub(super) fn limits(space: &Space, head: Head) -> Result<Vec<Limits>, Error> {
    let devices = DEVICES.into_iter().map(|device| {
        let source = DeviceProfile::preset(device)?.cost_source()?;
        let ends = [space.smallest(), space.largest()];
        let [low, high] = ends.map(|end| latency(source.as_ref(), space, &end, head));
        let (low, high) = (low?.seconds(), high?.seconds());
        let limit = |share: f64| (share, Latency::from_seconds(low + share * (high - low)));
        Ok(Limits {
            device,
            limits: LIMITS.into_iter().map(limit).collect(),
            source,
        })
    });
    devices.collect()
}

fn latency(source: &dyn CostSource, space: &Space, genotype: &Genotype, head: Head) -> Result<Latency, Error> {
    ask(source, &space.lower(genotype, head, RESOLUTION)?)
}

fn ask(source: &dyn CostSource, network: &Network) -> Result<Latency, Error> {
    let answer = source.estimate(std::slice::from_ref(network)).into_iter().next();
    match answer {
        Some(cost) => Ok(cost?.latency.value),
        None => Err(Error::Input("a device has not answered".into())),
    }
}

/// Evaluates members, finds the best under each limit, and tests those. Complete rows are not made again.
pub(super) fn front(
    bench: &mut Bench,
    name: &str,
    seed: u64,
    supernet: &Supernet,
    devices: &[Limits],
    tables: (&mut Csv, &mut Csv),
    watch: &mut Watch<'_>,
) -> Result<(), Error> {
    let (evaluations, front) = tables;
    let (space, seed_text) = (supernet.space(), seed.to_string());
    let points: usize = devices.iter().map(|device| device.limits.len()).sum();
    if front.all(&[name, &seed_text]).count() == points {
        return Ok(());
    }
    watch.step(format!("The front of {name}, seed {seed}"));
    let mut scored = Scored {
        key: [name, &seed_text],
        table: evaluations,
        found: Vec::new(),
    };
    for index in 0..SAMPLED as u64 {
        let genotype = space.sample(&mut stream(seed, "front", index));
        scored.evaluate(bench, supernet, &genotype, watch)?;
        watch.progress(index + 1, SAMPLED as u64, "evaluations", "");
    }
    let predicted = predicted(space, seed, &scored.found)?;
    let mut networks = Vec::new();
    for (genotype, accuracy) in predicted {
        let network = supernet.member(&genotype)?.network().clone();
        let latencies = devices.iter().map(|device| ask(device.source.as_ref(), &network));
        networks.push((genotype, accuracy, latencies.collect::<Result<Vec<_>, _>>()?));
    }
    networks.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (place, device) in devices.iter().enumerate() {
        for (_, limit) in &device.limits {
            let within = networks.iter().filter(|(_, _, latencies)| latencies[place] <= *limit);
            for (genotype, ..) in within.take(CHECKED) {
                scored.evaluate(bench, supernet, genotype, watch)?;
            }
        }
    }
    let validator = bench.validator(IMAGES)?;
    for (place, device) in devices.iter().enumerate() {
        for (share, limit) in &device.limits {
            let limit_text = share.to_string();
            let known = front.find(&[name, &seed_text, device.device, &limit_text]);
            if known.is_some() {
                continue;
            }
            let mut best: Option<(&Genotype, f64, Latency)> = None;
            for (genotype, accuracy) in &scored.found {
                let latency = latency(device.source.as_ref(), space, genotype, supernet.head())?;
                let better = best.is_none_or(|(_, before, _)| *accuracy > before);
                if latency <= *limit && better {
                    best = Some((genotype, *accuracy, latency));
                }
            }
            let Some((genotype, accuracy, latency)) = best else {
                let reason = format!("no evaluated member of {name} keeps {limit} on {}", device.device);
                return Err(Error::Infeasible(reason));
            };
            let trained = inherit(bench.engine.as_mut(), supernet, genotype, &validator)?;
            let tested = bench.tested(&trained.network, &trained.weights)?;
            front.push(vec![
                name.to_owned(),
                seed_text.clone(),
                devices[place].device.to_owned(),
                limit_text,
                format!("{:.9}", limit.seconds()),
                genotype.to_string(),
                format!("{:.9}", latency.seconds()),
                format!("{accuracy:.6}"),
                format!("{:.6}", tested.accuracy().value.share()),
            ])?;
        }
    }
    watch.done(format!("{} members evaluated, {points} points", scored.found.len()));
    Ok(())
}

/// Members with their validation accuracy, each evaluated once.
struct Scored<'a> {
    key: [&'a str; 2],
    table: &'a mut Csv,
    found: Vec<(Genotype, f64)>,
}

impl Scored<'_> {
    fn evaluate(
        &mut self,
        bench: &mut Bench,
        supernet: &Supernet,
        genotype: &Genotype,
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        if self.found.iter().any(|(known, _)| known == genotype) {
            return Ok(());
        }
        if watch.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let ([name, seed], text) = (self.key, genotype.to_string());
        if let Some(row) = self.table.find(&[name, seed, &text]) {
            let accuracy = self.table.number(row, "correct")? / self.table.number(row, "images")?;
            self.found.push((genotype.clone(), accuracy));
            return Ok(());
        }
        let validator = bench.validator(IMAGES)?;
        let score = validator.inherited(bench.engine.as_mut(), supernet, genotype)?;
        let macs = supernet.member(genotype)?.network().macs();
        let numbers = [macs.0.to_string(), score.correct.to_string(), score.images.to_string()];
        let row = [name.to_owned(), seed.to_owned(), text].into_iter().chain(numbers);
        self.table.push(row.collect())?;
        self.found.push((genotype.clone(), score.accuracy().value.share()));
        Ok(())
    }
}

/// Random members, and changed copies of the best of them, with the accuracy that a table fitted to the evaluated ones predicts.
fn predicted(space: &Space, seed: u64, found: &[(Genotype, f64)]) -> Result<Vec<(Genotype, f64)>, Error> {
    let measurements = found.iter().map(|(genotype, accuracy)| Measurement {
        genotype: genotype.clone(),
        value: *accuracy,
        weight: 1.0,
        covariates: Vec::new(),
    });
    let table = Additive::fit(space, &measurements.collect::<Vec<_>>())?;
    let mut rng = stream(seed, "front, predicted", 0);
    let mut members: Vec<(Genotype, f64)> = Vec::new();
    for index in 0..PREDICTED {
        let genotype = match index < PREDICTED / 2 {
            true => space.sample(&mut rng),
            // Every evaluated member has its share of changed copies, so that all sizes do.
            false => space.mutate(&found[index % found.len()].0, 0.2, &mut rng),
        };
        let accuracy = table.predict(space, &genotype, 0.95)?.value;
        members.push((genotype, accuracy));
    }
    Ok(members)
}

/// Rewards accuracy at the middle limit of every device: the worst case, absolute form.
pub(super) struct Middle<'a> {
    space: &'a Space,
    devices: &'a [Limits],
    head: Head,
}

impl<'a> Middle<'a> {
    pub(super) fn new(space: &'a Space, devices: &'a [Limits], head: Head) -> Self {
        Self { space, devices, head }
    }

    fn ratios(&self, genotype: &Genotype) -> Result<Vec<f64>, Error> {
        let network = self.space.lower(genotype, self.head, RESOLUTION)?;
        let ratio = |device: &Limits| {
            let (_, limit) = device.limits[device.limits.len() / 2];
            Ok(ask(device.source.as_ref(), &network)? / limit)
        };
        self.devices.iter().map(ratio).collect()
    }
}

impl Rewarder for Middle<'_> {
    fn reward(&mut self, genotype: &Genotype, accuracy: Accuracy) -> Result<Reward, TrainError> {
        let ratios = self
            .ratios(genotype)
            .map_err(|error| TrainError::Reward(Box::new(error)))?;
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        Ok(Reward {
            value: RewardForm::default().reward(accuracy, worst),
            ratios,
        })
    }
}
