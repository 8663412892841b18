//! What networks cost on the devices of a run, as sums over few decisions each.

use panarch_cost::{CostError, weight_size};
use panarch_graph::{Network, Precision, stream};
use panarch_predict::{Additive, AdditiveLatency, Measurement};
use panarch_search::exact::Factored;
use panarch_space::{Genotype, Subspace};
use panarch_study::{CostSummary, Limit, Quantity};

use super::{Device, Devices, Setup, Watch};
use crate::{Error, device_source};

/// Members that tables are fitted to, and members that they are then held against.
const FITTED: usize = 150;
const HELD_BACK: usize = 50;
/// The same for a device that runs a program for each.
const FITTED_SLOWLY: usize = 45;
const HELD_BACK_SLOWLY: usize = 15;

/// A cost as a table, and by how much of its value it may be wrong: 0 where it is exact.
#[derive(Debug, Clone)]
pub(super) struct CostTable {
    pub(super) table: Factored,
    pub(super) error: f64,
}

/// Tables of all costs that a run asks for.
pub(super) struct CostTables {
    /// Latency by device.
    pub(super) latencies: Vec<CostTable>,
    /// Energy by device, where there is a limit on it.
    pub(super) energies: Vec<Option<CostTable>>,
    /// What each device says of members drawn at random.
    pub(super) answers: Vec<Vec<(Genotype, CostSummary)>>,
    places: Option<Places>,
}

/// Quantities of networks that are exact sums over their places.
struct Places {
    /// Those of an [`AdditiveLatency`].
    covariates: Vec<Factored>,
    macs: Factored,
    parameters: Factored,
    /// Bytes of the weights in this precision.
    weights: Vec<(Precision, Factored)>,
}

impl CostTables {
    /// Works the tables out: that of a machine that was measured split by place; for other devices fitted to their answers for
    /// members drawn at random.
    ///
    /// # Errors
    /// When a device cannot be asked, or a table cannot be fitted.
    pub(super) fn new(setup: &Setup, devices: &Devices, watch: &mut Watch<'_>) -> Result<Self, Error> {
        watch.step("Costs as sums over decisions".to_owned());
        let places = places(setup, devices);
        let mut tables = Self {
            latencies: Vec::new(),
            energies: Vec::new(),
            answers: answers(setup, devices, watch)?,
            places,
        };
        let mut words = Vec::new();
        for ((device, name), answers) in devices.iter().zip(&setup.file.devices.names).zip(&tables.answers) {
            let latency = |cost: &CostSummary| Some(cost.latency.value.seconds());
            let table = match (device.table(), &tables.places) {
                (Some((table, _)), Some(places)) => CostTable {
                    table: with_covariates(setup, table.table(), &places.covariates),
                    error: 0.0,
                },
                _ => fitted(setup, device, answers, tables.places.as_ref(), latency)?,
            };
            words.push(format!("{} {:.1} %", device.name(), table.error * 100.0));
            tables.latencies.push(table);
            let limited = |limit: &Limit| limit.device() == Some(name) && limit.most().quantity() == Quantity::Energy;
            let energy = |cost: &CostSummary| cost.energy.map(|energy| energy.value.joules());
            tables.energies.push(match setup.file.limits.iter().any(limited) {
                true => Some(fitted(setup, device, answers, tables.places.as_ref(), energy)?),
                false => None,
            });
        }
        watch.done(format!("largest error of a latency: {}", words.join(", ")));
        Ok(tables)
    }

    /// The table of what a limit of the run is on; none for what is no sum, such as peak memory.
    pub(super) fn of_limit(&self, setup: &Setup, devices: &Devices, limit: &Limit) -> Option<CostTable> {
        let exact = |table: &Factored| CostTable {
            table: table.clone(),
            error: 0.0,
        };
        let place = || {
            setup
                .file
                .devices
                .names
                .iter()
                .position(|known| Some(known.as_str()) == limit.device())
        };
        match limit.most().quantity() {
            Quantity::Latency => self.latencies.get(place()?).cloned(),
            Quantity::Energy => self.energies.get(place()?)?.clone(),
            Quantity::Macs => Some(exact(&self.places.as_ref()?.macs)),
            Quantity::Parameters => Some(exact(&self.places.as_ref()?.parameters)),
            Quantity::WeightBytes => {
                let precision = devices.iter().nth(place()?)?.profile.precision();
                let mut weights = self.places.as_ref()?.weights.iter();
                weights
                    .find(|(known, _)| *known == precision)
                    .map(|(_, table)| exact(table))
            }
            Quantity::PeakMemory | Quantity::Score | Quantity::Accuracy => None,
        }
    }
}

