use super::Unit;
use super::job::Task;
use super::units::Timed;

/// What was fetched of a layer's weights before it began.
#[derive(Debug, Clone, Copy)]
pub(super) struct FetchedAhead {
    pub layer: usize,
    /// When the layer began.
    pub begin: f64,
    /// Cycles that a block takes.
    pub block: f64,
    /// Cycles that all of it took.
    pub cycles: f64,
}

/// Adds the jobs of fetching ahead, as late as they can be: in the gaps of the way before the layers begin.
pub(super) fn add_fetched_ahead(jobs: &mut Vec<Timed>, unit: Unit, fetched: &[FetchedAhead]) {
    let mut busy: Vec<(f64, f64)> = jobs
        .iter()
        .filter(|job| job.unit == unit)
        .map(|job| (job.start, job.end))
        .collect();
    busy.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut now = f64::INFINITY;
    for of in fetched.iter().rev() {
        now = now.min(of.begin);
        let mut left = of.cycles;
        while left > 0.0 && now > 0.0 {
            let gap = busy.last().map_or(0.0, |(_, end)| *end);
            if gap >= now {
                now = now.min(busy.pop().map_or(0.0, |(start, _)| start));
                continue;
            }
            // The block whose end this is.
            let number = ((left / of.block).ceil() - 1.0).max(0.0);
            let piece = (left - number * of.block).min(now - gap);
            jobs.push(Timed {
                unit,
                task: Task::FetchWeights,
                layer: of.layer,
                tile: number as u32,
                start: now - piece,
                end: now,
            });
            now -= piece;
            // What rounding leaves is no cycle.
            left -= piece.max(of.cycles * 1e-12);
        }
    }
    jobs.sort_by(|a, b| a.start.total_cmp(&b.start));
}
