//! Jobs and tensors while they are being made.

use panarch_graph::Shape;

use super::Plan;
use crate::ethos_u::extent::Extent;
use crate::ethos_u::job::{Behind, Job, Role, Tensor};

/// Channels of a brick.
const BRICK: i64 = 16;

/// Jobs and tensors so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub jobs: Vec<Job>,
    pub tensors: Vec<Tensor>,
    /// A layer with more windows far apart than can be jobs of their own.
    pub too_many_windows: Option<usize>,
}

pub(super) fn extent_of(shape: Shape) -> Extent {
    Extent::new(
        i64::from(shape.height),
        i64::from(shape.width),
        i64::from(shape.channels),
    )
}

impl Draft {
    pub(super) fn tensor(&mut self, extent: Extent, element: i64, role: Role) -> usize {
        self.tensors.push(Tensor {
            extent,
            element,
            bricks: true,
            role,
            writers: Vec::new(),
            readers: Vec::new(),
        });
        self.tensors.len() - 1
    }

    /// Adds a job; gives the tensor that it writes.
    pub(super) fn push(&mut self, job: Job) -> usize {
        let writes = job.writes;
        self.tensors[writes].writers.push(self.jobs.len());
        self.jobs.push(job);
        writes
    }

    /// Lets the job that makes a tensor put an activation behind it; `false` where no single job does, or has one already.
    pub(super) fn put_behind(&mut self, tensor: usize, behind: Behind) -> bool {
        let [writer] = self.tensors[tensor].writers[..] else {
            return false;
        };
        let job = &mut self.jobs[writer];
        let free = job.behind == Behind::Nothing;
        if free {
            job.behind = behind;
        }
        free
    }

    /// Lets the job that makes a tensor write it into a larger one; `false` where no single job does.
    pub(super) fn write_into(&mut self, tensor: usize, whole: usize) -> bool {
        let [writer] = self.tensors[tensor].writers[..] else {
            return false;
        };
        self.jobs[writer].writes = whole;
        self.tensors[tensor].writers.clear();
        self.tensors[whole].writers.push(writer);
        true
    }

    /// Notes that a part of a tensor begins at a channel: bricks must begin with it.
    pub(super) fn part_at(&mut self, tensor: usize, channel: i64) {
        self.tensors[tensor].bricks &= channel % BRICK == 0;
    }

    /// Notes readers, and which tensors cannot lie in bricks: image and result, constants, and those that are read in
    /// another form than they were written in.
    pub(super) fn finish(mut self) -> Plan {
        for (index, job) in self.jobs.iter().enumerate() {
            let seconds = job.second.into_iter();
            for (tensor, extent) in job.reads.iter().zip(std::iter::once(job.input).chain(seconds)) {
                let tensor = &mut self.tensors[*tensor];
                tensor.readers.push(index);
                let same = (extent.width, extent.depth) == (tensor.extent.width, tensor.extent.depth);
                tensor.bricks &= same;
            }
        }
        for tensor in &mut self.tensors {
            tensor.bricks &= tensor.role == Role::Between;
        }
        Plan {
            jobs: self.jobs,
            tensors: self.tensors,
            too_many_windows: self.too_many_windows,
        }
    }
}
