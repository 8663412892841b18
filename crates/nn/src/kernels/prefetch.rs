use super::elementwise::Rows;
use super::saved::SavedRows;
use crate::simd::Simd;

/// Rows that the next piece of work will read from far memory, asked for bit by bit while this piece is computed: the
/// processor guesses no further than a few cache lines, and would wait for the rest.
pub(crate) struct Prefetch {
    streams: [Stream; 3],
    /// Cache lines of each stream at a time.
    each: usize,
}

#[derive(Clone, Copy)]
struct Stream {
    next: *const u8,
    /// Bytes of a row, those left of the current one, and those between two rows.
    row: usize,
    left: usize,
    gap: usize,
    rows: usize,
}

const CACHE_LINE: usize = 64;

impl Stream {
    const NONE: Self = Self {
        next: std::ptr::null(),
        row: 0,
        left: 0,
        gap: 0,
        rows: 0,
    };

    fn new(from: SavedRows, Rows { rows, channels }: Rows) -> Self {
        let bytes = from.value_bytes();
        let [row, stride] = [channels, from.stride()].map(|values| values * bytes);
        // Dense rows are one long row.
        let (row, gap, rows) = if row == stride {
            (row * rows, 0, usize::from(rows > 0))
        } else {
            (row, stride - row, rows)
        };
        Self {
            next: from.start(),
            row,
            left: row,
            gap,
            rows,
        }
    }

    const fn lines(&self) -> usize {
        self.rows * self.row.div_ceil(CACHE_LINE)
    }
}

impl Prefetch {
    /// Nothing.
    pub(crate) const fn none() -> Self {
        Self {
            streams: [Stream::NONE; 3],
            each: 0,
        }
    }

    /// Rows of channels from up to three places, over about so many calls of [`Ahead::ask`].
    pub(crate) fn new(places: &[(SavedRows, Rows)], calls: usize) -> Self {
        let mut this = Self::none();
        for (stream, (from, size)) in this.streams.iter_mut().zip(places) {
            *stream = Stream::new(*from, *size);
        }
        let most = this.streams.iter().map(Stream::lines).max().unwrap_or(0);
        this.each = most.div_ceil(calls.max(1));
        this
    }

    /// Asks for the next few lines.
    #[inline(always)]
    pub(crate) unsafe fn ask<S: Simd>(&mut self) {
        for _ in 0..self.each {
            for stream in &mut self.streams {
                if stream.rows == 0 {
                    continue;
                }
                unsafe { S::prefetch_far(stream.next.cast()) };
                if stream.left > CACHE_LINE {
                    stream.next = stream.next.wrapping_add(CACHE_LINE);
                    stream.left -= CACHE_LINE;
                } else {
                    stream.next = stream.next.wrapping_add(stream.left + stream.gap);
                    stream.left = stream.row;
                    stream.rows -= 1;
                }
            }
        }
    }
}
