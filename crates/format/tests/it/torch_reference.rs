//! Published checkpoints and those of the parity figures, against what Python's `pickle` and `zipfile` make of them.

use panarch_format::{TorchFile, TorchForm, TorchStateDict, TypedData, read_torch};

/// A file of the reference data; `None` and one line of output when it is absent.
pub fn reference(path: &str) -> Option<Vec<u8>> {
    let found = panarch_testkit::reference(path)?;
    Some(std::fs::read(&found).unwrap_or_else(|error| panic!("{}: {error}", found.display())))
}

fn read(path: &str) -> Option<TorchFile> {
    Some(read_torch(&reference(path)?).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// The CRC-32 over name, axes (as Python prints a list) and little-endian elements of every tensor.
fn sum(state: &TorchStateDict<'_>) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    for (name, tensor) in &state.tensors {
        sum.update(format!("{name}{:?}", tensor.shape).as_bytes());
        match &tensor.data {
            TypedData::F32(values) => values.iter().for_each(|value| sum.update(&value.to_le_bytes())),
            TypedData::I64(values) => values.iter().for_each(|value| sum.update(&value.to_le_bytes())),
            other => panic!("{name}: {other:?}"),
        }
    }
    sum.finalize()
}

#[test]
fn every_checkpoint_is_what_python_reads() {
    use TorchForm::{Legacy, Zip};
    // Form, key, number of tensors, of f32 elements, sum of the integers, CRC-32.
    let cases = [
        (
            "ofa/parity/ofa_mbv3_w0.35.legacy.pth",
            Legacy,
            Some("state_dict"),
            475,
            983_202,
            0,
            0x1fc83369,
        ),
        (
            "ofa/parity/ofa_mbv3_w0.35.pth",
            Zip,
            Some("state_dict"),
            475,
            983_202,
            0,
            0x1fc83369,
        ),
        (
            "ofa/parity/ofa_proxyless_w0.35.pth",
            Zip,
            Some("state_dict"),
            446,
            623_236,
            0,
            0x36ded955,
        ),
        (
            "ofa/parity/ofa_resnet50_w0.25.pth",
            Zip,
            Some("state_dict"),
            368,
            2_842_786,
            0,
            0x4eacaba8,
        ),
        (
            "ofa/ofa_mbv3w12_acc_predictor.pth",
            Legacy,
            None,
            8,
            372_801,
            0,
            0x4adfd2a9,
        ),
        (
            "proxylessnas/proxyless-w0.25-r112_imagenet.pth",
            Legacy,
            Some("state_dict"),
            368,
            578_960,
            5_647_624,
            0xbe486d98,
        ),
        (
            "proxylessnas/proxyless-w0.3-r176_imagenet.pth",
            Legacy,
            Some("state_dict"),
            368,
            765_880,
            5_650_369,
            0x42a4a400,
        ),
    ];
    for (path, form, key, tensors, floats, integers, expected) in cases {
        let Some(file) = read(path) else { continue };
        let state = file.state_dict().unwrap();
        assert_eq!(
            (file.form, state.key, state.tensors.len()),
            (form, key, tensors),
            "{path}"
        );
        assert!(state.remaining.is_empty(), "{path}: {:?}", state.remaining);
        let (mut found_floats, mut found_integers) = (0, 0);
        for (_, tensor) in &state.tensors {
            assert_eq!(tensor.elements(), tensor.shape.iter().product::<usize>());
            match &tensor.data {
                TypedData::I64(values) => found_integers += values.iter().sum::<i64>(),
                _ => found_floats += tensor.elements(),
            }
        }
        assert_eq!((found_floats, found_integers), (floats, integers), "{path}");
        assert_eq!(sum(&state), expected, "{path}");
    }
}

#[test]
fn both_forms_of_one_supernet_are_equal() {
    let path = "ofa/parity/ofa_mbv3_w0.35";
    let (Some(zip), Some(old)) = (read(&format!("{path}.pth")), read(&format!("{path}.legacy.pth"))) else {
        return;
    };
    let (zip, old) = (zip.state_dict().unwrap(), old.state_dict().unwrap());
    assert_eq!(zip.tensors.len(), old.tensors.len());
    for (a, b) in zip.tensors.iter().zip(&old.tensors) {
        assert_eq!(a, b, "{}", a.0);
    }
}

#[test]
fn some_tensors_by_name() {
    let shape = |path: &str, name: &str| {
        let file = read(path)?;
        let state = file.state_dict().unwrap();
        let tensor = state.get(name).unwrap_or_else(|| panic!("{path}: no {name}"));
        Some((tensor.element_type.to_string(), tensor.shape.clone()))
    };
    let cases: [(&str, &str, &str, &[usize]); 4] = [
        ("ofa/parity/ofa_mbv3_w0.35.pth", "classifier.linear.bias", "F32", &[10]),
        (
            "ofa/parity/ofa_proxyless_w0.35.pth",
            "blocks.11.conv.inverted_bottleneck.bn.bn.num_batches_tracked",
            "I64",
            &[],
        ),
        ("ofa/ofa_mbv3w12_acc_predictor.pth", "0.weight", "F32", &[400, 128]),
        (
            "proxylessnas/proxyless-w0.3-r176_imagenet.pth",
            "first_conv.conv.weight",
            "F32",
            &[16, 3, 3, 3],
        ),
    ];
    for (path, name, dtype, expected) in cases {
        if let Some(found) = shape(path, name) {
            assert_eq!(found, (dtype.to_owned(), expected.to_vec()), "{path} {name}");
        }
    }
}
