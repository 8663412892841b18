//! Parameter counts of published tabular benchmarks, whose spaces are fixtures.

use std::path::PathBuf;

use panarch_space::{Genotype, Head, SpaceError};

use crate::fixtures::space;

/// A file of the reference data, which lies beside the checkout; `None` and one line of output when it is absent.
fn reference(path: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let text = std::fs::read_to_string(folder.join(path)).ok();
    if text.is_none() {
        println!("skipped: no reference data {path}");
    }
    text
}

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
    let space = space("mnasnet-anb");
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
        let genotype: Genotype = match space.encode(named) {
            Ok(genotype) => genotype,
            // The table has rows with four layers in the sixth stage, which the published space (36⁷) does not.
            Err(SpaceError::UnknownChoice { decision, choice, .. }) if decision == "stage6.depth" && choice == "4" => {
                outside += 1;
                continue;
            }
            Err(error) => panic!("row {}: {error}", row[0]),
        };
        let network = space.lower(&genotype, head, 224).unwrap();
        let published: f64 = cell("params_m").parse().unwrap();
        let ours = network.parameter_count() as f64 / 1e6;
        assert!((ours - published).abs() < 6e-6, "row {}: {ours} {published}", row[0]);
        rows += 1;
    }
    assert_eq!((rows, outside), (3262, 848));
}
