//! Devices behind commands, which are small shell scripts here.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use panarch_cost::{Cost, CostError, CostSource, DeviceProfile};
use panarch_format::{OnnxReadOptions, read_onnx_file};
use panarch_graph::{Conv2d, Network, NetworkBuilder, Op, ProvenanceKind, Shape, Weights, stream};
use panarch_measure::{CommandDevice, MeasureError, Places};
use tempfile::TempDir;

/// A folder with a script, and a profile that runs it.
struct Bench {
    folder: TempDir,
    /// Lines of `[command]` besides the fixed ones.
    settings: String,
    /// What the answers are.
    answers: &'static str,
    /// Lines of `[command.result]`.
    result: String,
}

impl Bench {
    fn new(script: &str) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            settings: String::new(),
            answers: "measured",
            result: "from = \"stdout\"\nparser = \"regex\"\npattern = 'ms=(\\S+)'\nunit = \"ms\"".to_owned(),
        };
        fs::write(bench.path("tool.sh"), script).unwrap();
        bench
    }

    fn with(mut self, settings: &str) -> Self {
        self.settings = settings.to_owned();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lines(&self, name: &str) -> usize {
        fs::read_to_string(self.path(name)).map_or(0, |text| text.lines().count())
    }

    fn profile(&self) -> DeviceProfile {
        self.profile_with(&self.result)
    }

    fn profile_with(&self, result: &str) -> DeviceProfile {
        let here = self.folder.path().display();
        let text = format!(
            "format = 1\nname = \"board\"\ndescription = \"A board.\"\nclass = \"micro\"\nkind = \"command\"\nprecision = \"f32\"\n\
             [command]\narguments = [\"sh\", \"{here}/tool.sh\", \"{here}\", \"{{onnx}}\", \"{{out}}\", \"{{network}}\", \"{{width}}\"]\n\
             format = \"onnx\"\nanswers = \"{}\"\n{}\n[command.result]\n{}\n",
            self.answers, self.settings, result
        );
        DeviceProfile::from_toml("board.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn device(&self) -> CommandDevice {
        let places = Places::new(self.path("answers"), self.path("locks"));
        CommandDevice::with_places(&self.profile(), places).unwrap()
    }

    fn ask(&self) -> Result<Cost, CostError> {
        self.device().estimate(&[network(8)]).remove(0)
    }

    fn reason(&self) -> String {
        match self.ask() {
            Err(CostError::Failed { device, reason }) if device == "board" => reason,
            other => panic!("{other:?}"),
        }
    }
}

fn network(channels: u32) -> Network {
    let mut builder = NetworkBuilder::new("a net; rm -rf", Shape::new(3, 12, 10));
    let input = builder.input();
    let conv = builder
        .add("conv", Op::Conv2d(Conv2d::square(channels, 3, 1)), &[input])
        .unwrap();
    builder.finish(conv).unwrap()
}

/// Whether a process runs; one that has ended and waits for its parent does not.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// Waits for a condition that must come about.
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come about");
}

#[test]
fn the_median_of_the_repeats_with_everything_that_is_known() {
    let script = "echo run >> $1/runs; n=$(wc -l < $1/runs)\n\
                  cp $2 $1/seen.onnx; echo $2 $4 $5 > $1/arguments; test -d $3 && test -z \"$(ls $3)\" || exit 9\n\
                  echo leftover > $3/leftover; case $n in 1) echo ms=99;; 2) echo ms=5;; 3) echo ms=1;; *) echo ms=3;; esac";
    let bench =
        Bench::new(script).with("warmup = 1\nrepeat = 3\nversion = [\"echo\", \"board tool 1.2\"]\ntool = \"bench\"");
    let cost = bench.ask().unwrap();
    let [low, value, high] = [cost.latency.low, cost.latency.value, cost.latency.high].map(|it| it.millis());
    assert_eq!([low, value, high].map(|it| (it * 1e6).round() / 1e6), [1.0, 3.0, 5.0]);
    assert_eq!((cost.latency.level, cost.provenance.repeats), (0.75, Some(3)));
    assert_eq!(cost.provenance.kind, ProvenanceKind::Measured);
    assert_eq!(
        (cost.provenance.tool.as_str(), cost.provenance.version.as_str()),
        ("bench", "board tool 1.2")
    );
    assert_eq!(cost.peak_memory.0, network(8).peak_activation_elements() * 4);
    assert_eq!(bench.lines("runs"), 4);
    let arguments = fs::read_to_string(bench.path("arguments")).unwrap();
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    assert_eq!(arguments[1..], ["a_net__rm_-rf", "10"]);
    assert!(!Path::new(arguments[0]).exists(), "the network's file is left");
    let seen = read_onnx_file(bench.path("seen.onnx"), &OnnxReadOptions::default()).unwrap();
    assert_eq!(seen.network.content_hash(), network(8).content_hash());
}

