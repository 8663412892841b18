use std::ops::Range;

/// Runs `f(0)`, …, `f(count − 1)`, on as many threads as the current pool has.
///
/// What each call computes must not depend on the thread; then the result does not depend on the number of threads.
pub(crate) fn for_each_share(count: usize, f: &(impl Fn(usize) + Sync)) {
    fn split(range: Range<usize>, f: &(impl Fn(usize) + Sync)) {
        match range.len() {
            0 => {}
            1 => f(range.start),
            length => {
                let middle = range.start + length / 2;
                rayon::join(|| split(range.start..middle, f), || split(middle..range.end, f));
            }
        }
    }
    split(0..count, f);
}

/// The images of one share.
pub(crate) const fn images_of(share: usize, shares: usize, images: usize) -> Range<usize> {
    share * images / shares..(share + 1) * images / shares
}

/// A pointer that may cross threads. Whoever uses it keeps the threads on disjoint places.
#[derive(Debug)]
pub(crate) struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: dereferencing needs `unsafe`, where disjointness is argued.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) const fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// The pointer `offset` values on.
    pub(crate) const fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}
