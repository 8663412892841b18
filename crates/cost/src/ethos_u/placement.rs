//! Which tensors lie in the cache.
//!
//! Each tensor is alive from the job that writes it to the last that reads it; beside it lie buffers of weights and of
//! cascades. Where all of them do not fit, those stay that are read and written most.

use super::cascade::Cascade;
use super::job::{Role, Work};
use super::lowering::Plan;
use super::machine::{Machine, Place};

/// Tensors that may lie in the same place of the cache.
struct Candidate {
    tensors: Vec<usize>,
    from: usize,
    to: usize,
    bytes: i64,
    accesses: i64,
}

/// Moves tensors into the cache. `used` says what buffers take while each job runs, `accesses` how many elements each job
/// reads and writes.
pub(super) fn place(
    machine: &Machine,
    plan: &Plan,
    cascades: &[Cascade],
    used: &[i64],
    accesses: &dyn Fn(usize, usize) -> i64,
    places: &mut [Place],
) {
    // Jobs of a cascade run at the same time.
    let mut time: Vec<usize> = (0..plan.jobs.len()).collect();
    let mut inside = vec![false; plan.tensors.len()];
    let mut used = used.to_vec();
    for cascade in cascades {
        let together: i64 = used[cascade.first..=cascade.last].iter().sum();
        for job in cascade.first..=cascade.last {
            time[job] = cascade.first;
            used[job] = 0;
            if job < cascade.last {
                inside[plan.jobs[job].writes] = true;
            }
        }
        used[cascade.first] = cascade.bytes + together;
    }
    let mut candidates: Vec<Candidate> = Vec::new();
    for (index, tensor) in plan.tensors.iter().enumerate() {
        if inside[index] {
            places[index] = Place::Sram;
        } else if tensor.role == Role::Between && !tensor.writers.is_empty() && !tensor.readers.is_empty() {
            let ends = tensor.writers.iter().chain(&tensor.readers);
            let times: Vec<usize> = ends.map(|job| time[*job]).collect();
            let own = Candidate {
                tensors: vec![index],
                from: times.iter().copied().min().unwrap_or(0),
                to: times.iter().copied().max().unwrap_or(0),
                bytes: tensor.bytes(),
                accesses: tensor
                    .writers
                    .iter()
                    .chain(&tensor.readers)
                    .map(|job| accesses(*job, index))
                    .sum(),
            };
            let host = overwrites(plan, index, &inside);
            match candidates
                .iter_mut()
                .find(|it| host.is_some_and(|host| it.tensors.contains(&host)))
            {
                Some(host) => {
                    host.tensors.push(index);
                    host.from = host.from.min(own.from);
                    host.to = host.to.max(own.to);
                    host.accesses += own.accesses;
                }
                None => candidates.push(own),
            }
        }
    }
    candidates.sort_by_key(|it| std::cmp::Reverse(it.accesses));
    for candidate in candidates {
        let span = candidate.from..=candidate.to;
        let fits = used[span.clone()]
            .iter()
            .all(|used| used + candidate.bytes <= machine.cache);
        if fits {
            for used in &mut used[span] {
                *used += candidate.bytes;
            }
            for tensor in candidate.tensors {
                places[tensor] = Place::Sram;
            }
        }
    }
}

/// The tensor that a tensor may take the place of: the one that its job reads position by position, and nobody else.
fn overwrites(plan: &Plan, tensor: usize, inside: &[bool]) -> Option<usize> {
    let written = &plan.tensors[tensor];
    let [writer] = written.writers[..] else {
        return None;
    };
    let job = &plan.jobs[writer];
    let copies = matches!(job.work, Work::Pooling { .. }) && job.taps() == 1;
    if !(job.work.is_elementwise() || copies) {
        return None;
    }
    job.reads.iter().copied().find(|read| {
        let it = &plan.tensors[*read];
        it.role == Role::Between
            && !inside[*read]
            && it.readers == [writer]
            && (it.extent, it.element, it.bricks) == (written.extent, written.element, written.bricks)
    })
}
