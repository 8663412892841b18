//! The changed-input table: what was changed → what was made again → the same as in a fresh folder, bit for bit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::pictures::{expect, picture};

const JOB: &str = r#"
name = "job"
seed = 3

[data]
dataset = "./pictures"
validation = 24
recalibration = 24

[space]
file = "./space.toml"

[devices]
names = ["./device.toml", "cortex-a53"]

[devices.targets]
reference = "plain"

[train]
schedule = "./schedule.toml"
batch = 16
validate_corners = false

[search]
evaluations = 4
population = 2
tournament = 2
goals = ["average", "worst"]

[finalists]
fine_tune_epochs = 1
"#;

const SPACE: &str = r#"
name = "tiny"
version = 1
description = "a few small networks"
source = "made for a test"
resolutions = [16]
default_resolution = 16

[rounding]
multiple = 8

[block]
operator = "inverted-bottleneck"
kernel = [3, 5]
expansion = [2, 3, 4]
activation = "relu"
residual_in_first_block = false

[[stem]]
operator = "conv"
kernel = 3
stride = 2
width = 8

[[stage]]
depth = [1, 2]
width = [8, 16]
stride = 2

[[head]]
operator = "global-average-pool"

[[head]]
operator = "classifier"

[references.plain]
note = "kernel 3 everywhere"

[references.plain.choose]
"stage1.depth" = 2
"stage1.width" = 8
"*.kernel" = 3
"*.expansion" = 3

[references.wide]
note = "one wide block"

[references.wide.choose]
"stage1.depth" = 1
"stage1.width" = 16
"*.kernel" = 5
"*.expansion" = 2
"#;

/// Lies over a chip, of which it changes one figure.
const DEVICE: &str = r#"
base = "./chip.toml"
name = "ethos-u55-128"
[clock]
frequency_hz = { value = 500e6, assumption = "as the chip" }
"#;

const SCHEDULE: &str = r#"
name = "short"
version = 1
description = "two epochs"
source = "made for a test"
batch = 16

[[phase]]
name = "sandwich"
open = ["*"]
sampling = "sandwich"
networks = 3
epochs = 2
warmup_epochs = 0.5
learning_rate = 0.1
distillation = 1
teacher = "in-place"
"#;

