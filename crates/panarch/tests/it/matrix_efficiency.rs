use std::path::Path;

use serde_json::Value;

use crate::pictures::{Workplace, expect};

fn json(place: &Workplace, arguments: &[&str]) -> Vec<Value> {
    let text = expect(&place.panarch(&[arguments, &["--format", "json"]].concat()), 0);
    serde_json::from_str(&text).unwrap()
}

/// The space that was made for matrix units before one that was made for phones, the device's refusals with their reason.
#[test]
fn spaces_are_ranked_for_the_first_device() {
    let place = Workplace::new();
    let spaces = ["space", "mem", "ofa-mbv3-w1.0", "isynet", "-n", "8", "--seed", "3"];
    let rows = json(&place, &spaces);
    assert_eq!(rows, json(&place, &spaces), "the same seed");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["space"].as_str()).collect();
    assert_eq!(names, ["isynet", "ofa-mbv3-w1.0"]);
    for row in &rows {
        for device in ["ascend_310", "systolic_32"] {
            let of = |what: &str| row[format!("{device}_{what}")].as_f64().unwrap();
            assert!(
                0.0 < of("useful_share") && of("useful_share") <= of("share") && of("share") <= 1.0,
                "{row}"
            );
        }
    }
    let mobile = &rows[1];
    assert_eq!(mobile["edgetpu_v1_not_run"], 8);
    assert!(mobile["edgetpu_v1_share"].is_null(), "{mobile}");
    assert!(
        mobile["edgetpu_v1_reason"].as_str().unwrap().contains("hard_swish"),
        "{mobile}"
    );
}

/// Rows of stages, of operators and of layers each add up to the network, apart from the call of the device.
#[test]
fn a_network_is_broken_down_three_ways() {
    let place = Workplace::new();
    let rows = json(&place, &["network", "mem", "isynet-n0", "--layers", "--model", "cycle"]);
    let sum = |by: &str, key: &str| -> f64 {
        let of = rows.iter().filter(|row| row["by"] == by);
        of.map(|row| row[key].as_f64().unwrap()).sum()
    };
    for key in ["matrix_macs", "vector_operations", "moved_elements"] {
        for by in ["stage", "operator", "layer"] {
            assert_eq!(sum(by, key), sum("network", key), "{by}, {key}");
        }
    }
    assert_eq!(sum("network", "matrix_macs"), 893_007_872.0);
    for by in ["stage", "operator"] {
        let (groups, layers) = (sum(by, "ascend_310_time_s"), sum("layer", "ascend_310_time_s"));
        assert!((groups / layers - 1.0).abs() < 1e-9, "{by}");
        assert!(layers < sum("network", "ascend_310_time_s"), "{by}");
    }
}

/// The tables behind the pages that only need to be computed are what the commands write today.
#[test]
fn computed_tables_are_current() {
    let place = Workplace::new();
    for name in ["matrix-efficiency", "analytic-model"] {
        expect(&place.panarch(&["reproduce", name, "--output", name]), 0);
        let committed = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../docs/reproductions")
            .join(name);
        let mut compared = 0;
        for file in std::fs::read_dir(place.path().join(name)).unwrap().flatten() {
            let (path, file) = (file.path(), file.file_name());
            if path.extension().is_some_and(|it| it == "csv") {
                let read = |path: &Path| {
                    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
                };
                assert!(
                    read(&path) == read(&committed.join(&file)),
                    "{name}/{}: `make tables` writes it anew",
                    file.display()
                );
                compared += 1;
            }
        }
        assert!(compared >= 3, "{name}: {compared}");
    }
}

/// Of the committed tables, which [`computed_tables_are_current`] holds against the command.
#[test]
fn the_fit_to_published_latencies_is_written() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reproductions/matrix-efficiency");
    let fits = std::fs::read_to_string(committed.join("fits.csv")).unwrap();
    let row = |law: &str| -> Vec<f64> {
        let line = fits.lines().find(|line| line.starts_with(&format!("{law},"))).unwrap();
        line.split(',')
            .skip(1)
            .take(6)
            .map(|cell| cell.parse().unwrap())
            .collect()
    };
    let [vector, macs, model] = ["MACs + vector", "MACs", "analytic model"].map(row);
    assert!(vector[0] >= 0.99 && vector[3] >= 0.99 && vector[4] < 10.0, "{fits}");
    assert!(macs[0] < 0.93 && model[0] >= 0.97 && model[4] < 6.0, "{fits}");
    let networks = std::fs::read_to_string(committed.join("networks.csv")).unwrap();
    assert_eq!(networks.lines().count(), 11, "{networks}");
}
