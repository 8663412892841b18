//! Whether inherited weights rank networks as training each of them alone does, where that is published for every network of a
//! space: NAS-Bench-Macro on CIFAR-10 (Su et al. 2021, arXiv 2103.11922).

mod arms;
mod searches;
mod truth;

use panarch_graph::stream;
use panarch_report::Table;
use panarch_space::{Genotype, Space};
use panarch_train::{Supernet, Validator};
use rand::seq::SliceRandom as _;

use super::bench::{Bench, Images, Wanted};
use super::statistics::{bootstrap, kendall};
use super::table::{Csv, shown};
use panarch_run::Error;
use panarch_run::event::Watch;

use arms::{ARMS, Arm};
use truth::Truth;

/// Half of the training images of CIFAR-10.
pub(super) const IMAGES: Images = Images {
    dataset: "cifar-10",
    resolution: 32,
    train: 25_000,
    validation: 5_000,
    recalibration: 250,
};

/// Validation images of a member.
const VALIDATION: usize = 1_500;
/// Networks of the benchmark that are drawn; of arms that change one thing, the first of these are judged.
const DRAWN: usize = 1_000;
const SEED: u64 = 1;
/// Networks between two writes of the table.
const ROWS: usize = 10;

/// The part that judges every network with the weights that rank the drawn ones best.
const ALL: &str = "all";
/// The part that searches among the networks that [`ALL`] has judged.
const SEARCH: &str = "search";

const INHERITED_HEADER: &[&str] = &["schedule", "network", "inherited_accuracy"];
const RANKS: &str = "ranks.csv";
const RANKS_HEADER: &[&str] = &[
    "schedule",
    "networks",
    "tau",
    "tau_low",
    "tau_high",
    "tau_macs",
    "gain",
    "gain_low",
    "gain_high",
    "student_images",
    "wall_s",
    "cpu_s",
];

/// The parts that can be run alone: the arms, then what follows from them.
pub(super) fn names() -> Vec<&'static str> {
    ARMS.iter().map(|arm| arm.name).chain([ALL, SEARCH]).collect()
}

pub(super) fn run(bench: &mut Bench, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let truth = Truth::read()?;
    let space = Space::preset("nas-bench-macro")?;
    let mut inherited = bench.csv("inherited.csv", INHERITED_HEADER)?;
    let mut keys: Vec<&String> = truth.networks.keys().collect();
    keys.shuffle(&mut stream(SEED, "known truth", 0));
    let drawn: Vec<&String> = keys.iter().copied().take(DRAWN).collect();
    let wanted = |name: &str, only: &Option<String>| only.as_deref().is_none_or(|only| only == name);
    for arm in ARMS {
        if wanted(arm.name, &bench.only) {
            let first = drawn.get(..arm.networks).unwrap_or(&drawn);
            judge(bench, &space, arm, first, &mut inherited, watch)?;
        }
    }
    let mut tables = vec![ranks(bench, &truth, &inherited)?];
    if let Some(best) = best(&truth, &drawn, &inherited)? {
        if wanted(ALL, &bench.only) {
            judge(bench, &space, best, &keys, &mut inherited, watch)?;
            tables = vec![ranks(bench, &truth, &inherited)?];
        }
        if wanted(SEARCH, &bench.only) {
            tables.push(searches::run(
                &bench.folder,
                &space,
                &truth,
                best.name,
                &inherited,
                watch,
            )?);
        }
    }
    Ok(tables)
}

/// Judges networks with the weights of an arm, which is trained if it is not.
fn judge(
    bench: &mut Bench,
    space: &Space,
    arm: &Arm,
    keys: &[&String],
    inherited: &mut Csv,
    watch: &mut Watch<'_>,
) -> Result<(), Error> {
    let missing = keys.iter().filter(|key| inherited.find(&[arm.name, key]).is_none());
    let missing: Vec<&String> = missing.copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let supernet = supernet(bench, space, arm, watch)?;
    let validator = bench.recalibrating(arm.recalibration, VALIDATION)?;
    watch.step(format!("{} networks with the weights of {}", missing.len(), arm.name));
    let placed = supernet.place(bench.engine.as_mut())?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let count = missing.len() as u64;
    for (number, key) in (1..).zip(missing) {
        // Keys whose networks compute alike, with an identity in another place, inherit other weights.
        let genotype = space.parse_genotype(key)?;
        let accuracy = score(bench, &supernet, &placed, &genotype, &validator)?;
        rows.push(vec![arm.name.to_owned(), key.clone(), accuracy]);
        let is_cancelled = watch.cancel.is_cancelled();
        if rows.len() >= ROWS || number == count || is_cancelled {
            inherited.extend(rows.drain(..))?;
            watch.progress(number, count, "networks", "");
        }
        if is_cancelled {
            return Err(Error::Interrupted);
        }
    }
    bench.engine.remove(placed.parameters());
    watch.done(format!("{count} accuracies"));
    Ok(())
}