/// A folder with pictures, space, schedule, device and run file; the run's own folder is `runs/job`.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (part, count, offset) in [("train", 24, 0), ("val", 12, 500), ("test", 16, 1000)] {
            for (class, name) in ["a", "b", "c"].iter().enumerate() {
                let folder = place.path().join("pictures").join(part).join(name);
                fs::create_dir_all(&folder).unwrap();
                for index in 0..count {
                    let file = folder.join(format!("{index:03}.png"));
                    // One in five is of the next class, so that no network is right about all of them.
                    let shown = if index % 5 == 4 { (class + 1) % 3 } else { class };
                    picture(shown as u32, index + offset).save(file).unwrap();
                }
            }
        }
        let device = panarch::lookup::device_text("ethos-u55-128").unwrap();
        for (file, text) in [
            ("job.toml", JOB),
            ("space.toml", SPACE),
            ("schedule.toml", SCHEDULE),
            ("chip.toml", &device),
            ("device.toml", DEVICE),
        ] {
            fs::write(place.path().join(file), text).unwrap();
        }
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Another folder with the same content, the run's among it or not.
    fn copy(&self, with_run: bool) -> Self {
        let other = Self(tempfile::tempdir().unwrap());
        copy(self.path(), other.path(), &|path| with_run || !path.ends_with("runs"));
        other
    }

    fn panarch(&self, verb: &[&str], overrides: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panarch"));
        command.current_dir(self.path()).args(verb);
        for change in overrides {
            command.args(["--set", change]);
        }
        for name in ["PANARCH_DATA", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env(name, self.path().join("elsewhere"));
        }
        command.output().unwrap()
    }

    /// Runs the job; gives what it said on the way.
    fn run(&self, overrides: &[&str]) -> String {
        let output = self.panarch(&["run", "job.toml"], overrides);
        expect(&output, 0);
        String::from_utf8(output.stderr).unwrap()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Sets the last values of a file to zero: a kernel in weights, some weights in an exported network.
    fn zero(&self, file: &Path) {
        let mut bytes = fs::read(file).unwrap();
        let end = bytes.len();
        let from = (0..end - 64)
            .rev()
            .find(|at| bytes[*at..*at + 36].iter().any(|byte| *byte != 0));
        let from = from.unwrap();
        bytes[from..from + 36].fill(0);
        fs::write(file, bytes).unwrap();
    }

    /// The files of the run with this ending, by name.
    fn files(&self, run: &str, ending: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in [self.path().join(run), self.path().join(run).join("finalists")] {
            let entries = fs::read_dir(folder).unwrap().flatten();
            files.extend(entries.map(|entry| entry.path()).filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                name.ends_with(ending) && path.is_file()
            }));
        }
        files.sort();
        files
    }

    /// What a run found out, without times and places.
    fn found(&self, run: &str) -> Found {
        let text = fs::read_to_string(self.path().join(run).join("report.json")).unwrap();
        let mut report: Value = serde_json::from_str(&text).unwrap();
        for (section, keys) in [
            ("run", &["created", "command", "run_file"][..]),
            ("dataset", &["name", "source"]),
        ] {
            let section = report[section].as_object_mut().unwrap();
            section.retain(|key, _| !keys.contains(&key.as_str()));
        }
        let exported = report["finalists"].as_array().unwrap().iter();
        let exported = exported.map(|finalist| finalist["export"]["file"].as_str().unwrap().to_owned());
        let exported = exported.map(|file| {
            let bytes = fs::read(self.path().join(run).join(&file)).unwrap();
            (file, bytes)
        });
        Found {
            exported: exported.collect(),
            report,
            evaluations: self.rows(run, "evaluations", &["time_s", "created"]),
            trials: self.rows(run, "trials", &["started", "finished"]),
            finalists: self.rows(run, "finalists", &["updated"]),
        }
    }

    fn rows(&self, run: &str, rows: &str, without: &[&str]) -> BTreeSet<String> {
        let output = self.panarch(&["study", "export", run, "--rows", rows, "--format", "json"], &[]);
        let mut rows: Vec<Value> = serde_json::from_str(&expect(&output, 0)).unwrap();
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            row.retain(|key, _| !without.contains(&key.as_str()));
        }
        rows.iter().map(Value::to_string).collect()
    }
}

#[derive(PartialEq)]
struct Found {
    report: Value,
    exported: BTreeMap<String, Vec<u8>>,
    evaluations: BTreeSet<String>,
    trials: BTreeSet<String>,
    finalists: BTreeSet<String>,
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from)
        .unwrap()
        .flatten()
        .filter(|entry| wanted(&entry.path()))
    {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        #[cfg(unix)]
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
            continue;
        }
        if kind.is_dir() {
            copy(&entry.path(), &target, wanted);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What of a run is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Again {
    supernet: bool,
    /// Networks that are judged again or for the first time.
    judged: bool,
    /// Finalists that are fine-tuned again or for the first time.
    tuned: bool,
    /// Exported files that are written.
    exported: bool,
}

const NOTHING: Again = Again {
    supernet: false,
    judged: false,
    tuned: false,
    exported: false,
};
const SUPERNET: Again = Again {
    supernet: true,
    ..NOTHING
};

/// One line of the table.
struct Row {
    changed: &'static str,
    change: fn(&Place),
    overrides: &'static [&'static str],
    /// The run's folder after the change.
    run: &'static str,
    /// What has to be made again and must not; the third is what may be, since other networks may win.
    again: Again,
    may: Again,
    /// What the run has to say.
    says: &'static [&'static str],
    /// Whether the study may hold more than a fresh one.
    more: bool,
}

const ROW: Row = Row {
    changed: "nothing",
    change: |_| {},
    overrides: &[],
    run: "runs/job",
    again: NOTHING,
    may: NOTHING,
    says: &[],
    more: false,
};

/// Whatever hangs on a supernet.
const ALL: Again = Again {
    supernet: true,
    judged: true,
    tuned: true,
    exported: true,
};
const FOUND: Again = Again { supernet: false, ..ALL };

