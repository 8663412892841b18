//! How pools are written so that every runtime gives the same numbers.
//!
//! Runtimes differ on averages whose last window hangs over the padded image (`ceil_mode`). Such a pool is written
//! without `ceil_mode`: the padding behind the image is widened until the windows fit, and an average then counts no
//! padding. Where the zeros of the pool's own padding do count, a Pad makes them part of the image first.

use panarch_graph::{Padding, Pool, PoolKind, Shape};

/// The attributes of an ONNX pool, and the zeros that a Pad puts around the image before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenPool {
    /// Made part of the image by a Pad of its own.
    pub zeros: Padding,
    /// The attribute `pads`.
    pub padding: Padding,
    /// The attribute `count_include_pad`.
    pub count_padding: bool,
}

impl WrittenPool {
    /// For a pool from images of one shape to images of another.
    pub fn new(pool: &Pool, from: Shape, to: Shape) -> Self {
        let plain = Self {
            zeros: Padding::NONE,
            padding: pool.padding,
            count_padding: pool.count_padding,
        };
        if !pool.ceil {
            return plain;
        }
        let Padding { before, after } = pool.padding;
        let needed = [(from.height, to.height), (from.width, to.width)];
        let needed = [0, 1].map(|axis| {
            let (size, outputs) = needed[axis];
            let end =
                u64::from(outputs.saturating_sub(1)) * u64::from(pool.stride[axis]) + u64::from(pool.kernel[axis]);
            end.saturating_sub(u64::from(size) + u64::from(before[axis])) as u32
        });
        let over = [0, 1].map(|axis| needed[axis].saturating_sub(after[axis]));
        if over == [0, 0] {
            return plain;
        }
        let covering = Padding {
            before,
            after: [0, 1].map(|axis| needed[axis].max(after[axis])),
        };
        match pool.kind {
            PoolKind::Average if pool.count_padding && pool.padding != Padding::NONE => Self {
                zeros: pool.padding,
                padding: Padding {
                    before: [0, 0],
                    after: over,
                },
                count_padding: false,
            },
            PoolKind::Average => Self {
                zeros: Padding::NONE,
                padding: covering,
                count_padding: false,
            },
            PoolKind::Max => Self {
                padding: covering,
                ..plain
            },
        }
    }
}

/// The attribute `pads`, or the input of a Pad, without the axes before height and width.
pub fn pads(padding: Padding) -> [u32; 4] {
    let Padding {
        before: [top, left],
        after: [bottom, right],
    } = padding;
    [top, left, bottom, right]
}

#[cfg(test)]
mod tests {
    use panarch_graph::{NetworkBuilder, Op};

    use super::*;

    fn written(size: u32, kind: PoolKind, [kernel, stride, padding]: [u32; 3], count_padding: bool) -> WrittenPool {
        let pool = Pool {
            kind,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::both([padding; 2]),
            ceil: true,
            count_padding,
        };
        let from = Shape::new(1, size, size);
        let mut builder = NetworkBuilder::new("n", from);
        let input = builder.input();
        let id = builder.add("pool", Op::Pool(pool), &[input]).unwrap();
        WrittenPool::new(&pool, from, builder.shape(id))
    }

    #[test]
    fn only_what_hangs_over_is_rewritten() {
        let expect = |zeros, before, after, count_padding| WrittenPool {
            zeros: Padding::both([zeros; 2]),
            padding: Padding {
                before: [before; 2],
                after: [after; 2],
            },
            count_padding,
        };
        // Seven positions in windows of three, a stride of two: nothing hangs over.
        assert_eq!(written(7, PoolKind::Max, [3, 2, 0], true), expect(0, 0, 0, true));
        assert_eq!(written(7, PoolKind::Average, [3, 2, 1], true), expect(0, 1, 1, true));
        assert_eq!(written(6, PoolKind::Max, [3, 2, 0], true), expect(0, 0, 1, true));
        assert_eq!(written(6, PoolKind::Average, [3, 2, 0], true), expect(0, 0, 1, false));
        assert_eq!(written(6, PoolKind::Average, [3, 2, 1], false), expect(0, 1, 2, false));
        assert_eq!(written(6, PoolKind::Average, [3, 2, 1], true), expect(1, 0, 1, false));
        // The last window would begin behind the image: it is left out and nothing hangs over.
        assert_eq!(written(3, PoolKind::Average, [2, 2, 1], true), expect(0, 1, 1, true));
    }
}
