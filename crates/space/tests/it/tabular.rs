//! Parameters and MACs of every network of two published tabular benchmarks.

use panarch_space::{Genotype, Head};
use panarch_testkit::reference_text as reference;

use crate::fixtures::space;

#[test]
fn nas_bench_macro() {
    let Some(text) = reference("nasbench_macro/nas-bench-macro_cifar10.json") else {
        return;
    };
    let table: serde_json::Value = serde_json::from_str(&text).unwrap();
    let table = table.as_object().unwrap();
    assert_eq!(table.len(), 6561);
    let space = space("nas-bench-macro");
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    for (key, row) in table {
        let network = space.lower(&space.parse_genotype(key).unwrap(), head, 32).unwrap();
        assert_eq!(Some(network.parameter_count()), row["params"].as_u64(), "{key}");
        assert_eq!(Some(network.macs().0), row["flops"].as_u64(), "{key}");
    }
}

#[test]
fn accel_nasbench() {
    let Some(text) = reference("anb/accelnasbench.csv") else {
        return;
    };
    let (space, published) = (space("mnasnet-anb-table"), space("mnasnet-anb"));
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let (mut rows, mut outside) = (0, 0);
    for line in lines {
        let row: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| row[columns.iter().position(|column| *column == name).unwrap()];
        let choices: Vec<(String, &str)> = (0..7)
            .flat_map(|block| {
                [
                    ("e", "expansion"),
                    ("k", "kernel"),
                    ("l", "depth"),
                    ("se", "squeeze_excite"),
                ]
                .map(|it| (block, it))
            })
            .map(|(block, (column, property))| {
                let choice = cell(&format!("block{block}_{column}"));
                let ratio = if choice == "1" { "0.25" } else { "0" };
                let choice = if column == "se" { ratio } else { choice };
                (format!("stage{}.{property}", block + 1), choice)
            })
            .collect();
        let named = choices.iter().map(|(name, choice)| (name.as_str(), *choice));
        let genotype: Genotype = space.encode(named.clone()).unwrap();
        let network = space.lower(&genotype, head, 224).unwrap();
        let stated: f64 = cell("params_m").parse().unwrap();
        let ours = network.parameter_count() as f64 / 1e6;
        assert!((ours - stated).abs() < 6e-6, "row {}: {ours} {stated}", row[0]);
        rows += 1;
        // The published space of 36⁷ has at most three blocks in the sixth stage; the table also has four.
        match published.encode(named) {
            Ok(genotype) => {
                let same = published.lower(&genotype, head, 224).unwrap();
                assert_eq!(same.content_hash(), network.content_hash(), "row {}", row[0]);
            }
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    "decision `stage6.depth` has no choice `4`; it has 1, 2, 3"
                );
                outside += 1;
            }
        }
    }
    assert_eq!((rows, outside), (4110, 848));
}

#[test]
fn nas_bench_201_has_a_table_and_no_networks() {
    let space = space("nas-bench-201");
    let counts = space.count();
    assert_eq!(counts.raw.to_string(), "15625");
    assert_eq!(counts.distinct.to_string(), "15625");
    let all: std::collections::BTreeSet<Genotype> = space.enumerate().collect();
    assert_eq!(all.len(), 15_625);
    assert_eq!(space.largest().to_string(), "44444-4");
    assert_eq!(space.smallest().to_string(), "00000-0");
    let genotype = space.sample(&mut panarch_graph::stream(1, "tabular", 0));
    assert!(space.active(&genotype).iter().all(|active| *active));
    let named = space.decode(&genotype);
    assert_eq!(space.encode(named).unwrap(), genotype);
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let error = space.lower(&genotype, head, 32).unwrap_err().to_string();
    assert!(error.contains("have no network"), "{error}");
}
