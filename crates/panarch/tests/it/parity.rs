//! Published supernets against PyTorch's own numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use panarch::checkpoint::{self, Loaded, Subject};
use panarch_format::{OnnxOptions, read_safetensors, read_torch, write_onnx};
use panarch_graph::{Network, Tensor, Weights};
use panarch_measure::available_runtimes;
use panarch_nn::{CpuEngine, Engine, Statistics};
use panarch_space::{Genotype, Space};
use panarch_testkit::reference;
use panarch_train::published::import_supernet;

use serde_json::Value;

fn tensors(path: &Path) -> Vec<(String, Tensor)> {
    let file = read_torch(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let state = file.state_dict().unwrap();
    let tensors = state.tensors.iter();
    tensors
        .map(|(name, tensor)| {
            (
                name.clone(),
                Tensor::new(tensor.shape.clone(), tensor.to_f32()).unwrap(),
            )
        })
        .collect()
}

/// A sub-network of the parity files: its genotype by the published description.
fn genotype(space: &Space, entry: &Value) -> Genotype {
    match entry["all"].as_str() {
        Some("max") => return space.largest(),
        Some("min") => return space.smallest(),
        _ => {}
    }
    let list = |key: &str| -> Vec<String> {
        let list = entry[key].as_array().unwrap();
        list.iter().map(ToString::to_string).collect()
    };
    let mut choices: Vec<(String, String)> = Vec::new();
    let depths = list("d");
    if entry.get("w").is_some() {
        let base = [2, 2, 4, 2];
        let keeps = if depths[0] == "2" { "conv" } else { "skip" };
        choices.push(("stem.middle.operator".into(), keeps.into()));
        let widths = ["0.5", "0.75", "1"];
        let places = ["stem", "stem.last", "stage1", "stage2", "stage3", "stage4"];
        for (place, index) in places.iter().zip(list("w")) {
            let width = widths[index.parse::<usize>().unwrap()];
            choices.push((format!("{place}.width"), width.into()));
        }
        let mut ratios = list("e").into_iter();
        for stage in 0..4 {
            let depth = base[stage] + depths[stage + 1].parse::<usize>().unwrap();
            choices.push((format!("stage{}.depth", stage + 1), depth.to_string()));
            for (block, ratio) in (1..=base[stage] + 2).zip(ratios.by_ref()) {
                choices.push((format!("stage{}.block{block}.expansion", stage + 1), ratio));
            }
        }
    } else {
        for (block, (kernel, expansion)) in list("ks").into_iter().zip(list("e")).enumerate() {
            let name = format!("stage{}.block{}", block / 4 + 1, block % 4 + 1);
            choices.push((format!("{name}.kernel"), kernel));
            choices.push((format!("{name}.expansion"), expansion));
        }
        for (stage, depth) in depths.into_iter().take(5).enumerate() {
            choices.push((format!("stage{}.depth", stage + 1), depth));
        }
    }
    let named = choices.iter().map(|(name, choice)| (name.as_str(), choice.as_str()));
    space.encode(named).unwrap_or_else(|error| panic!("{error}: {entry}"))
}

/// The space of a parity file, by its name: `ofa_mbv3_w0.35` is that of MobileNetV3 with this width. The small ResNet-50 was
/// made with other width choices than the published one: their parameter counts tell that they are a half, three quarters and
/// all of the width.
fn space(stem: &str, subnets: &[Value]) -> Space {
    let (family, width) = stem.rsplit_once("_w").unwrap();
    let base = match family {
        "ofa_mbv3" => "ofa-mbv3-w1.0",
        "ofa_proxyless" => "ofa-proxyless-w1.3",
        "ofa_resnet50" => "ofa-resnet50",
        other => panic!("{other} is none of the supernets"),
    };
    let sizes: BTreeSet<u64> = subnets.iter().map(|it| it["resolution"].as_u64().unwrap()).collect();
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    let mut toml = format!(
        "base = \"{base}\"\nname = \"{stem}\"\nversion = 1\nwidth_multiplier = {width}\nresolutions = [{}]\n",
        sizes.join(", ")
    );
    if base == "ofa-resnet50" {
        let places = ["stem", "\"stem.last\"", "stage1", "stage2", "stage3", "stage4"];
        for (place, of) in places.iter().zip([32, 64, 256, 512, 1024, 2048]) {
            toml += &format!("[change.{place}]\nwidth = {{ of = {of}, times = [0.5, 0.75, 1] }}\n");
        }
    }
    Space::from_toml(stem, &toml).unwrap_or_else(|error| panic!("{error}"))
}

fn logits(network: &Network, weights: &Weights, image: &Tensor) -> Vec<f32> {
    panarch_train::answers(&mut CpuEngine::new(), network, weights, &image.channels_last()).unwrap()
}

/// The largest difference, relative to the largest magnitude of the expected values.
fn difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let worst = found
        .iter()
        .zip(expected)
        .fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    f64::from(worst) / f64::from(largest)
}

