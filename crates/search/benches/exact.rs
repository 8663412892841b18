//! The exact search on OFA over MobileNetV3, 2·10¹⁹ networks at each of five resolutions: `cargo bench -p panarch-search`.
//!
//! Four devices' tables drawn at random: of one kind, as those of similar devices are, or independent of each other, so that
//! all limits bind. `PANARCH_CERTIFICATE=FOLDER` writes certificates and `speed.csv` there, and certificates of 420 problems of smaller
//! spaces, which `against_highs.py` solves by integer programming. The limits of the last 120 are a little less, or a little
//! more, than the least that any member keeps.

use divan::Bencher;
use panarch_graph::stream;
use panarch_search::SearchError;
use panarch_search::exact::{Budget, Certificate, CostLimit, Factor, Factored, Infeasible, Problem, Solution, Tables};
use panarch_space::{Property, Space, Subspace};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const RESOLUTIONS: [u32; 5] = [128, 160, 176, 192, 224];
const KINDS: [Kind; 3] = [Kind::Similar, Kind::Independent, Kind::Neighbours];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Costs that grow with what accuracy grows with, each device in its own way.
    Similar,
    /// Costs of kernels and expansions that have nothing to do with each other.
    Independent,
    /// As similar, and neighbouring blocks act together in accuracy and on the first device.
    Neighbours,
}

fn main() {
    if let Ok(folder) = std::env::var("PANARCH_CERTIFICATE") {
        let write = |name: String, text: Option<String>| match text {
            Some(text) => std::fs::write(std::path::Path::new(&folder).join(name), text).expect("the folder is there"),
            None => println!("{name} is left out: its proof takes too long, or its cover too many boxes"),
        };
        write("speed.csv".to_owned(), Some(speed(&folder)));
        for number in 0..420 {
            let problem = cross(number);
            let solution = problem.optimum(&MODERATE);
            if let Ok(Solution::Infeasible(none)) = &solution {
                write(format!("cross-{number:03}.nearest"), Some(nearest(&problem, none)));
            }
            write(format!("cross-{number:03}.json"), text_of(&problem, solution));
        }
    }
    divan::main();
}

/// What problems of each kind take, as a table; their certificates are left in the folder.
fn speed(folder: &str) -> String {
    let mut table = String::from("kind,seed,nodes,optimum_s,front_s,certificate_s,certificate_bytes,boxes,check_s\n");
    for (kind, seed) in KINDS.into_iter().flat_map(|kind| (0..20).map(move |seed| (kind, seed))) {
        let problem = problem(kind, seed);
        let began = processor_time();
        let solution = problem
            .optimum(&Budget::UNLIMITED)
            .expect("a problem that can be solved");
        let solved = processor_time();
        let text = text_of(&problem, Ok(solution.clone())).expect("a certificate");
        let written = processor_time();
        let claim = Certificate::from_json(&text)
            .and_then(|it| it.check())
            .expect("a proof");
        let checked = processor_time();
        problem.front(20, &Budget::UNLIMITED).expect("a front");
        let front = processor_time() - checked;
        let Solution::Optimum(optimum) = solution else {
            panic!("some member keeps the limits")
        };
        table += &format!(
            "{kind:?},{seed},{},{:.4},{front:.4},{:.4},{},{},{:.4}\n",
            optimum.nodes,
            solved - began,
            written - solved,
            text.len(),
            claim.boxes,
            checked - written
        );
        let name = format!("{kind:?}-{seed}.json").to_lowercase();
        std::fs::write(std::path::Path::new(folder).join(name), text).expect("the folder is there");
    }
    table
}

/// Seconds of processor time that this process has taken, so that it matters less what else runs; from a clock where the
/// system does not say.
fn processor_time() -> f64 {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|it| it.parse::<f64>().ok());
    nanoseconds.map_or_else(|| BEGAN.elapsed().as_secs_f64(), |it| it * 1e-9)
}

/// What the solver says of limits that nothing keeps, for the script.
fn nearest(problem: &Problem, none: &Infeasible) -> String {
    let ratios = none.member.costs.iter().zip(problem.limits());
    let ratio = ratios.map(|(cost, limit)| cost / limit.most).fold(0.0, f64::max);
    format!(
        "{{\"limit\": {}, \"alone\": {}, \"nearest\": {:?}, \"ratio\": {ratio:?}}}\n",
        none.limit, none.alone, none.nearest
    )
}

