//! Blocks of Ethos-U85, which keeps inputs, sums and chains in memories of their own.

use super::{Block, DEPTH_GRANULE, Order, Search, depths, input_of, reads_of_a_result};
use crate::ethos_u::extent::{Extent, down, up};
use crate::ethos_u::job::{Job, Work};
use crate::ethos_u::machine::{Buffers, Machine};

const LARGEST: Extent = Extent::new(128, 128, 1024);
/// Bytes of a sum.
const SUM: i64 = 4;

pub(super) fn choose(machine: &Machine, job: &Job, element: i64, input: Extent, output: Extent) -> Option<Block> {
    let Buffers::Apart {
        input: input_bytes,
        sums: sum_bytes,
        output: output_bytes,
    } = machine.buffers
    else {
        return None;
    };
    let taps_first = job.work == Work::Convolution && taps_first(input.depth, job.taps());
    let micro = micro_block(machine, job, output)?;
    let granule = micro.with_depth(DEPTH_GRANULE);
    let order = match job.work {
        Work::Depthwise => Order::Depthwise,
        _ if taps_first => Order::TapsFirst,
        _ => Order::DepthFirst,
    };
    if job.work.is_elementwise() {
        let output = elementwise(output, granule, output_bytes / element);
        return Some(Block {
            input: output,
            output,
            micro,
            order,
        });
    }
    let input_depth = match job.work {
        Work::Convolution if taps_first => 16,
        Work::Convolution => 64,
        _ => 0,
    };
    let depthwise = job.work.keeps_depth();
    let mut search = Search::new();
    for copies in [2, 1] {
        let space = output.within(LARGEST).rounded_up(granule).rounded_up(micro);
        for depth in depths(
            if depthwise { DEPTH_GRANULE } else { micro.depth },
            space.depth,
            output.depth,
        ) {
            let unit = unit(machine.macs, micro, if depthwise { depth } else { input_depth });
            for height in (granule.height..=space.height).step_by(granule.height as usize) {
                for width in (granule.width..=space.width).step_by(granule.width as usize) {
                    let asked = Extent::new(height, width, depth);
                    let needed = input_of(job, asked, unit);
                    let read = if depthwise {
                        up(depth, unit.depth)
                    } else {
                        up(input_depth.min(input.depth), unit.depth)
                    };
                    // Sums of depthwise jobs are kept once: only a row of the input is read ahead.
                    let (sums, rows) = if depthwise && copies == 2 && asked.height + micro.height <= output.height {
                        let more = input_of(job, asked.with_height(micro.height), unit);
                        (1, needed.area() + more.area())
                    } else if depthwise {
                        (1, needed.area())
                    } else {
                        (copies, needed.area() * copies)
                    };
                    let fits = rows * read * element <= input_bytes
                        && asked.area() * up(depth, DEPTH_GRANULE) * SUM * sums <= sum_bytes;
                    if !fits {
                        break;
                    }
                    let alone = job.span() == [input.height, input.width] && output.area() == 1;
                    let reads = if job.work == Work::Convolution && alone {
                        output.volume() as f32 / asked.volume() as f32
                    } else {
                        reads_of_a_result(job, input, output, asked, needed)
                    };
                    let block = Block {
                        input: needed.with_depth(if depthwise { read } else { input_depth }),
                        output: asked,
                        micro,
                        order,
                    };
                    search.offer(block, reads, input);
                }
            }
        }
        if search.best.is_some() {
            break;
        }
    }
    search.best
}

/// Whether a convolution uses all taps of a few channels first. Taps come in fives, of which two at least are counted.
fn taps_first(channels: i64, taps: i64) -> bool {
    let counted = taps / 5 * 5 + (taps % 5).max(2);
    let share = |granule: i64| channels as f64 / up(channels, granule) as f64;
    share(16) * (taps as f64 / counted as f64) >= share(64)
}

/// The micro-block that wastes least of an output. Only the last one of the larger members does more than convolutions
/// and element-wise work.
fn micro_block(machine: &Machine, job: &Job, output: Extent) -> Option<Extent> {
    let last = machine.micro_blocks.len().checked_sub(1)?;
    let for_all = |index: usize| match machine.macs {
        128 => index == 1,
        256 => index == 0,
        512 => true,
        _ => index == last,
    };
    let able = |index: usize| match job.work {
        Work::Add | Work::Multiply => true,
        // Narrow micro-blocks of the small members convolve windows of one position only.
        Work::Convolution => machine.macs > 256 || !for_all(index) || job.taps() == 1,
        Work::Depthwise | Work::Pooling { .. } => for_all(index),
    };
    let candidates = machine.micro_blocks.iter().enumerate();
    candidates
        .filter(|(index, _)| able(*index))
        .map(|(_, micro)| *micro)
        .min_by_key(|micro| output.rounded_up(*micro).volume())
}

/// What is allocated of an input at once, for blocks of so many channels.
fn unit(macs: i64, micro: Extent, channels: i64) -> Extent {
    let rank = usize::from(channels > 16) + usize::from(channels > 32);
    let area = |small: [i64; 2], middle: [i64; 2], large: [i64; 2]| [small, middle, large][rank];
    let [height, width] = match macs {
        128 => area([1, 2], [1, 1], [1, 1]),
        256 | 512 if micro.height == 1 && micro.width == 4 => area([1, 4], [1, 2], [1, 1]),
        256 | 512 => area([2, 2], [1, 2], [1, 1]),
        2048 if micro.height == 1 => area([4, 4], [2, 4], [1, 4]),
        2048 => area([4, 4], [2, 4], [2, 2]),
        _ if micro.height == 1 => area([2, 4], [1, 4], [1, 2]),
        _ => area([2, 4], [2, 2], [1, 2]),
    };
    Extent::new(height, width, [16, 32, 64][rank])
}

/// Element-wise blocks fill the buffer of results: so many columns of a row of channels, or fewer columns and more channels
/// where the output is narrow.
fn elementwise(output: Extent, granule: Extent, elements: i64) -> Extent {
    let limit = output.rounded_up(granule).within(LARGEST);
    let columns = elements / granule.depth;
    let asked = limit.width.min(down(columns, granule.width)).max(granule.width);
    let fold = (columns / asked).min(limit.depth / granule.depth).max(1);
    Extent::new(limit.height, columns / fold, granule.depth * fold).rounded_up(granule)
}
