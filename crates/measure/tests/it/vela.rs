//! Arm's compiler Vela as a device behind a command.

use std::fs;
use std::path::{Path, PathBuf};

use panarch_cost::{Bound, Cost, DeviceProfile, preset_text};
use panarch_graph::ProvenanceKind;
use panarch_measure::{CommandDevice, Places};

/// Texts of a profile and what stands there instead.
type Changes = &'static [(&'static str, &'static str)];

/// The runs of the reference data: folder, device, changes to its profile.
const RUNS: [(&str, &str, Changes); 11] = [
    (
        "tiny32_int8-ethos-u55-128-Ethos_U55_High_End_Embedded",
        "ethos-u55-256",
        U55_128,
    ),
    (
        "tiny32_int8-ethos-u55-256-Ethos_U55_High_End_Embedded",
        "ethos-u55-256",
        &[],
    ),
    ("tiny32_int8-ethos-u65-512-Ethos_U65_High_End", "ethos-u65-512", &[]),
    (
        "tiny32_int8-ethos-u85-1024-Ethos_U85_SYS_DRAM_High",
        "ethos-u85-1024",
        &[],
    ),
    (
        "mobilenet_v2_224_int8-ethos-u55-128-Ethos_U55_High_End_Embedded",
        "ethos-u55-256",
        U55_128,
    ),
    (
        "mobilenet_v2_224_int8-ethos-u55-128-HE-Shared_Sram",
        "ethos-u55-256",
        U55_128,
    ),
    (
        "mobilenet_v2_224_int8-ethos-u55-128-HE-Sram_Only",
        "ethos-u55-256",
        &[
            ("\"ethos-u55-256\",", "\"ethos-u55-128\","),
            ("Shared_Sram", "Sram_Only"),
        ],
    ),
    (
        "mobilenet_v2_224_int8-ethos-u55-256-Ethos_U55_High_End_Embedded",
        "ethos-u55-256",
        &[],
    ),
    (
        "mobilenet_v2_224_int8-ethos-u65-512-Ethos_U65_High_End",
        "ethos-u65-512",
        &[],
    ),
    (
        "mobilenet_v2_224_int8-ethos-u85-1024-Ethos_U85_SYS_DRAM_High",
        "ethos-u85-1024",
        &[],
    ),
    (
        "mobilenet_v2_224_int8-u55-256-legacy",
        "ethos-u55-256",
        &[(
            "\"--verbose-performance\",",
            "\"--verbose-performance\", \"--debug-force-legacy-core\",",
        )],
    ),
];
const U55_128: Changes = &[("\"ethos-u55-256\",", "\"ethos-u55-128\",")];

fn data() -> Option<PathBuf> {
    panarch_testkit::reference("vela")
}

/// The profile of a run, with further changes.
fn profile(device: &str, changes: &[(&str, &str)]) -> DeviceProfile {
    let mut text = preset_text(device).unwrap().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{device} has no {from}");
        text = text.replacen(from, to, 1);
    }
    DeviceProfile::from_toml("vela.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn ask(profile: &DeviceProfile, model: &Path) -> Cost {
    let places = tempfile::tempdir().unwrap();
    let places = Places::new(places.path().join("a"), places.path().join("l"));
    let device = CommandDevice::with_places(profile, places).unwrap();
    device
        .estimate_file(model, None)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The columns of the summary that the compiler wrote.
fn stated(folder: &Path, column: &str) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut summaries = files.filter(|path| path.to_string_lossy().contains("_summary_"));
    let text = fs::read_to_string(summaries.next().unwrap()).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let (header, values) = (lines.next().unwrap(), lines.next().unwrap());
    let position = header.iter().position(|name| *name == column).unwrap();
    values[position].to_owned()
}