/// A problem of another space, with limits at random: some cannot be met.
fn cross(number: u64) -> Problem {
    let space = ["ofa-small", "compofa-small", "multi-hardware-small", "compofa-elastic"][(number % 4) as usize];
    let space = Space::preset(space).expect("a preset");
    let kind = KINDS[(number / 4 % 3) as usize];
    let rng = &mut stream(number, "cross-check", 0);
    let limits = 1 + (number / 12 % 4) as usize;
    let tables: Vec<Tables> = [1.0, 0.6]
        .iter()
        .zip(&space.resolutions()[..2])
        .map(|(size, resolution)| Tables {
            resolution: *resolution,
            accuracy: table(&space, rng, kind, true, *size),
            costs: (0..limits).map(|_| table(&space, rng, kind, false, *size)).collect(),
        })
        .collect();
    let mut at = |share: f64, cost: usize| {
        let members = (0..200).map(|_| {
            tables[0].costs[cost]
                .value(&space, &space.sample(rng))
                .expect("of the space")
        });
        let mut costs: Vec<f64> = members.collect();
        costs.sort_by(f64::total_cmp);
        // Below the cheapest of 200 members there may be others, or none.
        costs[(share * 199.0) as usize] * if share == 0.0 { 0.75 } else { 1.0 }
    };
    let share = if number < 300 { (number / 48) as f64 * 0.15 } else { 0.4 };
    let limits: Vec<CostLimit> = (0..limits)
        .map(|cost| CostLimit {
            name: format!("cost {cost}"),
            most: at(share, cost),
        })
        .collect();
    let problem = Problem::new(&Subspace::whole(&space), &tables, &limits).expect("tables of the space");
    if number < 300 {
        return problem;
    }
    let least = problem.least_ratio(&Budget::UNLIMITED).expect("there are limits").ratio;
    let near = [0.999, 1.001, 0.99, 0.9, 0.999_9][(number % 5) as usize];
    let most: Vec<f64> = problem.limits().iter().map(|limit| limit.most * least * near).collect();
    problem.with_limits(&most).expect("limits above zero")
}

fn solution_text(kind: Kind) -> Option<String> {
    let problem = problem(kind, 0);
    let solution = problem.optimum(&Budget::UNLIMITED);
    text_of(&problem, solution)
}

const MODERATE: Budget<'static> = Budget {
    nodes: 3_000_000,
    stop: &|| false,
};

/// None where the proof takes too long, or its cover too many boxes.
fn text_of(problem: &Problem, solution: Result<Solution, SearchError>) -> Option<String> {
    let certificate = Certificate::new(problem, &solution.ok()?, 200_000).ok()?;
    certificate.to_json().ok()
}

/// A term of each decision; kernel and expansion of a block act together.
fn table(space: &Space, rng: &mut ChaCha8Rng, kind: Kind, accuracy: bool, size: f64) -> Factored {
    let mut factors = Vec::new();
    let decisions = space.decisions();
    let independent = kind == Kind::Independent && !accuracy;
    for (position, decision) in decisions.iter().enumerate() {
        let mut step = |low: f64, high: f64| low + (high - low) * rng.random::<f64>();
        let kernel = decision.property == Property::Kernel;
        match decision.property {
            Property::Kernel => {
                let Some(other) = decisions
                    .iter()
                    .position(|it| it.name == decision.name.replace("kernel", "expansion"))
                else {
                    // Expansion goes with depth: the kernel alone.
                    let own = (0..decision.choices.len())
                        .map(|_| step(0.2, 2.0) * if accuracy { 0.0018 } else { 0.55 * size });
                    factors.push(Factor {
                        decisions: vec![position],
                        values: std::iter::once(0.0).chain(own).collect(),
                    });
                    continue;
                };
                let mut values = vec![0.0; decisions[other].choices.len() + 1];
                for k in 0..decision.choices.len() {
                    values.push(0.0);
                    for e in 0..decisions[other].choices.len() {
                        let (k, e) = (k as f64, e as f64);
                        let grown = if accuracy {
                            0.6 * k.sqrt() + e.powf(0.7)
                        } else {
                            1.0 + 0.15 * k + 0.45 * e
                        };
                        values.push(if independent {
                            step(0.2, 2.0)
                        } else {
                            grown * step(0.7, 1.3)
                        });
                    }
                }
                let scale = if accuracy { 0.0018 } else { 0.55 * size };
                factors.push(Factor {
                    decisions: vec![position, other],
                    values: values.iter().map(|it| it * scale).collect(),
                });
            }
            Property::Depth => {
                let own = if accuracy { 0.002 } else { 0.0 };
                let own = [0.0, 0.0, own, 1.5 * own];
                factors.push(Factor {
                    decisions: vec![position],
                    values: own[..=decision.choices.len()].to_vec(),
                });
            }
            Property::Expansion => {}
            // Widths, operators and the like.
            _ => {
                let scale = if accuracy { 0.004 } else { 0.5 * size };
                let own = (0..decision.choices.len()).map(|choice| (choice as f64 + step(0.0, 1.0)) * scale);
                factors.push(Factor {
                    decisions: vec![position],
                    values: std::iter::once(0.0).chain(own).collect(),
                });
            }
        }
        if kind == Kind::Neighbours && kernel {
            // The next block's kernel, also over the border of a stage.
            let next = decisions
                .iter()
                .enumerate()
                .skip(position + 1)
                .find(|(_, it)| it.property == Property::Kernel);
            if let Some((next, _)) = next {
                let scale = if accuracy { 0.0006 } else { 0.1 * size };
                let (rows, columns) = (decision.choices.len() + 1, decisions[next].choices.len() + 1);
                let inactive = |it: usize| it < columns || it.is_multiple_of(columns);
                let values = (0..rows * columns).map(|it| if inactive(it) { 0.0 } else { step(-1.0, 1.0) * scale });
                factors.push(Factor {
                    decisions: vec![position, next],
                    values: values.collect(),
                });
            }
        }
    }
    let constant = if accuracy { 0.60 + 0.10 * size } else { 4.0 * size };
    Factored { constant, factors }
}

