//! Files that were cut short or had bits flipped: an error or a valid network, never a panic.

use panarch_format::{BatchNormExport, OnnxOptions, read_onnx, safetensors_bytes, safetensors_from_bytes, write_onnx};
use panarch_graph::stream;
use rand::RngExt;

use crate::random_network::random_network;

/// Reads damaged bytes; what still reads must be a network with all its weights.
fn onnx_survives(bytes: &[u8]) -> bool {
    match read_onnx(bytes) {
        Ok(model) => {
            model.weights.check(&model.network).unwrap();
            // These must not overflow on whatever was accepted.
            let _ = (model.network.macs(), model.network.parameter_count());
            let _ = model.network.peak_activation_elements();
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// The file under another producer's name, so that it is read as files of others are.
fn of_another_tool(onnx: &[u8]) -> Vec<u8> {
    let own = b"\x12\x07panarch";
    let place = onnx.windows(own.len()).position(|found| found == own).unwrap();
    [&onnx[..place], b"\x12\x07another", &onnx[place + own.len()..]].concat()
}

#[test]
fn onnx_cut_short_is_an_error_everywhere() {
    let (network, weights) = random_network(11);
    let kept = OnnxOptions {
        batch_norm: BatchNormExport::Kept,
        ..OnnxOptions::default()
    };
    let bytes = write_onnx(&network, &weights, &kept).unwrap();
    assert!(onnx_survives(&bytes));
    for length in 0..bytes.len() {
        assert!(!onnx_survives(&bytes[..length]), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn onnx_with_flipped_bits_never_panics() {
    let (mut survived, mut refused) = (0, 0);
    for seed in 0..20 {
        let (network, weights) = random_network(seed);
        let options = OnnxOptions {
            batch_norm: BatchNormExport::Kept,
            ..OnnxOptions::default()
        };
        let bytes = write_onnx(&network, &weights, &options).unwrap();
        let foreign = of_another_tool(&bytes);
        assert!(onnx_survives(&foreign), "seed {seed}");
        let mut rng = stream(seed, "bit flips", 0);
        for round in 0..600 {
            let mut damaged = if round % 2 == 0 { bytes.clone() } else { foreign.clone() };
            for _ in 0..rng.random_range(1..6) {
                let place = rng.random_range(0..damaged.len());
                damaged[place] ^= 1 << rng.random_range(0..8);
            }
            if onnx_survives(&damaged) {
                survived += 1
            } else {
                refused += 1
            }
        }
    }
    println!("bit flips in ONNX files: {refused} refused, {survived} still valid networks");
    assert!(refused > 0 && survived > 0);
}

#[test]
fn onnx_of_random_bytes_never_panics() {
    let mut rng = stream(5, "noise", 0);
    for _ in 0..2000 {
        let bytes: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
        onnx_survives(&bytes);
    }
}

#[test]
fn safetensors_cut_short_is_an_error_everywhere() {
    let (_, weights) = random_network(11);
    let metadata = [("step".to_owned(), "12".to_owned())].into();
    let bytes = safetensors_bytes(&weights, &metadata).unwrap();
    assert!(safetensors_from_bytes(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(
            safetensors_from_bytes(&bytes[..length]).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(safetensors_from_bytes(&longer).is_err());
}

#[test]
fn safetensors_with_flipped_bits_never_panics() {
    let (_, weights) = random_network(12);
    let bytes = safetensors_bytes(&weights, &[("step".to_owned(), "12".to_owned())].into()).unwrap();
    let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let mut rng = stream(6, "bit flips", 0);
    for _ in 0..5000 {
        let mut damaged = bytes.clone();
        let place = rng.random_range(0..header);
        damaged[place] ^= 1 << rng.random_range(0..8);
        if let Ok(file) = safetensors_from_bytes(&damaged) {
            let values: usize = file.weights.iter().map(|(_, tensor)| tensor.data.len()).sum();
            assert_eq!(values * 4, bytes.len() - header);
        }
    }
}
