//! One-shot reinforcement learning for four devices, against evolution on the same supernet at equal cost.

use panarch_graph::Accuracy;
use panarch_report::{Panel, Series, Table};
use panarch_search::{AgeingEvolution, Begun, Evaluator, Evolution, Plan, Proposal, Report, Unconstrained};
use panarch_space::{Genotype, Subspace};
use panarch_study::{Choice, Observation};
use panarch_train::{FineTuning, Pace, Progress, Rewarder, Schedule, Supernet, Validator};

use super::bench::{BATCH, Bench, Start, Wanted};
use super::table::{Csv, shown};
use panarch_run::event::Watch;
use panarch_run::run::{DeviceRewarder, Setup};
use panarch_run::{Error, RunFile};

/// Passes over the training images.
const EPOCHS: f64 = 12.0;
const RATE: f64 = 0.2;
const SEED: u64 = 1;
/// Steps whose mean is one row of the learning curves.
const CURVE: u64 = 25;
/// Validation images of an evaluation in the evolution; with the ones for recalibration its cost.
const IMAGES: usize = 4_000;
const RECALIBRATED: usize = 1_000;
/// Epochs of fine-tuning what has been found.
const TUNED: f64 = 2.0;

const CURVES: &[&str] = &[
    "objective",
    "step",
    "reward",
    "baseline",
    "accuracy",
    "entropy",
    "r_ethos_u55_128",
    "r_cube_16",
    "r_cortex_a53",
    "r_host",
];
const EVOLVED: &[&str] = &["objective", "number", "genotype", "accuracy", "reward"];
const FOUND: &[&str] = &[
    "objective",
    "found_by",
    "genotype",
    "validation_accuracy",
    "reward",
    "average_r",
    "worst_r",
    "r_ethos_u55_128",
    "r_cube_16",
    "r_cortex_a53",
    "r_host",
    "test_accuracy",
];

pub(super) fn run(bench: &mut Bench, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let mut curves = bench.csv("curves.csv", CURVES)?;
    let mut evolved = bench.csv("evolution.csv", EVOLVED)?;
    let mut found = bench.csv("found.csv", FOUND)?;
    for objective in ["average", "worst"] {
        let setup = Setup::open(&devices(bench, objective)?, watch)?;
        let mut rewarder = DeviceRewarder::open(&setup, watch)?;
        let schedule = schedule(bench.scale)?;
        let steps = rewarded_steps(bench, &schedule)?;
        let name = format!("tunas-{objective}");
        let mut curve = Curve::new(objective, &mut curves);
        let wanted = Wanted {
            name: &name,
            seed: SEED,
            space: &setup.space,
            schedule,
            optimisation: Bench::optimisation(SEED),
            teacher: None,
        };
        let mut seen = |event: &Progress| curve.event(event);
        let (supernet, likeliest) = bench.rewarded(wanted, &mut rewarder, watch, &mut seen)?;
        curve.finish()?;
        // As many images as the policy has seen.
        let batch = 4 * BATCH;
        let evaluations = (steps * batch as u64) / (IMAGES + RECALIBRATED) as u64;
        let best = evolve(
            bench,
            objective,
            &supernet,
            &mut rewarder,
            evaluations,
            &mut evolved,
            watch,
        )?;
        let reference = setup.space.reference("mobilenet-v2-like").cloned();
        let candidates = [
            ("tunas", Some(likeliest)),
            ("evolution", Some(best)),
            ("reference", reference),
        ];
        for (by, genotype) in candidates {
            let Some(genotype) = genotype else { continue };
            if found.find(&[objective, by]).is_none() {
                let row = judged(bench, [objective, by], &supernet, &genotype, &mut rewarder, watch)?;
                found.push(row)?;
            }
        }
    }
    let title = "What the policy learns, step by step";
    bench.picture("curves.svg", title, &panels(&curves)?)?;
    let rows = found.all(&[]).map(|row| {
        let mut row = row.to_vec();
        row.remove(2);
        row
    });
    let columns: Vec<&str> = FOUND.iter().copied().filter(|name| *name != "genotype").collect();
    let mut table = shown("What was found", &columns, rows.collect());
    table.note("validation accuracy and reward with inherited weights; test accuracy after fine-tuning");
    Ok(vec![table])
}

