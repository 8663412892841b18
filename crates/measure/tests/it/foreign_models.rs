//! Models of other tools: the engine's logits of the network that was read, against the logits of a runtime for the file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use panarch_format::{OnnxModel, OnnxOptions, OnnxReadOptions, read_onnx, read_onnx_file, write_onnx};
use panarch_graph::{Network, Op, stream};
use panarch_measure::{RtenRuntime, Runtime};
use rand::RngExt;
use safetensors::SafeTensors;

use crate::engine::evaluate;

/// The folder with NAME.onnx and NAME.safetensors, which holds `input` and `logits`. Its metadata may hold `macs` and
/// `parameters` as the tool that made the model counts them, `file_parameters` as they are in the file, where batch
/// normalisation may be folded, the `source`, and a `tolerance`.
const VARIABLE: &str = "PANARCH_ONNX_MODELS";
/// Where a table of what became of each is written (CSV), if it is set.
const TABLE: &str = "PANARCH_ONNX_TABLE";

struct Reference {
    shape: Vec<usize>,
    input: Vec<f32>,
    logits: Vec<f32>,
    metadata: HashMap<String, String>,
}

fn reference(path: &Path) -> Reference {
    let bytes = std::fs::read(path).expect("the reference can be read");
    let (_, header) = SafeTensors::read_metadata(&bytes).expect("a header");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let values = |name: &str| {
        let view = tensors.tensor(name).expect("a tensor");
        let (whole, _) = view.data().as_chunks();
        whole.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    Reference {
        shape: tensors.tensor("input").expect("an input").shape().to_vec(),
        input: values("input"),
        logits: values("logits"),
        metadata: header.metadata().clone().unwrap_or_default(),
    }
}

/// One image of any layout as channels, rows, columns.
fn channels_first(reference: &Reference, channels: usize, pixels: usize) -> Vec<f32> {
    if reference.shape[1] == channels {
        return reference.input.clone();
    }
    (0..channels * pixels)
        .map(|index| reference.input[index % pixels * channels + index / pixels])
        .collect()
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| (found - expected).abs());
    worst.fold(0.0, f32::max) / largest
}

/// Trainable values, without those of a rescaling of the input.
fn parameters(network: &Network) -> u64 {
    let rescaling = network.ids().filter(|id| {
        let node = network.node(*id);
        matches!(node.op, Op::BatchNorm(_)) && node.inputs.iter().all(|input| input.index() == 0)
    });
    network.parameter_count() - 2 * u64::from(network.input_shape().channels) * rescaling.count() as u64
}

/// What became of a model.
enum Outcome {
    /// It came in.
    Read(Row),
    /// It was refused, for this reason.
    Refused(String),
    /// It came in and is not what it was.
    Wrong(String),
}

/// A model that came in, as the table has it.
struct Row {
    parameters: u64,
    macs: u64,
    difference: f32,
    line: String,
}

