//! TFLite files that were cut short or had bits flipped: an error or a valid structure, never a panic, never much memory.

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, WIPOffset};
use panarch_format::tflite::{Graph, Ranges, Values, read_structure, write};
use panarch_graph::stream;
use rand::RngExt;

use crate::allocation::peak_of;
use crate::random_network::int8_network;

fn file(seed: u64) -> Vec<u8> {
    let (network, _) = int8_network(seed);
    write(&network, Values::Seeded(seed), &Ranges::plausible()).unwrap()
}

/// What the reader promises of every structure that it gives.
fn is_sound(graph: &Graph) {
    let exists = |number: &usize| *number < graph.tensors.len();
    assert!(graph.inputs.iter().chain(&graph.outputs).all(exists));
    for operator in &graph.operators {
        assert!(operator.inputs.iter().flatten().chain(&operator.outputs).all(exists));
    }
    for tensor in &graph.tensors {
        if let Some(quantisation) = &tensor.quantisation {
            assert_eq!(quantisation.scales.len(), quantisation.zero_points.len());
        }
    }
}

fn survives(bytes: &[u8]) -> bool {
    let (read, peak) = peak_of(|| read_structure(bytes));
    assert!(
        peak <= 64 * bytes.len() as u64 + (1 << 18),
        "{peak} bytes for {}",
        bytes.len()
    );
    match read {
        Ok(structure) => {
            structure.graphs.iter().for_each(is_sound);
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn tflite_cut_short_never_panics() {
    let bytes = file(11);
    assert!(survives(&bytes));
    let refused = (0..bytes.len()).filter(|length| !survives(&bytes[..*length])).count();
    // The values of the first constants lie at the end, and are the last to be missed: nothing of any cut is whole.
    assert_eq!(refused, bytes.len());
}

#[test]
fn tflite_with_flipped_bits_never_panics() {
    let (mut survived, mut refused) = (0, 0);
    for seed in [1, 2, 3, 4, 11] {
        let bytes = file(seed);
        let mut rng = stream(seed, "bit flips", 0);
        for _ in 0..2000 {
            let mut damaged = bytes.clone();
            for _ in 0..rng.random_range(1..4) {
                let place = rng.random_range(0..damaged.len());
                damaged[place] ^= 1 << rng.random_range(0..8);
            }
            if survives(&damaged) {
                survived += 1
            } else {
                refused += 1
            }
        }
    }
    println!("bit flips in TFLite files: {refused} refused, {survived} still valid structures");
    assert!(refused > 0 && survived > 0);
}

#[test]
fn tflite_of_every_byte_at_every_extreme_never_panics() {
    let bytes = file(11);
    for place in 0..bytes.len() {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] = value;
            survives(&damaged);
        }
    }
}

/// Ten thousand tensors that are all the same one: what is named often is paid for often.
#[test]
fn what_is_named_many_times_is_bounded() {
    let mut builder = FlatBufferBuilder::new();
    let b = &mut builder;
    let name = b.create_string(&"n".repeat(60_000));
    let tensor = table(b, 3, name.value());
    let tensors = b.create_vector(&vec![tensor; 10_000]);
    let graph = table(b, 0, tensors.value());
    let graphs = b.create_vector(&[graph]);
    let model = table(b, 2, graphs.value());
    b.finish(model, Some("TFL3"));
    let error = read_structure(b.finished_data()).unwrap_err().to_string();
    assert!(error.contains("allocate"), "{error}");
    assert!(!survives(b.finished_data()));
}

/// A table with one field, an offset.
fn table(b: &mut FlatBufferBuilder<'_>, slot: u16, value: u32) -> WIPOffset<TableFinishedWIPOffset> {
    let start = b.start_table();
    b.push_slot_always(4 + 2 * slot, WIPOffset::<TableFinishedWIPOffset>::new(value));
    b.end_table(start)
}
