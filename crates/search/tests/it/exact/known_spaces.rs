//! Spaces that can be listed whole, with tables of their size.

use panarch_graph::stream;
use panarch_predict::{Additive, Measurement, PairTerms};
use panarch_space::{Space, Subspace};
use panarch_testkit::reference_text;
use rand::RngExt;

use super::compare;
use super::instances::Instance;

/// CompOFA's 243 networks at five resolutions, four devices.
#[test]
fn compofa_at_five_resolutions() {
    let space = Space::preset("compofa-fixed").unwrap();
    for seed in 0..3 {
        let rng = &mut stream(seed, "compofa tables", 0);
        let mut tables = Vec::new();
        for resolution in [160, 176, 192, 208, 224] {
            let size = f64::from(resolution) / 224.0;
            let mut table = |constant: f64, low: f64, high: f64| {
                let terms: Vec<Vec<f64>> = space
                    .decisions()
                    .iter()
                    .map(|it| {
                        let step = low + (high - low) * rng.random::<f64>();
                        (0..it.choices.len()).map(|choice| step * choice as f64).collect()
                    })
                    .collect();
                Additive::given(&space, constant, &terms, Vec::new(), 0.0).unwrap()
            };
            let mut of_resolution = vec![table(0.70 + 0.05 * size, 0.002, 0.01)];
            of_resolution.extend((0..4).map(|_| table(0.02 * size, 0.002 * size, 0.01 * size)));
            tables.push((resolution, of_resolution));
        }
        let instance = Instance {
            subspace: Subspace::whole(&space),
            tables,
            limits: vec![0.045, 0.05, 0.055, 0.05],
            has_pairs: false,
            has_ties: false,
        };
        compare(&instance, 10, &format!("tables {seed}"));
    }
}

/// NAS-Bench-Macro's 6,561 networks: accuracy and latencies fitted to the published table, with terms of neighbours.
#[test]
fn nas_bench_macro() {
    let Some(text) = reference_text("nasbench_macro/latency_three_profiles.csv") else {
        return;
    };
    let space = Space::preset("nas-bench-macro").unwrap();
    let rows: Vec<(panarch_space::Genotype, Vec<f64>)> = text
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            let genotype = space.parse_genotype(cells.next().unwrap()).unwrap();
            (genotype, cells.map(|cell| cell.parse().unwrap()).collect())
        })
        .collect();
    assert_eq!(rows.len(), 6_561);
    let fitted = |column: usize| {
        let measurements: Vec<Measurement> = rows
            .iter()
            .step_by(13)
            .map(|(genotype, values)| Measurement::new(genotype.clone(), values[column]))
            .collect();
        let table = Additive::fit(&space, &measurements).unwrap();
        // Terms of neighbours from what the sum leaves.
        let terms: Vec<Vec<f64>> = (0..8)
            .map(|it| (0..3).map(|choice| table.term(it, choice).unwrap().value).collect())
            .collect();
        let mut pairs = Vec::new();
        for first in 0..7 {
            let mut sums = [(0.0, 0.0); 9];
            for (genotype, values) in rows.iter().step_by(7) {
                let place = usize::from(genotype.choice(first)) * 3 + usize::from(genotype.choice(first + 1));
                sums[place].0 += values[column] - table.predict(&space, genotype, 0.5).unwrap().value;
                sums[place].1 += 1.0;
            }
            let values = sums.iter().map(|(sum, count)| sum / count / 7.0).collect();
            pairs.push(PairTerms {
                first,
                second: first + 1,
                values,
            });
        }
        Additive::given(&space, table.constant().value, &terms, pairs, 0.0).unwrap()
    };
    let instance = Instance {
        subspace: Subspace::whole(&space),
        tables: vec![(32, (0..4).map(fitted).collect())],
        limits: vec![4.0, 4.0, 20.0],
        has_pairs: true,
        has_ties: false,
    };
    compare(&instance, 5, "nas-bench-macro");
}