fn check(path: &Path) -> Outcome {
    let model = match read_onnx_file(path, &OnnxReadOptions::default()) {
        Ok(model) => model,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let reference = reference(&path.with_extension("safetensors"));
    match compare(&model, &reference) {
        Ok(row) => Outcome::Read(row),
        Err(wrong) => Outcome::Wrong(wrong),
    }
}

/// One line of the table, or what is wrong.
fn compare(model: &OnnxModel, reference: &Reference) -> Result<Row, String> {
    let network = &model.network;
    let shape = network.input_shape();
    let image = channels_first(reference, shape.channels as usize, shape.pixels() as usize);
    let ours = difference(&evaluate(network, &model.weights, &image), &reference.logits);
    let exported = write_onnx(network, &model.weights, &OnnxOptions::default()).map_err(|error| error.to_string())?;
    let back = RtenRuntime::new(1)
        .load(&exported)
        .map_err(|error| error.to_string())?
        .run(&image, 1);
    let theirs = difference(&back.map_err(|error| error.to_string())?, &reference.logits);
    let (parameters, all, macs) = (parameters(network), network.parameter_count(), network.macs().0);
    let counted = |key: &str| reference.metadata.get(key).and_then(|text| text.parse::<u64>().ok());
    let source = reference.metadata.get("source").cloned().unwrap_or_default();
    let mut line = format!(
        "{source}, opset {}, {} nodes, {parameters} parameters, {macs} MACs, engine {ours:.1e}, exported {theirs:.1e}",
        model.metadata.opset,
        network.nodes().len()
    );
    for note in &model.notes {
        line.push_str(&format!("\n    {note}"));
    }
    let known = [counted("parameters"), counted("file_parameters")];
    if known[0].is_some() && !known.contains(&Some(parameters)) && !known.contains(&Some(all)) {
        return Err(format!("{line}\n    the tool counts {known:?} parameters"));
    }
    if counted("macs").is_some_and(|counted| counted != macs) {
        return Err(format!("{line}\n    the tool counts {:?} MACs", counted("macs")));
    }
    let tolerance: f32 = reference
        .metadata
        .get("tolerance")
        .map_or(1e-4, |text| text.parse().expect("a number"));
    // Not a number is not within anything.
    if !(ours <= tolerance && theirs <= tolerance) {
        return Err(line);
    }
    Ok(Row {
        parameters,
        macs,
        difference: ours,
        line,
    })
}

/// The models that there are, or one line that says that there are none.
fn models() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        println!("skipped: {VARIABLE} names no folder with models of other tools");
        return Vec::new();
    };
    let entries = std::fs::read_dir(&folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.retain(|path| path.with_extension("safetensors").exists());
    paths.sort();
    assert!(!paths.is_empty(), "no model in {}", folder.display());
    paths
}

/// The families of the models, from the file families.csv beside them, which lists name and family; none without it.
fn families(folder: &Path) -> HashMap<String, String> {
    let text = std::fs::read_to_string(folder.join("families.csv")).unwrap_or_default();
    let rows = text.lines().skip(1).filter_map(|line| line.split_once(','));
    rows.map(|(name, family)| (name.to_owned(), family.trim_matches('"').to_owned()))
        .collect()
}

#[test]
fn models_of_other_tools_give_their_logits_parity() {
    let paths = models();
    let Some(folder) = paths.first().and_then(|path| path.parent()) else {
        return;
    };
    let families = families(folder);
    let mut table = "name,family,parameters,macs,logit_difference,refusal\n".to_owned();
    let [mut read, mut refused, mut wrong] = [0; 3];
    for path in &paths {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let family = families.get(name.as_ref()).map_or("", String::as_str);
        match check(path) {
            Outcome::Read(row) => {
                read += 1;
                println!("{name}: {}", row.line);
                let (parameters, macs, difference) = (row.parameters, row.macs, row.difference);
                table.push_str(&format!("{name},\"{family}\",{parameters},{macs},{difference:.1e},\n"));
            }
            Outcome::Refused(reason) => {
                refused += 1;
                println!("refused {name}: {reason}");
                assert!(
                    reason.contains('`') && reason.contains("operator") || reason.contains(" ("),
                    "{name}: {reason}"
                );
                let reason = reason.replace('"', "'");
                table.push_str(&format!("{name},\"{family}\",,,,\"{reason}\"\n"));
            }
            Outcome::Wrong(line) => {
                wrong += 1;
                println!("WRONG {name}: {line}");
            }
        }
    }
    println!(
        "{} models of other tools: {read} read, {refused} refused, {wrong} wrong",
        paths.len()
    );
    if let Some(path) = std::env::var_os(TABLE) {
        std::fs::write(path, table).expect("the table can be written");
    }
    assert_eq!(wrong, 0);
}

/// An error or a network with all its weights, never a panic.
#[test]
fn damaged_models_of_other_tools_never_panic() {
    let paths = models();
    if paths.is_empty() {
        return;
    }
    let (mut survived, mut refused) = (0, 0);
    for path in paths {
        let bytes = std::fs::read(&path).expect("the model can be read");
        if bytes.len() > 1 << 20 {
            continue;
        }
        let mut rng = stream(3, &path.display().to_string(), 0);
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..rng.random_range(1..12) {
                let place = rng.random_range(0..damaged.len());
                damaged[place] ^= 1 << rng.random_range(0..8);
            }
            match read_onnx(&damaged) {
                Ok(model) => {
                    model.weights.check(&model.network).expect("all weights");
                    survived += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    println!("damaged models of other tools: {refused} refused, {survived} still valid networks");
}
