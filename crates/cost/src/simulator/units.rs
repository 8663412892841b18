use panarch_graph::Cycles;

use super::job::Task;
use super::{Job, Unit};

/// The first cycle in which each part of the machine is free, and what it has done.
pub(super) struct Units<'a> {
    free: [f64; Unit::ALL.len()],
    jobs: Option<&'a mut Vec<Timed>>,
    layer: usize,
    /// When the layer at work began.
    offset: f64,
}

/// A job and its exact time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub unit: Unit,
    pub task: Task,
    pub layer: usize,
    pub tile: u32,
    pub start: f64,
    pub end: f64,
}

impl Timed {
    /// In whole cycles; `None` where it is too short for one. Begin and end are rounded alike, so that jobs that do not
    /// overlap do not after rounding.
    pub fn rounded(self) -> Option<Job> {
        let (start, end) = (self.start.round() as u64, self.end.round() as u64);
        (end > start).then_some(Job {
            unit: self.unit,
            task: self.task,
            layer: self.layer,
            tile: self.tile,
            start: Cycles(start),
            cycles: Cycles(end - start),
        })
    }
}

impl<'a> Units<'a> {
    /// Parts that have nothing to do yet when a layer begins.
    pub fn new(layer: usize, offset: f64, jobs: Option<&'a mut Vec<Timed>>) -> Self {
        Self {
            free: [0.0; Unit::ALL.len()],
            jobs,
            layer,
            offset,
        }
    }

    /// Lets a unit do something that may begin at `ready`; when it ends. Nothing to do takes no turn.
    pub fn serve(&mut self, unit: Unit, task: Task, tile: u32, ready: f64, cycles: f64) -> f64 {
        if cycles <= 0.0 {
            return ready;
        }
        let start = ready.max(self.free[unit as usize]);
        let end = start + cycles;
        if let Some(jobs) = &mut self.jobs {
            jobs.push(Timed {
                unit,
                task,
                layer: self.layer,
                tile,
                start: self.offset + start,
                end: self.offset + end,
            });
        }
        self.free[unit as usize] = end;
        end
    }
}
