//! Whether inherited weights rank networks as training them alone does.

use panarch_graph::{Network, stream};
use panarch_report::{Panel, Series, Table};
use panarch_space::{Genotype, Space};
use panarch_train::{FineTuning, Pace, Schedule, Supernet};

use super::bench::{BATCH, Bench, RESOLUTION, Start, Wanted};
use super::compofa::{schedule_of, teacher};
use super::front::{Middle, limits};
use super::statistics::{bootstrap, kendall};
use super::table::shown;
use panarch_run::Error;
use panarch_run::event::Watch;

/// Networks that are trained alone.
const NETWORKS: usize = 24;
/// Members from which they are taken, evenly over the MACs.
const DRAWN: u64 = 2_000;
/// Epochs of a network alone.
const ALONE: f64 = 6.0;
/// Passes of training images through sub-networks, of the schedules that have no published proportion to another.
const PASSES: f64 = 24.0;
/// The learning rate of everything but the published proportions: the best of 0.1, 0.2 and 0.4 for `sandwich`.
const RATE: f64 = 0.2;
const SEED: u64 = 1;
/// Validation images: all.
const IMAGES: usize = 10_000;

const ALONE_HEADER: &[&str] = &["genotype", "macs", "correct", "images"];
const INHERITED_HEADER: &[&str] = &["schedule", "genotype", "correct", "images"];
const SCHEDULES: [&str; 6] = [
    "progressive-shrinking",
    "compound",
    "sandwich",
    "single-path",
    "fair",
    "tunas",
];

pub(super) fn run(bench: &mut Bench, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let networks = networks(bench)?;
    let validator = bench.validator(IMAGES)?;
    let mut alone = bench.csv("alone.csv", ALONE_HEADER)?;
    for (number, (genotype, network)) in networks.iter().enumerate() {
        let text = genotype.to_string();
        if alone.find(&[&text]).is_some() {
            continue;
        }
        watch.step(format!(
            "Network {} of {} alone ({})",
            number + 1,
            networks.len(),
            network.macs()
        ));
        let settings = FineTuning {
            pace: Pace {
                epochs: ALONE * bench.scale,
                learning_rate: RATE,
                last_learning_rate: 0.0,
                warmup_epochs: 0.1 * bench.scale,
            },
            optimisation: Bench::optimisation(SEED),
            distillation: 0.0,
            ..FineTuning::default()
        };
        let trained = bench.network(Start::Scratch(network.clone()), settings, &validator, watch)?;
        let score = validator.finished(bench.engine.as_mut(), &trained.network, &trained.weights)?;
        let numbers = [
            network.macs().0.to_string(),
            score.correct.to_string(),
            score.images.to_string(),
        ];
        alone.push([text].into_iter().chain(numbers).collect())?;
        watch.done(score.accuracy().value.to_string());
    }
    let mut inherited = bench.csv("inherited.csv", INHERITED_HEADER)?;
    for name in SCHEDULES {
        if inherited.all(&[name]).count() == networks.len() {
            continue;
        }
        let supernet = supernet(bench, name, watch)?;
        watch.step(format!("The networks with weights of {name}"));
        let placed = supernet.place(bench.engine.as_mut())?;
        for (genotype, network) in &networks {
            let text = genotype.to_string();
            if inherited.find(&[name, &text]).is_none() {
                if watch.cancel.is_cancelled() {
                    return Err(Error::Interrupted);
                }
                let score = bench.inherited(network, &placed, &validator)?;
                let numbers = [score.correct.to_string(), score.images.to_string()];
                inherited.push([name.to_owned(), text].into_iter().chain(numbers).collect())?;
            }
        }
        bench.engine.remove(placed.parameters());
        watch.done(format!("{} scores", networks.len()));
    }
    let (mut rows, mut panels) = (Vec::new(), Vec::new());
    for name in SCHEDULES {
        let mut pairs = Vec::new();
        for row in inherited.all(&[name]) {
            if let Some(other) = alone.find(&[&row[1]]) {
                let share = |correct: f64, images: f64| 100.0 * correct / images;
                let own = share(alone.number(other, "correct")?, alone.number(other, "images")?);
                let taken = share(inherited.number(row, "correct")?, inherited.number(row, "images")?);
                pairs.push((taken, own));
            }
        }
        panels.push(Panel {
            title: name.to_owned(),
            x: "inherited (%)".to_owned(),
            y: "alone (%)".to_owned(),
            series: vec![Series {
                name: "one network".to_owned(),
                points: pairs.clone(),
                joined: false,
            }],
        });
        let gap = pairs.iter().map(|(taken, own)| taken - own).sum::<f64>() / pairs.len().max(1) as f64;
        let spent = bench.spent(name, SEED)?;
        rows.push(vec![
            name.to_owned(),
            format!("{:.0}", spent.student_images / 1e3),
            format!("{:.3}", bootstrap(&pairs, SEED, kendall)),
            format!("{gap:+.2}"),
            format!("{:.2}", pairs.iter().map(|(taken, _)| *taken).fold(0.0, f64::max)),
        ]);
    }
    bench.picture("ranking.svg", "Validation accuracy inherited and alone", &panels)?;
    let mut table = shown(
        "Inherited against stand-alone accuracy",
        &[
            "schedule",
            "student passes (k)",
            "Kendall τ (95 % bootstrap)",
            "inherited − alone (points)",
            "best inherited (%)",
        ],
        rows,
    );
    table.note(format!(
        "{} networks, each trained alone for {} epochs; one seed",
        networks.len(),
        ALONE * bench.scale
    ));
    Ok(vec![table])
}

