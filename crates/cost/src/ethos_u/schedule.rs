//! What the compiler decides for each job, and what the job then takes.

use super::block::{self, Block};
use super::buffering::{self, Buffered, Estimate, Question, Slack};
use super::cascade::{self, Cascade, cascades};
use super::channel::{Channel, bandwidth, copy_cycles};
use super::cycles::{Operand, Run};
use super::extent::Extent;
use super::job::{Behind, Job, Role, Work};
use super::lowering::Plan;
use super::machine::{Machine, Place};
use super::placement;
use super::traffic::Elements;
use super::weights::{Encoded, encoded};

/// Bytes of a table of activations.
const TABLE: i64 = 256;

/// A job that no block fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoBlock {
    pub job: usize,
}

/// What a job takes, in cycles.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// Of the accelerator, with what it waits for weights and tables.
    pub busy: i64,
    /// Of that: multiplying and output stage.
    pub work: i64,
    /// Of the port of SRAM, and of the memory off chip.
    pub sram: i64,
    pub off_chip: i64,
    /// Of the port that is busy longest: weights, and activations.
    pub weights: i64,
    pub activations: i64,
    /// Bytes that cross the border of the chip.
    pub traffic: i64,
}

impl Times {
    /// The longest of the parts: they overlap.
    pub(super) fn total(&self) -> i64 {
        self.busy.max(self.sram).max(self.off_chip)
    }

    /// Adds another job's.
    pub(super) const fn add(&mut self, other: &Self) {
        self.busy += other.busy;
        self.work += other.work;
        self.sram += other.sram;
        self.off_chip += other.off_chip;
        self.weights += other.weights;
        self.activations += other.activations;
        self.traffic += other.traffic;
    }
}

/// The decisions for one job.
#[derive(Debug, Clone)]
struct Step {
    block: Block,
    unbuffered: Estimate,
    passes: i64,
    weights: Encoded,
    buffered: Option<Buffered>,
    slack: i64,
}

/// The times of a plan's jobs.
pub(super) fn times(machine: &Machine, plan: &Plan) -> Result<Vec<Times>, NoBlock> {
    let mut scheduler = Scheduler::new(machine, plan)?;
    scheduler.buffer_weights();
    scheduler.place_tensors();
    Ok((0..plan.jobs.len()).map(|job| scheduler.times(job)).collect())
}

struct Scheduler<'a> {
    machine: &'a Machine,
    plan: &'a Plan,
    cascades: Vec<Cascade>,
    /// Where each tensor lies.
    places: Vec<Place>,
    steps: Vec<Step>,
}

impl<'a> Scheduler<'a> {
    fn new(machine: &'a Machine, plan: &'a Plan) -> Result<Self, NoBlock> {
        let home = |role: Role| {
            if role == Role::Constant {
                Place::OffChip
            } else {
                machine.tensors
            }
        };
        let mut scheduler = Self {
            machine,
            plan,
            cascades: cascades(machine, plan, &|cascade| weights_kept(machine, plan, cascade)),
            places: plan.tensors.iter().map(|tensor| home(tensor.role)).collect(),
            steps: Vec::with_capacity(plan.jobs.len()),
        };
        for (index, job) in plan.jobs.iter().enumerate() {
            let element = scheduler.element(job);
            let rows = scheduler.stripe(index).map_or(job.output.height, |(rows, _)| rows);
            let (input, output) = cascade::part(job, rows);
            let block = block::choose(machine, job, element, input, output).ok_or(NoBlock { job: index })?;
            let run = scheduler.run(job, &block);
            let (first, elements) = (run.cycles(), run.elements());
            let step = Step {
                unbuffered: buffering::estimate(&run, rows, &[job.output.depth], None),
                passes: elements.weight_passes,
                weights: if job.work.has_weights() {
                    encoded(machine, job, &block, job.output.depth)
                } else {
                    Encoded::default()
                },
                buffered: None,
                slack: first,
                block,
            };
            scheduler.steps.push(step);
        }
        Ok(scheduler)
    }

    /// Rows that a job of a cascade computes at once, and whether it is the first.
    fn stripe(&self, job: usize) -> Option<(i64, bool)> {
        let cascade = self.cascades.iter().find(|it| it.holds(job))?;
        Some((cascade.stripes[job - cascade.first], job == cascade.first))
    }

    fn element(&self, job: &Job) -> i64 {
        job.reads.first().map_or(1, |tensor| self.plan.tensors[*tensor].element)
    }

