//! SCALE-Sim's files through the command line.

use serde_json::Value;

use crate::pictures::{Workplace, expect};

const TOPOLOGY: &str = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, \
    Strides,\nConv1, 225, 225, 3, 3, 3, 32, 2,\nDP_b0_dw, 114, 114, 3, 3, 32, 1, 1,\n,,,,,,,,\n";
const CONFIGURATION: &str = "[general]\nrun_name = os\n[architecture_presets]\nArrayHeight: 32\nArrayWidth: 32\n\
    Dataflow : os\n[run_presets]\nInterfaceBandwidth: CALC\n";

fn files(place: &Workplace, topology: &str, configuration: &str) {
    std::fs::write(place.path().join("t.csv"), topology).unwrap();
    std::fs::write(place.path().join("c.cfg"), configuration).unwrap();
}

const COST: [&str; 5] = ["cost", "--scalesim-topology", "t.csv", "--scalesim-config", "c.cfg"];

#[test]
fn every_format_has_a_line_a_row() {
    let place = Workplace::new();
    files(&place, TOPOLOGY, CONFIGURATION);
    let csv = expect(&place.panarch(&[&COST[..], &["--format", "csv"]].concat()), 0);
    // The first row's figures are SCALE-Sim 3.0.0's own; 392 folds of 9 + 32 + 32 − 2 cycles in the second.
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "layer,compute_cycles,overall_util,mapping_eff,repeats,ifmap_sram_reads,filter_sram_reads,ofmap_sram_writes"
    );
    assert_eq!(lines[1], "Conv1,34887,30.33794823286611,100,1,338688,338688,426496");
    assert!(
        lines[2].starts_with("DP_b0_dw,27831,") && lines[2].contains(",3.125,32,"),
        "{csv}"
    );
    assert_eq!(lines.len(), 3);
    let json = expect(&place.panarch(&[&COST[..], &["--format", "json"]].concat()), 0);
    let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["overall_util"], 30.33794823286611);
    assert_eq!(rows[1]["repeats"], 32);
    let table = expect(&place.panarch(&COST), 0);
    assert!(
        table.contains("34,887") && table.contains("Sum with repeats: 925479 cycles"),
        "{table}"
    );
}

#[test]
fn problems_of_both_files_are_told_at_once() {
    let place = Workplace::new();
    files(
        &place,
        &TOPOLOGY.replace("225", "x"),
        &CONFIGURATION.replace(": os", ": xs").replace("Height: 32", "Height: 0"),
    );
    let output = place.panarch(&COST);
    expect(&output, 2);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    for place in ["t.csv:2:8", "t.csv:2:11", "c.cfg:4:", "c.cfg:6:"] {
        assert!(errors.contains(place), "nothing at {place} in\n{errors}");
    }
    for arguments in [
        &["cost"][..],
        &["cost", "--scalesim-topology", "t.csv"],
        &["cost", "--scalesim-config", "c.cfg"],
        &["cost", "--network", "mobilenet-v2"],
        &[&COST[..], &["--device", "all"]].concat(),
        &["cost", "--scalesim-topology", "no.csv", "--scalesim-config", "c.cfg"],
    ] {
        assert_eq!(place.panarch(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn what_is_exported_is_read_again() {
    let place = Workplace::new();
    let devices = ["--device", "edgetpu-coral", "--device", "host"];
    let export = [
        "cost",
        "--network",
        "mobilenet-v2",
        "--scalesim-export",
        "out",
        "--format",
        "json",
    ];
    let json = expect(&place.panarch(&[&export[..], &devices].concat()), 0);
    let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(rows.iter().any(|row| {
        row["note"]
            .as_str()
            .is_some_and(|note| note.contains("host is measured"))
    }));
    let mut files: Vec<&str> = rows.iter().filter_map(|row| row["file"].as_str()).collect();
    files.dedup();
    assert_eq!(files, ["out/mobilenet-v2.csv", "out/edgetpu-coral.cfg"]);
    let cost = [
        "cost",
        "--scalesim-topology",
        files[0],
        "--scalesim-config",
        files[1],
        "--format",
        "csv",
    ];
    let csv = expect(&place.panarch(&cost), 0);
    assert_eq!(csv.lines().count(), 1 + 53);
    assert_eq!(csv.lines().filter(|line| line.starts_with("DP_")).count(), 17);
}
