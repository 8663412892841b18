//! How the compiler cuts a job into blocks.
//!
//! Among the blocks that fit the accelerator's buffers twice it takes the one that reads the fewest inputs and weights for
//! each result: ethos-u-vela 5.2.0, `architecture/ethosu55/ethos_u55.cpp` and `ethosu85/ethos_u85.cpp`.

mod apart;
mod one_memory;

use super::extent::{Extent, ceil, up};
use super::job::{Behind, Job, Work};
use super::machine::{Buffers, Machine};

/// Rows and columns of a window that are multiplied without reading the input again.
pub(super) const LARGEST_WINDOW: i64 = 8;
/// Channels by which outputs are cut.
pub(super) const DEPTH_GRANULE: i64 = 16;

/// The order in which weights are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Channels of one tap, then the next tap.
    DepthFirst,
    /// All taps of a few channels, then the next channels.
    TapsFirst,
    /// Taps of one channel.
    Depthwise,
}

/// A block of a job: what is computed between two reads of the buffers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Block {
    pub input: Extent,
    pub output: Extent,
    pub micro: Extent,
    pub order: Order,
}

/// The block of a job whose output has this extent: all of it, or so many rows. `None` where none fits.
pub(super) fn choose(machine: &Machine, job: &Job, element: i64, input: Extent, output: Extent) -> Option<Block> {
    match machine.buffers {
        Buffers::Shared { .. } => one_memory::choose(machine, job, element, input, output),
        Buffers::Apart { .. } => apart::choose(machine, job, element, input, output),
    }
}

/// The part of the input that a block of the output needs, in whole granules.
fn input_of(job: &Job, output: Extent, granule: Extent) -> Extent {
    let [high, wide] = job.span().map(|span| span.min(LARGEST_WINDOW));
    Extent::new(
        up((output.height - 1) * job.stride[0] + high, granule.height),
        up((output.width - 1) * job.stride[1] + wide, granule.width),
        output.depth,
    )
}

/// How often a window larger than the largest reads its input.
pub(super) fn windows(job: &Job) -> i64 {
    let [high, wide] = job.span();
    ceil(high, LARGEST_WINDOW) * ceil(wide, LARGEST_WINDOW)
}

/// Blocks by what they read for each result.
struct Search {
    best: Option<Block>,
    least: f32,
    least_coverage: f32,
}

impl Search {
    const fn new() -> Self {
        Self {
            best: None,
            least: f32::INFINITY,
            least_coverage: f32::INFINITY,
        }
    }

    /// Takes a block that reads less; among equals, the one that covers more of a small input.
    fn offer(&mut self, block: Block, reads: f32, whole: Extent) {
        // A block that holds all of the input in its two buffers is worth twice as much.
        let all_at_once = whole.volume() < 2 * block.input.volume();
        let reads = if all_at_once { reads / 2.0 } else { reads };
        if reads > self.least {
            return;
        }
        if reads < self.least {
            self.least_coverage = f32::INFINITY;
        } else {
            let coverage = whole.area() as f32 / whole.within(block.input).area().max(1) as f32;
            if coverage > self.least_coverage || block.output.height.max(block.output.width) > 4 {
                return;
            }
            self.least_coverage = coverage;
        }
        self.least = reads;
        self.best = Some(block);
    }
}

/// Inputs and weights that are read for each result, if a job is cut so.
fn reads_of_a_result(job: &Job, whole: Extent, output: Extent, block: Extent, input: Extent) -> f32 {
    let full = output.covered_by(block);
    let part = |whole: i64, part: i64| whole as f32 / part as f32;
    let [rows, columns, depths] = [
        part(output.height, block.height),
        part(output.width, block.width),
        part(output.depth, block.depth),
    ];
    let taps = if job.work.has_weights() { job.taps() } else { 0 };
    let mut weights = (taps * whole.depth * full.area()) as f32;
    if job.work != Work::Depthwise {
        weights *= depths * block.depth as f32;
    }
    let mut inputs = (input.area() * whole.depth * windows(job)) as f32 * rows * columns;
    if !job.work.keeps_depth() {
        inputs *= full.depth as f32;
    }
    (inputs + weights) / output.volume() as f32
}

/// Depths of blocks: the granule, then all that are multiples of the micro-block's and, below the whole, of the granule.
fn depths(micro: i64, largest: i64, whole: i64) -> impl Iterator<Item = i64> {
    let align = move |depth: i64| if depth < whole { up(depth, DEPTH_GRANULE) } else { depth };
    let first = align(micro.max(largest.min(DEPTH_GRANULE)));
    std::iter::successors(Some(first), move |depth| Some(align(depth + micro)))
        .take_while(move |depth| *depth <= largest)
}

/// Bytes of a table of activations beside the buffers, in banks of 1 KiB.
const fn table_banks(behind: Behind) -> i64 {
    match behind {
        Behind::Table => 2,
        _ => 0,
    }
}