/// The quantities that are sums over places; none where a space is no such sum.
fn places(setup: &Setup, devices: &Devices) -> Option<Places> {
    let counts = |network: &Network| {
        let [dense, grouped, values] = AdditiveLatency::covariates(network);
        let (macs, parameters) = (network.macs().0 as f64, network.parameter_count() as f64);
        [dense, grouped, values, macs, parameters]
    };
    let sums = Factored::of_places(&setup.space, setup.head, setup.resolution, counts).ok()?;
    let [dense, grouped, values, macs, parameters] = sums;
    let mut weights: Vec<(Precision, Factored)> = Vec::new();
    for precision in devices.iter().map(|device| device.profile.precision()) {
        if weights.iter().any(|(known, _)| *known == precision) {
            continue;
        }
        let size = |network: &Network| [weight_size(network, precision).0 as f64];
        if let Ok([size]) = Factored::of_places(&setup.space, setup.head, setup.resolution, size) {
            weights.push((precision, size));
        }
    }
    Some(Places {
        covariates: vec![dense, grouped, values],
        macs,
        parameters,
        weights,
    })
}

/// Asks every device for members drawn at random.
fn answers(
    setup: &Setup,
    devices: &Devices,
    watch: &mut Watch<'_>,
) -> Result<Vec<Vec<(Genotype, CostSummary)>>, Error> {
    let count = match devices.iter().any(Device::takes_time) {
        true => FITTED_SLOWLY + HELD_BACK_SLOWLY,
        false => FITTED + HELD_BACK,
    };
    let subspace = Subspace::whole(&setup.space);
    let mut members: Vec<Genotype> = Vec::new();
    let mut all = vec![Vec::new(); devices.iter().len()];
    for number in 0..4 * count as u64 {
        watch.check()?;
        if members.len() == count {
            break;
        }
        let genotype = subspace.sample(&mut stream(setup.file.seed, "tables of costs", number));
        if members.contains(&genotype) {
            continue;
        }
        match devices.costs(setup, &genotype) {
            Ok(costs) => {
                for (all, cost) in all.iter_mut().zip(costs) {
                    all.push((genotype.clone(), cost));
                }
                members.push(genotype);
                watch.progress(members.len() as u64, count as u64, "networks", String::new());
            }
            // A network that a device cannot run is never proposed.
            Err(Error::Cost(CostError::Unsupported { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// A table that is fitted to answers; its error is the largest for a quarter of them that were held back.
fn fitted(
    setup: &Setup,
    device: &Device,
    answers: &[(Genotype, CostSummary)],
    places: Option<&Places>,
    value: impl Fn(&CostSummary) -> Option<f64>,
) -> Result<CostTable, Error> {
    let mut covariates = places.map_or_else(Vec::new, |places| places.covariates.clone());
    covariates.extend(of_blocks(setup, device, &value));
    let known = answers.iter().filter_map(|(genotype, cost)| {
        let value = value(cost)?;
        let own = covariates.iter().map(|it| it.value(&setup.space, genotype));
        Some(Measurement {
            covariates: own.collect::<Option<Vec<f64>>>()?,
            ..Measurement::new(genotype.clone(), value)
        })
    });
    let known: Vec<Measurement> = known.collect();
    let (fitted, held_back) = known.split_at(known.len() * 3 / 4);
    let table = with_covariates(setup, &Additive::fit(&setup.space, fitted)?, &covariates);
    let errors = held_back.iter().map(|row| {
        let foretold = table.value(&setup.space, &row.genotype).unwrap_or(f64::INFINITY);
        (foretold / row.value - 1.0).abs()
    });
    Ok(CostTable {
        error: errors.fold(0.0, f64::max),
        table,
    })
}

/// What a device says of the block at every place standing alone, summed; none for a device that cannot run them alone, or
/// that would take long.
fn of_blocks(setup: &Setup, device: &Device, value: &impl Fn(&CostSummary) -> Option<f64>) -> Option<Factored> {
    let source = device.source().filter(|source| !source.takes_time())?;
    let alone = |network: &Network| {
        let cost = device_source::ask(source, network, None).ok();
        [cost
            .and_then(|cost| value(&CostSummary::from(&cost)))
            .unwrap_or(f64::NAN)]
    };
    let [sum] = Factored::over_places(&setup.space, setup.head, setup.resolution, alone).ok()?;
    let values = sum.factors.iter().flat_map(|factor| &factor.values);
    (sum.constant.is_finite() && values.clone().all(|value| value.is_finite())).then_some(sum)
}

/// The terms of a table, and what its covariates add at every place.
fn with_covariates(setup: &Setup, table: &Additive, covariates: &[Factored]) -> Factored {
    let terms = Factored::of_terms(table, &setup.space);
    let pairs = table.slopes().into_iter().zip(covariates);
    pairs.fold(terms, |sum, (slope, covariate)| sum.plus(covariate, slope.value))
}
