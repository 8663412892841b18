//! Published supernets and networks: names, shapes, descriptions, channel sorting, checkpoints.

use std::collections::BTreeSet;
use std::path::Path;

use panarch_format::{TorchFile, read_torch};
use panarch_graph::{Network, Tensor, Weights};
use panarch_nn::CpuEngine;
use panarch_space::{Genotype, Head, Space};
use panarch_testkit::reference;
use panarch_train::published::{import_network, import_supernet, published_name, published_names, published_network};
use panarch_train::{Supernet, TrainError};

fn torch(path: &Path) -> TorchFile {
    read_torch(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn tensors(file: &TorchFile) -> Vec<(String, Tensor)> {
    let state = file.state_dict().unwrap();
    let tensor = |(name, tensor): &(String, &panarch_format::TypedTensor)| {
        let shape = tensor.shape.clone();
        (name.clone(), Tensor::new(shape, tensor.to_f32()).unwrap())
    };
    state.tensors.iter().map(tensor).collect()
}

/// The four published supernets have exactly the names and shapes that our spaces give them.
#[test]
fn published_supernets_have_our_names_and_shapes() {
    for (preset, list, matrices) in [
        ("ofa-mbv3-w1.0", "ofa_mbv3_w1.0", 40),
        ("ofa-mbv3-w1.2", "ofa_mbv3_w1.2", 40),
        ("ofa-proxyless-w1.3", "ofa_proxyless_w1.3", 42),
        ("ofa-resnet50", "ofa_resnet50", 0),
    ] {
        let Some(path) = reference(&format!("ofa/state_dict_keys/{list}.tsv")) else {
            continue;
        };
        let text = std::fs::read_to_string(path).unwrap();
        let tensors = text.lines().map(|line| {
            let (name, shape) = line.split_once('\t').unwrap();
            let axes = shape.split('x').filter(|axis| !axis.is_empty());
            let shape = axes.map(|axis| axis.parse().unwrap()).collect();
            (name.to_owned(), Tensor::filled(shape, 0.0))
        });
        let space = Space::preset(preset).unwrap();
        let (supernet, report) = import_supernet(&space, tensors).unwrap();
        println!(
            "{preset}: {} tensors, {} matrices, {} not needed",
            report.renamed.len(),
            report.matrices,
            report.unused.len()
        );
        assert_eq!(report.matrices, matrices, "{preset}");
        assert!(report.unused.iter().all(|name| name.ends_with(".num_batches_tracked")));
        let all = report.renamed.len() + report.matrices + report.unused.len();
        assert_eq!(all, text.lines().count(), "{preset}");
        assert_eq!(supernet.head().classes, 1000);
        // Every parameter of the space is there, and each once.
        let ours: BTreeSet<&String> = report.renamed.iter().map(|(_, ours)| ours).collect();
        assert_eq!(ours.len() + 2 * matrices, supernet.store().tensors().len());
    }
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

/// The two published ImageNet classifiers, described by JSON.
#[test]
fn published_classifiers_load() {
    for (name, resolution, millions) in [
        ("proxyless-w0.25-r112_imagenet", 112, "0.57"),
        ("proxyless-w0.3-r176_imagenet", 176, "0.75"),
    ] {
        let (Some(weights), Some(json)) = (
            reference(&format!("proxylessnas/{name}.pth")),
            reference(&format!("proxylessnas/{name}.json")),
        ) else {
            return;
        };
        let space = published_network(name, &std::fs::read_to_string(json).unwrap(), 224).unwrap();
        assert_eq!(space.default_resolution(), resolution);
        let head = Head {
            classes: 1000,
            input_channels: 3,
        };
        let network = space.lower(&space.smallest(), head, resolution).unwrap();
        assert_eq!(format!("{:.2}", network.parameter_count() as f64 / 1e6), millions);
        let (weights, report) = import_network(&network, tensors(&torch(&weights))).unwrap();
        weights.check(&network).unwrap();
        assert_eq!(report.renamed.len(), weights.len());
        println!("{name}: {} parameters, {}", network.parameter_count(), network.macs());
    }
}

/// What does not fit is listed in full, with shapes.
#[test]
fn tensors_of_another_supernet_are_refused() {
    let small = |name: &str, width: &str| {
        let toml = format!("base = \"{name}\"\nname = \"small\"\nversion = 1\nwidth_multiplier = {width}\n");
        Space::from_toml("small", &toml).unwrap()
    };
    let space = small("ofa-mbv3-w1.0", "0.1");
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let supernet = Supernet::new(&space, head, 128, 7).unwrap();
    let (largest, weights) = supernet.extract(&space.largest()).unwrap();
    let named = || -> Vec<(String, Tensor)> {
        let names = published_names(&largest).unwrap();
        let tensor = |spec: panarch_graph::ParameterSpec, name| (name, weights.get(&spec.name).unwrap().clone());
        names.into_iter().map(|(spec, name)| tensor(spec, name)).collect()
    };
    let (again, report) = import_supernet(&space, named()).unwrap();
    assert_eq!(again.store(), supernet.store());
    assert_eq!((report.matrices, report.unused.len()), (0, 0));
    assert_eq!(again.head(), head);
    let refused = |tensors: Vec<(String, Tensor)>| match import_supernet(&space, tensors).err().unwrap() {
        TrainError::PublishedTensors(other) => (other.missing, other.surplus, other.misshapen),
        other => panic!("{other}"),
    };
    // The first convolution under another name, a tensor of another shape, and a layer twice.
    let mut changed = named();
    changed[0].0 = "first_conv.convolution.weight".into();
    changed[1].1 = Tensor::filled(vec![4], 0.0);
    let twice = (
        "module.classifier.linear.bias".to_owned(),
        Tensor::filled(vec![10], 0.0),
    );
    changed.push(twice);
    let (missing, surplus, misshapen) = refused(changed);
    assert_eq!(missing, ["first_conv.conv.weight [8, 3, 3, 3]"]);
    assert_eq!(
        surplus,
        [
            "`classifier.linear.bias` and `module.classifier.linear.bias` are the same layer",
            "first_conv.convolution.weight [8, 3, 3, 3]"
        ]
    );
    assert_eq!(misshapen, ["first_conv.bn.weight is [4], should be [8]"]);
    // The supernet of another width.
    let other = small("ofa-mbv3-w1.0", "0.2");
    let error = import_supernet(&other, named()).err().unwrap().to_string();
    assert!(error.starts_with("the tensors are not those of small: "), "{error}");
    assert!(
        error.contains("of another shape: ") && error.contains(" and "),
        "{error}"
    );
    // A space of another kind.
    let other = Space::preset("edgetpu-small").unwrap();
    let error = import_supernet(&other, named()).err().unwrap();
    assert!(matches!(error, TrainError::NoPublishedName { .. }), "{error}");
}

/// Sorting the inner channels changes nothing for the largest member, and puts the most important channels first.
#[test]
fn sorted_channels_compute_the_same() {
    for base in ["ofa-mbv3-w1.0", "ofa-resnet50"] {
        let toml =
            format!("base = \"{base}\"\nname = \"small\"\nversion = 1\nwidth_multiplier = 0.1\nresolutions = [64]\n");
        let space = Space::from_toml("small", &toml).unwrap();
        let head = Head {
            classes: 10,
            input_channels: 3,
        };
        let mut supernet = Supernet::new(&space, head, 64, 3).unwrap();
        let image = Tensor::new(
            vec![1, 3, 64, 64],
            (0..3 * 64 * 64).map(|it| (it as f32 * 0.37).sin()).collect(),
        )
        .unwrap();
        let run = |supernet: &Supernet, genotype: &Genotype| {
            let (network, weights) = supernet.extract(genotype).unwrap();
            logits(&network, &weights, &image)
        };
        let (largest, smallest) = (space.largest(), space.smallest());
        let before = [run(&supernet, &largest), run(&supernet, &smallest)];
        supernet.sort_channels().unwrap();
        let after = [run(&supernet, &largest), run(&supernet, &smallest)];
        assert!(difference(&after[0], &before[0]) < 1e-4, "{base}");
        assert!(difference(&after[1], &before[1]) > 1e-3, "{base}: nothing was sorted");
        // The inputs of every projection are in order.
        let mut checked = 0;
        for tensor in supernet.store().tensors() {
            let name = tensor.name();
            if !(name.ends_with("project.conv.weight") && !name.starts_with("stem")
                || name.ends_with("bottleneck.expand.conv.weight"))
            {
                continue;
            }
            let inputs = tensor.shape()[1];
            let importance = |input: usize| -> f64 {
                let row = tensor.data().chunks_exact(inputs);
                row.map(|row| f64::from(row[input].abs())).sum()
            };
            let all: Vec<f64> = (0..inputs).map(importance).collect();
            assert!(all.windows(2).all(|pair| pair[0] >= pair[1]), "{base}: {name}");
            checked += 1;
        }
        assert!(checked >= 18, "{base}: {checked}");
        let sorted = supernet.store().clone();
        supernet.sort_channels().unwrap();
        assert_eq!(&sorted, supernet.store(), "{base}: sorting twice is sorting once");
    }
}

/// An imported supernet is written and opened like a trained one, with its matrices, and refused for another space.
#[test]
fn imported_supernets_are_checkpoints() {
    let Some(path) = reference("ofa/parity/ofa_mbv3_w0.35.pth") else {
        return;
    };
    let toml = "base = \"ofa-mbv3-w1.0\"\nname = \"ofa_mbv3_w0.35\"\nversion = 1\nwidth_multiplier = 0.35\nresolutions = [64]\n";
    let space = Space::from_toml("ofa_mbv3_w0.35", toml).unwrap();
    let (supernet, _) = import_supernet(&space, tensors(&torch(&path))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("supernet.safetensors");
    supernet
        .checkpoint(serde_json::json!({ "imported": true }))
        .write(&file)
        .unwrap();
    let head = supernet.head();
    let opened = Supernet::open(&file, &space, head, 64).unwrap();
    assert_eq!(opened.store().tensors().len(), supernet.store().tensors().len());
    for tensor in supernet.store().tensors() {
        assert!(opened.store().get(tensor.name()) == Some(tensor), "{}", tensor.name());
    }
    assert_eq!(opened.kernel_matrices(), supernet.kernel_matrices());
    assert!(supernet.kernel_matrices() > 0);
    let other = Space::preset("ofa-mbv3-w1.0").unwrap();
    let error = Supernet::open(&file, &other, head, 224).err().unwrap().to_string();
    assert!(
        error.contains("ofa_mbv3_w0.35") && error.contains("ofa-mbv3-w1.0"),
        "{error}"
    );
}

/// A network on its own has published names too, numbered by its own blocks.
#[test]
fn names_of_a_network_on_its_own() {
    let space = Space::preset("ofa-mbv3-w1.0").unwrap();
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let network = space.lower(&space.smallest(), head, 128).unwrap();
    for (ours, published) in [
        ("stem.conv.weight", "first_conv.conv.weight"),
        ("stem.first.ib.project.bn.bias", "blocks.0.conv.point_linear.bn.bias"),
        (
            "stage2.block1.ib.se.reduce.bias",
            "blocks.3.conv.depth_conv.se.fc.reduce.bias",
        ),
        (
            "stage5.block2.ib.expand.conv.weight",
            "blocks.10.conv.inverted_bottleneck.conv.weight",
        ),
        ("head.expand.bn.running_var", "final_expand_layer.bn.running_var"),
        ("head.mix.conv.weight", "feature_mix_layer.conv.weight"),
        ("head.classifier.bias", "classifier.linear.bias"),
    ] {
        assert_eq!(published_name(&network, ours).unwrap(), published);
    }
}

/// Descriptions of what we do not have are refused with a reason.
#[test]
fn other_descriptions_are_refused() {
    let json = r#"{"name": "ProxylessNASNets", "bn": {"eps": 0.001, "momentum": 0.1},
        "first_conv": {"out_channels": 8, "kernel_size": 3, "stride": 2, "act_func": "relu6"},
        "blocks": [{"mobile_inverted_conv": {"name": "MBInvertedConvLayer", "in_channels": 8, "out_channels": 8,
            "kernel_size": 3, "stride": 1, "expand_ratio": 3}, "shortcut": {"name": "IdentityLayer"}}],
        "feature_mix_layer": {"out_channels": 16, "act_func": "relu6"}, "classifier": {"bias": true}}"#;
    let space = published_network("own", json, 32).unwrap();
    assert_eq!(space.default_resolution(), 32);
    for (from, to, expected) in [
        ("ProxylessNASNets", "VGG", "`VGG` is not one of"),
        ("MBInvertedConvLayer", "DenseLayer", "`DenseLayer`"),
        ("IdentityLayer", "ConvLayer", "`ConvLayer`"),
        (
            "relu6\"},\n        \"blocks\"",
            "gelu\"},\n        \"blocks\"",
            "`gelu`",
        ),
        ("\"out_channels\": 16", "\"out_channels\": 16, \"groups\": 2", "groups"),
        (
            "\"kernel_size\": 3, \"stride\": 1",
            "\"kernel_size\": 4, \"stride\": 1",
            "odd number",
        ),
        ("\"out_channels\": 16", "\"out_channels\": 99999999", "whole number"),
        (
            "{\"name\": \"Prox",
            "{\"resolution\": 4294967295, \"name\": \"Prox",
            "4294967295",
        ),
        ("{\"name\": \"Prox", "{\"resolution\": 4097, \"name\": \"Prox", "4096"),
        (
            "{\"name\": \"Prox",
            "{\"resolution\": 0, \"name\": \"Prox",
            "`resolution` is 0",
        ),
        ("\"expand_ratio\": 3", "\"expand_ratio\": 1e12", "number of channels"),
        ("\"expand_ratio\": 3", "\"expand_ratio\": -3", "number of channels"),
        ("[{\"mobile", "[{\"mobile_\": 3}, {\"mobile", "did not match"),
        ("}", "", ""),
    ] {
        assert!(json.contains(from), "{from}");
        let error = published_network("own", &json.replace(from, to), 32).err().unwrap();
        assert!(error.to_string().contains(expected), "{error} does not say {expected}");
    }
}

/// Classes and channels are found whatever a space calls its first and last layers.
#[test]
fn a_checkpoint_knows_its_classes_and_channels() {
    let head = Head {
        classes: 7,
        input_channels: 2,
    };
    let depthwise_first = "name = \"d\"\nversion = 1\nresolutions = [8]\n[[stem]]\noperator = \"separable\"\nkernel = 3\nwidth = 4\n\
                           activation = \"relu\"\n[[head]]\noperator = \"global-average-pool\"\n[[head]]\noperator = \"classifier\"\n";
    let presets = ["edgetpu-small", "nas-bench-macro", "ofa-resnet50", "tunas-proxyless"];
    let presets = presets.map(|name| Space::preset(name).unwrap());
    let own = Space::from_toml("d", depthwise_first).unwrap_or_else(|problems| panic!("{problems}"));
    for space in presets.into_iter().chain([own]) {
        let supernet = Supernet::new(&space, head, space.default_resolution(), 1).unwrap();
        let checkpoint = supernet.checkpoint(serde_json::Value::Null);
        assert_eq!(checkpoint.head(&space).unwrap(), head, "{}", space.name());
    }
}

/// The largest member of ISyNet's space has 31 thousand million parameters.
#[test]
fn a_supernet_beyond_all_memory_is_refused() {
    let space = Space::preset("isynet").unwrap();
    let head = Head {
        classes: 10,
        input_channels: 3,
    };
    let error = Supernet::new(&space, head, space.default_resolution(), 1)
        .err()
        .unwrap();
    assert!(error.to_string().contains("narrow the space"), "{error}");
}
