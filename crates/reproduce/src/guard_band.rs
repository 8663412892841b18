//! Whether a network that is chosen by predictors keeps its limits on silicon, with and without a guard band.

mod pool;

use std::path::Path;

use panarch_graph::stream;
use panarch_predict::{Choice, Member, Model, PredictError, Sample, TrainedPredictor};
use panarch_report::{Cell, Column, Table};
use panarch_run::Error;
use panarch_run::cost_predictors::{Band, CostPredictors};
use panarch_run::event::Watch;
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::pools::write;
use pool::{Pool, Worth};

const CONFIDENCE: f64 = 0.95;
const BANDS: [(&str, Band); 3] = [
    ("none", Band::None),
    ("each", Band::Each(CONFIDENCE)),
    ("joint", Band::Joint(CONFIDENCE)),
];

/// Searches in one pool: fits, each with limits that are drawn for it.
struct Trial {
    pool: &'static str,
    rows: usize,
    fits: u64,
    limits: u64,
    /// Names, each with the devices that have no limit.
    variants: &'static [(&'static str, &'static [&'static str])],
}

const TRIALS: [Trial; 2] = [
    Trial {
        pool: "accel-nasbench",
        rows: 100,
        fits: 20,
        limits: 25,
        variants: &[("Accel-NASBench", &[])],
    },
    Trial {
        pool: "ofa-gpus",
        rows: 100,
        fits: 20,
        limits: 25,
        variants: &[
            ("Once-for-All's GPUs", &[]),
            (
                "Once-for-All's GPUs without 2080ti_1 and 2080ti_32",
                &["2080ti_1", "2080ti_32"],
            ),
        ],
    },
];

/// The seed of the first fit. Bands were compared on other seeds before this one was chosen.
const FIRST_SEED: u64 = 1001;

/// Limits lie between these quantiles of what the pool costs.
const QUANTILES: std::ops::Range<f64> = 0.05..0.95;

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let columns = [
        "pool",
        "rows",
        "fit",
        "band",
        "searches",
        "reachable",
        "delivered",
        "kept",
        "given_up",
    ];
    let mut fits = Table::new("Searches by fit", columns.map(Column::raw).into());
    let mut summary = Table::new(
        "Networks chosen by predictors, judged by what was measured",
        [
            "pool",
            "rows",
            "band",
            "reachable",
            "delivered (%)",
            "kept (%)",
            "given up",
        ]
        .map(Column::text)
        .into(),
    );
    for trial in &TRIALS {
        let pool = Pool::read(trial.pool)?;
        watch.step(format!("{}: predictors of {} rows", trial.pool, trial.rows));
        let mut totals = vec![[Tally::default(); BANDS.len()]; trial.variants.len()];
        for fit in FIRST_SEED..FIRST_SEED + trial.fits {
            watch.check()?;
            for ((tallies, total), (name, _)) in of_fit(&pool, trial, fit)?.iter().zip(&mut totals).zip(trial.variants)
            {
                for ((tally, total), (band, _)) in tallies.iter().zip(total).zip(BANDS) {
                    total.add(tally);
                    fits.push(vec![
                        Cell::text(*name),
                        Cell::count(trial.rows as u64),
                        Cell::count(fit),
                        Cell::text(band),
                        Cell::count(trial.limits),
                        Cell::count(tally.reachable),
                        Cell::count(tally.delivered),
                        Cell::count(tally.kept),
                        Cell::decimal(tally.given_up, 4),
                    ]);
                }
            }
            watch.progress(fit - FIRST_SEED + 1, trial.fits, "fits", "");
            write(folder, "fits.csv", &fits)?;
        }
        watch.done(format!(
            "{} searches",
            trial.fits * trial.limits * trial.variants.len() as u64
        ));
        for (total, (name, _)) in totals.iter().zip(trial.variants) {
            for (tally, (band, _)) in total.iter().zip(BANDS) {
                let share = |part: u64, whole: u64| Cell::decimal(100.0 * part as f64 / whole.max(1) as f64, 1);
                summary.push(vec![
                    Cell::text(*name),
                    Cell::count(trial.rows as u64),
                    Cell::text(band),
                    Cell::count(tally.reachable),
                    share(tally.delivered, tally.reachable),
                    share(tally.kept, tally.delivered),
                    Cell::decimal(tally.given_up / tally.delivered.max(1) as f64, 2),
                ]);
            }
        }
    }
    summary.note(format!(
        "Limits on every device at once, drawn between the quantiles {} and {} of what the pool costs; confidence {CONFIDENCE}. \
         Given up: points of accuracy, or per cent of the MACs, to the best network of the pool that keeps the limits.",
        QUANTILES.start, QUANTILES.end
    ));
    Ok(vec![summary])
}

