//! Convolutions and pools.

use panarch_graph::{Conv2d, NodeId, Padding, Pool, PoolKind};

use super::Lowering;
use crate::ethos_u::extent::Extent;
use crate::ethos_u::job::{Job, Role, Work};

/// No layer is cut into more jobs than this; the compiler would take hours.
const MOST_WINDOWS: i64 = 1 << 16;
/// Windows further apart than this are jobs of their own.
const LARGEST_STRIDE: i64 = 3;

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, id: NodeId, conv: &Conv2d, read: usize, extent: Extent) -> usize {
        let input = self.draft.tensors[read].extent;
        let depthwise = conv.groups > 1 && i64::from(conv.groups) == input.depth;
        let work = if depthwise { Work::Depthwise } else { Work::Convolution };
        let shaped = |job: Job| Job {
            kernel: conv.kernel.map(i64::from),
            stride: conv.stride.map(i64::from),
            dilation: conv.dilation.map(i64::from),
            ..job
        };
        let groups = i64::from(conv.groups).max(1);
        if depthwise || groups == 1 {
            let job = shaped(self.job(id, work, read, extent));
            return self.far_apart(job, !depthwise && conv.padding == Padding::default());
        }
        let whole = self.draft.tensor(extent, 1, Role::Between);
        let (from, to) = (input.depth / groups, extent.depth / groups);
        for group in 0..groups {
            let job = Job {
                writes: whole,
                input: input.with_depth(from),
                ..shaped(self.job(id, work, read, extent.with_depth(to)))
            };
            self.draft.push(job);
            self.draft.part_at(whole, group * to);
            self.draft.part_at(read, group * from);
        }
        whole
    }

    pub(super) fn pool(&mut self, id: NodeId, pool: &Pool, read: usize, extent: Extent) -> usize {
        let read = self.surrounded(id, pool, read, extent);
        let job = Job {
            kernel: pool.kernel.map(i64::from),
            stride: pool.stride.map(i64::from),
            ..self.job(
                id,
                Work::Pooling {
                    largest: pool.kind == PoolKind::Max,
                },
                read,
                extent,
            )
        };
        self.far_apart(job, pool.padding == Padding::default())
    }

    /// Adds a job, or, where its windows are more than three positions apart and nothing surrounds its input, a job for each
    /// window (ethos-u-vela 5.2.0, `compiler/graphir_optimiser.cpp`). Each waits for its weights.
    fn far_apart(&mut self, job: Job, unrolls: bool) -> usize {
        let sides = [job.output.height, job.output.width];
        let far = (0..2).any(|axis| job.stride[axis] > LARGEST_STRIDE && sides[axis] > 1);
        if !(unrolls && far && job.dilation == [1; 2]) {
            return self.draft.push(job);
        }
        if sides[0] * sides[1] > MOST_WINDOWS {
            self.draft.too_many_windows.get_or_insert(job.layer);
            return self.draft.push(job);
        }
        let writes = job.writes;
        for _ in 0..sides[0] * sides[1] {
            self.draft.push(Job {
                input: Extent::new(job.kernel[0], job.kernel[1], job.input.depth),
                output: Extent::new(1, 1, job.output.depth),
                stride: [1; 2],
                ..job.clone()
            });
        }
        writes
    }

    /// The image of a pool with its padding around it, where the padding is not what TFLite calls SAME. The job before
    /// writes into the larger image, copies write the borders.
    fn surrounded(&mut self, id: NodeId, pool: &Pool, read: usize, output: Extent) -> usize {
        let input = self.draft.tensors[read].extent;
        let before = pool.padding.before.map(i64::from);
        let reached = |axis: usize, size: i64, outputs: i64| {
            let stride = i64::from(pool.stride[axis]);
            let covered = (outputs - 1) * stride + i64::from(pool.kernel[axis]);
            let total = (covered - size).max(0);
            let same = outputs == (size + stride - 1) / stride && before[axis] == total / 2;
            ((total - before[axis]).max(0), same)
        };
        let (below, same_rows) = reached(0, input.height, output.height);
        let (right, same_columns) = reached(1, input.width, output.width);
        let none = before == [0, 0] && (below, right) == (0, 0);
        let counts = pool.kind == PoolKind::Average && pool.count_padding;
        if none || (same_rows && same_columns && !counts) {
            return read;
        }
        let [above, left] = before;
        let whole = Extent::new(input.height + above + below, input.width + left + right, input.depth);
        let padded = self.draft.tensor(whole, 1, Role::Between);
        let host = self.network.node(id).inputs[0];
        let alone = self.network.sole_reader(host) == Some(id);
        if !(alone && self.draft.write_into(read, padded)) {
            let job = Job {
                writes: padded,
                ..self.job(id, Work::Pooling { largest: false }, read, input)
            };
            self.draft.push(job);
        }
        for border in [
            Extent::new(whole.height, left, whole.depth),
            Extent::new(whole.height, right, whole.depth),
            Extent::new(above, whole.width, whole.depth),
            Extent::new(below, whole.width, whole.depth),
        ] {
            if border.volume() > 0 {
                let zeros = self.draft.tensor(border, 1, Role::Constant);
                let job = Job {
                    writes: padded,
                    ..self.job(id, Work::Pooling { largest: false }, zeros, border)
                };
                self.draft.push(job);
            }
        }
        padded
    }
}
