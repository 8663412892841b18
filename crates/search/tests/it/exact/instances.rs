//! Spaces, tables and limits drawn at random, and their members one by one.

use panarch_graph::stream;
use panarch_predict::{Additive, PairTerms};
use panarch_search::exact::{CostLimit, Factored, Problem, Tables};
use panarch_space::{Genotype, Space, Subspace};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Members that a random space may have.
const MOST: usize = 700;

/// A problem with its tables as the predictors have them.
pub struct Instance {
    pub subspace: Subspace,
    /// By resolution: accuracy, then each cost.
    pub tables: Vec<(u32, Vec<Additive>)>,
    pub limits: Vec<f64>,
    pub has_pairs: bool,
    pub has_ties: bool,
}

/// A member with its values.
pub struct Listed {
    pub resolution: u32,
    pub genotype: Genotype,
    pub accuracy: f64,
    pub costs: Vec<f64>,
    /// The worst of cost / limit.
    pub ratio: f64,
}

impl Instance {
    pub fn problem(&self) -> Problem {
        self.in_stages(8_192)
    }

    /// With stages that have no more than so many configurations where they could be parted.
    pub fn in_stages(&self, configurations: usize) -> Problem {
        let space = self.subspace.space();
        let table = |table: &Additive| Factored::of_table(table, space).unwrap();
        let tables: Vec<Tables> = self
            .tables
            .iter()
            .map(|(resolution, tables)| Tables {
                resolution: *resolution,
                accuracy: table(&tables[0]),
                costs: tables[1..].iter().map(table).collect(),
            })
            .collect();
        let limits = self.limits.iter().enumerate();
        let limits: Vec<CostLimit> = limits
            .map(|(index, most)| CostLimit {
                name: format!("cost {index}"),
                most: *most,
            })
            .collect();
        Problem::in_stages(&self.subspace, &tables, &limits, configurations).unwrap()
    }

    /// Every member of the subspace at every resolution.
    pub fn members(&self) -> Vec<Listed> {
        let space = self.subspace.space();
        let mut members = Vec::new();
        for (resolution, tables) in &self.tables {
            for genotype in self.subspace.enumerate() {
                let active = space.active(&genotype);
                let values: Vec<f64> = tables
                    .iter()
                    .map(|table| value(table, &active, &genotype, space))
                    .collect();
                let ratios = values[1..].iter().zip(&self.limits).map(|(cost, limit)| cost / limit);
                members.push(Listed {
                    resolution: *resolution,
                    accuracy: values[0],
                    ratio: ratios.fold(f64::NEG_INFINITY, f64::max),
                    costs: values[1..].to_vec(),
                    genotype,
                });
            }
        }
        members
    }
}

fn value(table: &Additive, active: &[bool], genotype: &Genotype, space: &Space) -> f64 {
    let mut sum = table.constant().value;
    for (decision, _) in active.iter().enumerate().filter(|(_, active)| **active) {
        sum += table
            .term(decision, usize::from(genotype.choice(decision)))
            .unwrap()
            .value;
    }
    for pair in table
        .pairs()
        .iter()
        .filter(|pair| active[pair.first] && active[pair.second])
    {
        let columns = space.decisions()[pair.second].choices.len();
        let [row, column] = [pair.first, pair.second].map(|it| usize::from(genotype.choice(it)));
        sum += pair.values[row * columns + column];
    }
    sum
}

/// The front of points of ratio and accuracy, by the ratio.
pub fn front(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut front: Vec<(f64, f64)> = Vec::new();
    for point in points {
        // What differs in the last digits only is the same.
        if front.last().is_none_or(|last| point.1 > last.1 + 1e-9) {
            if front.last().is_some_and(|last| point.0 <= last.0 + 1e-9 * last.0.abs()) {
                front.pop();
            }
            front.push(point);
        }
    }
    front
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())]
}