/// Every sub-network of every parity file gives PyTorch's logits, in the engine and, exported, in every runtime that is here.
/// `PANARCH_OFA_PARITY` names another folder of the same layout.
#[test]
fn subnetworks_give_pytorch_s_logits() {
    let folder = match std::env::var_os("PANARCH_OFA_PARITY") {
        Some(folder) => PathBuf::from(folder),
        None => match reference("ofa/parity") {
            Some(folder) => folder,
            None => return,
        },
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "pth"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no .pth file", folder.display());
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".legacy");
        let subnets = std::fs::read_to_string(folder.join(format!("{stem}.subnets.json"))).unwrap();
        let subnets: Vec<Value> = serde_json::from_str(&subnets).unwrap();
        let space = space(stem, &subnets);
        let (supernet, report) = import_supernet(&space, tensors(&path)).unwrap();
        let values = read_safetensors(folder.join(format!("{stem}.io.safetensors")))
            .unwrap()
            .weights;
        let mut worst: BTreeMap<String, f64> = BTreeMap::new();
        for (index, entry) in subnets.iter().enumerate() {
            let resolution = entry["resolution"].as_u64().unwrap() as u32;
            let supernet = supernet.clone().with_resolution(resolution).unwrap();
            let genotype = genotype(&space, entry);
            let (network, weights) = supernet.extract(&genotype).unwrap();
            assert_eq!(
                Some(network.parameter_count()),
                entry["params"].as_u64(),
                "{name} {index}"
            );
            let image = values.get(&format!("{index}.input")).unwrap();
            let expected = values.get(&format!("{index}.logits")).unwrap();
            let mut compare = |what: &str, found: &[f32]| {
                let found = difference(found, &expected.data);
                assert!(found < 1e-4, "{name}, sub-network {index}, {what}: {found:.2e}");
                let worst = worst.entry(what.to_owned()).or_default();
                *worst = worst.max(found);
            };
            compare("engine", &logits(&network, &weights, image));
            // The supernet's own way to run a member.
            let member = supernet.member(&genotype).unwrap();
            let mut engine = CpuEngine::new();
            let placed = supernet.place(&mut engine).unwrap();
            let (parameters, mut bound) = (placed.parameters(), Vec::new());
            engine
                .forward(
                    parameters,
                    &member,
                    Statistics::Running,
                    &image.channels_last(),
                    &mut bound,
                )
                .unwrap();
            compare("engine", &bound);
            let onnx = write_onnx(&network, &weights, &OnnxOptions::default()).unwrap();
            for runtime in available_runtimes(1) {
                let mut session = runtime.load(&onnx).unwrap();
                compare(runtime.name(), &session.run(&image.data, image.shape[0]).unwrap());
            }
        }
        let worst: Vec<String> = worst
            .iter()
            .map(|(what, worst)| format!("{worst:.1e} in {what}"))
            .collect();
        println!(
            "parity of {name}: {} sub-networks, worst {}, {} matrices",
            subnets.len(),
            worst.join(", "),
            report.matrices
        );
    }
}

/// The two published ImageNet classifiers give the same logits in the engine and, exported, in every runtime that is here.
#[test]
fn published_classifiers_agree() {
    for (name, parameters) in [
        ("proxyless-w0.25-r112_imagenet", "0.57"),
        ("proxyless-w0.3-r176_imagenet", "0.75"),
    ] {
        let (Some(weights), Some(config)) = (
            reference(&format!("proxylessnas/{name}.pth")),
            reference(&format!("proxylessnas/{name}.json")),
        ) else {
            return;
        };
        let subject = Subject {
            config: Some(&config),
            ..Subject::default()
        };
        let Loaded::Network(loaded) = checkpoint::load(&weights, subject).unwrap().0 else {
            panic!("{name} is one network");
        };
        let (network, weights) = (&loaded.network, &loaded.weights);
        assert_eq!(format!("{:.2}", network.parameter_count() as f64 / 1e6), parameters);
        let shape = network.input_shape();
        let shape = vec![1, shape.channels as usize, shape.height as usize, shape.width as usize];
        let values = (0..shape.iter().product()).map(|index: usize| (index as f32 * 0.013).sin() * 2.0);
        let image = Tensor::new(shape, values.collect()).unwrap();
        let expected = logits(network, weights, &image);
        let onnx = write_onnx(network, weights, &OnnxOptions::default()).unwrap();
        for runtime in available_runtimes(1) {
            let found = runtime.load(&onnx).unwrap().run(&image.data, 1).unwrap();
            let found = difference(&found, &expected);
            assert!(found < 1e-4, "{name} in {}: {found:.2e}", runtime.name());
            println!("{name} in {}: worst {found:.1e}", runtime.name());
        }
    }
}