const ROWS: &[Row] = &[
    ROW,
    Row {
        changed: "two class folders of training pictures swapped",
        change: |place| {
            let train = place.path().join("pictures/train");
            for (from, to) in [("a", "x"), ("b", "a"), ("x", "b")] {
                fs::rename(train.join(from), train.join(to)).unwrap();
            }
        },
        again: ALL,
        may: ALL,
        says: &[
            "the supernet is trained again: the training pictures changed",
            "networks are judged again: the supernet",
            "is fine-tuned again: ",
        ],
        ..ROW
    },
    Row {
        changed: "a validation picture",
        change: |place| {
            picture(2, 77)
                .save(place.path().join("pictures/val/a/003.png"))
                .unwrap()
        },
        again: Again {
            judged: true,
            ..NOTHING
        },
        may: FOUND,
        says: &["networks are judged again: the validation pictures changed"],
        ..ROW
    },
    Row {
        changed: "a test picture",
        change: |place| {
            picture(2, 77)
                .save(place.path().join("pictures/test/a/003.png"))
                .unwrap()
        },
        says: &["is tested again: the test pictures changed"],
        ..ROW
    },
    Row {
        changed: "a device profile",
        change: |place| {
            place.edit(
                "device.toml",
                "frequency_hz = { value = 500e6",
                "frequency_hz = { value = 90e6",
            )
        },
        may: FOUND,
        says: &["the search average seed 1 begins again: the device ethos-u55-128"],
        more: true,
        ..ROW
    },
    Row {
        changed: "the base of a device profile",
        change: |place| {
            place.edit(
                "chip.toml",
                "off_chip_bytes_per_s = { value = 0.5e9",
                "off_chip_bytes_per_s = { value = 0.05e9",
            )
        },
        may: FOUND,
        says: &["the search average seed 1 begins again: the device ethos-u55-128"],
        more: true,
        ..ROW
    },
    Row {
        changed: "one kernel in the supernet's file zeroed",
        change: |place| place.zero(&place.path().join("runs/job/supernet.safetensors")),
        again: SUPERNET,
        may: SUPERNET,
        says: &["the supernet is trained again: supernet.safetensors is damaged"],
        ..ROW
    },
    Row {
        changed: "the supernet's file cut short",
        change: |place| {
            let path = place.path().join("runs/job/supernet.safetensors");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        again: SUPERNET,
        may: SUPERNET,
        says: &["the supernet is trained again: supernet.safetensors is damaged"],
        ..ROW
    },
    Row {
        changed: "one kernel in a finalist's weights zeroed",
        change: |place| {
            let weights = place.files("runs/job", ".safetensors");
            let finalist = weights
                .iter()
                .find(|path| path.parent().unwrap().ends_with("finalists"));
            place.zero(finalist.unwrap());
        },
        again: Again { tuned: true, ..NOTHING },
        may: Again { tuned: true, ..NOTHING },
        says: &["is fine-tuned again: ", "is damaged"],
        ..ROW
    },
    Row {
        changed: "some weights in an exported file zeroed",
        change: |place| place.zero(&place.files("runs/job", ".onnx")[0]),
        again: Again {
            exported: true,
            ..NOTHING
        },
        may: Again {
            exported: true,
            ..NOTHING
        },
        says: &["is written again: it was damaged, or changed after it was written"],
        ..ROW
    },
    Row {
        changed: "the schedule",
        change: |place| place.edit("schedule.toml", "epochs = 2", "epochs = 1"),
        again: ALL,
        may: ALL,
        says: &["the supernet is trained again: the schedule changed"],
        ..ROW
    },
    Row {
        changed: "the space's file",
        change: |place| place.edit("space.toml", "expansion = [2, 3, 4]", "expansion = [2, 3]"),
        again: ALL,
        may: ALL,
        says: &["the supernet is trained again: the space changed"],
        ..ROW
    },
    Row {
        changed: "a class's name",
        change: |place| {
            for part in ["train", "val", "test"] {
                let folder = place.path().join("pictures").join(part);
                fs::rename(folder.join("c"), folder.join("circle")).unwrap();
            }
        },
        again: Again {
            exported: true,
            ..NOTHING
        },
        may: Again {
            exported: true,
            ..NOTHING
        },
        says: &["is written again: its weights or what is said in it changed"],
        ..ROW
    },
    Row {
        changed: "more evaluations",
        overrides: &["search.evaluations=7"],
        again: Again {
            judged: true,
            ..NOTHING
        },
        may: FOUND,
        says: &["`search.evaluations` was 4 and is 7"],
        ..ROW
    },
    Row {
        changed: "fewer evaluations",
        overrides: &["search.evaluations=2"],
        may: FOUND,
        says: &["`search.evaluations` was 4 and is 2"],
        more: true,
        ..ROW
    },
    Row {
        changed: "another seed of the search",
        overrides: &["search.seeds=[2]"],
        may: FOUND,
        says: &["`search.seeds` was [1] and is [2]"],
        more: true,
        ..ROW
    },
    Row {
        changed: "another seed of the training",
        overrides: &["seed=4"],
        again: ALL,
        may: ALL,
        says: &["the supernet is trained again: the seed changed"],
        ..ROW
    },
    Row {
        changed: "another goal",
        overrides: &["search.goals=[\"cortex-a53\"]"],
        may: FOUND,
        says: &["`search.goals` was"],
        more: true,
        ..ROW
    },
    Row {
        changed: "another target",
        overrides: &["devices.targets.reference=wide"],
        may: FOUND,
        says: &["begins again: the target on"],
        more: true,
        ..ROW
    },
    Row {
        changed: "one device more",
        overrides: &["devices.names=[\"./device.toml\", \"cortex-a53\", \"edgetpu-coral\"]"],
        may: FOUND,
        says: &["begins again: the device edgetpu-coral"],
        more: true,
        ..ROW
    },
    Row {
        changed: "the pictures' folder moved",
        change: |place| fs::rename(place.path().join("pictures"), place.path().join("moved")).unwrap(),
        overrides: &["data.dataset=./moved"],
        ..ROW
    },
    Row {
        changed: "a slash behind the pictures' folder",
        overrides: &["data.dataset=./pictures/"],
        ..ROW
    },
    #[cfg(unix)]
    Row {
        changed: "the pictures' folder behind a link",
        change: |place| std::os::unix::fs::symlink("pictures", place.path().join("link")).unwrap(),
        overrides: &["data.dataset=./link"],
        ..ROW
    },
    Row {
        changed: "the run's folder moved",
        change: |place| fs::rename(place.path().join("runs/job"), place.path().join("elsewhere-job")).unwrap(),
        overrides: &["output.directory=elsewhere-job"],
        run: "elsewhere-job",
        ..ROW
    },
];

/// What was written since, by the time of writing: every file of ours is made anew and renamed into its place.
fn written(place: &Place, run: &str, before: &BTreeMap<PathBuf, std::time::SystemTime>) -> Again {
    let new = |path: &PathBuf| {
        let name = path.strip_prefix(place.path().join(run)).unwrap();
        let time = fs::metadata(path).unwrap().modified().unwrap();
        before.get(name).is_none_or(|before| *before != time)
    };
    let weights = place.files(run, ".safetensors");
    let (finalists, supernets): (Vec<_>, Vec<_>) = weights
        .into_iter()
        .partition(|path| path.parent().unwrap().ends_with("finalists"));
    Again {
        supernet: supernets.iter().any(new),
        judged: false,
        tuned: finalists.iter().any(new),
        exported: place.files(run, ".onnx").iter().any(new),
    }
}

fn times(place: &Place, run: &str) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let root = place.path().join(run);
    let files = [".safetensors", ".onnx"]
        .into_iter()
        .flat_map(|ending| place.files(run, ending));
    files
        .map(|path| {
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), time)
        })
        .collect()
}