/// The accuracy of a member in per cent.
fn score(
    bench: &mut Bench,
    supernet: &Supernet,
    placed: &panarch_train::PlacedSupernet,
    genotype: &Genotype,
    validator: &Validator,
) -> Result<String, Error> {
    let network = supernet.space().lower(genotype, supernet.head(), IMAGES.resolution)?;
    let score = bench.inherited(&network, placed, validator)?;
    Ok(format!(
        "{:.3}",
        100.0 * score.correct as f64 / score.images.max(1) as f64
    ))
}

fn supernet(bench: &mut Bench, space: &Space, arm: &Arm, watch: &mut Watch<'_>) -> Result<Supernet, Error> {
    let wanted = Wanted {
        name: arm.weights,
        seed: SEED,
        space,
        schedule: arm.schedule(bench.scale)?,
        optimisation: arm.optimisation(SEED),
        teacher: None,
    };
    bench.supernet(wanted, watch)
}

/// The arm that ranks the drawn networks best, of those that have judged all of them.
fn best(truth: &Truth, drawn: &[&String], inherited: &Csv) -> Result<Option<&'static Arm>, Error> {
    let mut best: Option<(&Arm, f64)> = None;
    for arm in ARMS {
        let mut pairs = Vec::new();
        for key in drawn {
            if let Some(row) = inherited.find(&[arm.name, key]) {
                let accuracy = inherited.number(row, "inherited_accuracy")?;
                pairs.extend(truth.networks.get(*key).map(|known| (accuracy, known.accuracy)));
            }
        }
        let tau = kendall(&pairs);
        if pairs.len() == drawn.len() && best.is_none_or(|(_, most)| tau > most) {
            best = Some((arm, tau));
        }
    }
    Ok(best.map(|(arm, _)| arm))
}

/// How well every arm ranks what it has judged, beside counting MACs; also as a CSV file.
fn ranks(bench: &Bench, truth: &Truth, inherited: &Csv) -> Result<Table, Error> {
    let path = bench.folder.join(RANKS);
    if path.is_file() {
        std::fs::remove_file(&path).map_err(Error::writing(&path))?;
    }
    let mut csv = Csv::open(&path, RANKS_HEADER)?;
    let mut rows = Vec::new();
    for arm in ARMS {
        let mut triples = Vec::new();
        for row in inherited.all(&[arm.name]) {
            let known = row.get(1).and_then(|key| truth.networks.get(key));
            if let Some(known) = known {
                triples.push((inherited.number(row, "inherited_accuracy")?, known.macs, known.accuracy));
            }
        }
        if triples.len() < 2 {
            continue;
        }
        let own = |drawn: &[(f64, f64, f64)]| kendall(&drawn.iter().map(|it| (it.0, it.2)).collect::<Vec<_>>());
        let macs = |drawn: &[(f64, f64, f64)]| kendall(&drawn.iter().map(|it| (it.1, it.2)).collect::<Vec<_>>());
        let tau = bootstrap(&triples, SEED, own);
        let gain = bootstrap(&triples, SEED, |drawn| own(drawn) - macs(drawn));
        let counted = macs(&triples);
        let spent = bench.spent(arm.weights, SEED)?;
        let count = triples.len().to_string();
        rows.push(vec![
            arm.name.to_owned(),
            count.clone(),
            tau.to_string(),
            format!("{counted:.3}"),
            gain.to_string(),
            format!("{:.0}", spent.student_images / 1e3),
            format!("{:.0}", spent.wall / 60.0),
        ]);
        let numbers = [tau.value, tau.low, tau.high, counted, gain.value, gain.low, gain.high];
        let numbers = numbers.iter().map(|it| format!("{it:.4}"));
        let costs = [spent.student_images, spent.wall, spent.cpu].map(|it| format!("{it:.1}"));
        csv.push(
            [arm.name.to_owned(), count]
                .into_iter()
                .chain(numbers)
                .chain(costs)
                .collect(),
        )?;
    }
    let mut table = shown(
        "Inherited accuracy against the published one",
        &[
            "schedule",
            "networks",
            "Kendall τ (95 % bootstrap)",
            "τ of MACs",
            "gain over MACs (95 %)",
            "student passes (k)",
            "minutes",
        ],
        rows,
    );
    table.note(format!(
        "{} of CIFAR-10's training images; {VALIDATION} validation images a network; one seed",
        IMAGES.train
    ));
    Ok(table)
}