/// What a cost says must be what the files of its run say.
fn check(cost: &Cost, folder: &Path) {
    let number = |column: &str| stated(folder, column).parse::<f64>().unwrap();
    let context = folder.file_name().unwrap().to_string_lossy().into_owned();
    let (clock, cycles) = (number("core_clock"), number("cycles_total"));
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-9);
    assert!(
        near(cost.latency.value.seconds() * clock, cycles),
        "{context}: {}",
        cost.latency.value
    );
    let layers: f64 = cost.per_layer.iter().map(|layer| layer.latency.seconds()).sum();
    assert!(
        near(layers * clock, cycles),
        "{context}: layers take {}",
        layers * clock
    );
    let compute: f64 = cost.per_layer.iter().map(|layer| layer.compute.seconds()).sum();
    assert!(compute * clock <= number("cycles_npu") * (1.0 + 1e-9), "{context}");
    // Where a layer waits for memory, the whole takes longer than the multipliers work.
    let waits = cost.per_layer.iter().any(|layer| layer.bound == Bound::Movement);
    assert_eq!(waits, cycles > number("cycles_npu"), "{context}");
    assert_eq!(
        cost.peak_memory.0,
        (number("sram_memory_used") * 1024.0) as u64,
        "{context}"
    );
    let traffic = number("dram_total_bytes") + number("off_chip_flash_total_bytes");
    assert_eq!(cost.traffic.0, traffic as u64, "{context}");
    assert!(
        cost.utilisation > 0.0 && cost.utilisation < 0.5,
        "{context}: {}",
        cost.utilisation
    );
    assert_eq!(cost.provenance.kind, ProvenanceKind::VendorEstimate);
    let note = cost.provenance.note.clone().unwrap();
    for column in ["accelerator_configuration", "system_config", "memory_mode"] {
        assert!(note.contains(&stated(folder, column)), "{context}: {note}");
    }
    for column in [
        "cycles_total",
        "cycles_npu",
        "cycles_sram_access",
        "cycles_dram_access",
        "cycles_off_chip_flash_access",
    ] {
        let cycles = number(column).to_string();
        assert!(note.contains(&cycles), "{context}: {note} lacks {column} {cycles}");
    }
    let core = if context.ends_with("legacy") {
        "core legacy"
    } else {
        "core regor"
    };
    assert!(note.contains(core), "{context}: {note}");
}

/// A command that hands out the files of each run, as the compiler left them.
#[test]
fn what_is_read_equals_the_files_of_eleven_runs() {
    let Some(data) = data() else { return };
    for (run, device, _) in RUNS {
        let folder = data.join(run);
        let text = preset_text(device).unwrap();
        let start = text.find("arguments = [").unwrap();
        let end = start + text[start..].find("]\n").unwrap();
        let copy = format!(
            "arguments = [\"sh\", \"-c\", 'cp \"$1\"/* \"$2\"', \"sh\", \"{}\", \"{{out}}\", \"{{tflite}}\"",
            folder.display()
        );
        let text = text.replace(&text[start..end], &copy);
        let text = text
            .replace("variable = \"PANARCH_VELA\"\n", "")
            .replace("version = [\"vela\", \"--version\"]\n", "");
        let profile = DeviceProfile::from_toml("vela.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
        let model = if run.starts_with("tiny") {
            "tiny32_int8"
        } else {
            "mobilenet_v2_224_int8"
        };
        let cost = ask(&profile, &data.join("models").join(format!("{model}.tflite")));
        check(&cost, &folder);
    }
}

/// The compiler itself, where it is installed.
#[test]
fn the_compiler_gives_the_same_again() {
    let Some(data) = data() else { return };
    let places = Places::new("", "");
    if let Err(error) = CommandDevice::with_places(&profile("ethos-u55-256", &[]), places) {
        println!("skipped: {error}");
        return;
    }
    for (run, device, changes) in RUNS {
        let model = if run.starts_with("tiny") {
            "tiny32_int8"
        } else {
            "mobilenet_v2_224_int8"
        };
        let cost = ask(
            &profile(device, changes),
            &data.join("models").join(format!("{model}.tflite")),
        );
        if cost.provenance.version != "5.2.0" {
            println!(
                "skipped: the reference is of vela 5.2.0, found {}",
                cost.provenance.version
            );
            return;
        }
        check(&cost, &data.join(run));
        println!("{run}: {}", cost.latency.value);
    }
}