/// Reward, entropy and the latencies, from the rows of the learning curves.
fn panels(curves: &Csv) -> Result<Vec<Panel>, Error> {
    let mut panels = Vec::new();
    for (title, columns) in [
        ("reward", &["reward"][..]),
        ("entropy, relative to equal chances", &["entropy"][..]),
        ("latency over target, for the average", &CURVES[6..]),
        ("latency over target, for the worst case", &CURVES[6..]),
    ] {
        let mut series = Vec::new();
        for objective in ["average", "worst"] {
            let of_another =
                title.contains("average") && objective == "worst" || title.contains("worst") && objective == "average";
            if of_another {
                continue;
            }
            for column in columns {
                let points = curves.all(&[objective]).map(|row| {
                    let value = curves.number(row, column)?;
                    Ok::<_, Error>((curves.number(row, "step")?, value))
                });
                let name = match columns.len() {
                    1 => format!("for the {objective}"),
                    _ => column.trim_start_matches("r_").replace('_', "-"),
                };
                series.push(Series {
                    name,
                    points: points.collect::<Result<_, _>>()?,
                    joined: true,
                });
            }
        }
        panels.push(Panel {
            title: title.to_owned(),
            x: "step".to_owned(),
            y: String::new(),
            series,
        });
    }
    Ok(panels)
}

/// The four devices of the first run file, and where their measurements are kept.
fn devices(bench: &Bench, objective: &str) -> Result<RunFile, Error> {
    let folder = bench.folder.join("devices").join(objective);
    let text = format!(
        r#"name = "devices"
[data]
dataset = "fashion-mnist"
[space]
preset = "multi-hardware-small"
[devices]
names = ["ethos-u55-128", "cube-16", "cortex-a53", "host"]
[devices.targets]
reference = "mobilenet-v2-like"
[train]
objective = "{objective}"
[output]
directory = {:?}
"#,
        folder.display().to_string()
    );
    Ok(RunFile::parse::<&str>("devices.toml", &text, &[])?)
}

fn schedule(scale: f64) -> Result<Schedule, Error> {
    let schedule = Schedule::preset("tunas")?;
    let factor = EPOCHS * scale / schedule.epochs();
    let schedule = schedule.scaled(factor).for_batch(BATCH);
    let rate = schedule.peak_learning_rate();
    Ok(schedule.with_learning_rate_factor(RATE / rate))
}

/// Steps in which the policy learns.
fn rewarded_steps(bench: &Bench, schedule: &Schedule) -> Result<u64, Error> {
    let per_epoch = bench.splits()?.train.len() / BATCH;
    let steps = schedule.epochs() * per_epoch as f64;
    let warm_up = schedule.phases[0].policy.map_or(0.0, |policy| policy.warm_up);
    Ok((steps * (1.0 - warm_up)) as u64)
}

/// Means of a policy's progress over some steps.
struct Curve<'a> {
    objective: &'static str,
    table: &'a mut Csv,
    sums: Vec<f64>,
    count: u64,
    result: Result<(), Error>,
}

impl<'a> Curve<'a> {
    fn new(objective: &'static str, table: &'a mut Csv) -> Self {
        Self {
            objective,
            table,
            sums: Vec::new(),
            count: 0,
            result: Ok(()),
        }
    }

    fn event(&mut self, event: &Progress) {
        let Progress::Policy {
            step,
            reward,
            baseline,
            accuracy,
            entropy,
            ratios,
        } = event
        else {
            return;
        };
        let values = [&[*reward, *baseline, *accuracy, *entropy][..], ratios].concat();
        self.sums.resize(values.len(), 0.0);
        self.sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        self.count += 1;
        if step.is_multiple_of(CURVE) && self.result.is_ok() {
            let step = step.to_string();
            // A training that was cut repeats its last steps.
            if self.table.find(&[self.objective, &step]).is_none() {
                let means = self.sums.iter().map(|sum| format!("{:.5}", sum / self.count as f64));
                let row = [self.objective.to_owned(), step].into_iter().chain(means);
                self.result = self.table.push(row.collect());
            }
            self.sums.clear();
            self.count = 0;
        }
    }

    fn finish(self) -> Result<(), Error> {
        self.result
    }
}