/// Without a command that says its version, a script that has been edited is another tool.
#[test]
fn an_edited_script_is_asked_again() {
    let bench = Bench::new("echo ms=2\n");
    let seconds = |bench: &Bench| bench.ask().unwrap().latency.value.seconds();
    assert_eq!(seconds(&bench), 2e-3);
    fs::write(bench.path("tool.sh"), "echo ms=30\n").unwrap();
    assert_eq!(seconds(&bench), 30e-3);
}

#[test]
fn an_answer_is_kept_for_the_same_question_only() {
    let bench = Bench::new("echo run >> $1/runs; echo ms=2").with("version = [\"cat\", \"VERSION\"]");
    let version = bench.path("version");
    let bench = bench.with(&format!("version = [\"cat\", \"{}\"]", version.display()));
    fs::write(&version, "1").unwrap();
    let first = bench.ask().unwrap();
    assert_eq!(bench.ask().unwrap(), first);
    assert_eq!(bench.lines("runs"), 1, "asked again");
    let weights = Weights::random(&network(8), &mut stream(5, "test", 0));
    let answers = bench
        .device()
        .estimate_with_weights(&[(&network(8), &weights), (&network(8), &weights)]);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(bench.lines("runs"), 2, "own weights are another question");
    bench.device().estimate(&[network(9)]).remove(0).unwrap();
    assert_eq!(bench.lines("runs"), 3, "another network");
    fs::write(&version, "2").unwrap();
    assert_eq!(bench.ask().unwrap().provenance.version, "2");
    assert_eq!(bench.lines("runs"), 4, "another version");
}

/// The tables of an accelerator may be fitted to the answers: of them only the peak rate is in an answer.
#[test]
fn a_fitted_model_asks_nothing_again() {
    let bench = Bench::new("echo run >> $1/runs; echo ms=2");
    let parts = panarch_cost::preset_text("ethos-u55-128").unwrap();
    let parts = parts.split_once("[sources]").unwrap().1;
    let ask = |parts: &str| {
        let parts = format!("{}\n[sources]{parts}", bench.result);
        let profile = bench.profile_with(&parts);
        let places = Places::new(bench.path("answers"), bench.path("locks"));
        let device = CommandDevice::with_places(&profile, places).unwrap();
        device.estimate(&[network(8)]).remove(0).unwrap()
    };
    let first = ask(parts);
    let fitted = parts.replace("utilisation = { value = 0.99", "utilisation = { value = 0.9");
    assert_ne!(fitted, parts);
    assert_eq!((ask(&fitted), bench.lines("runs")), (first.clone(), 1));
    let wider = parts.replace("output_lanes = { value = 8", "output_lanes = { value = 16");
    assert_eq!(ask(&wider).utilisation * 2.0, first.utilisation);
    assert_eq!(bench.lines("runs"), 2, "another peak rate");
}

