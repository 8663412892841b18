use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

/// Zeroed floats on pages as large as the system gives.
///
/// A training pass walks through hundreds of megabytes with long strides; with 4 KB pages it waits for address
/// translation.
#[derive(Debug)]
pub(crate) struct Arena {
    floats: NonNull<f32>,
    length: usize,
}

// SAFETY: the arena owns its floats, as a vector does.
unsafe impl Send for Arena {}
// SAFETY: as above; a shared arena is only read.
unsafe impl Sync for Arena {}

/// A huge page of most processors; at least a cache line for small arenas.
const fn alignment(bytes: usize) -> usize {
    const HUGE: usize = 2 << 20;
    if bytes >= HUGE { HUGE } else { 64 }
}

impl Arena {
    /// An arena without floats.
    pub(crate) const fn new() -> Self {
        Self {
            floats: NonNull::dangling(),
            length: 0,
        }
    }

    /// An arena of so many floats; none if there is no room for it.
    pub(crate) fn zeroed(length: usize) -> Option<Self> {
        if length == 0 {
            return Some(Self::new());
        }
        let layout = Self::layout(length)?;
        // SAFETY: the layout is not empty.
        let floats = NonNull::new(unsafe { alloc(layout) })?;
        ask_for_huge_pages(floats.as_ptr(), layout.size());
        // SAFETY: all of it was allocated; 0 bits are 0.0.
        unsafe { floats.write_bytes(0, layout.size()) };
        Some(Self {
            floats: floats.cast(),
            length,
        })
    }

    fn layout(length: usize) -> Option<Layout> {
        let bytes = length.checked_mul(size_of::<f32>())?;
        Layout::from_size_align(bytes, alignment(bytes)).ok()
    }

    /// Number of floats.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    /// The first float.
    pub(crate) const fn start(&mut self) -> *mut f32 {
        self.floats.as_ptr()
    }

    /// All floats.
    pub(crate) const fn as_slice(&self) -> &[f32] {
        // SAFETY: so many floats are there, and were written.
        unsafe { std::slice::from_raw_parts(self.floats.as_ptr(), self.length) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // What was allocated has a layout, which was the same then.
        if let Some(layout) = Self::layout(self.length).filter(|layout| layout.size() > 0) {
            // SAFETY: allocated with the same layout.
            unsafe { dealloc(self.floats.as_ptr().cast(), layout) }
        }
    }
}

/// Asks for huge pages before the first touch. A system that has none to give says so, and nothing is lost.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(start: *mut u8, bytes: usize) {
    if alignment(bytes) > 64 {
        // SAFETY: the range is ours; the advice changes no content.
        let _ = unsafe { libc::madvise(start.cast(), bytes, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
const fn ask_for_huge_pages(_: *mut u8, _: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_are_aligned_and_zero() {
        assert!(Arena::new().as_slice().is_empty());
        for length in [0, 1, 17, 1 << 20] {
            let arena = Arena::zeroed(length).unwrap();
            assert_eq!(arena.len(), length);
            assert!(arena.as_slice().iter().all(|value| *value == 0.0));
            if length > 0 {
                assert_eq!(arena.as_slice().as_ptr() as usize % alignment(4 * length), 0);
            }
        }
    }

    #[test]
    fn what_no_machine_has_is_none() {
        for length in [usize::MAX, usize::MAX / 4, isize::MAX as usize / 4, 1 << 58] {
            assert!(Arena::zeroed(length).is_none(), "{length}");
        }
    }
}
