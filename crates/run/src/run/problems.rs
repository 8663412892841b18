//! What goes wrong after the work is done: kept beside the result, never in its place.

use std::path::Path;

use crate::Error;

/// The problems of a run's end, in the order in which they were found. The run ends with the first of them, after
/// everything else has been written.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Error>);

impl Problems {
    pub(super) fn add(&mut self, error: Error) {
        self.0.push(error);
    }

    /// The value, or none with a problem more.
    pub(super) fn take<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// The error that a run ends with whose report has been written: the first problem, with how many more there are.
    pub(super) fn into_result(self, report: &Path) -> Result<(), Error> {
        let more = match self.0.len() {
            0 | 1 => String::new(),
            count => format!("; and {} more", count - 1),
        };
        let see = format!("{more}; see {}", report.display());
        match self.0.into_iter().next() {
            None => Ok(()),
            Some(Error::CheckFailed(text)) => Err(Error::CheckFailed(text + &see)),
            Some(Error::Infeasible(text)) => Err(Error::Infeasible(text + &see)),
            Some(other) => Err(other),
        }
    }
}
