//! Memory for decoding, shared by all threads that decode.

use std::sync::{Condvar, Mutex, PoisonError};

use panarch_graph::Bytes;

/// A number of bytes that threads take from before they decode, and give back after. Who finds too few waits; so no
/// more is ever decoded at a time than the memory is meant for, however many threads there are.
#[derive(Debug)]
pub struct Budget {
    total: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub struct Permit<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// What decoding may take where nothing else is said: a gibibyte, enough for a photograph of 100 megapixels.
    pub const DEFAULT: Bytes = Bytes(1 << 30);

    /// A budget of this size.
    pub fn new(total: Bytes) -> Self {
        Self {
            total: total.0,
            left: Mutex::new(total.0),
            returned: Condvar::new(),
        }
    }

    /// The whole of it.
    pub fn total(&self) -> Bytes {
        Bytes(self.total)
    }

    /// Waits until so many bytes are left (the whole budget, if more are asked for) and takes them. Holds nothing while it
    /// waits, so threads cannot wait for each other.
    pub fn take(&self, bytes: Bytes) -> Permit<'_> {
        let bytes = bytes.0.min(self.total);
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = self
            .returned
            .wait_while(left, |left| *left < bytes)
            .unwrap_or_else(PoisonError::into_inner);
        *left -= bytes;
        Permit { budget: self, bytes }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut left = self.budget.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left += self.bytes;
        drop(left);
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn no_more_than_the_total_is_ever_taken() {
        let (budget, taken, most) = (Budget::new(Bytes(10)), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = (thread + round) % 7 + 1;
                        let permit = budget.take(Bytes(bytes));
                        let now = taken.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 10);
        // More than there is at all is the whole, alone.
        drop(budget.take(Bytes(1000)));
        assert_eq!(*budget.left.lock().unwrap(), 10);
    }
}