/// What became of searches.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// Limits that a network of the pool keeps, by what was measured.
    reachable: u64,
    /// Of these, those for which the search had an answer.
    delivered: u64,
    /// Answers that keep all limits by what was measured.
    kept: u64,
    /// The sum over answers of what they are worth less than the best.
    given_up: f64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.reachable += other.reachable;
        self.delivered += other.delivered;
        self.kept += other.kept;
        self.given_up += other.given_up;
    }
}

/// Fits predictors to rows drawn at random and searches among all others, with each band for the same limits; for each
/// variant, what came of it with each band.
fn of_fit(pool: &Pool, trial: &Trial, fit: u64) -> Result<Vec<[Tally; BANDS.len()]>, Error> {
    let mut places: Vec<usize> = (0..pool.members.len()).collect();
    places.shuffle(&mut stream(fit, "guard band: rows", 0));
    let (rows, others) = places.split_at(trial.rows.min(places.len()));
    let of = |values: &[f64], places: &[usize]| -> Vec<f64> {
        places.iter().filter_map(|place| values.get(*place).copied()).collect()
    };
    let members = |places: &[usize]| -> Vec<Member> {
        places
            .iter()
            .filter_map(|place| pool.members.get(*place).cloned())
            .collect()
    };
    let (known, open) = (members(rows), members(others));
    let columns: Vec<(String, Vec<f64>)> = pool
        .costs
        .iter()
        .map(|(device, costs)| (device.clone(), of(costs, rows)))
        .collect();
    let choice = Choice::Only(Model::Counts);
    let predictors = CostPredictors::train(&pool.space, &known, &columns, choice)?;
    let foreseen = predictors.foresee(&open);
    let truth = of(&pool.worth, others);
    let worth: Vec<Option<f64>> = match pool.kind {
        Worth::Macs => truth.iter().copied().map(Some).collect(),
        Worth::Accuracy => {
            let samples = known.iter().zip(of(&pool.worth, rows)).map(|(member, value)| Sample {
                member: member.clone(),
                value,
                repeats: 1,
            });
            let accuracy = TrainedPredictor::train(&pool.space, "accuracy", samples.collect(), choice)?;
            let answers = accuracy.predict(&open).into_iter();
            answers
                .map(|answer: Result<_, PredictError>| answer.ok().map(|it| it.value))
                .collect()
        }
    };
    let costs: Vec<Vec<f64>> = pool.costs.iter().map(|(_, costs)| of(costs, others)).collect();
    let keeps = |place: usize, limits: &[(usize, f64)]| {
        limits.iter().all(|(device, limit)| {
            costs
                .get(*device)
                .and_then(|costs| costs.get(place))
                .is_some_and(|cost| cost <= limit)
        })
    };
    let mut all = Vec::new();
    for (_, without) in trial.variants {
        let free = |device: usize| {
            pool.costs
                .get(device)
                .is_some_and(|(name, _)| without.contains(&name.as_str()))
        };
        let mut tallies = [Tally::default(); BANDS.len()];
        for draw in 0..trial.limits {
            let mut limits = drawn(&costs, &mut stream(fit, "guard band: limits", draw));
            limits.retain(|(device, _)| !free(*device));
            let reachable = truth.iter().enumerate().filter(|(place, _)| keeps(*place, &limits));
            let Some(best) = reachable.map(|(_, worth)| *worth).reduce(f64::max) else {
                continue;
            };
            for (tally, (_, band)) in tallies.iter_mut().zip(BANDS) {
                tally.reachable += 1;
                let Some(place) = predictors.choose(&foreseen, &worth, &limits, band)? else {
                    continue;
                };
                tally.delivered += 1;
                tally.kept += u64::from(keeps(place, &limits));
                let found = truth.get(place).copied().unwrap_or_default();
                tally.given_up += match pool.kind {
                    Worth::Accuracy => best - found,
                    Worth::Macs => 100.0 * (1.0 - found / best),
                };
            }
        }
        all.push(tallies);
    }
    Ok(all)
}

/// A limit for every device, at a random quantile of what is measured there.
fn drawn(costs: &[Vec<f64>], rng: &mut ChaCha8Rng) -> Vec<(usize, f64)> {
    let limit = |(device, costs): (usize, &Vec<f64>)| {
        let mut sorted = costs.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = rng.random_range(QUANTILES);
        let place = (quantile * sorted.len() as f64) as usize;
        sorted.get(place).map(|limit| (device, *limit))
    };
    costs.iter().enumerate().filter_map(limit).collect()
}
