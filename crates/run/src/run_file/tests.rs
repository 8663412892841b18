use panarch_cost::Model;
use panarch_graph::Latency;
use panarch_study::RewardForm;

use super::*;

const EXAMPLE: &str = include_str!("../../../../examples/fashion-mnist.toml");

const README: &str = include_str!("../../../../README.md");

const SMALL: &str = r#"
name = "small"
[data]
dataset = "my/pictures"
[space]
preset = "multi-hardware-small"
[devices]
names = ["ethos-u55-128", "own.toml"]
[devices.targets]
ethos-u55-128 = "800 us"
"own.toml" = "5 ms"
"#;

fn parse(text: &str, overrides: &[&str]) -> Result<RunFile, Vec<String>> {
    RunFile::parse("run.toml", text, overrides)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn the_run_file_of_the_readme_is_one() {
    let (_, block) = README.split_once("```toml\n").unwrap();
    let (text, _) = block.split_once("```").unwrap();
    let run = parse(text, &[]).unwrap();
    assert_eq!(run.name, "shapes");
    assert_eq!(run.devices.names, ["ethos-u55-128", "cortex-a53", "host"]);
    let goals: Vec<&str> = run.search.goals.iter().map(Goal::name).collect();
    assert_eq!(goals, ["average", "worst"]);
}

#[test]
fn the_example_asks_for_every_device_alone_the_average_and_the_worst() {
    let run = parse(EXAMPLE, &[]).unwrap();
    assert_eq!(run.devices.names.len(), 4);
    let goals: Vec<&str> = run.search.goals.iter().map(Goal::name).collect();
    let mut expected: Vec<&str> = run.devices.names.iter().map(String::as_str).collect();
    expected.extend(["average", "worst"]);
    assert_eq!(goals, expected);
    assert_eq!(run.search.seeds, [1]);
    assert_eq!(run.data.resolution, Some(28));
    assert_eq!(run.finalists.reference.as_deref(), Some("mobilenet-v2-like"));
    assert!(run.train.epochs.is_some_and(|epochs| epochs <= 3.0) && run.finalists.fine_tune_epochs <= 1.0);
    assert!(run.data.validation <= 4000 && run.data.recalibration <= 4000);
}

#[test]
fn a_small_file_gets_its_defaults() {
    let run = parse(SMALL, &[]).unwrap();
    assert_eq!(run.seed, 1);
    let own = [0.0008, 0.005].map(|seconds| Target::Latency(Latency::from_seconds(seconds)));
    assert_eq!(
        (run.devices.targets.reference, run.devices.targets.own),
        (None, own.to_vec())
    );
    assert_eq!(run.devices.weights, [1.0, 1.0]);
    assert_eq!(run.train, TrainSection::default());
    assert_eq!(run.finalists.reference, None);
    assert_eq!(run.output.directory.to_str(), Some("runs/small"));
    let goals: Vec<&str> = run.search.goals.iter().map(Goal::name).collect();
    assert_eq!(goals, ["ethos-u55-128", "own.toml", "average", "worst"]);
}

#[test]
fn a_target_is_a_time_or_a_share_of_the_references_and_devices_have_weights() {
    let overrides = [
        "devices.targets.host=\"80 %\"",
        "devices.targets.cube-16=\"2 ms\"",
        "devices.targets.cortex-a53=1.5",
        "devices.weights.host=3",
    ];
    let run = parse(EXAMPLE, &overrides).unwrap();
    assert_eq!(run.devices.targets.reference.as_deref(), Some("mobilenet-v2-like"));
    let expected = [
        Target::Share(1.0),
        Target::Latency(Latency::from_millis(2.0)),
        Target::Share(1.5),
        Target::Share(0.8),
    ];
    assert_eq!(run.devices.targets.own, expected);
    assert_eq!(run.devices.weights, [1.0, 1.0, 1.0, 3.0]);
    let resolved = run.resolved_toml();
    assert_eq!(parse(&resolved, &[]), Ok(run), "{resolved}");
}

#[test]
fn a_run_may_ask_the_simulator() {
    assert_eq!(parse(SMALL, &[]).unwrap().devices.model, Model::Analytic);
    let text = SMALL.replace("[devices]\n", "[devices]\nmodel = \"cycle\"\n");
    let run = parse(&text, &[]).unwrap();
    assert_eq!(run.devices.model, Model::Cycle);
    assert_eq!(parse(&run.resolved_toml(), &[]).unwrap(), run);
    let problems = parse(&text.replace("\"cycle\"", "\"cycles\""), &[]).unwrap_err();
    assert!(
        problems.iter().any(|problem| problem.contains("did you mean `cycle`?")),
        "{problems:?}"
    );
}

#[test]
fn the_resolved_file_reads_as_the_same_run() {
    let overrides: [&[&str]; 3] = [
        &[],
        &[
            "seed=18446744073709551615",
            "search.reward=soft",
            "search.beta=-0.07",
            "search.goals=[\"each\"]",
        ],
        &[
            "train.clip=0",
            "train.weight_decay=0.00001",
            "output.directory=a \"quoted\" \\ folder",
            "train.flip=false",
            "train.resized_crop=[0.5, 1]",
            "train.rand_augment=[2, 9]",
            "train.colour_jitter=[0.5, 0.25, 0]",
            "train.cutout=8",
            "train.mixup=0.25",
            "train.train_resolutions=[28, 32]",
            "train.schedule=compound",
            "train.learning_rate=0.1",
            "train.warm_up=0.1",
            "train.random_subnets=3",
            "train.teacher=a.safetensors",
            "train.objective=average",
            "train.validate_corners=false",
            "train.storage=bf16",
            "search.goals=[\"smooth-worst\"]",
            "search.power=3.5",
            "search.confidence=0.95",
        ],
    ];
    for overrides in overrides {
        for text in [EXAMPLE, SMALL] {
            let run = parse(text, overrides).unwrap();
            let resolved = run.resolved_toml();
            assert_eq!(parse(&resolved, &[]), Ok(run), "{resolved}");
        }
    }
}

#[test]
fn overrides_come_before_the_checks() {
    let run = parse(
        EXAMPLE,
        &["search.evaluations=8", "train.epochs=1", "search.reward=hard"],
    )
    .unwrap();
    let settings = &run.search.settings;
    assert_eq!(run.search.evaluations, 8);
    assert_eq!(
        (
            settings.whole("population").unwrap(),
            settings.whole("tournament").unwrap()
        ),
        (8, 8)
    );
    assert!(matches!(run.search.reward, RewardForm::Hard { .. }));
    assert_eq!(
        parse(EXAMPLE, &["search.evaluation=8"]).unwrap_err(),
        ["--set search.evaluation=8: `search.evaluation` is not a known key (did you mean `evaluations`?)"]
    );
}

#[test]
fn six_mistakes_are_six_diagnostics() {
    let text = r#"name = "six"
[data]
dataset = "fashion-minst"
[space]
preset = "multi-hardware-small"
[devices]
names = ["ethos-u55-128", "cube-61", "host"]
[devices.targets]
reference = "mobilenet-v2"
[train]
epochs = "three"
learning_rates = 0.1
[search]
strategy = "evolution"
tournament = 500
"#;
    let expected = [
        "run.toml:3:11: `data.dataset` names no known dataset, found the string \"fashion-minst\": it is \
         `fashion-mnist`, `cifar-10`, `cifar-100`, or the path of a folder, with a `/` in it (did you mean \
         `fashion-mnist`?)",
        "run.toml:7:27: `devices.names[1]` is the name of no device and no path of a .toml file: \"cube-61\" (did you \
         mean `cube-16`?)",
        "run.toml:9:13: `devices.targets.reference` must be one of `mobilenet-v2-like`, found the string \
         \"mobilenet-v2\" (did you mean `mobilenet-v2-like`?)",
        "run.toml:11:10: `train.epochs` must be a number from 0.000001 to 1000000, found the string \"three\"",
        "run.toml:12:1: `train.learning_rates` is not a known key (did you mean `learning_rate`?)",
        "run.toml:15:14: `search.tournament` is 500, more than the 50 networks of `search.population`",
    ];
    assert_eq!(parse(text, &[]).unwrap_err(), expected);
}

#[test]
fn each_section_is_checked() {
    let table: [(&[&str], &str); 18] = [
        (&["format=2"], "`format` is 2, this version reads format 1"),
        (&["name=a/b"], "`name` must be 1 to 64 letters"),
        (
            &["data.resolution=224"],
            "`data.resolution` is 224, the space multi-hardware-small allows 28, 32",
        ),
        (&["space.preset=multi-hardware-smal"], "`space.preset` must be one of"),
        (
            &["space.file=own.toml"],
            "`space.file` and `space.preset` exclude each other",
        ),
        (&["space={}"], "`space` must name a `preset` or a `file`"),
        (
            &["space={ file = \"x.json\" }"],
            "`space.file` must be the path of a .toml file",
        ),
        (
            &["devices.names=[]", "search.goals=[\"worst\"]"],
            "`devices.names` must name at least one device",
        ),
        (
            &["devices.names=[\"host\", \"host\"]"],
            "`devices.names` names host twice",
        ),
        (
            &["devices.targets.host=\"0 %\""],
            "or a share of what the reference takes, such as \"80 %\"",
        ),
        (&["devices.weights.host=0"], "`devices.weights.host` must be"),
        (&["devices.weights.cube=1"], "`devices.weights.cube` is not a known key"),
        (
            &["devices.targets.cube=\"1 ms\""],
            "`devices.targets.cube` is not a known key",
        ),
        (&["search.goals=[\"wrost\"]"], "each of `search.goals` must be one of"),
        (
            &["search.goals=[\"alone\", \"host\"]"],
            "`search.goals` names host twice",
        ),
        (&["search.goals=[]"], "`search.goals` must name at least one goal"),
        (
            &["search.seeds=[1, 1]"],
            "`search.seeds` must be one or more different numbers",
        ),
        (
            &["finalists.reference=mobilenet"],
            "`finalists.reference` must be one of `mobilenet-v2-like`",
        ),
    ];
    for (overrides, expected) in table {
        let problems = parse(EXAMPLE, overrides).unwrap_err();
        let found = problems.iter().filter(|problem| problem.contains(expected)).count();
        assert!(found == 1 && problems.len() == 1, "{overrides:?}: {problems:?}");
    }
    let problems = parse(SMALL, &["devices.targets={ ethos-u55-128 = \"5\" }"]).unwrap_err();
    assert_eq!(
        problems,
        [
            "--set devices.targets={ ethos-u55-128 = \"5\" }: `devices.targets.own.toml` is missing: it must be a time \
             with its unit, such as \"5 ms\"",
            "--set devices.targets={ ethos-u55-128 = \"5\" }: `devices.targets.ethos-u55-128` must be a time with its \
             unit, such as \"5 ms\", found the string \"5\"",
        ]
    );
}

#[test]
fn an_empty_file_names_what_must_be_there() {
    let problems = parse("", &[]).unwrap_err();
    let missing = ["name", "space", "data", "devices"];
    assert_eq!(problems.len(), missing.len(), "{problems:?}");
    for (problem, key) in problems.iter().zip(missing) {
        assert!(problem.contains(&format!("`{key}` is missing")), "{problem}");
    }
}

#[test]
fn a_file_cut_short_anywhere_is_read_or_refused() {
    let ends: Vec<usize> = EXAMPLE.char_indices().map(|(at, _)| at).step_by(11).collect();
    for end in ends {
        if let Err(problems) = parse(&EXAMPLE[..end], &[]) {
            assert!(!problems.is_empty(), "cut at {end}");
        }
    }
}