fn problem(kind: Kind, seed: u64) -> Problem {
    let space = Space::preset("ofa-mbv3-w1.0").expect("a preset");
    let tables: Vec<Tables> = RESOLUTIONS
        .iter()
        .map(|resolution| {
            let size = (f64::from(*resolution) / 224.0).powi(2);
            // The same draws at every resolution: what differs is the size.
            let mut rng = stream(seed, "exact bench", 0);
            Tables {
                resolution: *resolution,
                accuracy: table(&space, &mut rng, kind, true, size),
                costs: (0..4).map(|_| table(&space, &mut rng, kind, false, size)).collect(),
            }
        })
        .collect();
    let limits: Vec<CostLimit> = (0..4)
        .map(|device| CostLimit {
            name: format!("latency on device {device} in ms"),
            most: 1e3,
        })
        .collect();
    let problem = Problem::new(&Subspace::whole(&space), &tables, &limits).expect("tables of the space");
    // Not half of what the best member takes that has no limits.
    let Ok(Solution::Optimum(free)) = problem.optimum(&Budget::UNLIMITED) else {
        panic!("there are no limits")
    };
    let limits: Vec<f64> = free.best[0].costs.iter().map(|cost| 0.45 * cost).collect();
    problem.with_limits(&limits).expect("limits above zero")
}

/// From the problem to the proved optimum; each time another draw.
#[divan::bench(args = KINDS, sample_count = 20, sample_size = 1)]
fn optimum(bencher: Bencher, kind: Kind) {
    let mut seed = 0;
    let next = || {
        seed += 1;
        problem(kind, seed)
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|problem| problem.optimum(&Budget::UNLIMITED));
}

#[divan::bench(args = KINDS, sample_count = 5, sample_size = 1)]
fn ten_best(bencher: Bencher, kind: Kind) {
    let mut seed = 0;
    let next = || {
        seed += 1;
        problem(kind, seed)
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|problem| problem.best(10, &Budget::UNLIMITED));
}

#[divan::bench(args = KINDS, sample_count = 3, sample_size = 1)]
fn front_of_twenty(bencher: Bencher, kind: Kind) {
    let mut seed = 0;
    let next = || {
        seed += 1;
        problem(kind, seed)
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|problem| problem.front(20, &Budget::UNLIMITED));
}

/// The certificate's text from the solution, and the check of it.
#[divan::bench(args = KINDS, sample_count = 5, sample_size = 1)]
fn certificate(bencher: Bencher, kind: Kind) {
    let problem = problem(kind, 0);
    let solution = problem
        .optimum(&Budget::UNLIMITED)
        .expect("a problem that can be solved");
    bencher.bench_local(|| Certificate::new(&problem, &solution, 1_000_000));
}

#[divan::bench(args = KINDS, sample_count = 5, sample_size = 1)]
fn check(bencher: Bencher, kind: Kind) {
    let text = solution_text(kind).expect("a certificate");
    bencher.bench_local(|| {
        Certificate::from_json(&text)
            .and_then(|it| it.check())
            .expect("a proof")
    });
}
