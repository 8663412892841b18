//! How long the accelerator works on a job: ethos-u-vela 5.2.0, `ethos_u55_performance.cpp` and
//! `ethos_u85_performance.cpp`.

use super::block::{Block, LARGEST_WINDOW, Order};
use super::extent::{Extent, ceil};
use super::job::{Behind, Job, Tensor, Work};
use super::machine::{Machine, Place, Port};

/// Bytes of bias and scale of a channel.
pub(super) const CHANNEL_SIDE: i64 = 10;

/// An operand of a job: what is read or written of a tensor, and where that lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operand<'a> {
    pub tensor: &'a Tensor,
    pub extent: Extent,
    pub place: Place,
}

/// A job, or a part of its output, as it is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run<'a> {
    pub machine: &'a Machine,
    pub job: &'a Job,
    pub block: &'a Block,
    pub input: Operand<'a>,
    pub second: Option<Operand<'a>>,
    pub output: Operand<'a>,
    /// Where weights, biases and scales are read from.
    pub constants: Place,
    /// Whether no part runs before or behind, whose reads and writes would hide this one's.
    pub first: bool,
    pub last: bool,
}

impl Run<'_> {
    /// Cycles of the accelerator.
    pub(super) fn cycles(&self) -> i64 {
        if self.job.work.is_elementwise() {
            self.elementwise()
        } else {
            self.windows()
        }
    }

    /// Multipliers and output stage work side by side on two blocks; commands are issued at a quarter of their sum.
    fn windows(&self) -> i64 {
        let Self { job, block, output, .. } = *self;
        let part = output.extent.within(block.output);
        let micro = self.micro_block();
        let blocks = output.extent.covered_by(micro).volume() as f64 / part.covered_by(micro).volume().max(1) as f64;
        let mut stage = (self.output_rate() * part.volume() as f64).ceil();
        if job.work.has_weights() {
            let latency = self.machine.port(self.constants).read_latency;
            stage = stage.max((CHANNEL_SIDE * part.depth * latency) as f64 / 256.0);
        }
        let multiply = self.block_cycles() as f64;
        let (read, write) = (self.read_cycles(), self.write_cycles());
        let apart = if blocks > 1.0 { (write - read).abs() } else { 0 };
        let issue = (apart as f64 + multiply + stage) / 4.0;
        let (multiply, stage) = (multiply.max(issue), stage.max(issue));
        let mut total = if multiply > stage {
            (multiply * blocks) as i64 + if self.last { stage as i64 } else { 0 }
        } else {
            (stage * blocks + multiply) as i64
        };
        if self.last {
            total += write;
        }
        if self.first {
            total += read;
        }
        total
    }

    fn elementwise(&self) -> i64 {
        let elements = self.output.tensor.stored(self.output.extent).volume() as f64;
        let rate = self.output_rate();
        let transfer = self.read_cycles().max(self.write_cycles()) as f64;
        let issue = (transfer / self.block.output.volume().max(1) as f64 + rate) / 4.0;
        (rate.max(issue) * elements).ceil() as i64
    }

    /// Cycles of the multipliers for a block.
    fn block_cycles(&self) -> i64 {
        let Self {
            machine, job, block, ..
        } = *self;
        let micro = self.micro_block();
        let tiles = self.output.extent.within(block.output).covered_by(micro);
        let input_depth = self.input.extent.depth.min(block.input.depth).max(1);
        let decode = 32 * micro.depth / (8 * if machine.is_u85() { machine.streams } else { 1 });
        let mut total = 0;
        for columns in parts(job.kernel[1]) {
            for rows in parts(job.kernel[0]) {
                let taps = rows * columns;
                let (steps, cycles) = match (job.work, block.order) {
                    (Work::Pooling { .. }, _) => (1, taps.max(4) * tiles.volume() * self.pooled_element()),
                    (Work::Depthwise, _) => {
                        let steps = ceil(taps, 4);
                        (steps, decode.max(4 * tiles.area()) * steps * tiles.depth)
                    }
                    (_, Order::TapsFirst) => {
                        let steps = ceil(taps, 4);
                        let once = decode.max(4 * tiles.area()) * steps * tiles.depth;
                        (steps, once * ceil(input_depth, 8))
                    }
                    _ => {
                        let channels = if machine.is_u85() { input_depth / 8 } else { 4 };
                        (taps, decode.max(channels * tiles.area()) * taps * tiles.depth)
                    }
                };
                // A sum waits for the one before it where there is one position only.
                let waits = match (tiles.area(), tiles.depth) {
                    (1, 1) => 2 * steps,
                    (1, depth) => 2 * (steps - 1).max(0) * depth,
                    _ => 0,
                };
                let again = if block.order == Order::TapsFirst {
                    ceil(input_depth, 8)
                } else {
                    1
                };
                total += cycles + waits * again;
            }
        }
        if job.work == Work::Convolution {
            total *= ceil(self.input.extent.depth, input_depth);
        }
        total / machine.cores
    }

    const fn pooled_element(&self) -> i64 {
        8 * self.input.tensor.element / 2
    }

    /// One row of results of an even width is computed four at a time where the micro-block has two rows.
    fn micro_block(&self) -> Extent {
        let micro = self.block.micro;
        let output = self.output.extent;
        let flat = !self.machine.is_u85()
            && micro.height == 2
            && self.job.work == Work::Convolution
            && output.height == 1
            && output.width % 2 == 0
            && self.job.kernel[0] == 1;
        if flat { Extent::new(1, 4, micro.depth) } else { micro }
    }

    /// Cycles of the output stage for an element.
    fn output_rate(&self) -> f64 {
        let rates = &self.machine.output;
        let wide = self.input.tensor.element > 2;
        let own = match self.job.work {
            _ if self.job.work.is_elementwise() && wide => rates.wide,
            Work::Multiply => rates.multiply,
            Work::Add => rates.add,
            Work::Pooling { largest: true } => rates.largest,
            _ if self.output.tensor.element > 2 => rates.wide_result,
            _ => rates.plain,
        };
        let first = own.max(match self.job.behind {
            Behind::Nothing => 0.0,
            Behind::Clamp => rates.clamp,
            Behind::Table => rates.table,
        });
        let links = self
            .job
            .chain
            .iter()
            .map(|link| if link.wide { rates.wide } else { rates.plain });
        first + links.sum::<f64>()
    }

    /// Cycles to read a block of inputs.
    fn read_cycles(&self) -> i64 {
        let of = |operand: Operand<'_>| {
            let port = self.machine.port(operand.place);
            let elements = operand.extent.within(self.block.input).volume();
            port.read_latency + transfer(port, self.burst(operand, true), elements * operand.tensor.element)
        };
        of(self.input).max(self.second.map_or(0, of))
    }

    /// Cycles to write a block of results.
    fn write_cycles(&self) -> i64 {
        let port = self.machine.port(self.output.place);
        let elements = self.output.extent.within(self.block.output).volume();
        let bytes = elements * self.output.tensor.element;
        port.write_latency + transfer(port, self.burst(self.output, false), bytes)
    }

    /// Bytes of a memory's time that a number of bytes of an operand take: short bursts take as long as full ones.
    pub(super) fn occupied(&self, operand: Operand<'_>, read: bool, bytes: i64) -> i64 {
        self.machine
            .port(operand.place)
            .occupied(self.burst(operand, read), bytes)
    }

    /// Bytes that follow each other in memory, of what a block reads or writes.
    fn burst(&self, operand: Operand<'_>, read: bool) -> i64 {
        let Operand { tensor, extent, .. } = operand;
        let block = if read { self.block.input } else { self.block.output };
        let element = tensor.element;
        let row = element * block.width * block.depth;
        if tensor.bricks {
            if extent.width * element * 16 == block.depth {
                return row;
            }
            return 16 * element * block.width * if read { 1 } else { self.machine.cores };
        }
        let whole_rows = extent.depth * element == block.depth;
        if read {
            if whole_rows { row } else { element * block.depth }
        } else if block.depth <= 16 && whole_rows {
            row
        } else {
            (16 * element * self.machine.cores).min(64).min(block.depth * element)
        }
    }
}

impl Port {
    fn occupied(&self, burst: i64, bytes: i64) -> i64 {
        bytes * self.burst / burst.clamp(1, self.burst)
    }
}

fn transfer(port: &Port, burst: i64, bytes: i64) -> i64 {
    (port.occupied(burst, bytes) as f64 / port.bytes_per_cycle) as i64
}

/// A side of a window in parts that the multipliers take at once.
fn parts(side: i64) -> impl Iterator<Item = i64> {
    (0..side)
        .step_by(LARGEST_WINDOW as usize)
        .map(move |start| (side - start).min(LARGEST_WINDOW))
}