/// Ageing evolution with inherited weights; gives the best member.
fn evolve(
    bench: &mut Bench,
    objective: &str,
    supernet: &Supernet,
    rewarder: &mut DeviceRewarder<'_>,
    evaluations: u64,
    table: &mut Csv,
    watch: &mut Watch<'_>,
) -> Result<Genotype, Error> {
    watch.step(format!("Evolution for {objective}"));
    let validator = bench.validator(IMAGES)?;
    let population = 25;
    let settings = Evolution {
        population,
        tournament: 6,
        ..Evolution::default()
    };
    let mut strategy = AgeingEvolution::new(SEED, settings)?;
    let plan = Plan {
        subspace: &Subspace::whole(supernet.space()),
        pool: None,
        constraint: &Unconstrained,
        sums: None,
        budget: evaluations.max(population as u64),
        batch: 1,
    };
    let mut rewarded = Rewarded {
        bench,
        objective,
        supernet,
        validator: &validator,
        rewarder,
        evaluations,
        table,
        watch,
    };
    let (history, _) = panarch_search::search(&plan, &mut strategy, Begun::default(), &mut rewarded)?;
    watch.done(format!("{evaluations} evaluations"));
    let best = Choice::largest_reward().winner(&history.front())?;
    best.map(|best| best.genotype.clone())
        .ok_or_else(|| Error::Infeasible("the evolution has evaluated nothing".into()))
}

/// Rewards members with inherited weights; what an earlier process has rewarded stands in the table.
struct Rewarded<'a, 'r, 'w> {
    bench: &'a mut Bench,
    objective: &'a str,
    supernet: &'a Supernet,
    validator: &'a Validator,
    rewarder: &'a mut DeviceRewarder<'r>,
    evaluations: u64,
    table: &'a mut Csv,
    watch: &'a mut Watch<'w>,
}

impl Rewarded<'_, '_, '_> {
    fn reward(&mut self, number: u64, genotype: &Genotype) -> Result<f64, Error> {
        let number = number.to_string();
        if let Some(row) = self.table.find(&[self.objective, &number])
            && row[2] == genotype.to_string()
        {
            return self.table.number(row, "reward");
        }
        let score = self
            .validator
            .inherited(self.bench.engine.as_mut(), self.supernet, genotype)?;
        let accuracy = score.accuracy().value;
        let reward = self.rewarder.reward(genotype, accuracy)?.value;
        self.table.push(vec![
            self.objective.to_owned(),
            number,
            genotype.to_string(),
            format!("{:.6}", accuracy.share()),
            format!("{reward:.9}"),
        ])?;
        Ok(reward)
    }
}

impl Evaluator for Rewarded<'_, '_, '_> {
    type Error = Error;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), Error> {
        for Proposal { number, genotype } in proposals {
            self.watch.check()?;
            let reward = self.reward(*number, genotype)?;
            report.finished(Observation::rewarded(*number, genotype.clone(), reward))?;
            self.watch.progress(number + 1, self.evaluations, "evaluations", "");
        }
        Ok(())
    }
}

/// A found network, on all validation images with inherited weights, and on the test images after fine-tuning.
fn judged(
    bench: &mut Bench,
    key: [&str; 2],
    supernet: &Supernet,
    genotype: &Genotype,
    rewarder: &mut DeviceRewarder<'_>,
    watch: &mut Watch<'_>,
) -> Result<Vec<String>, Error> {
    watch.step(format!("Fine-tuning what {} has found for {}", key[1], key[0]));
    let validator = bench.validator(10_000)?;
    let score = validator.inherited(bench.engine.as_mut(), supernet, genotype)?;
    let accuracy: Accuracy = score.accuracy().value;
    let reward = rewarder.reward(genotype, accuracy)?;
    let settings = FineTuning {
        pace: Pace {
            epochs: TUNED * bench.scale,
            learning_rate: RATE / 4.0,
            last_learning_rate: 0.0,
            warmup_epochs: 0.0,
        },
        optimisation: Bench::optimisation(SEED),
        distillation: 0.0,
        ..FineTuning::default()
    };
    let trained = bench.network(Start::Inherited(supernet, genotype), settings, &validator, watch)?;
    let tested = bench.tested(&trained.network, &trained.weights)?.accuracy().value;
    let ratios = &reward.ratios;
    let average = ratios.iter().sum::<f64>() / ratios.len().max(1) as f64;
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    let numbers = [accuracy.share(), reward.value, average, worst];
    let numbers = numbers
        .into_iter()
        .chain(ratios.iter().copied())
        .chain([tested.share()]);
    watch.done(format!("{tested} on the test images"));
    let texts = [key[0].to_owned(), key[1].to_owned(), genotype.to_string()];
    Ok(texts
        .into_iter()
        .chain(numbers.map(|number| format!("{number:.5}")))
        .collect())
}