/// A space of few members, with depths, operators and ties at random.
fn space(rng: &mut ChaCha8Rng) -> Space {
    loop {
        let mut text =
            String::from("name = \"random\"\nversion = 1\nresolutions = [28, 32]\n[block]\nactivation = \"relu\"\n");
        text += pick(
            rng,
            &[
                "operator = \"inverted-bottleneck\"\n",
                "operator = [\"skip\", \"inverted-bottleneck\"]\n",
            ],
        );
        text += "[[stem]]\noperator = \"conv\"\nkernel = 3\nwidth = 8\n";
        let stages = rng.random_range(1..=3);
        for _ in 0..stages {
            let depth = pick(rng, &["1", "2", "[1, 2]", "[0, 1]", "[1, 2, 3]"]);
            let kernel = pick(rng, &["3", "[3, 5]", "[3, 5, 7]"]);
            let expansion = pick(rng, &["2", "[2, 3]", "[2, 4, 6]"]);
            let width = pick(rng, &["8", "[8, 16]", "[8, 16, 24]"]);
            text += &format!(
                "[[stage]]\ndepth = {depth}\nkernel = {kernel}\nexpansion = {expansion}\nwidth = {width}\nstride = 2\n"
            );
        }
        text += "[[head]]\noperator = \"global-average-pool\"\n[[head]]\noperator = \"classifier\"\n";
        if rng.random::<f64>() < 0.2 {
            text += "[[tie]]\ndecision = \"*.kernel\"\nto = \"{stage}.depth\"\nmap = { 1 = 3, 2 = 5, 3 = 7 }\n";
        }
        let Ok(space) = Space::from_toml("random", &text) else {
            continue;
        };
        let members = space.enumerate().take(MOST + 1).count();
        if !space.decisions().is_empty() && members <= MOST {
            return space;
        }
    }
}

/// A problem at random.
pub fn random(seed: u64) -> Instance {
    let rng = &mut stream(seed, "exact instance", 0);
    let space = space(rng);
    let mut subspace = Subspace::whole(&space);
    if rng.random::<f64>() < 0.3 {
        let decision = rng.random_range(0..space.decisions().len());
        let _ = subspace.close(decision, 0);
    }
    // Small whole numbers tie often.
    let has_ties = rng.random::<f64>() < 0.3;
    let has_pairs = rng.random::<f64>() < 0.6;
    let limits = rng.random_range(0..=4);
    let resolutions: &[u32] = if rng.random::<f64>() < 0.3 { &[28, 32] } else { &[28] };
    let mut draw = |scale: f64| {
        if has_ties {
            f64::from(rng.random_range(0..4_u8))
        } else {
            (rng.random::<f64>() - 0.2) * scale
        }
    };
    let mut tables = Vec::new();
    for resolution in resolutions {
        let mut of_resolution = Vec::new();
        for column in 0..=limits {
            let scale = if column == 0 { 0.01 } else { 10f64.powi(-3 * column) };
            let terms: Vec<Vec<f64>> = space
                .decisions()
                .iter()
                .map(|it| it.choices.iter().map(|_| draw(scale)).collect())
                .collect();
            let mut pairs = Vec::new();
            if has_pairs {
                for first in 0..space.decisions().len() {
                    for second in [first + 1, first + 3] {
                        let Some(other) = space.decisions().get(second) else {
                            continue;
                        };
                        let size = space.decisions()[first].choices.len() * other.choices.len();
                        pairs.push(PairTerms {
                            first,
                            second,
                            values: (0..size).map(|_| draw(scale)).collect(),
                        });
                    }
                }
            }
            let constant = if column == 0 { 0.7 } else { 20.0 * scale };
            of_resolution.push(Additive::given(&space, constant, &terms, pairs, 0.0).unwrap());
        }
        tables.push((*resolution, of_resolution));
    }
    let mut instance = Instance {
        subspace,
        tables,
        limits: vec![1.0; limits as usize],
        has_pairs,
        has_ties,
    };
    let members = instance.members();
    let rng = &mut stream(seed, "exact limits", 0);
    for limit in 0..limits as usize {
        let mut costs: Vec<f64> = members
            .iter()
            .map(|it| it.costs[limit])
            .filter(|cost| *cost > 0.0)
            .collect();
        costs.sort_by(f64::total_cmp);
        // A member meets it exactly, or sometimes nothing does.
        let place = (rng.random::<f64>() * costs.len() as f64) as usize;
        let met = costs.get(place).copied().unwrap_or(1.0);
        instance.limits[limit] = if rng.random::<f64>() < 0.06 {
            costs[0] * 0.9
        } else {
            met
        };
    }
    instance
}
