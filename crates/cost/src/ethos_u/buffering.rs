//! Whether weights are copied into SRAM before they are used, whole or in slices of channels.
//!
//! The rules are those of ethos-u-vela 5.2.0, `compiler/scheduler.cpp`: copy where reading from SRAM is faster and the copy
//! hides behind the job before or behind slices of the same job.

use super::block::{Block, DEPTH_GRANULE};
use super::channel::{Channel, copy_cycles, read_cycles};
use super::cycles::Run;
use super::extent::{Extent, ceil, down, up};
use super::machine::{Machine, Place};
use super::weights::{Encoded, encoded};

/// Cycles of a copy that are taken to be unnoticed at the start of a network.
const UNNOTICED: i64 = 1000;

/// Weights on their way through SRAM.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Buffered {
    /// Bytes of each slice.
    pub slices: Vec<i64>,
    /// Bytes of SRAM: slices of even and of odd number.
    pub parts: [i64; 2],
    /// Whether the first slice is copied while the job before runs.
    pub ahead: bool,
    /// Cycles of the last slice, behind which the next job's copy hides.
    pub last: i64,
}

impl Buffered {
    pub(super) const fn bytes(&self) -> i64 {
        self.parts[0] + self.parts[1]
    }
}

/// What the job before leaves: cycles in which nothing is copied, and SRAM that is free meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slack {
    pub cycles: i64,
    pub bytes: i64,
}

/// Cycles of a job, as far as the choice needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Estimate {
    pub run: i64,
    /// With the copies that nothing hides.
    pub full: i64,
    pub visible: i64,
    pub last: i64,
    pub input_bytes: i64,
    pub input_size: i64,
    pub input_cycles: i64,
    pub weight_cycles: i64,
}

impl Estimate {
    /// Whether neither inputs nor weights take longer than the work.
    pub(super) const fn works_longest(&self) -> bool {
        self.run > self.weight_cycles && self.run > self.input_cycles
    }
}

/// A job whose weights may be buffered.
pub(super) struct Question<'a> {
    pub run: Run<'a>,
    /// Rows of the output that are computed at once.
    pub stripe: i64,
    /// Without any buffering.
    pub unbuffered: Estimate,
    pub weight_passes: i64,
    /// SRAM that may be used.
    pub limit: i64,
    /// Of the job before; `None` at the start.
    pub before: Option<Slack>,
    pub in_cascade: bool,
    pub starts_cascade: bool,
    /// Whether the input could be in SRAM, but is not.
    pub input_could_move: bool,
    /// Whether the next job needs the SRAM more.
    pub yields: &'a dyn Fn(&Estimate, i64) -> bool,
}

/// The answer, and whether the input is better kept in SRAM.
pub(super) fn choose(question: &Question<'_>) -> (Option<Buffered>, bool) {
    Chooser::new(question).choose()
}

struct Chooser<'a> {
    question: &'a Question<'a>,
    machine: &'a Machine,
    block: &'a Block,
    weights: Encoded,
    depth: i64,
    stripes: i64,
    passes: i64,
}

impl<'a> Chooser<'a> {
    fn new(question: &'a Question<'a>) -> Self {
        let Run {
            machine, job, block, ..
        } = question.run;
        let stripes = if question.in_cascade {
            ceil(job.output.height, question.stripe)
        } else {
            1
        };
        Self {
            question,
            machine,
            block,
            weights: encoded(machine, job, block, job.output.depth),
            depth: job.output.depth,
            stripes,
            passes: question.weight_passes * stripes,
        }
    }

