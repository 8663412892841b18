//! Damaged and hostile checkpoints: a typed error, or tensors that hold together; never a panic, never much memory.

use panarch_format::{FormatError, TorchFile, TorchValue, read_torch};
use panarch_graph::stream;
use proptest::prelude::*;
use rand::{Rng, RngExt};

use crate::allocation::peak_of;
use crate::torch_archives::archives;
use crate::torch_bombs::expensive;
use crate::torch_hostile::pickles;
use crate::torch_reference::reference;
use crate::torch_writer::{archive, legacy, sample_checkpoint, sample_storages};

/// No file may cost more, whatever is in it.
const MOST_BYTES: u64 = 256 << 20;

/// Reads, and checks what still reads: every tensor has as many elements as its axes say.
fn read(bytes: &[u8]) -> Result<TorchFile, FormatError> {
    let file = read_torch(bytes)?;
    check(&file.root);
    if let Ok(state) = file.state_dict() {
        assert!(!state.tensors.is_empty());
    }
    Ok(file)
}

fn check(value: &TorchValue) {
    assert!(!value.to_string().is_empty());
    match value {
        TorchValue::List(items) | TorchValue::Tuple(items) => items.iter().for_each(check),
        TorchValue::Dict(entries) => entries.iter().for_each(|(_, value)| check(value)),
        TorchValue::Tensor(tensor) => assert_eq!(tensor.elements(), tensor.shape.iter().product::<usize>()),
        _ => {}
    }
}

fn refused(bytes: &[u8], expected: &str, number: usize) {
    let (result, peak) = peak_of(|| read(bytes));
    let error = result.map(|file| file.root.to_string()).unwrap_err().to_string();
    assert!(error.contains(expected), "{number}: {error} does not say {expected}");
    assert!(error.len() < 4000, "{number}: an error of {} bytes", error.len());
    assert!(
        peak < MOST_BYTES,
        "{number}: {peak} bytes for a file of {}",
        bytes.len()
    );
}

#[test]
fn hostile_pickles_are_refused_in_both_forms() {
    let all = sample_storages();
    for (number, (pickle, expected)) in pickles().into_iter().enumerate() {
        refused(&archive(&pickle, &all[..1]), expected, number);
        // Where tensors are, the old form has their storage too, or the first complaint would be about that.
        let has_storage = pickle.windows(3).any(|it| it == b"cpu");
        let mut old = legacy(&pickle, &all[..usize::from(has_storage)]);
        if expected == "cut short" {
            // Without the list of keys, which would be read as a part of the value.
            old.truncate(old.len() - b"\x80\x02](e.".len());
        }
        let said = if expected.starts_with("storage `") {
            "storage `"
        } else {
            expected
        };
        refused(&old, said, number);
    }
}

#[test]
fn expensive_values_stay_cheap() {
    for (number, (name, pickle)) in expensive().into_iter().enumerate() {
        let storages: &[_] = if name == "tensors" {
            &[("0", 1, vec![0; 4]), ("1", 1, vec![0; 4])]
        } else {
            &[]
        };
        let form = if number % 2 == 0 { archive } else { legacy };
        let bytes = form(&pickle, storages);
        let (result, peak) = peak_of(|| read(&bytes).map(drop));
        let result = result.map_or_else(|error| error.to_string(), |()| "read".to_owned());
        println!("{name} ({} KiB): {} MiB held, {result}", bytes.len() >> 10, peak >> 20);
        assert!(peak < MOST_BYTES, "{name}: {peak}");
    }
}

#[test]
fn lying_archives_are_refused() {
    for (number, (bytes, expected)) in archives().into_iter().enumerate() {
        refused(&bytes, expected, number);
    }
}

