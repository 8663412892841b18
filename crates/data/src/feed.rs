//! Batches made ahead of time, in threads of their own.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::batch::Batch;
use super::loader::{Loader, Order, Threads};
use crate::DataError;

/// Batches that each worker has in circulation, beside the one in use: one that waits and one that is being filled.
const BATCHES: usize = 2;

/// More workers than this are not started.
const MOST_WORKERS: usize = 64;

/// Gives the batches of consecutive steps, over the borders of epochs.
///
/// Workers take turns: of n, the first makes every n-th batch from the first on, the second every n-th from the second
/// on. So batches come in order without being sorted, and are the same for any number of workers. For each batch that a
/// worker gives it gets a used one back; that bounds the queue, and nothing is allocated but the order of each epoch.
/// Dropping the feed ends the workers.
pub struct Feed {
    steps: Range<u64>,
    source: Source,
    batch: Batch,
}

enum Source {
    /// Batches are filled on demand, by the threads of the surrounding pool.
    Here(Box<Cursor>),
    /// Batches come from workers; the number is whose turn it is.
    Workers(Vec<Worker>, usize),
}

impl Feed {
    /// The batches of these steps, counted from the beginning of the training. Without workers they are filled by
    /// [`Feed::next`] itself.
    ///
    /// # Errors
    /// [`DataError::Loading`] when a thread cannot be started.
    pub fn new(loader: &Loader, steps: Range<u64>, workers: usize) -> Result<Self, DataError> {
        let (batch, cursor) = (Batch::new(loader.shape()), Cursor::new(loader.clone()));
        if workers == 0 {
            let source = Source::Here(Box::new(cursor));
            return Ok(Self { steps, source, batch });
        }
        Self::of_workers(steps, batch, workers, || {
            let mut cursor = cursor.clone();
            move |step, batch: &mut Batch| cursor.fill(step, Threads::This, batch)
        })
    }

    /// Workers that fill batches by what `make` makes for each.
    fn of_workers<F>(steps: Range<u64>, batch: Batch, workers: usize, make: impl Fn() -> F) -> Result<Self, DataError>
    where
        F: FnMut(u64, &mut Batch) + Send + 'static,
    {
        let workers = workers.min(MOST_WORKERS);
        let start = |index: usize| {
            let turns = (steps.start.saturating_add(index as u64)..steps.end).step_by(workers);
            Worker::start(turns, &batch, make()).map_err(|error| DataError::Loading {
                step: steps.start,
                reason: format!("cannot start a thread: {error}"),
            })
        };
        let source = Source::Workers((0..workers).map(start).collect::<Result<_, _>>()?, 0);
        Ok(Self { steps, source, batch })
    }

    /// The batch of the next step; an empty one beyond the last.
    ///
    /// # Errors
    /// [`DataError::Loading`] when a worker panicked.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its items")]
    pub fn next(&mut self) -> Result<&Batch, DataError> {
        match (self.steps.next(), &mut self.source) {
            (None, _) => self.batch = Batch::new(self.batch.shape()),
            (Some(step), Source::Here(cursor)) => cursor.fill(step, Threads::Pool, &mut self.batch),
            (Some(step), Source::Workers(workers, turn)) => {
                let worker = &workers[*turn];
                worker
                    .exchange(&mut self.batch)
                    .map_err(|reason| DataError::Loading { step, reason })?;
                *turn = (*turn + 1) % workers.len();
            }
        }
        Ok(&self.batch)
    }
}

/// A thread that fills batches, and the ways to and from it; both are taken when it is to end.
struct Worker {
    ways: Option<(Receiver<Filled>, SyncSender<Batch>)>,
    thread: Option<JoinHandle<()>>,
}

/// A batch, or why its worker panicked.
type Filled = Result<Batch, String>;

