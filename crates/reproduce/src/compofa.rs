//! CompOFA's claim: half the training, and a front that is no worse (Sahni et al. 2021).

use panarch_report::{Panel, Series, Table};
use panarch_space::Space;
use panarch_train::{Schedule, TeacherNetwork};

use super::bench::{BATCH, Bench, Wanted};
use super::front::{EVALUATIONS, FRONT, front, limits};
use super::statistics::mean;
use super::table::{Csv, shown};
use panarch_run::Error;
use panarch_run::event::Watch;

/// Of the published lengths.
pub(super) const LENGTH: f64 = 0.04;
/// The students' learning rates over the published ones, in proportion to the batch: few steps want higher rates. Of 4, 12 and 30
/// the highest was best for `compound` on validation images (another seed); progressive shrinking's first phase, whose rate
/// is four times as high, sets the limit.
const RATE: f64 = 15.0;
/// The same for the teacher, whose rate is high already.
const TEACHER_RATE: f64 = 4.0;
/// What CompOFA's students cost of OFA's: 600 of 1025 passes.
const SHARE: f64 = 600.0 / 1025.0;
const SEEDS: [u64; 3] = [1, 2, 3];

/// A training by name: its schedule, how much of the published length, and its space.
const TRAININGS: [(&str, &str, f64, &str); 4] = [
    ("progressive-shrinking", "progressive-shrinking", 1.0, "ofa-small"),
    ("compound", "compound", 1.0, "compofa-small"),
    (
        "progressive-shrinking-short",
        "progressive-shrinking",
        SHARE,
        "ofa-small",
    ),
    ("compound-long", "compound", 1.0 / SHARE, "compofa-small"),
];

pub(super) fn run(bench: &mut Bench, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let mut evaluations = bench.csv("evaluations.csv", EVALUATIONS)?;
    let mut points = bench.csv("front.csv", FRONT)?;
    let compound = Space::preset("compofa-small")?;
    let devices = limits(&compound, bench.splits()?.head())?;
    for seed in SEEDS {
        let teacher = teacher(bench, seed, watch)?;
        for (name, schedule, length, space) in TRAININGS {
            let schedule = schedule_of(schedule, LENGTH * length * bench.scale)?;
            let space = Space::preset(space)?;
            let wanted = Wanted {
                name,
                seed,
                space: &space,
                schedule,
                optimisation: Bench::optimisation(seed),
                teacher: Some(&teacher),
            };
            let supernet = bench.supernet(wanted, watch)?;
            let tables = (&mut evaluations, &mut points);
            front(bench, name, seed, &supernet, &devices, tables, watch)?;
        }
    }
    bench.picture(
        "front.svg",
        "Test accuracy of the best network within each limit",
        &panels(&points)?,
    )?;
    Ok(vec![costs(bench)?, differences(&points)?, curves(&points)?])
}

/// A published schedule for the bench's batch, shortened.
pub(super) fn schedule_of(name: &str, length: f64) -> Result<Schedule, Error> {
    let mut schedule = Schedule::preset(name)?.scaled(length).for_batch(BATCH);
    for phase in &mut schedule.phases {
        let factor = if phase.makes_teacher() { TEACHER_RATE } else { RATE };
        phase.pace.learning_rate *= factor;
    }
    Ok(schedule)
}

/// The largest network of the space of Once-for-All's kind, trained alone: the teacher of all trainings of a seed.
pub(super) fn teacher(bench: &mut Bench, seed: u64, watch: &mut Watch<'_>) -> Result<TeacherNetwork, Error> {
    let space = Space::preset("ofa-small")?;
    let mut schedule = schedule_of("progressive-shrinking", LENGTH * bench.scale)?;
    schedule.phases.retain(panarch_train::schedule::Phase::makes_teacher);
    schedule.kernel_matrices = false;
    let wanted = Wanted {
        name: "teacher",
        seed,
        space: &space,
        schedule,
        optimisation: Bench::optimisation(seed),
        teacher: None,
    };
    let supernet = bench.supernet(wanted, watch)?;
    Ok(TeacherNetwork::largest_of(&supernet)?)
}