    /// A job as a whole, with its tensors where they lie now.
    fn run<'b>(&'b self, job: &'b Job, block: &'b Block) -> Run<'b> {
        let operand = |tensor: usize, extent: Extent| Operand {
            tensor: &self.plan.tensors[tensor],
            extent,
            place: self.places[tensor],
        };
        let second = job.reads.get(1).zip(job.second);
        Run {
            machine: self.machine,
            job,
            block,
            input: operand(job.reads[0], job.input),
            second: second.map(|(tensor, extent)| operand(*tensor, extent)),
            output: operand(job.writes, job.output),
            constants: Place::OffChip,
            first: true,
            last: true,
        }
    }

    fn buffer_weights(&mut self) {
        let mut before: Option<Slack> = None;
        for index in 0..self.plan.jobs.len() {
            let job = &self.plan.jobs[index];
            let cascade = self.stripe(index);
            let taken = self.cascades.iter().find(|it| it.holds(index));
            let kept = taken.map_or(0, |it| {
                let before = self.steps[it.first..index]
                    .iter()
                    .filter_map(|step| step.buffered.as_ref());
                it.bytes + before.map(Buffered::bytes).sum::<i64>()
            });
            let limit = (self.machine.cache - kept).max(0);
            let mut free = limit;
            let mut answer = None;
            if job.work.has_weights() {
                let step = &self.steps[index];
                let input = &self.plan.tensors[job.reads[0]];
                let yields = |estimate: &Estimate, bytes: i64| self.yields(index, estimate, limit, before, bytes);
                let question = Question {
                    run: self.run(job, &step.block),
                    stripe: cascade.map_or(job.output.height, |(rows, _)| rows),
                    unbuffered: step.unbuffered,
                    weight_passes: step.passes,
                    limit,
                    before,
                    in_cascade: cascade.is_some(),
                    starts_cascade: cascade.is_some_and(|(_, first)| first),
                    input_could_move: self.machine.spills()
                        && input.role == Role::Between
                        && cascade.is_none_or(|(_, first)| first),
                    yields: &yields,
                };
                answer = buffering::choose(&question).0;
            }
            let step = &mut self.steps[index];
            if let Some(buffered) = answer {
                let last = (buffered.slices.len() - 1) % if buffered.parts[1] > 0 { 2 } else { 1 };
                free -= buffered.parts[last];
                step.slack = buffered.last;
                step.buffered = Some(buffered);
            }
            before = Some(Slack {
                cycles: step.slack,
                bytes: free,
            });
        }
    }

    /// Whether the job that reads a job's results waits for them so much that they should have the SRAM.
    fn yields(&self, index: usize, own: &Estimate, free: i64, before: Option<Slack>, bytes: i64) -> bool {
        let writes = self.plan.jobs[index].writes;
        let Some(reader) = self.plan.tensors[writes].readers.first() else {
            return false;
        };
        let next = &self.steps[*reader].unbuffered;
        let waits = !next.works_longest()
            && next.weight_cycles > 0
            && next.input_cycles > 2 * next.weight_cycles
            && next.input_size < free;
        waits
            && next.input_size + own.input_size + bytes > before.map_or(free, |it| it.bytes)
            && (self.steps[index].unbuffered.works_longest() || next.input_cycles > own.input_cycles)
    }

    /// Tensors between jobs come into SRAM where it is a cache.
    fn place_tensors(&mut self) {
        if !self.machine.spills() {
            return;
        }
        let elements: Vec<Elements> = (0..self.plan.jobs.len())
            .map(|index| self.run(&self.plan.jobs[index], &self.steps[index].block).elements())
            .collect();
        let accesses = |job: usize, tensor: usize| {
            let it = &self.plan.jobs[job];
            if it.writes == tensor {
                elements[job].output
            } else if it.reads.first() == Some(&tensor) {
                elements[job].input
            } else {
                self.plan.tensors[tensor].extent.volume()
            }
        };
        let buffers = self
            .steps
            .iter()
            .map(|step| step.buffered.as_ref().map_or(0, Buffered::bytes));
        let used: Vec<i64> = buffers.collect();
        let mut places = self.places.clone();
        placement::place(self.machine, self.plan, &self.cascades, &used, &accesses, &mut places);
        self.places = places;
    }

    fn times(&self, index: usize) -> Times {
        let machine = self.machine;
        let job = &self.plan.jobs[index];
        let step = &self.steps[index];
        let mut run = self.run(job, &step.block);
        if step.buffered.is_some() {
            run.constants = Place::Sram;
        }
        let work = run.cycles();
        let slack = index.checked_sub(1).map_or(0, |before| self.steps[before].slack);
        // A table with other work is there in time; for itself, it is fetched like weights.
        let table = if job.behind == Behind::Table && matches!(job.work, Work::Pooling { .. }) {
            let port = &machine.off_chip;
            ((TABLE as f64 / port.bytes_per_cycle) as i64 + port.read_latency).max(TABLE)
        } else {
            0
        };
        let busy = match &step.buffered {
            Some(buffered) => {
                let first = buffered.slices.first().copied().unwrap_or(0);
                let waits = (copy_cycles(machine, first) - slack).max(0);
                let all = copy_cycles(machine, step.weights.all());
                (all - slack + step.slack).max(work + waits)
            }
            None => work + (table - slack).max(0),
        };
        let mut bytes = Bytes::default();
        let elements = run.elements();
        let occupied = run.occupied_by(&elements);
        let input = if job.work.is_elementwise() {
            Channel::Stream
        } else {
            Channel::Input
        };
        bytes.add(run.input.place, input, occupied.input);
        if let Some(second) = run.second {
            bytes.add(second.place, input, occupied.second);
        }
        bytes.add(run.output.place, Channel::Write, occupied.output);
        for (tensor, extent) in job.chain.iter().filter_map(|link| link.other) {
            let other = Operand {
                tensor: &self.plan.tensors[tensor],
                extent,
                place: self.places[tensor],
            };
            let elements = other.tensor.stored(extent).volume() * other.tensor.element;
            bytes.add(other.place, Channel::Stream, run.occupied(other, true, elements));
        }
        let activations = bytes;
        let Encoded { weights, sides } = step.weights;
        let read = elements.weight_passes * weights;
        match &step.buffered {
            Some(buffered) => {
                let first = if buffered.ahead {
                    buffered.slices.first().copied().unwrap_or(0)
                } else {
                    0
                };
                let copied = (weights - first).max(0);
                bytes.add(Place::OffChip, Channel::Copy, copied);
                bytes.add(Place::Sram, Channel::Write, copied);
                bytes.add(Place::Sram, Channel::Weights, read);
            }
            None => bytes.add(Place::OffChip, Channel::Weights, read),
        }
        bytes.add(Place::OffChip, Channel::Scales, elements.weight_passes * sides);
        let [sram, off_chip] = bytes.cycles(machine);
        let busiest = |of: &Bytes| of.cycles(machine).into_iter().max().unwrap_or(0);
        Times {
            busy,
            work,
            sram,
            off_chip,
            activations: busiest(&activations),
            weights: sram.max(off_chip) - busiest(&activations),
            traffic: bytes.of(Place::OffChip),
        }
    }
}