fn judged_now(said: &str) -> usize {
    let line = said
        .lines()
        .find(|line| line.contains("of them judged just now"))
        .unwrap();
    let before = line.split(" of them judged just now").next().unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn parity_with_a_fresh_folder_after_every_change() {
    let base = Place::new();
    base.run(&[]);
    let mut wrong = Vec::new();
    println!(
        "{:<50} {:<9} {:<7} {:<7} {:<9} equal to a fresh folder",
        "changed", "supernet", "judged", "tuned", "exported"
    );
    for row in ROWS {
        let place = base.copy(true);
        (row.change)(&place);
        let before = times(&place, row.run);
        let said = place.run(row.overrides);
        let made = Again {
            judged: judged_now(&said) > 0,
            ..written(&place, row.run, &before)
        };
        let fresh = place.copy(false);
        let _ = fs::remove_dir_all(fresh.path().join(row.run));
        fresh.run(row.overrides);
        let (found, expected) = (place.found(row.run), fresh.found(row.run));
        let mut problems: Vec<String> = Vec::new();
        for (name, must, may, is) in [
            ("supernet", row.again.supernet, row.may.supernet, made.supernet),
            ("judged", row.again.judged, row.may.judged, made.judged),
            ("tuned", row.again.tuned, row.may.tuned, made.tuned),
            ("exported", row.again.exported, row.may.exported, made.exported),
        ] {
            if must && !is || is && !must && !may {
                problems.push(format!("{name}: made again {is}"));
            }
        }
        for text in row.says {
            if !said.contains(text) {
                problems.push(format!("does not say `{text}`"));
            }
        }
        if found.report != expected.report {
            problems.push(format!(
                "another report: {}",
                difference(&found.report, &expected.report, "")
            ));
        }
        if found.exported != expected.exported {
            problems.push("other exported files".to_owned());
        }
        if found.trials != expected.trials && !row.more {
            problems.push("other trials".to_owned());
        }
        if !found.trials.is_superset(&expected.trials) || !found.evaluations.is_superset(&expected.evaluations) {
            problems.push("trials or evaluations are missing".to_owned());
        }
        if found.finalists != expected.finalists {
            problems.push("other finalists".to_owned());
        }
        let yes = |made: bool| if made { "again" } else { "-" };
        println!(
            "{:<50} {:<9} {:<7} {:<7} {:<9} {}",
            row.changed,
            yes(made.supernet),
            yes(made.judged),
            yes(made.tuned),
            yes(made.exported),
            if problems.is_empty() { "yes" } else { "NO" }
        );
        if !problems.is_empty() {
            wrong.push(format!("{}: {}\n{said}", row.changed, problems.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first place in which two JSON values differ.
fn difference(a: &Value, b: &Value, at: &str) -> String {
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let differs = keys.into_iter().find(|key| left.get(*key) != right.get(*key));
            differs.map_or_else(String::new, |key| difference(&a[key], &b[key], &format!("{at}.{key}")))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let place = (0..left.len()).find(|place| left[*place] != right[*place]);
            place.map_or_else(String::new, |place| {
                difference(&a[place], &b[place], &format!("{at}[{place}]"))
            })
        }
        _ => format!("{at}: {a} here, {b} there"),
    }
}

/// The report is not drawn for other inputs than its own.
#[test]
fn a_report_is_drawn_for_its_own_inputs_alone() {
    let place = Place::new();
    let redraw = |place: &Place, overrides: &[&str]| {
        let output = place.panarch(&["report", "job.toml"], overrides);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    place.run(&[]);
    assert_eq!(redraw(&place, &[]).0, Some(0));
    let changed = |change: &dyn Fn(&Place), overrides: &[&str], why: &str| {
        let place = place.copy(true);
        change(&place);
        let (code, said) = redraw(&place, overrides);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why) && said.contains("panarch run"), "{why}: {said}");
    };
    let picture_of = |part: &'static str| {
        move |place: &Place| {
            let file = place.path().join("pictures").join(part).join("a/003.png");
            picture(2, 77).save(file).unwrap();
        }
    };
    changed(&picture_of("train"), &[], "the training pictures");
    changed(&picture_of("test"), &[], "the test pictures changed");
    changed(&|_| {}, &["search.evaluations=5"], "search.evaluations");
    let slower = |place: &Place| place.edit("device.toml", "value = 500e6", "value = 90e6");
    changed(&slower, &[], "the device ethos-u55-128 changed");
    let damaged = |place: &Place| place.edit("runs/job/report.json", "\"version\"", "\"Version\"");
    changed(&damaged, &[], "report.json was damaged");
    let zeroed = |place: &Place| place.zero(&place.files("runs/job", ".onnx")[0]);
    changed(&zeroed, &[], ".onnx was damaged");
}
