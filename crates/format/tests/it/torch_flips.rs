//! Legacy checkpoints with a flipped bit in their pickles: an error, or every tensor with its name and its axes.

use panarch_format::{TorchFile, read_torch};
use panarch_graph::stream;
use rand::RngExt;

use crate::allocation::peak_of;
use crate::torch_reference::reference;
use crate::torch_writer::{Pickle, Sample, legacy, metadata};

/// Names, types and axes in their order; `None` when there are none.
fn names(file: &TorchFile) -> Option<Vec<String>> {
    let state = file.state_dict().ok()?;
    let tensors = state.tensors.iter();
    Some(
        tensors
            .map(|(name, it)| format!("{name} {} {:?}", it.element_type, it.shape))
            .collect(),
    )
}

/// What came of flipped bits.
#[derive(Debug, Default)]
struct Count {
    refused: usize,
    right: usize,
    wrong: Vec<String>,
}

impl Count {
    /// Reads with one bit flipped.
    fn flip(&mut self, bytes: &mut [u8], bit: usize, honest: &[String]) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        match read_torch(bytes).ok().and_then(|file| names(&file)) {
            None => self.refused += 1,
            Some(names) if names == honest => self.right += 1,
            Some(names) => {
                let odd = names.iter().find(|name| !honest.contains(name));
                self.wrong.push(format!("byte {} bit {}: {odd:?}", bit / 8, bit % 8));
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }

    fn show(&self, what: &str) {
        let all = self.refused + self.right + self.wrong.len();
        println!(
            "{what}: {all} flipped bits, {} refused, {} with every name and shape, {} with others",
            self.refused,
            self.right,
            self.wrong.len()
        );
        for wrong in self.wrong.iter().take(8) {
            println!("  {wrong}");
        }
    }
}

/// How long the pickles at the beginning are: everything but the storages, each with its eight bytes of length.
fn pickle_bytes(bytes: &[u8], file: &TorchFile) -> usize {
    let state = file.state_dict().unwrap();
    let tensors = state.tensors.iter();
    let storages: usize = tensors.map(|(_, it)| 8 + it.elements() * it.element_type.bytes()).sum();
    bytes.len() - storages
}

#[test]
fn flipped_bits_in_published_checkpoints() {
    let files = [
        ("ofa/ofa_mbv3w12_acc_predictor.pth", 500),
        ("ofa/parity/ofa_mbv3_w0.35.legacy.pth", 60),
        ("proxylessnas/proxyless-w0.25-r112_imagenet.pth", 90),
        ("proxylessnas/proxyless-w0.3-r176_imagenet.pth", 90),
    ];
    for (path, flips) in files {
        let Some(mut bytes) = reference(path) else { continue };
        let file = read_torch(&bytes).unwrap();
        let (honest, bits) = (names(&file).unwrap(), pickle_bytes(&bytes, &file) * 8);
        let mut rng = stream(1, path, 0);
        let mut count = Count::default();
        for _ in 0..flips {
            count.flip(&mut bytes, rng.random_range(0..bits), &honest);
        }
        count.show(path);
        assert!(count.wrong.is_empty());
    }
}

const MODULES: [&str; 8] = ["", "a", "a.conv", "a.bn", "b", "b.conv", "b.bn", "fc"];
const NAMES: [&str; 14] = [
    "a.conv.weight",
    "a.bn.weight",
    "a.bn.bias",
    "a.bn.running_mean",
    "a.bn.running_var",
    "a.bn.num_batches_tracked",
    "b.conv.weight",
    "b.bn.weight",
    "b.bn.bias",
    "b.bn.running_mean",
    "b.bn.running_var",
    "b.bn.num_batches_tracked",
    "fc.weight",
    "fc.bias",
];
const KEYS: [&str; 14] = [
    "100", "101", "102", "103", "104", "105", "106", "107", "108", "109", "110", "111", "112", "113",
];

/// One of the tensors of a small model, whose axes follow from its name.
fn sample(name: &'static str, key: &'static str) -> Sample {
    let (shape, strides, class): (&[i64], &[i64], _) = match name {
        "fc.weight" => (&[3, 2], &[2, 1], "FloatStorage"),
        "fc.bias" => (&[3], &[1], "FloatStorage"),
        _ if name.ends_with("tracked") => (&[], &[], "LongStorage"),
        _ if name.contains("conv") => (&[2, 3, 1, 1], &[3, 1, 1, 1], "FloatStorage"),
        _ => (&[2], &[1], "FloatStorage"),
    };
    Sample {
        name,
        class,
        key,
        elements: shape.iter().product(),
        offset: 0,
        shape,
        strides,
        parameter: false,
    }
}

fn model() -> Vec<Sample> {
    NAMES.iter().zip(KEYS).map(|(name, key)| sample(name, key)).collect()
}

/// A legacy file with these tensors under these names, and with the `_metadata` of the model unless it has none.
/// What Python puts in the memo is put there.
fn file(names: &[&str], tensors: &[Sample], modules: &[&str]) -> Vec<u8> {
    let mut puts = 0..;
    let mut put = |it: Pickle| it.put(puts.next().unwrap());
    let mut pickle = put(Pickle::new().op(b"}"));
    pickle = put(pickle.text("state_dict"));
    pickle = put(pickle.ordered_dict()).op(b"(");
    for (name, sample) in names.iter().zip(tensors) {
        pickle = put(pickle.text(name));
        pickle = put(pickle.tensor(sample));
    }
    pickle = pickle.op(b"u");
    if !modules.is_empty() {
        pickle = metadata(pickle, modules);
    }
    let mut storages: Vec<(&str, u64, Vec<u8>)> = Vec::new();
    for sample in tensors {
        if storages.iter().any(|(key, ..)| *key == sample.key) {
            continue;
        }
        let size = if sample.class == "LongStorage" { 8 } else { 4 };
        let elements = sample.elements as u64;
        storages.push((sample.key, elements, vec![0; elements as usize * size]));
    }
    legacy(&pickle.op(b"s").stop(), &storages)
}

#[test]
fn every_bit_of_a_small_model() {
    let mut bytes = file(&NAMES, &model(), &MODULES);
    let honest = read_torch(&bytes).unwrap();
    let (honest, bits) = (names(&honest).unwrap(), pickle_bytes(&bytes, &honest) * 8);
    let mut count = Count::default();
    for bit in 0..bits {
        count.flip(&mut bytes, bit, &honest);
    }
    count.show("a small model");
    assert!(count.wrong.is_empty());
}

#[test]
fn what_a_damaged_file_is_told() {
    let said = |names: &[&str], tensors: &[Sample], modules: &[&str]| {
        let read = read_torch(&file(names, tensors, modules));
        read.map_or_else(|error| error.to_string(), |_| "read".to_owned())
    };
    let renamed = |from: &str, to: &'static str| NAMES.map(|name| if name == from { to } else { name });
    let cases: [(&str, &'static str, &[&str], &str); 12] = [
        ("", "", &MODULES, "read"),
        ("", "", &[], "read"),
        ("a.bn.bias", "a.bo.bias", &MODULES, "`a.bo.bias`: names no module"),
        (
            "a.bn.bias",
            "a.bn.cias",
            &MODULES,
            "one flipped bit away from `a.bn.bias`",
        ),
        ("fc.bias", "fc.bhas", &[], "one flipped bit away from `fc.bias`"),
        ("a.conv.weight", "a.convnweight", &MODULES, "from `a.conv.weight`"),
        (
            "a.bn.running_mean",
            "a.bn.ru.ning_mean",
            &[],
            "from `a.bn.running_mean`",
        ),
        ("a.bn.bias", "a.bn.\u{1}ias", &[], "control character"),
        // Two bits: not told without a list of modules.
        ("a.bn.bias", "a.bn.offset", &MODULES, "read"),
        ("fc.bias", "head.bias", &[], "read"),
        ("fc.bias", "head.bias", &MODULES, "`head.bias`: names no module"),
        // A file whose list is that of something else.
        ("", "", &["", "features", "features.0"], "read"),
    ];
    for (from, to, modules, expected) in cases {
        let said = said(&renamed(from, to), &model(), modules);
        assert!(said.contains(expected), "{from} {to}: {said}");
    }
}

#[test]
fn parts_of_storages() {
    let said = |change: &dyn Fn(&mut Vec<Sample>)| {
        let mut tensors = model();
        change(&mut tensors);
        let read = read_torch(&file(&NAMES, &tensors, &MODULES));
        read.map_or_else(|error| error.to_string(), |_| "read".to_owned())
    };
    let part = "`fc.weight`: shows a part of its storage of 6 elements";
    type Change = &'static dyn Fn(&mut Vec<Sample>);
    let cases: [(Change, &str); 6] = [
        (&|it| it[12].shape = &[2, 2], part),
        (&|it| (it[12].shape, it[12].strides) = (&[4], &[1]), part),
        (&|it| it[12].strides = &[1, 1], part),
        (&|it| (it[12].shape, it[12].strides) = (&[2, 3], &[1, 2]), "read"),
        // Bias as a part of the storage of the weights: both are believed.
        (&|it| (it[13].key, it[13].elements) = (it[12].key, 6), "read"),
        (
            &|it| (it[13].key, it[13].elements, it[13].offset) = (it[12].key, 6, 3),
            "read",
        ),
    ];
    for (number, (change, expected)) in cases.iter().enumerate() {
        let said = said(change);
        assert!(said.contains(expected), "{number}: {said}");
    }
}

#[test]
fn a_tensor_that_was_dropped() {
    // The second of two tensors takes the name of the first, or is dropped from the stack.
    let tensor = |key| sample("fc.bias", key);
    let pickle = Pickle::new().op(b"}(").text("a").tensor(&tensor("1"));
    let pickle = pickle.text("b").tensor(&tensor("2"));
    let storages = [("1", 3, vec![0; 12]), ("2", 3, vec![0; 12])];
    let whole = legacy(&pickle.clone().op(b"u").stop(), &storages);
    assert!(read_torch(&whole).is_ok());
    let error = legacy(&pickle.op(b"00u").stop(), &storages);
    let error = read_torch(&error).unwrap_err().to_string();
    assert!(error.contains("no tensor shows storage `2`"), "{error}");
}

#[test]
fn many_names_stay_cheap() {
    let fc = sample("fc.bias", "1");
    for (names, parts) in [(300, 100), (16_000, 60), (60_000, 1)] {
        let pickle = Pickle::new().tensor(&fc).put(0).op(b"0}(");
        let pickle = (0..names).fold(pickle, |it, name| {
            let parts: Vec<String> = (0..parts).map(|part| ((name * 31 + part) % 997).to_string()).collect();
            it.text(&format!("{}.{name}", parts.join("."))).get(0)
        });
        let bytes = legacy(&pickle.op(b"u").stop(), &[("1", 3, vec![0; 12])]);
        let (read, peak) = peak_of(|| read_torch(&bytes).map(drop));
        println!(
            "{names} names ({} KiB): {} MiB held, {read:?}",
            bytes.len() >> 10,
            peak >> 20
        );
        assert!(peak < 256 << 20, "{names}: {peak}");
    }
}