/// Weights that jobs of a cascade keep in the cache: those of the first jobs, as long as they fit beside its buffers.
fn weights_kept(machine: &Machine, plan: &Plan, cascade: &Cascade) -> i64 {
    let free = machine.cache - cascade.bytes;
    let mut kept = 0;
    for (index, rows) in (cascade.first..=cascade.last).zip(&cascade.stripes) {
        let job = &plan.jobs[index];
        let (input, output) = cascade::part(job, *rows);
        let block = block::choose(machine, job, 1, input, output).filter(|_| job.work.has_weights());
        let bytes = block.map_or(0, |block| encoded(machine, job, &block, job.output.depth).all());
        if kept + bytes <= free {
            kept += bytes;
        }
    }
    kept
}

/// Bytes by memory and kind of access.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes {
    sram: [i64; 6],
    off_chip: [i64; 6],
}

impl Bytes {
    fn add(&mut self, place: Place, channel: Channel, bytes: i64) {
        match place {
            Place::Sram => self.sram[channel as usize] += bytes,
            Place::OffChip => self.off_chip[channel as usize] += bytes,
        }
    }

    fn of(&self, place: Place) -> i64 {
        match place {
            Place::Sram => self.sram.iter().sum(),
            Place::OffChip => self.off_chip.iter().sum(),
        }
    }

    /// Cycles of SRAM and of the memory off chip: of all bytes, or of the slowest kind of access.
    fn cycles(&self, machine: &Machine) -> [i64; 2] {
        [(Place::Sram, &self.sram), (Place::OffChip, &self.off_chip)].map(|(place, bytes)| {
            let all: i64 = bytes.iter().sum();
            let alone = Channel::ALL
                .iter()
                .map(|channel| (bytes[*channel as usize] as f64 / bandwidth(machine, place, *channel)) as i64);
            let port = (all as f64 / machine.port(place).bytes_per_cycle) as i64;
            alone.fold(port, i64::max)
        })
    }
}