    fn choose(&self) -> (Option<Buffered>, bool) {
        let Question {
            limit,
            before,
            in_cascade,
            starts_cascade,
            unbuffered,
            ..
        } = *self.question;
        let bytes = self.weights.all();
        let copy = copy_cycles(self.machine, bytes);
        let see = |place: Place| read_cycles(self.machine, place, Channel::Weights, bytes) * self.passes;
        let (unmoved, moved) = (see(Place::OffChip), see(Place::Sram));
        if moved >= unmoved {
            return (None, false);
        }
        let slack = before.map_or(0, |it| it.cycles);
        let slack_bytes = before.map_or(limit, |it| it.bytes);
        let smallest = (copy as f64 * self.depth.min(DEPTH_GRANULE) as f64 / self.depth as f64) as i64;
        let may_be_ahead = before.is_some() && (!in_cascade || starts_cascade);
        let at_start = before.is_none() && self.passes > 1 && (smallest < unmoved / 10 || smallest <= UNNOTICED);
        let works_longest = unbuffered.run > unmoved;
        let visible = (copy - slack).max(0);
        let slices = !in_cascade;
        let slicing = slices
            && (at_start
                || moved + visible < unmoved
                || self.depth / self.block.output.depth > 2
                || (may_be_ahead && smallest < slack && self.passes > 1));
        let hidden = visible < copy / 20 || ceil(visible, self.stripes) < UNNOTICED;
        let whole = !slices && bytes <= limit && (hidden || at_start) && (moved + visible < unmoved || !works_longest);
        if !slicing && !whole {
            return (None, false);
        }
        let plan = if slicing {
            self.slices(slack, copy, works_longest)
        } else {
            Some(vec![self.depth])
        };
        let Some(plan) = plan else {
            return (None, false);
        };
        let sizes: Vec<i64> = plan.iter().map(|depth| self.bytes_of(*depth)).collect();
        let largest = |first: usize| sizes.iter().skip(first).step_by(2).copied().max().unwrap_or(0);
        let both = [largest(0), largest(1)];
        let most = both[0].max(both[1]);
        let parts = if both[0] + both[1] <= limit && sizes.len() > 1 {
            both
        } else if most.min(bytes) <= limit {
            [most.min(bytes), 0]
        } else {
            return (None, false);
        };
        let double = parts[1] > 0;
        let ahead = may_be_ahead && parts[0] < slack_bytes;
        let usable = match (ahead, at_start) {
            (true, _) => slack,
            (false, true) => UNNOTICED,
            _ => 0,
        };
        let estimate = estimate(
            &self.question.run,
            self.question.stripe,
            &plan,
            Some((&sizes, usable, double)),
        );
        let mut input = estimate.input_cycles;
        let mut keep_input = false;
        if self.question.input_could_move {
            let fits = estimate.input_size + parts[0] + parts[1] <= limit;
            let staged = |bytes: i64| read_cycles(self.machine, Place::Sram, Channel::Input, bytes);
            let with_input = unbuffered
                .run
                .max(unbuffered.weight_cycles)
                .max(staged(unbuffered.input_bytes));
            let with_weights = estimate.full.max(estimate.weight_cycles).max(estimate.input_cycles);
            if !fits
                && estimate.input_size < slack_bytes
                && with_input < with_weights
                && with_input < estimate.input_cycles
            {
                return (None, true);
            }
            if (self.question.yields)(&estimate, parts[0] + parts[1]) {
                return (None, false);
            }
            if fits {
                keep_input = true;
                input = staged(estimate.input_bytes);
            }
        }
        let original = unbuffered.run.max(unbuffered.weight_cycles).max(input);
        let mut new = estimate.full.max(estimate.weight_cycles).max(input);
        if works_longest {
            let count = plan.len() as i64;
            if estimate.visible / count < UNNOTICED {
                new -= estimate.visible;
            }
            if count > 1 && estimate.full == new && at_start {
                new -= count * (UNNOTICED / 2);
            }
        }
        if original < new || (self.passes == 1 && copy + estimate.weight_cycles > original) {
            return (None, keep_input);
        }
        let buffered = Buffered {
            slices: sizes,
            parts,
            ahead,
            last: estimate.last,
        };
        (Some(buffered), keep_input)
    }

    fn bytes_of(&self, depth: i64) -> i64 {
        encoded(self.machine, self.question.run.job, self.block, depth).all()
    }

