//! Ethos-U85 does element-wise work with the job before: results go through a buffer between the units.

use super::Plan;
use crate::ethos_u::job::{Job, Link, Role, Tensor};

/// Element-wise jobs that one other takes along.
const LONGEST: usize = 3;
/// Tensors that a chain reads besides those of its first job's results.
const MOST_TENSORS: usize = 3;

/// Lets jobs take along the element-wise jobs right behind them.
pub(super) fn chained(plan: Plan) -> Plan {
    let Plan {
        jobs,
        mut tensors,
        too_many_windows,
    } = plan;
    let mut kept: Vec<Job> = Vec::with_capacity(jobs.len());
    for job in jobs {
        let link = kept.last().and_then(|host| link(host, &job, &tensors));
        match (kept.last_mut(), link) {
            (Some(host), Some(link)) => {
                host.writes = job.writes;
                host.chain.push(link);
            }
            _ => kept.push(job),
        }
    }
    for tensor in &mut tensors {
        tensor.readers.clear();
        tensor.writers.clear();
    }
    for (index, job) in kept.iter().enumerate() {
        tensors[job.writes].writers.push(index);
        for tensor in job.all_reads() {
            tensors[tensor].readers.push(index);
        }
    }
    Plan {
        jobs: kept,
        tensors,
        too_many_windows,
    }
}

/// The job as a link behind a host, where it may be one: it reads the host's results, which nobody else reads, and keeps
/// their extent.
fn link(host: &Job, job: &Job, tensors: &[Tensor]) -> Option<Link> {
    let result = &tensors[host.writes];
    let position = job.reads.iter().position(|tensor| *tensor == host.writes)?;
    let second = job.second?;
    let own = [job.input, second][position];
    let whole = result.extent == host.output && own == job.output && host.output == job.output;
    let alone = result.role == Role::Between && result.writers.len() == 1 && result.readers.len() == 1;
    let read: usize = host.chain.iter().filter(|link| link.other.is_some()).count()
        + host
            .reads
            .iter()
            .filter(|tensor| tensors[**tensor].extent.volume() > 1)
            .count();
    if !(job.work.is_elementwise() && whole && alone) || host.chain.len() >= LONGEST {
        return None;
    }
    let other = job.reads[1 - position];
    let extent = [job.input, second][1 - position];
    let single = extent.volume() == 1;
    if !single && read + 1 > MOST_TENSORS {
        return None;
    }
    Some(Link {
        wide: result.element > 2,
        other: (!single).then_some((other, extent)),
    })
}
