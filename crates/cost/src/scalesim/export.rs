//! Networks and profiles in SCALE-Sim's words.

mod layers;

use panarch_graph::Network;

use super::{Configuration, InterfaceBandwidth, Noted, Topology};
use crate::profile::{Accelerator, DataflowChoice};
use crate::systolic::Dataflow;
use crate::{CostError, DeviceProfile};

/// A network as a topology of convolutions.
///
/// Inputs are written as large as the outputs need, (output − 1) · stride + filter on each axis, padding included and what
/// a stride passes over left out: SCALE-Sim has no field for padding and rounds positions up. Depthwise layers get `DP_`
/// before their name; grouped ones become a row a group; linear layers are 1×1 convolutions. Operators that the format
/// cannot say, and layers that it can only say with other addresses, are listed in the notes.
#[must_use]
pub fn topology_of(network: &Network) -> Noted<Topology> {
    layers::topology(network)
}

/// The array, memories and bandwidth of a device as a configuration: with the dataflow of a systolic array; else
/// weight-stationary, because lanes that sum and lanes of output channels are rows and columns of that mapping. Notes say
/// what the format cannot.
///
/// # Errors
/// Measured targets have no array.
pub fn configuration_of(profile: &DeviceProfile) -> Result<Noted<Configuration>, CostError> {
    let accelerator = profile.described()?;
    let array = &accelerator.array;
    let memory = &accelerator.memory;
    let mut notes = vec![
        "one activation memory is written as two halves, for inputs and for outputs".to_owned(),
        "energy, overheads, the vector unit and the output stage have no place in a configuration".to_owned(),
    ];
    let dataflow = match array.systolic.as_ref().map(|it| it.dataflow.value) {
        Some(DataflowChoice::Fixed(dataflow)) => dataflow,
        Some(DataflowChoice::Best) => {
            notes.push("dataflow = ws is one of those that the profile lets every layer choose from".to_owned());
            Dataflow::WeightStationary
        }
        None => {
            notes.push(
                "dataflow = ws is how the lanes of the profile lie on an array; the profile itself names none"
                    .to_owned(),
            );
            Dataflow::WeightStationary
        }
    };
    if array.count.value > 1 {
        notes.push(format!("one of {} arrays is written", array.count.value));
    }
    let (high, wide) = (array.pixel_lanes_high.value, array.pixel_lanes_wide.value);
    if (high, wide) != (1, 1) {
        notes.push(format!(
            "{high}×{wide} pixel lanes have no place: the written array is one {high}·{wide}-th of the device's"
        ));
    }
    let half = memory.activation_bytes.value / 2.0;
    let weights = memory.weight_cache_bytes.value.max(memory.weight_buffer_bytes.value);
    Ok(Noted {
        value: Configuration {
            run_name: profile.name().to_owned(),
            rows: array.reduction_lanes.value,
            columns: array.output_lanes.value,
            dataflow,
            ifmap_sram_kib: at_least_one(half / 1024.0),
            filter_sram_kib: at_least_one(weights / 1024.0),
            ofmap_sram_kib: at_least_one(half / 1024.0),
            offsets: [0, 10_000_000, 20_000_000],
            bandwidths: vec![words_a_cycle(accelerator, &mut notes)],
            interface: InterfaceBandwidth::Calculated,
            request_buffers: [32, 32],
        },
        notes,
    })
}

fn words_a_cycle(accelerator: &Accelerator, notes: &mut Vec<String>) -> u32 {
    let exact = accelerator.memory.off_chip_bytes_per_s.value / accelerator.clock_hz.value;
    let written = at_least_one(exact);
    notes.push(format!(
        "{exact:.2} bytes a cycle from main memory are written as {written} words of one byte; \
         CALC does not use them"
    ));
    written
}

/// Rounded to a whole number that the reader accepts.
fn at_least_one(value: f64) -> u32 {
    // The cast saturates, and takes what is no number for 0.
    (value.round() as u32).clamp(1, 1 << 31)
}
