//! Every target on its seeds, and on seeds with changes.

mod allocation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use panarch_fuzz::{Mutator, TARGETS, Target, target};

/// The most memory that one input of at most a megabyte may take, in bytes.
const MEMORY: u64 = 1 << 30;

/// The most inputs of one target; the same ones on every machine that is quick enough.
const INPUTS: u64 = 100_000;

/// How long each target is given inputs.
fn duration() -> Duration {
    let seconds = std::env::var("PANARCH_FUZZ_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds)
}

/// Runs a target; an input that it does not survive is kept and named.
fn survive(target: &Target, input: &[u8]) {
    let before = allocation::start();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let peak = allocation::peak_since(before);
    if outcome.is_err() || peak > MEMORY {
        let file = std::env::temp_dir().join(format!("panarch-fuzz-{}", target.name));
        let kept = std::fs::write(&file, input).is_ok();
        let place = if kept {
            file.display().to_string()
        } else {
            "nowhere".to_owned()
        };
        panic!(
            "{}: an input of {} bytes took {peak} bytes or panicked; kept in {place}",
            target.name,
            input.len()
        );
    }
}

fn smoke(name: &str) {
    let target = target(name).unwrap_or_else(|| panic!("there is no target `{name}`"));
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "`{name}` has no seeds");
    for seed in &seeds {
        survive(target, seed);
    }
    let mut mutator = Mutator::new(seeds, 1);
    let (began, mut inputs) = (Instant::now(), 0_u64);
    while began.elapsed() < duration() && inputs < INPUTS {
        survive(target, &mutator.draw());
        inputs += 1;
    }
    assert!(inputs > 0, "`{name}` was given nothing");
    println!("fuzz {name}: {inputs} inputs");
}

macro_rules! smoke_tests {
    ($($function:ident $name:literal)*) => {
        /// The targets that have a test.
        const TESTED: &[&str] = &[$($name),*];

        $(#[test] fn $function() { smoke($name); })*
    };
}
smoke_tests! {
    additive "additive"
    answer "answer"
    certificate "certificate"
    checkpoint "checkpoint"
    cifar "cifar"
    genotype "genotype"
    idx "idx"
    latency_table "latency-table"
    linear_terms "linear-terms"
    onnx "onnx"
    pattern "pattern"
    picture "picture"
    products "products"
    profile "profile"
    published_network "published-network"
    report "report"
    rows "rows"
    run_file "run-file"
    safetensors "safetensors"
    scalesim_configuration "scalesim-configuration"
    scalesim_topology "scalesim-topology"
    schedule "schedule"
    space "space"
    study "study"
    tflite "tflite"
    toml "toml"
    torch "torch"
}

#[test]
fn every_target_has_a_test_and_a_libfuzzer_binary() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(names, TESTED);
    let manifest = include_str!("../../../../fuzz/Cargo.toml");
    let mut binaries: Vec<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|section| section.split('"').nth(1))
        .collect();
    binaries.sort_unstable();
    assert_eq!(names, binaries);
}
