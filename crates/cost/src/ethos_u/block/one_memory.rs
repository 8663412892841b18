//! Blocks of Ethos-U55 and U65, which keep inputs, sums and tables in one memory.

use super::{Block, Order, Search, depths, input_of, reads_of_a_result, table_banks};
use crate::ethos_u::extent::{Extent, ceil, up};
use crate::ethos_u::job::{Job, Work};
use crate::ethos_u::machine::{Buffers, Machine};

const LARGEST: Extent = Extent::new(32, 64, 128);
/// Banks of 1 KiB that hold results on their way out.
const OUTPUT_BANKS: i64 = 2;
const BANK: i64 = 1024;
/// Channels of an input that are multiplied together.
const INPUT_DEPTH: i64 = 8;
/// Bytes of a sum.
const SUM: i64 = 4;

pub(super) fn choose(machine: &Machine, job: &Job, element: i64, input: Extent, output: Extent) -> Option<Block> {
    let Buffers::Shared {
        banks,
        input: granule,
        wide_input,
        sums,
    } = machine.buffers
    else {
        return None;
    };
    let micro = *machine.micro_blocks.first()?;
    let elementwise = job.work.is_elementwise();
    let whole = match job.second {
        Some(second) if second.volume() > input.volume() => second,
        _ => input,
    };
    let taps_first = job.work == Work::Convolution && taps_first(whole.depth, job.taps());
    let room = Room {
        banks: banks - table_banks(job.behind).max(if banks > 16 { 2 } else { 0 }),
        granule: if element > 1 { wide_input } else { granule },
        element,
        sums: (!elementwise).then_some(sums),
        // A single value needs no buffer of its own.
        inputs: if elementwise && !(job.has_scalar() && element <= 2) {
            2
        } else {
            1
        },
    };
    let input_depth = up(whole.depth.min(if taps_first { 16 } else { 32 }), INPUT_DEPTH);
    let space = output.within(LARGEST).rounded_up(micro);
    let order = match job.work {
        Work::Depthwise => Order::Depthwise,
        _ if taps_first => Order::TapsFirst,
        _ => Order::DepthFirst,
    };
    let flat = output.height == 1 && job.kernel[0] == 1 && micro.height == 2;
    let mut search = Search::new();
    for depth in depths(micro.depth, space.depth, output.depth) {
        for height in (micro.height..=space.height).step_by(micro.height as usize) {
            for width in (micro.width..=space.width).step_by(micro.width as usize) {
                let asked = Extent::new(height, width, depth);
                let mut needed = input_of(job, asked, micro);
                if !job.work.keeps_depth() {
                    needed.depth = input_depth;
                }
                // Of one row of results, only one row of sums is kept.
                let kept = if flat { asked.with_height(1) } else { asked };
                if !room.fits(needed, kept) {
                    break;
                }
                let reads = if elementwise {
                    output.volume() as f32 / asked.volume() as f32
                } else {
                    reads_of_a_result(job, whole, output, kept, needed)
                };
                let block = Block {
                    input: needed,
                    output: asked,
                    micro,
                    order,
                };
                search.offer(block, reads, whole);
            }
        }
    }
    search.best
}

/// Whether a convolution uses all taps of a few channels first: where that leaves fewer lanes idle.
fn taps_first(channels: i64, taps: i64) -> bool {
    let share = |part: i64, granule: i64| part as f64 / up(part, granule) as f64;
    channels <= 8 || share(channels, 8) * share(taps, 4) >= share(channels, 32)
}

/// What a block must fit into.
struct Room {
    banks: i64,
    granule: i64,
    element: i64,
    /// Granule of banks for sums, where there are any.
    sums: Option<i64>,
    /// Operands that each have a buffer.
    inputs: i64,
}

impl Room {
    /// Whether input and sums of a block fit, each of them twice.
    fn fits(&self, input: Extent, output: Extent) -> bool {
        let twice = |bytes: i64, granule: i64| up(2 * ceil(bytes, BANK), granule);
        let inputs = twice(input.area() * up(input.depth * self.element, 8), self.granule) * self.inputs;
        let sums = self
            .sums
            .map_or(0, |granule| twice(output.area() * up(output.depth, 8) * SUM, granule));
        OUTPUT_BANKS + inputs + sums <= self.banks
    }
}