#[test]
fn a_damaged_answer_is_replaced_and_never_trusted() {
    let bench = Bench::new("echo run >> $1/runs; echo ms=2");
    let first = bench.ask().unwrap();
    let folder = fs::read_dir(bench.path("answers"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let entry = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&entry).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let faster = text.replace("0.002", "0.001");
    assert_ne!(faster, text);
    let damages = [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        faster.into_bytes(),
        b"{\"format\":2}".to_vec(),
        vec![b'['; 1 << 20],
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        fs::write(&entry, damage).unwrap();
        let cost = bench.ask().unwrap();
        assert_eq!(cost.latency, first.latency);
        assert!(cost.provenance.note.unwrap().contains("damaged"));
        assert_eq!(bench.lines("runs"), number + 2);
        assert_eq!(bench.ask().unwrap().latency, first.latency);
        assert_eq!(bench.lines("runs"), number + 2, "the new answer was not kept");
    }
}

#[test]
fn every_failure_says_what_to_do() {
    for (script, parts) in [
        (
            "echo one >&2; echo two >&2; exit 3",
            &["tool.sh", "exit status: 3", "one | two", "run it by hand"][..],
        ),
        ("kill -9 $$", &["signal: 9"]),
        ("echo fast", &["nothing fits", "[command.result]"]),
        // No text in any encoding; random bytes hold an answer once in two hundred runs.
        ("head -c 100000 /dev/zero | tr '\\0' '\\377'", &["nothing fits"]),
        ("echo ms=quick", &["`quick` is no number"]),
        ("echo ms=nan", &["not a finite number above zero"]),
        ("echo ms=inf", &["not a finite number above zero"]),
        ("echo ms=-1", &["not a finite number above zero"]),
        ("echo ms=0", &["not a finite number above zero"]),
        ("head -c 60000000 /dev/zero; echo ms=1", &["printed more than is read"]),
        ("sleep 600", &["did not end within 0.3 s", "timeout_s"]),
    ] {
        let bench = Bench::new(script);
        let bench = if script.starts_with("sleep") {
            bench.with("timeout_s = 0.3")
        } else {
            bench
        };
        let reason = bench.reason();
        for part in parts {
            assert!(reason.contains(part), "{script}: {reason} lacks {part}");
        }
        assert!(!bench.path("answers").exists(), "{script}: a failure was kept");
    }
}

#[test]
fn much_output_beside_the_answer_is_dropped() {
    let bench = Bench::new("head -c 60000000 /dev/zero >&2; echo ms=4");
    assert_eq!(bench.ask().unwrap().latency.value.millis(), 4.0);
}

#[test]
fn answers_in_files() {
    for (script, part) in [
        ("echo ms,x > $3/a.csv; echo 7,1 >> $3/a.csv", ""),
        ("true", "wrote no file `*.csv`"),
        ("echo ms > $3/a.csv; echo ms > $3/b.csv", "2 files fit"),
        ("mkdir $3/a.csv", "wrote no file"),
        ("mkfifo $3/a.csv", "wrote no file"),
        ("ln -s /etc/passwd $3/a.csv", "wrote no file"),
        ("head -c 30000000 /dev/zero > $3/a.csv", "more than"),
        ("echo us > $3/a.csv", "no column `ms`"),
    ] {
        let mut bench = Bench::new(script);
        bench.result =
            "from = \"file\"\nfile = \"*.csv\"\nparser = \"csv\"\ncolumn = \"ms\"\nrow = \"last\"\nunit = \"ms\""
                .to_owned();
        if part.is_empty() {
            assert_eq!(bench.ask().unwrap().latency.value.millis(), 7.0);
        } else {
            let reason = bench.reason();
            assert!(reason.contains(part), "{script}: {reason} lacks {part}");
        }
    }
}

#[test]
fn nothing_that_a_command_started_outlives_it() {
    // Neither when its time is over, with signals refused, nor when it ends well.
    for (end, settings) in [("trap '' TERM INT; wait", "timeout_s = 0.5"), ("echo ms=1", "")] {
        let bench = Bench::new(&format!(
            "sleep 1000 & echo $! > $1/child\nsh -c 'sleep 1000 & wait' &\n{end}"
        ))
        .with(settings);
        assert_eq!(bench.ask().is_ok(), settings.is_empty());
        let child = fs::read_to_string(bench.path("child")).unwrap();
        until("the end of the child", || !runs(&child));
    }
}

/// A process that left its group keeps the output open; the answer does not wait for that one.
#[test]
fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
    let bench = Bench::new(
        "setsid sh -c 'echo $$ > '$1'/daemon; exec sleep 1000' & \nwhile ! test -s $1/daemon; do sleep 0.02; done; echo ms=1",
    );
    assert_eq!(bench.ask().unwrap().latency.value.millis(), 1.0);
    let daemon = fs::read_to_string(bench.path("daemon")).unwrap();
    assert!(runs(&daemon), "it was to go on");
    let killed = std::process::Command::new("kill")
        .args(["-9", daemon.trim()])
        .status()
        .unwrap();
    assert!(killed.success());
}

#[test]
fn prepare_comes_first_and_cleanup_in_any_case() {
    for end in ["echo ms=1", "exit 1"] {
        let bench = Bench::new(&format!("echo run >> $1/order; {end}"));
        let order = bench.path("order").display().to_string();
        let step = |word: &str| format!("[\"sh\", \"-c\", \"echo {word} >> {order}\", \"{{onnx}}\"]");
        let bench = bench.with(&format!(
            "prepare = {}\ncleanup = {}\nrepeat = 2",
            step("before"),
            step("after")
        ));
        let expected = if bench.ask().is_ok() {
            "before\nrun\nrun\nafter\n"
        } else {
            "before\nrun\nafter\n"
        };
        assert_eq!(fs::read_to_string(&order).unwrap(), expected);
    }
}

#[test]
fn one_job_at_a_time_on_a_device() {
    let script =
        "mkdir $1/busy || echo overlap >> $1/overlaps; echo run >> $1/runs; sleep 0.1; rmdir $1/busy; echo ms=1";
    let bench = Bench::new(script).with("lock = \"board\"");
    std::thread::scope(|scope| {
        for channels in 1..=4 {
            let device = bench.device();
            scope.spawn(move || device.estimate(&[network(channels)]).remove(0).unwrap());
        }
    });
    assert_eq!((bench.lines("runs"), bench.lines("overlaps")), (4, 0));
}

