//! What a run tells while it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use panarch_report::Table;

use crate::Error;

/// One thing that happened in a run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step begins.
    Step {
        /// What it does, in a few words.
        title: String,
    },
    /// The current step moved on.
    Progress {
        /// How far it is.
        done: u64,
        /// How far it goes.
        total: u64,
        /// What is counted, such as `steps`.
        unit: &'static str,
        /// What is worth knowing now, such as the loss.
        detail: String,
    },
    /// The current step is over.
    Done {
        /// What came out, in one line.
        summary: String,
    },
    /// Something to know that is not progress.
    Note(String),
    /// A result to show.
    Table(Box<Table>),
}

/// Receives events; the binary draws them, a test collects them.
pub trait Observer {
    /// Takes one event. Called often; must be quick.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event)> Observer for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}

/// A wish to stop, set from a signal handler and looked at between steps.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop after the step it is in; true if that had been asked before.
    pub fn cancel(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// The flag itself, for libraries that take one.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

/// How work is watched and stopped.
pub struct Watch<'a> {
    /// Hears of everything.
    pub observer: &'a mut dyn Observer,
    /// Asks the run to stop.
    pub cancel: Cancel,
}

impl Watch<'_> {
    /// Ends the work if it was asked to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`] then.
    pub fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    /// A step begins.
    pub fn step(&mut self, title: impl Into<String>) {
        self.observer.event(Event::Step { title: title.into() });
    }

    /// The current step moved on: so many of so many, and what is worth knowing now.
    pub fn progress(&mut self, done: u64, total: u64, unit: &'static str, detail: impl Into<String>) {
        self.observer.event(Event::Progress {
            done,
            total,
            unit,
            detail: detail.into(),
        });
    }

    /// The current step is over.
    pub fn done(&mut self, summary: impl Into<String>) {
        self.observer.event(Event::Done {
            summary: summary.into(),
        });
    }

    /// Something to know that is not progress.
    pub fn note(&mut self, text: impl Into<String>) {
        self.observer.event(Event::Note(text.into()));
    }

    /// A result to show.
    pub fn table(&mut self, table: Table) {
        self.observer.event(Event::Table(Box::new(table)));
    }
}