impl Worker {
    fn start<F>(turns: impl Iterator<Item = u64> + Send + 'static, batch: &Batch, mut fill: F) -> std::io::Result<Self>
    where
        F: FnMut(u64, &mut Batch) + Send + 'static,
    {
        // One place more than batches in circulation, for what comes back while all of them wait.
        let (empty, used) = sync_channel(BATCHES + 1);
        let (give, filled) = sync_channel(BATCHES + 1);
        for _ in 0..BATCHES {
            // There is room, and the other end is in hand.
            let _ = empty.send(batch.clone());
        }
        let work = move || {
            for step in turns {
                let Ok(mut batch) = used.recv() else { return };
                // What a panic leaves of the batch is not looked at, and the worker ends.
                let outcome = catch_unwind(AssertUnwindSafe(|| fill(step, &mut batch)));
                let failed = outcome.is_err();
                let answer = outcome.map(|()| batch).map_err(|panic| message(&*panic));
                if give.send(answer).is_err() || failed {
                    return;
                }
            }
        };
        let thread = Builder::new().name("panarch-loader".into()).spawn(work)?;
        Ok(Self {
            ways: Some((filled, empty)),
            thread: Some(thread),
        })
    }

    /// Puts the next filled batch in the place of a used one.
    fn exchange(&self, batch: &mut Batch) -> Result<(), String> {
        let gone = || "the loading thread has ended".to_owned();
        let (filled, empty) = self.ways.as_ref().ok_or_else(gone)?;
        let used = std::mem::replace(batch, filled.recv().map_err(|_| gone())??);
        // Fails when the worker has made all of its batches and needs no more.
        let _ = empty.send(used);
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // With the ways closed, the worker ends after the batch that it is filling.
        self.ways = None;
        if let Some(thread) = self.thread.take() {
            // Its panics are caught, and there is nobody to tell.
            let _ = thread.join();
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the loading thread panicked: {}", text.unwrap_or("without a message"))
}

/// A loader and the order of the epoch that it is in.
#[derive(Debug, Clone)]
struct Cursor {
    loader: Loader,
    order: Option<Order>,
}

impl Cursor {
    fn new(loader: Loader) -> Self {
        Self { loader, order: None }
    }

    fn fill(&mut self, step: u64, threads: Threads, batch: &mut Batch) {
        let steps = self.loader.steps() as u64;
        let (epoch, place) = (step / steps, step % steps);
        let order = match self.order.take() {
            Some(order) if order.epoch == epoch => order,
            _ => self.loader.order(epoch),
        };
        self.loader.fill(&order, place as usize, threads, batch);
        self.order = Some(order);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use panarch_graph::Shape;

    use super::*;

    fn empty() -> Batch {
        Batch::new(Shape::new(1, 1, 1))
    }

    fn numbered(step: u64, batch: &mut Batch) {
        batch.labels.clear();
        batch.labels.push(step as u32);
    }

    #[test]
    fn workers_take_turns() {
        for workers in [1, 2, 3, 7, 100] {
            let mut feed = Feed::of_workers(5..17, empty(), workers, || numbered).unwrap();
            for step in 5..17 {
                assert_eq!(feed.next().unwrap().labels(), [step], "{workers} workers");
            }
            assert!(feed.next().unwrap().is_empty());
            assert!(feed.next().unwrap().is_empty());
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        for workers in [1, 2] {
            let fill = |step, batch: &mut Batch| {
                assert!(step != 4, "no step {step}");
                numbered(step, batch);
            };
            let mut feed = Feed::of_workers(0..9, empty(), workers, || fill).unwrap();
            for step in 0..4 {
                assert_eq!(feed.next().unwrap().labels(), [step]);
            }
            let error = feed.next().unwrap_err();
            assert!(
                matches!(&error, DataError::Loading { step: 4, reason } if reason.contains("no step 4")),
                "{error}"
            );
            let _ = feed.next();
            assert!(workers > 1 || feed.next().is_err(), "and it does not hang");
        }
    }

    #[test]
    fn a_dropped_feed_ends_its_workers_and_they_do_not_run_ahead() {
        let made = Arc::new(AtomicU64::new(0));
        let mut feed = Feed::of_workers(0..u64::MAX, empty(), 2, || {
            let made = Arc::clone(&made);
            move |step, batch: &mut Batch| {
                made.fetch_add(1, Ordering::Relaxed);
                numbered(step, batch);
            }
        })
        .unwrap();
        for step in 0..10 {
            assert_eq!(feed.next().unwrap().labels(), [step]);
        }
        drop(feed);
        let made_at_drop = made.load(Ordering::Relaxed);
        assert!(made_at_drop <= 10 + 2 * BATCHES as u64, "{made_at_drop}");
        assert_eq!(Arc::strong_count(&made), 1, "the workers are gone");
    }
}
