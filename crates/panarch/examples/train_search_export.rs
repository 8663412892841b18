//! The whole way from code: pictures, a supernet, two searches, an exported network and a report.

use std::path::Path;

use panarch::RunFile;
use panarch::data::{Generated, generate};
use panarch::event::{Cancel, Event, Watch};
use panarch::run;

/// As short as it gets: a look at every step, far too little to find anything out.
const JOB: &str = r#"
name = "example"
[data]
resolution = 28
validation = 30
recalibration = 40
[space]
preset = "multi-hardware-small"
[devices]
names = ["ethos-u55-128", "cortex-a53"]
[devices.targets]
reference = "mobilenet-v2-like"
[train]
epochs = 1
batch = 32
random_subnets = 1
[search]
evaluations = 4
goals = ["average", "worst"]
[finalists]
fine_tune_epochs = 1
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    whole_way(Path::new("runs/example"))
}

pub(crate) fn whole_way(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let pictures = folder.join("pictures");
    generate(&pictures, Generated::default())?;
    let places = [
        format!("data.dataset={:?}", pictures.display().to_string()),
        format!("output.directory={:?}", folder.join("run").display().to_string()),
    ];
    let file = RunFile::parse("example.toml", JOB, &places)?;
    let mut observer = |event: Event| println!("{event:?}");
    let mut watch = Watch {
        observer: &mut observer,
        cancel: Cancel::new(),
    };
    let outcome = run::run(&file, "cargo run --example train_search_export", &mut watch)?;
    println!("{:?} and {}", outcome.onnx_file, outcome.report_file.display());
    Ok(())
}