/// The lock stays with a command that outlives its Panarch, and is free when that command has ended.
#[test]
fn a_device_in_use_is_an_error_in_the_end() {
    let bench = Bench::new("echo ms=1").with("lock = \"board\"");
    fs::create_dir_all(bench.path("locks")).unwrap();
    let file = fs::File::create(bench.path("locks/board.lock")).unwrap();
    file.lock().unwrap();
    let mut orphan = std::process::Command::new("sleep")
        .arg("1000")
        .stdin(file)
        .spawn()
        .unwrap();
    let taken = |bench: &Bench| {
        let device = bench.device().with_patience(Duration::ZERO);
        device
            .estimate(&[network(8)])
            .remove(0)
            .err()
            .map(|error| error.to_string())
    };
    let reason = taken(&bench).unwrap();
    assert!(reason.contains("board.lock"), "{reason}");
    orphan.kill().unwrap();
    orphan.wait().unwrap();
    assert_eq!(taken(&bench), None);
}

#[test]
fn a_program_that_is_not_there_is_named_with_how_to_get_it() {
    let text = |program: &str, more: &str| {
        let profile = Bench::new("").profile();
        assert!(profile.command().is_some());
        format!(
            "format = 1\nname = \"board\"\ndescription = \"A board.\"\nclass = \"micro\"\nkind = \"command\"\nprecision = \"f32\"\n\
             [command]\narguments = [\"{program}\", \"{{onnx}}\"]\nformat = \"onnx\"\nanswers = \"measured\"\n{more}\n\
             [command.result]\nfrom = \"stdout\"\nparser = \"json\"\npath = \"a\"\nunit = \"s\"\n"
        )
    };
    let open = |program: &str, more: &str| {
        let profile = DeviceProfile::from_toml("board.toml", &text(program, more)).unwrap();
        CommandDevice::with_places(&profile, Places::new("a", "l")).map(drop)
    };
    let install = "install = \"pip install no-such-tool\"\nvariable = \"NO_SUCH_TOOL\"";
    match open("no-such-tool", install) {
        Err(MeasureError::CommandMissing { program, help }) => {
            assert_eq!(program, "no-such-tool");
            assert!(
                help.contains("pip install no-such-tool") && help.contains("NO_SUCH_TOOL"),
                "{help}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        open("./no/such/tool", ""),
        Err(MeasureError::CommandMissing { .. })
    ));
    assert!(open("sh", "").is_ok());
    let host = DeviceProfile::preset("host").unwrap();
    let other = CommandDevice::with_places(&host, Places::new("a", "l")).map(drop);
    assert!(matches!(other, Err(MeasureError::NotACommand { .. })));
}

#[test]
fn energy_and_memory_are_read_where_the_profile_says_so() {
    let further = "[command.energy]\nfrom = \"stderr\"\nparser = \"regex\"\npattern = 'mJ=(\\S+)'\nunit = \"mJ\"\n\
                   [command.memory]\nfrom = \"stdout\"\nparser = \"regex\"\npattern = 'KiB=(\\S+)'\nunit = \"KiB\"";
    let bench = Bench::new("echo ms=1 KiB=3; echo mJ=2 >&2").with(further);
    let cost = bench.ask().unwrap();
    assert_eq!(cost.energy.unwrap().value.joules(), 2e-3);
    assert_eq!(cost.peak_memory.0, 3 * 1024);
}

/// Estimates may be asked for several at once: each network gets its own answer all the same.
#[test]
fn answers_come_in_the_order_of_the_networks() {
    let mut bench = Bench::new("test $(wc -c < $2) -gt 500 || exit 1; echo ms=$(wc -c < $2)");
    bench.answers = "vendor_estimate";
    let networks: Vec<Network> = (1..=9).map(network).collect();
    let together = bench.device().estimate(&networks);
    let alone = Bench::new("echo ms=$(wc -c < $2)");
    for (network, answer) in networks.iter().zip(&together) {
        let expected = alone
            .device()
            .estimate(std::slice::from_ref(network))
            .remove(0)
            .unwrap();
        match answer {
            Ok(cost) => {
                assert_eq!(cost.latency, expected.latency);
                assert_eq!(cost.provenance.kind, ProvenanceKind::VendorEstimate);
            }
            Err(error) => {
                assert!(error.to_string().contains("exit status: 1"), "{error}");
                assert!(expected.latency.value.millis() <= 500.5, "{}", expected.latency.value);
            }
        }
    }
    let times: Vec<f64> = together
        .iter()
        .flatten()
        .map(|cost| cost.latency.value.seconds())
        .collect();
    assert!(times.len() > 1 && times.is_sorted_by(|a, b| a < b), "{times:?}");
}
