//! How many bytes weights take after the compiler has encoded them.
//!
//! Weights are laid out in the order of their use and padded with zeros to whole micro-blocks. A lossless code shortens
//! them; where there are more than a few zeros it counts their runs, at the expense of values. What it makes of them
//! depends on the values, which a cost model does not see: three figures of the profile stand for those.

use super::block::{Block, LARGEST_WINDOW, Order};
use super::cycles::CHANNEL_SIDE;
use super::extent::{ceil, up};
use super::job::{Job, Work};
use super::machine::Machine;

/// Bytes of the head of a stream.
const HEAD: f64 = 16.0;
/// Streams begin at multiples of this.
const ALIGNED: i64 = 16;

/// The bytes of some channels' weights, and those of their biases and scales.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Encoded {
    pub weights: i64,
    pub sides: i64,
}

impl Encoded {
    pub(super) const fn all(self) -> i64 {
        self.weights + self.sides
    }
}

/// Weights of so many channels of a job's output.
pub(super) fn encoded(machine: &Machine, job: &Job, block: &Block, channels: i64) -> Encoded {
    let streams = machine.streams.min(channels).max(1);
    let mut sum = Encoded::default();
    for stream in 0..streams {
        let own = ceil(channels - stream, streams);
        let depth = ceil(block.output.depth - stream, streams).max(1);
        let mut rest = own;
        let mut places = 0;
        while rest > 0 {
            let now = rest.min(depth);
            places += up(now, block.micro.depth.clamp(4, 8)) * places_of_a_channel(machine, job, block);
            rest -= now;
        }
        let values = own
            * job.taps()
            * if job.work == Work::Depthwise {
                1
            } else {
                job.input.depth
            };
        let zeros = (places - values).max(0);
        let bytes = if job.plain_weights {
            places as f64 * if machine.is_u85() { 2.0 * BIT } else { BIT }
        } else if zeros as f64 > FEW_ZEROS * places as f64 {
            values as f64 * machine.weight_bytes_among_zeros + zeros as f64 * machine.padding_bytes
        } else {
            places as f64 * machine.weight_bytes
        };
        sum.weights += up((HEAD + bytes) as i64, ALIGNED);
        sum.sides += up(CHANNEL_SIDE * own, ALIGNED);
    }
    sum
}

/// What a weight takes where all are the same, in bytes; twice that on Ethos-U85.
const BIT: f64 = 0.125;
/// Share of zeros up to which the code does not count them apart.
const FEW_ZEROS: f64 = 0.035;

/// Weights and zeros that each channel of the output has.
fn places_of_a_channel(machine: &Machine, job: &Job, block: &Block) -> i64 {
    let round = if block.order == Order::DepthFirst { 1 } else { 4 };
    let [high, wide] = job.kernel;
    let part = |side: i64, start: i64| (side - start).min(LARGEST_WINDOW);
    let mut taps = 0;
    for row in (0..high).step_by(LARGEST_WINDOW as usize) {
        for column in (0..wide).step_by(LARGEST_WINDOW as usize) {
            taps += up(part(high, row) * part(wide, column), round);
        }
    }
    let granule = match (block.order, machine.is_u85()) {
        (Order::Depthwise, _) => return taps,
        (Order::TapsFirst, false) => 8,
        (Order::TapsFirst, true) => 16,
        (Order::DepthFirst, false) => 32,
        (Order::DepthFirst, true) => 64,
    };
    taps * up(job.input.depth, granule)
}