/// Members of the compound space, which are also members of the one of Once-for-All's kind, spread over the MACs.
fn networks(bench: &Bench) -> Result<Vec<(Genotype, Network)>, Error> {
    let space = Space::preset("compofa-small")?;
    let head = bench.splits()?.head();
    let drawn = (0..DRAWN).map(|index| {
        let genotype = space.sample(&mut stream(SEED, "ranking", index));
        let network = space.lower(&genotype, head, RESOLUTION)?;
        Ok::<_, Error>((genotype, network))
    });
    let mut drawn: Vec<_> = drawn.collect::<Result<_, _>>()?;
    drawn.sort_by_key(|(_, network)| network.macs().0);
    let ends = [drawn.first(), drawn.last()].map(|end| end.map_or(0.0, |(_, network)| network.macs().0 as f64));
    let nearest = |number: usize| {
        let wanted = ends[0] + (ends[1] - ends[0]) * number as f64 / (NETWORKS - 1) as f64;
        let place = drawn.partition_point(|(_, network)| (network.macs().0 as f64) < wanted);
        drawn[place.min(drawn.len() - 1)].clone()
    };
    let mut chosen: Vec<(Genotype, Network)> = (0..NETWORKS).map(nearest).collect();
    chosen.dedup_by(|a, b| a.0 == b.0);
    Ok(chosen)
}

fn supernet(bench: &mut Bench, name: &str, watch: &mut Watch<'_>) -> Result<Supernet, Error> {
    let published = matches!(name, "progressive-shrinking" | "compound");
    let space = Space::preset(if name == "compound" {
        "compofa-small"
    } else {
        "ofa-small"
    })?;
    let teacher = match published {
        true => Some(teacher(bench, SEED, watch)?),
        false => None,
    };
    let schedule = match published {
        true => schedule_of(name, super::compofa::LENGTH * bench.scale)?,
        false => plain(name, PASSES * bench.scale)?,
    };
    let wanted = Wanted {
        name,
        seed: SEED,
        space: &space,
        schedule,
        optimisation: Bench::optimisation(SEED),
        teacher: teacher.as_ref(),
    };
    if name != "tunas" {
        return bench.supernet(wanted, watch);
    }
    let head = bench.splits()?.head();
    let devices = limits(&Space::preset("compofa-small")?, head)?;
    let mut rewarder = Middle::new(&space, &devices, head);
    Ok(bench.rewarded(wanted, &mut rewarder, watch, &mut |_| {})?.0)
}

/// A schedule of one phase with so many passes through sub-networks, at this page's learning rate.
pub(super) fn plain(name: &str, passes: f64) -> Result<Schedule, Error> {
    let schedule = Schedule::preset(name)?;
    let factor = passes / schedule.student_epochs();
    let schedule = schedule.scaled(factor).for_batch(BATCH);
    let rate = schedule.peak_learning_rate();
    Ok(schedule.with_learning_rate_factor(RATE / rate))
}