fn costs(bench: &Bench) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for name in [&["teacher"][..], &TRAININGS.map(|it| it.0)].concat() {
        let spent = SEEDS.map(|seed| bench.spent(name, seed));
        let spent: Vec<_> = spent.into_iter().collect::<Result<_, _>>()?;
        let all =
            |value: &dyn Fn(&super::bench::Spent) -> f64| mean(&spent.iter().map(value).collect::<Vec<_>>()).value;
        rows.push(vec![
            name.to_owned(),
            format!("{:.0}", all(&|it| it.student_images) / 1e3),
            format!("{:.0}", all(&|it| it.teacher_images) / 1e3),
            format!("{:.0}", all(&|it| it.wall)),
            format!("{:.0}", all(&|it| it.cpu)),
        ]);
    }
    let mut table = shown(
        "What the trainings cost, mean of the seeds",
        &[
            "training",
            "student passes (k)",
            "teacher passes (k)",
            "wall (s)",
            "processor (s)",
        ],
        rows,
    );
    let ratio = |value: &dyn Fn(&super::bench::Spent) -> f64| -> Result<_, Error> {
        let of = |name: &str, seed: u64| -> Result<f64, Error> { Ok(value(&bench.spent(name, seed)?)) };
        let ratios = SEEDS.map(|seed| Ok::<f64, Error>(of("compound", seed)? / of("progressive-shrinking", seed)?));
        Ok(mean(&ratios.into_iter().collect::<Result<Vec<_>, _>>()?))
    };
    table.note(format!(
        "compound over progressive shrinking: student passes {:.3}, teacher passes {:.3}, wall {:.3}, processor {:.3}",
        ratio(&|it| it.student_images)?,
        ratio(&|it| it.teacher_images)?,
        ratio(&|it| it.wall)?,
        ratio(&|it| it.cpu)?
    ));
    Ok(table)
}

/// Mean over all points of the difference of test accuracy to progressive shrinking, for each seed; and its interval.
fn differences(points: &Csv) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for (name, ..) in TRAININGS.into_iter().skip(1) {
        let mut by_seed = Vec::new();
        for seed in SEEDS {
            let seed = seed.to_string();
            let mut all = Vec::new();
            for row in points.all(&[name, &seed]) {
                let (device, limit) = (&row[2], &row[3]);
                if let Some(other) = points.find(&["progressive-shrinking", &seed, device, limit]) {
                    let accuracy = |row: &[String]| points.number(row, "test_accuracy");
                    all.push(100.0 * (accuracy(row)? - accuracy(other)?));
                }
            }
            by_seed.push(mean(&all).value);
        }
        let all = mean(&by_seed);
        let seeds: Vec<String> = by_seed.iter().map(|it| format!("{it:+.2}")).collect();
        rows.push(vec![name.to_owned(), seeds.join("  "), format!("{all:.2}")]);
    }
    Ok(shown(
        "Test accuracy over progressive shrinking, in points, mean over the points of the front",
        &["training", "by seed", "mean (95 % interval over seeds)"],
        rows,
    ))
}

/// The mean test accuracy of the seeds at a point of a training's front, in percent.
fn mean_of_seeds(points: &Csv, [name, device, limit]: [&str; 3]) -> Result<f64, Error> {
    let seeds = SEEDS.map(|seed| seed.to_string());
    let found = seeds
        .iter()
        .filter_map(|seed| points.find(&[name, seed, device, limit]));
    let accuracies = found.map(|row| points.number(row, "test_accuracy"));
    Ok(100.0 * mean(&accuracies.collect::<Result<Vec<_>, _>>()?).value)
}

/// For each device, the mean test accuracy of the seeds against the limit.
fn panels(points: &Csv) -> Result<Vec<Panel>, Error> {
    let mut panels: Vec<Panel> = Vec::new();
    for (name, ..) in TRAININGS {
        for row in points.all(&[name, &SEEDS[0].to_string()]) {
            let (device, limit) = (&row[2], &row[3]);
            let point = (
                1e3 * points.number(row, "limit_s")?,
                mean_of_seeds(points, [name, device, limit])?,
            );
            if !panels.iter().any(|panel| panel.title == *device) {
                panels.push(Panel {
                    title: device.clone(),
                    x: "latency limit (ms)".to_owned(),
                    y: "test accuracy (%)".to_owned(),
                    series: Vec::new(),
                });
            }
            let panel = panels.iter_mut().find(|panel| panel.title == *device);
            if let Some(Panel { series, .. }) = panel {
                match series.iter_mut().find(|series| series.name == name) {
                    Some(series) => series.points.push(point),
                    None => series.push(Series {
                        name: name.to_owned(),
                        points: vec![point],
                        joined: true,
                    }),
                }
            }
        }
    }
    Ok(panels)
}

fn curves(points: &Csv) -> Result<Table, Error> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let reference: Vec<&[String]> = points.all(&["progressive-shrinking", &SEEDS[0].to_string()]).collect();
    for row in reference {
        let (device, limit, seconds) = (&row[2], &row[3], points.number(row, "limit_s")?);
        let mut cells = vec![device.clone(), format!("{:.3}", 1e3 * seconds)];
        for (name, ..) in TRAININGS {
            cells.push(format!("{:.2}", mean_of_seeds(points, [name, device, limit])?));
        }
        rows.push(cells);
    }
    let names = TRAININGS.map(|it| it.0);
    Ok(shown(
        "Test accuracy (%) of the best network within each limit, mean of the seeds",
        &[&["device", "limit (ms)"][..], &names].concat(),
        rows,
    ))
}