    /// Depths of slices: a first that the job before hides, then so many channels as one slice's work hides of the next
    /// copy. `None` where that leaves too little of each block.
    fn slices(&self, slack: i64, copy: i64, works_longest: bool) -> Option<Vec<i64>> {
        let depth = self.depth as f64;
        let bytes = self.weights.all() as f64;
        let half = self.question.limit / 2;
        let least = (DEPTH_GRANULE as f64 / depth).min(1.0);
        let hidden = (slack as f64 / copy as f64).min(1.0);
        let whole_steps = (hidden / least).floor() * least;
        let mut first = if 1.0 - whole_steps < least / 2.0 { 1.0 } else { hidden };
        if works_longest && first > 0.5 && first < 1.0 {
            first = (up((depth * 0.5) as i64, DEPTH_GRANULE) as f64 / depth).clamp(0.5, 1.0);
        }
        first = first.max(least).min((half as f64 / bytes).min(1.0));
        if first >= 1.0 {
            return Some(vec![self.depth]);
        }
        let block = self.block.output.depth;
        let mut first = down((depth * first) as i64, DEPTH_GRANULE).max(DEPTH_GRANULE);
        if first >= self.depth {
            return Some(vec![self.depth]);
        }
        let mut run = self.question.run;
        run.constants = Place::Sram;
        run.output.extent.depth = first;
        run.last = false;
        let mut each = up(((self.depth * run.cycles()) / copy.max(1)).max(DEPTH_GRANULE), block);
        if (each as f64 / depth * bytes) as i64 > half {
            each = (half as f64 / bytes * depth) as i64;
        }
        if each == 0 {
            return Some(vec![self.depth]);
        }
        let plan = loop {
            each = down(each, if each > block { block } else { DEPTH_GRANULE }).max(DEPTH_GRANULE);
            let mut plan = vec![first];
            let mut rest = self.depth - first;
            while rest > 0 {
                plan.push(rest.min(each));
                rest -= each;
            }
            let largest = plan.iter().map(|depth| self.bytes_of(*depth)).max().unwrap_or(0);
            if largest <= half || (first <= DEPTH_GRANULE && each <= DEPTH_GRANULE) {
                break plan;
            }
            if each > first {
                each = up(each / 2, DEPTH_GRANULE);
            } else {
                first = up(first / 2, DEPTH_GRANULE);
            }
        };
        let used = each as f64 / up(each, block) as f64;
        (plan.len() < 3 || used >= 0.3 || !works_longest).then_some(plan)
    }
}

/// Cycles of a job that is run slice by slice: bytes of the slices, cycles in which the first copy hides, and whether
/// later copies hide behind the slice before.
pub(super) fn estimate(run: &Run<'_>, stripe: i64, slices: &[i64], buffers: Option<(&[i64], i64, bool)>) -> Estimate {
    let machine = run.machine;
    let job = run.job;
    let repeats = (job.output.height as f64 / stripe as f64).max(1.0);
    let constants = if buffers.is_some() { Place::Sram } else { Place::OffChip };
    let mut part = *run;
    part.constants = constants;
    part.output.extent = Extent::new(stripe.min(job.output.height), job.output.width, job.output.depth);
    part.input.extent = job.needed_for(part.output.extent);
    let mut result = Estimate {
        input_size: part.input.extent.volume() * part.input.tensor.element,
        ..Estimate::default()
    };
    let (mut weight_bytes, mut passes) = (0, 0);
    let mut hidden = buffers.map_or(0, |(_, slack, _)| slack);
    for (index, depth) in slices.iter().enumerate() {
        part.output.extent.depth = *depth;
        let elements = part.elements();
        result.input_bytes += elements.input * part.input.tensor.element;
        let bytes = match buffers {
            Some((sizes, ..)) => sizes.get(index).copied().unwrap_or(0),
            None if job.work.has_weights() => encoded(machine, job, run.block, *depth).all(),
            None => 0,
        };
        weight_bytes += bytes * elements.weight_passes;
        passes += elements.weight_passes;
        part.first = index == 0;
        part.last = index + 1 == slices.len();
        let cycles = part.cycles();
        if let Some((_, _, double)) = buffers {
            let visible = (copy_cycles(machine, bytes) - hidden).max(0);
            result.visible += visible;
            hidden = if double { cycles } else { 0 };
        }
        result.run += cycles;
        result.last = cycles;
    }
    result.run = (repeats * result.run as f64) as i64;
    result.full = result.run + result.visible;
    if job.work.has_weights() && passes > 0 {
        let once = read_cycles(machine, constants, Channel::Weights, weight_bytes / passes);
        result.weight_cycles = (repeats * (once * passes) as f64) as i64;
    }
    let input = read_cycles(machine, part.input.place, Channel::Input, result.input_bytes);
    result.input_cycles = (repeats * input as f64) as i64;
    result
}