#[test]
fn cut_short_is_an_error_everywhere() {
    for bytes in [archive, legacy].map(|form| form(&sample_checkpoint(), &sample_storages())) {
        assert!(read(&bytes).is_ok());
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        assert!(read(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_flipped_bit_of_an_entry_that_is_used_is_an_error() {
    let (checkpoint, storages) = (sample_checkpoint(), sample_storages());
    let bytes = archive(&checkpoint, &storages);
    let mut used = vec![("tiny/data.pkl".to_owned(), checkpoint)];
    used.extend(
        storages
            .into_iter()
            .map(|(key, _, content)| (format!("tiny/data/{key}"), content)),
    );
    for (name, content) in used {
        // The name in the local header, the padding, the content.
        let name = [name.as_bytes(), b"FB"].concat();
        let at = bytes.windows(name.len()).position(|it| it == name).unwrap() + name.len() + 5;
        assert_eq!(bytes[at..at + content.len()], content);
        for bit in 0..content.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[at + bit / 8] ^= 1 << (bit % 8);
            let error = read(&damaged).unwrap_err().to_string();
            assert!(error.contains("is damaged: its CRC-32"), "{error}");
        }
    }
}

/// One way to damage a file.
fn damage(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    let place = rng.random_range(0..bytes.len());
    let length = rng.random_range(1..64).min(bytes.len() - place);
    let range = place..place + length;
    match rng.random_range(0..6) {
        0 => {
            for _ in 0..rng.random_range(1..6) {
                let place = rng.random_range(0..bytes.len());
                bytes[place] ^= 1 << rng.random_range(0..8);
            }
        }
        1 => bytes.truncate(place),
        2 => bytes[range].iter_mut().for_each(|byte| *byte = rng.random()),
        3 => {
            let huge = [u64::MAX, u64::MAX >> 1, u64::from(u32::MAX), 1 << 40, 0][rng.random_range(0..5)];
            let huge = huge.to_le_bytes();
            let length = length.min(rng.random_range(1..=8));
            bytes[place..place + length].copy_from_slice(&huge[..length]);
        }
        4 => {
            let copy = bytes[range].to_vec();
            let at = rng.random_range(0..=bytes.len());
            bytes.splice(at..at, copy);
        }
        _ => drop(bytes.drain(range)),
    }
}

#[test]
fn a_thousand_damaged_files() {
    let (checkpoint, storages) = (sample_checkpoint(), sample_storages());
    let bytes_of_storages: usize = storages.iter().map(|(_, _, content)| 8 + content.len()).sum();
    let zip = archive(&checkpoint, &storages);
    let old = legacy(&checkpoint, &storages);
    let honest = read(&zip).unwrap();
    let honest_names = names(&honest);
    let (mut errors, mut same, mut other_values, mut other_pickles) = (0, 0, 0, 0);
    let ((), peak) = peak_of(|| {
        for seed in 0..1000 {
            let mut rng = stream(seed, "damaged checkpoints", 0);
            let mut value = checkpoint.clone();
            let bytes = match seed % 4 {
                // Nothing that reads may differ: a sum stands over every entry that is used.
                0 => {
                    let mut bytes = zip.clone();
                    damage(&mut bytes, &mut rng);
                    if let Ok(file) = read(&bytes) {
                        assert!(file.root == honest.root, "seed {seed}");
                    }
                    bytes
                }
                // The same in the numbers alone of a file that has no sums: the numbers may differ, and nothing else.
                1 => {
                    let mut bytes = old.clone();
                    let at = rng.random_range(bytes.len() - bytes_of_storages..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                    if let Ok(file) = read(&bytes) {
                        assert_eq!(names(&file), honest_names, "seed {seed}");
                    }
                    bytes
                }
                2 => {
                    let mut bytes = old.clone();
                    damage(&mut bytes, &mut rng);
                    bytes
                }
                // A damaged pickle under a right sum.
                _ => {
                    damage(&mut value, &mut rng);
                    archive(&value, &storages)
                }
            };
            match read(&bytes) {
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    errors += 1;
                }
                Ok(file) if file.root == honest.root => same += 1,
                Ok(file) if names(&file) == honest_names => other_values += 1,
                Ok(_) => other_pickles += 1,
            }
        }
    });
    println!(
        "1000 damaged checkpoints: {errors} refused, {same} read as before, {other_values} with other values, \
         {other_pickles} with other names, axes or plain values; at most {} KiB held",
        peak >> 10
    );
    assert!(errors > 500 && same > 0 && other_values > 0);
    assert!(peak < MOST_BYTES);
}

/// Names, types and axes.
fn names(file: &TorchFile) -> Option<Vec<String>> {
    let state = file.state_dict().ok()?;
    let lines = state.tensors.iter();
    Some(
        lines
            .map(|(name, tensor)| format!("{name} {} {:?}", tensor.element_type, tensor.shape))
            .collect(),
    )
}

#[test]
fn damaged_supernets_of_four_megabytes() {
    let path = "ofa/parity/ofa_mbv3_w0.35";
    let files = [format!("{path}.pth"), format!("{path}.legacy.pth")];
    let [Some(zip), Some(old)] = files.map(|path| reference(&path)) else {
        return;
    };
    let honest = read(&zip).unwrap();
    let (mut refused, mut accepted) = (0, 0);
    let ((), peak) = peak_of(|| {
        for seed in 0..60 {
            let mut rng = stream(seed, "damaged supernets", 0);
            let is_zip = seed % 2 == 0;
            let mut bytes = if is_zip { zip.clone() } else { old.clone() };
            damage(&mut bytes, &mut rng);
            match read(&bytes) {
                Ok(file) if is_zip => {
                    assert!(file.root == honest.root, "seed {seed}");
                    accepted += 1;
                }
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    });
    println!(
        "60 damaged supernets of 4 MB: {refused} refused, {accepted} read; at most {} MiB held",
        peak >> 20
    );
    assert!(peak < MOST_BYTES, "{peak}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), form in 0..4) {
        let storages = &sample_storages()[..1];
        let bytes = match form {
            0 => bytes,
            1 => [&[0x80, 2][..], &bytes].concat(),
            2 => archive(&bytes, storages),
            _ => legacy(&bytes, storages),
        };
        let _ = read(&bytes);
    }

    /// Of opcodes alone, so that more of them succeed.
    #[test]
    fn arbitrary_opcodes_never_panic(
        opcodes in proptest::collection::vec(proptest::sample::select(&b"N()]}tlaesud012bRQ\x85\x86\x87\x88\x94."[..]), 0..80),
    ) {
        let bytes = [&opcodes[..], b"."].concat();
        let _ = read(&archive(&bytes, &[]));
    }
}
