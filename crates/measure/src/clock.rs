use std::time::Instant;

/// A processor is taken to have been lent to somebody else when an inference waited longer than this, in seconds. Waking
/// up a thread takes a few microseconds, the slice of another process a millisecond or more.
const LENT: f64 = 100e-6;

/// A moment, as a clock shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since some fixed moment.
    pub wall: f64,
    /// Processor time of this process so far, in seconds, where it says anything about how long an inference takes.
    pub processor: Option<f64>,
}

/// Where a protocol gets its times from.
pub trait Clock: Send + Sync {
    /// What the clock shows; never less than before.
    fn now(&self) -> Moment;
}

impl Moment {
    /// How long something took that began at this moment and ended at another, without the time for which the processor was
    /// lent to other processes: the wall time, or the processor time where that is much less.
    #[must_use]
    pub fn until(self, end: Self) -> f64 {
        let wall = end.wall - self.wall;
        let own = self.processor.zip(end.processor).map(|(start, end)| end - start);
        own.filter(|own| *own > 0.0 && wall - own > LENT).unwrap_or(wall)
    }
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
    /// Whether processor time counts.
    processor: bool,
}

impl SystemClock {
    /// Clocks for inferences on this many threads. The processor time of several threads is no latency, so that it counts
    /// for one thread alone; nor is there any where the operating system is no Unix.
    #[must_use]
    pub fn for_threads(threads: u32) -> Self {
        Self {
            start: Instant::now(),
            processor: threads == 1,
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment {
            wall: self.start.elapsed().as_secs_f64(),
            processor: if self.processor { processor_time() } else { None },
        }
    }
}

#[cfg(unix)]
fn processor_time() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn processor_time() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: f64, processor: Option<f64>) -> Moment {
        Moment { wall, processor }
    }

    #[test]
    fn time_that_was_lent_does_not_count() {
        let start = at(1.0, Some(0.5));
        for (end, taken) in [
            // Waking up a thread counts.
            (at(1.001, Some(0.50095)), 0.001),
            // Three milliseconds of somebody else do not.
            (at(1.004, Some(0.501)), 0.001),
            // Several threads: more processor time than wall time.
            (at(1.004, Some(0.508)), 0.004),
            (at(1.004, None), 0.004),
            // A processor clock that does not move says nothing.
            (at(1.004, Some(0.5)), 0.004),
        ] {
            assert!((start.until(end) - taken).abs() < 1e-12, "{end:?}");
        }
    }

    #[test]
    fn clocks_move_on() {
        for threads in [1, 2] {
            let clock = SystemClock::for_threads(threads);
            let (first, second) = (clock.now(), clock.now());
            assert!(second.wall >= first.wall && second.processor >= first.processor);
            assert_eq!(first.processor.is_some(), threads == 1 && cfg!(unix));
        }
    }
}
