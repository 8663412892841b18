//! Jobs that run stripe by stripe, one behind the other, so that what is between them needs no room for all of it.

use super::extent::{Extent, up};
use super::job::{Job, Role};
use super::lowering::Plan;
use super::machine::Machine;

/// Channels of a brick.
const BRICK: i64 = 16;

/// Jobs from `first` to `last` that run as one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cascade {
    pub first: usize,
    pub last: usize,
    /// Rows of each job's output that are computed at once.
    pub stripes: Vec<i64>,
    /// Bytes of the buffers between the jobs.
    pub bytes: i64,
}

impl Cascade {
    /// Whether a job is one of it.
    pub(super) const fn holds(&self, job: usize) -> bool {
        self.first <= job && job <= self.last
    }
}

/// Bytes of the cache, and of those what buffers between jobs may take.
#[derive(Debug, Clone, Copy)]
struct Limit {
    cache: i64,
    buffers: i64,
}

/// The cascades of a plan: jobs whose tensors do not fit the cache with the jobs behind them, until one fits. `weights_of`
/// says what weights a cascade keeps in the cache.
pub(super) fn cascades(machine: &Machine, plan: &Plan, weights_of: &dyn Fn(&Cascade) -> i64) -> Vec<Cascade> {
    if !machine.spills() {
        return Vec::new();
    }
    let fewest: Vec<i64> = (0..plan.jobs.len()).map(|job| least(plan, job)).collect();
    let limit = Limit {
        cache: machine.cache,
        buffers: machine.cache,
    };
    let narrow = build(limit, plan, 0, &fewest);
    narrow
        .into_iter()
        .flat_map(|cascade| {
            let buffers = machine.cache - weights_of(&cascade);
            widened(Limit { buffers, ..limit }, plan, cascade)
        })
        .collect()
}

/// Cascades of consecutive jobs, of which the first is `start`, with so many rows of each.
fn build(limit: Limit, plan: &Plan, start: usize, rows: &[i64]) -> Vec<Cascade> {
    let mut found = Vec::new();
    let end = start + rows.len();
    let rows_of = |job: usize| rows.get(job - start).copied().unwrap_or(1);
    let mut first = start;
    while first < end {
        let (mut last, mut bytes) = (first, 0);
        while let Some(next) = follower(plan, last, rows_of(last)).filter(|next| *next < end) {
            let job = &plan.jobs[next];
            let more = between(&plan.jobs[last], rows_of(last), job, rows_of(next));
            if !stripes(plan, next, rows_of(next)) || whole(plan, next) < limit.cache || bytes + more > limit.buffers {
                break;
            }
            bytes += more;
            last = next;
        }
        if last > first {
            found.push(Cascade {
                first,
                last,
                stripes: (first..=last).map(rows_of).collect(),
                bytes,
            });
        }
        first = last + 1;
    }
    found
}

/// The same jobs with as many rows as fit, because more rows read fewer weights again. They may fall apart into several
/// cascades, but not into more than with the fewest additional rows.
fn widened(limit: Limit, plan: &Plan, cascade: Cascade) -> Vec<Cascade> {
    let jobs = &plan.jobs[cascade.first..=cascade.last];
    let start = cascade.first;
    let (Some(end), Some(narrowest)) = (jobs.last(), cascade.stripes.last().copied()) else {
        return vec![cascade];
    };
    let highest = (end.output.height + 1) / 2;
    let mut best = vec![cascade];
    let mut most = None;
    for last in narrowest + 1..=highest {
        let mut rows = vec![last];
        for job in jobs.iter().skip(1).rev() {
            let next = rows.last().copied().unwrap_or(last);
            rows.push(next * job.stride[0]);
        }
        rows.reverse();
        for (rows, job) in rows.iter_mut().zip(jobs) {
            *rows = (*rows).min(job.output.height);
        }
        let found = build(limit, plan, start, &rows);
        let alone = (start..start + jobs.len()).filter(|job| !found.iter().any(|it| it.holds(*job)));
        let fit = alone.map(|job| whole(plan, job)).all(|bytes| bytes <= limit.cache);
        if !fit || found.len() > *most.get_or_insert(found.len()) {
            break;
        }
        let none = found.is_empty();
        best = found;
        if none {
            break;
        }
    }
    best
}

/// Bytes of all that a job reads and writes.
fn whole(plan: &Plan, job: usize) -> i64 {
    let job = &plan.jobs[job];
    plan.tensors[job.reads[0]].bytes() + plan.tensors[job.writes].bytes()
}

/// Whether a job can run stripe by stripe.
fn stripes(plan: &Plan, index: usize, rows: i64) -> bool {
    let job = &plan.jobs[index];
    job.chain.is_empty() && plan.tensors[job.reads[0]].role != Role::Constant && rows < job.output.height
}

/// The fewest rows of a job's output that the next job can use.
fn least(plan: &Plan, index: usize) -> i64 {
    let next = plan.jobs.get(index + 1).map_or(1, |job| job.stride[0]);
    next.min(plan.jobs[index].output.height)
}

/// The job right behind that alone reads a job's results, stripe by stripe.
fn follower(plan: &Plan, index: usize, rows: i64) -> Option<usize> {
    let tensor = &plan.tensors[plan.jobs[index].writes];
    let next = index + 1;
    let job = plan.jobs.get(next)?;
    let handed = tensor.readers == [next]
        && tensor.writers == [index]
        && tensor.bricks
        && job.reads[0] == plan.jobs[index].writes
        && job.input == plan.jobs[index].output;
    (handed && stripes(plan, index, rows)).then_some(next)
}

/// Bytes of the buffer between two jobs of which so many rows are computed at once.
fn between(job: &Job, rows: i64, next: &Job, next_rows: i64) -> i64 {
    let needed = next.needed_for(Extent::new(next_rows, next.output.width, next.output.depth));
    let height = up(rows + needed.height, needed.height);
    height * needed.width * up(job.output.depth, BRICK)
}

/// What a block is chosen for: all of a job, or a stripe of it.
pub(super) fn part(job: &Job, rows: i64) -> (Extent, Extent) {
    let output = job.output.with_height(rows);
    (job.needed_for(output), output)
}
