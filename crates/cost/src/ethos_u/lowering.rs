//! From a network to the compiler's jobs.
//!
//! What the compiler rewrites: a mean becomes a depthwise convolution and a product, groups become convolutions of their
//! own, concatenation is done by whoever writes its parts, activations go with the job before where it has no other reader,
//! zeros around a pool's input are written there by copies.

mod chain;
mod graph;
mod windows;

use panarch_graph::{Activation, Layer, Network, NodeId, Op};

use super::extent::Extent;
use super::job::{Behind, Job, Role, Tensor, Work};
use graph::{Draft, extent_of};

/// Largest window of a mean in one go.
const LARGEST_MEAN: i64 = 4096;
/// Most rows of a window of a mean.
const HIGHEST_MEAN: i64 = 64;

/// Why the compiler's rules for a node are not known here; none where they are.
pub(super) fn refused(op: &Op) -> Option<&'static str> {
    match op {
        Op::Slice(slice) if slice.step != 1 => Some("what the compiler makes of parts in steps is not known"),
        Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) | Op::LayerNorm(_) => {
            Some("what the compiler makes of it is not known; the analytic model of the device answers")
        }
        Op::Activation(Activation::Gelu | Activation::GeluTanh) => {
            Some("the compiler has no `gelu`; the analytic model of the device answers")
        }
        Op::Input
        | Op::Conv2d(_)
        | Op::BatchNorm(_)
        | Op::Affine(_)
        | Op::Slice(_)
        | Op::Activation(
            Activation::Relu
            | Activation::Relu6
            | Activation::HardSwish
            | Activation::HardSigmoid
            | Activation::Sigmoid
            | Activation::Swish
            | Activation::LeakyRelu(_),
        )
        | Op::Add
        | Op::Mul
        | Op::Concat
        | Op::Pool(_)
        | Op::GlobalAvgPool
        | Op::Flatten
        | Op::Linear(_) => None,
    }
}

/// The jobs and tensors of a network.
#[derive(Debug)]
pub(super) struct Plan {
    pub jobs: Vec<Job>,
    pub tensors: Vec<Tensor>,
    /// A layer with more windows far apart than can be jobs of their own.
    pub too_many_windows: Option<usize>,
}

/// Lowers a network of which these are the layers; `chains` says whether jobs take element-wise ones along.
pub(super) fn lower(network: &Network, layers: &[Layer], chains: bool) -> Plan {
    let mut layer_of = vec![0; network.nodes().len()];
    for (index, layer) in layers.iter().enumerate() {
        for node in &layer.nodes {
            layer_of[node.index()] = index;
        }
    }
    let mut lowering = Lowering {
        network,
        layer_of,
        draft: Draft::default(),
        values: vec![0; network.nodes().len()],
    };
    for id in network.ids() {
        lowering.node(id);
    }
    for output in network.outputs() {
        lowering.draft.tensors[lowering.values[output.node.index()]].role = Role::Result;
    }
    let plan = lowering.draft.finish();
    if chains { chain::chained(plan) } else { plan }
}

struct Lowering<'a> {
    network: &'a Network,
    layer_of: Vec<usize>,
    draft: Draft,
    /// The tensor of each node's value.
    values: Vec<usize>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId) {
        let node = self.network.node(id);
        let extent = extent_of(self.network.shape(id));
        let inputs: Vec<usize> = node.inputs.iter().map(|input| self.values[input.index()]).collect();
        let first = inputs.first().copied().unwrap_or_default();
        self.values[id.index()] = match &node.op {
            Op::Input => self.draft.tensor(extent, 1, Role::Image),
            Op::Conv2d(conv) => self.convolution(id, conv, first, extent),
            Op::BatchNorm(_) | Op::Affine(_) => self.normalisation(id, first, extent),
            Op::Linear(linear) => {
                let input = self.draft.tensors[first].extent;
                let flat = Extent::new(1, 1, input.volume());
                let job = Job {
                    input: flat,
                    ..self.job(id, Work::Convolution, first, Extent::new(1, 1, i64::from(linear.out)))
                };
                self.draft.push(job)
            }
            Op::Activation(activation) => self.activation(id, *activation, first),
            Op::Pool(pool) => self.pool(id, pool, first, extent),
            Op::Add => self.pairwise(id, Work::Add, &inputs, extent),
            Op::Mul => self.pairwise(id, Work::Multiply, &inputs, extent),
            Op::Concat => self.concatenation(id, &inputs, extent),
            // A copy of the part, at the most: where it can, the compiler lets readers read it where it lies.
            Op::Slice(_) => {
                let job = Job {
                    input: extent,
                    ..self.job(id, Work::Pooling { largest: false }, first, extent)
                };
                self.draft.push(job)
            }
            // Refused before.
            Op::Shuffle { .. } | Op::Resize(_) | Op::Pad(_) | Op::LayerNorm(_) => first,
            Op::GlobalAvgPool => self.mean(id, first, extent),
            // Nothing moves; who reads it knows its form.
            Op::Flatten => first,
        };
    }

    /// A job with one operand and a window of one position, to a tensor of its own.
    fn job(&mut self, id: NodeId, work: Work, read: usize, output: Extent) -> Job {
        let writes = self.draft.tensor(output, 1, Role::Between);
        Job {
            layer: self.layer_of[id.index()],
            work,
            reads: vec![read],
            writes,
            input: self.draft.tensors[read].extent,
            second: None,
            output,
            kernel: [1; 2],
            stride: [1; 2],
            dilation: [1; 2],
            behind: Behind::Nothing,
            plain_weights: false,
            chain: Vec::new(),
        }
    }

    fn pairwise(&mut self, id: NodeId, work: Work, inputs: &[usize], output: Extent) -> usize {
        let mut value = inputs.first().copied().unwrap_or_default();
        for other in inputs.iter().skip(1) {
            let job = Job {
                reads: vec![value, *other],
                second: Some(self.draft.tensors[*other].extent),
                ..self.job(id, work, value, output)
            };
            value = self.draft.push(job);
        }
        value
    }

    /// With one value for all positions, which lies beside the weights.
    fn with_scalar(&mut self, id: NodeId, work: Work, read: usize, element: i64) -> Job {
        let scalar = self.draft.tensor(Extent::new(1, 1, 1), element, Role::Constant);
        let output = self.draft.tensors[read].extent;
        Job {
            reads: vec![read, scalar],
            second: Some(Extent::new(1, 1, 1)),
            ..self.job(id, work, read, output)
        }
    }

    fn activation(&mut self, id: NodeId, activation: Activation, read: usize) -> usize {
        match activation {
            Activation::Relu | Activation::Relu6 => self.behind(id, read, Behind::Clamp),
            Activation::HardSwish | Activation::Sigmoid | Activation::LeakyRelu(_) => {
                self.behind(id, read, Behind::Table)
            }
            // Refused before.
            Activation::Gelu | Activation::GeluTanh => read,
            Activation::Swish => {
                let output = self.draft.tensors[read].extent;
                // The product reads the value as well, so that the table is a job of its own.
                let gate = self.copy(id, read);
                self.pairwise(id, Work::Multiply, &[read, gate], output)
            }
            Activation::HardSigmoid => {
                let sum = Job {
                    behind: Behind::Clamp,
                    ..self.with_scalar(id, Work::Add, read, 1)
                };
                let sum = self.draft.push(sum);
                let product = self.with_scalar(id, Work::Multiply, sum, 1);
                self.draft.push(product)
            }
        }
    }

    /// An activation with the job that made the value, or as a job of its own.
    fn behind(&mut self, id: NodeId, read: usize, behind: Behind) -> usize {
        let host = self.network.node(id).inputs.first();
        let alone = host.is_some_and(|host| self.network.sole_reader(*host) == Some(id));
        if alone && self.draft.put_behind(read, behind) {
            return read;
        }
        self.copy(id, read)
    }

    /// A pass over a value. A table that is looked up in a pass of its own takes no longer than a copy: the slower rate is
    /// that of a table behind other work.
    fn copy(&mut self, id: NodeId, read: usize) -> usize {
        let output = self.draft.tensors[read].extent;
        let job = self.job(id, Work::Pooling { largest: false }, read, output);
        self.draft.push(job)
    }

    fn concatenation(&mut self, id: NodeId, inputs: &[usize], extent: Extent) -> usize {
        let whole = self.draft.tensor(extent, 1, Role::Between);
        let mut offset = 0;
        for (position, input) in inputs.iter().enumerate() {
            let node = self.network.node(id).inputs[position];
            let alone = self.network.sole_reader(node) == Some(id);
            let depth = self.draft.tensors[*input].extent.depth;
            if !(alone && self.draft.write_into(*input, whole)) {
                let job = Job {
                    writes: whole,
                    ..self.job(
                        id,
                        Work::Pooling { largest: false },
                        *input,
                        self.draft.tensors[*input].extent,
                    )
                };
                self.draft.push(job);
            }
            self.draft.part_at(whole, offset);
            offset += depth;
        }
        whole
    }

    /// Sums of a window as large as the image, in 32 bits, then a product.
    fn mean(&mut self, id: NodeId, read: usize, extent: Extent) -> usize {
        let input = self.draft.tensors[read].extent;
        let flat = input.height > HIGHEST_MEAN && input.area() <= LARGEST_MEAN;
        let input = if flat {
            Extent::new(1, input.area(), input.depth)
        } else {
            input
        };
        let rows = (LARGEST_MEAN / input.width.max(1))
            .min(HIGHEST_MEAN)
            .clamp(1, input.height);
        let mut sum = None;
        let mut top = 0;
        while top < input.height {
            let height = rows.min(input.height - top);
            let part = Job {
                input: input.with_height(height),
                kernel: [height, input.width],
                plain_weights: true,
                ..self.job(id, Work::Depthwise, read, extent)
            };
            let part = self.draft.push(part);
            self.draft.tensors[part].element = 4;
            sum = Some(match sum {
                Some(before) => {
                    let both = self.pairwise(id, Work::Add, &[before, part], extent);
                    self.draft.tensors[both].element = 4;
                    both
                }
                None => part,
            });
            top += height;
        }
        let product = self.with_scalar(id, Work::Multiply, sum.unwrap_or(read), 4);
        self.draft.push(product)
    }

    /// A batch normalisation that no convolution takes in: a depthwise convolution of one position.
    fn normalisation(&mut self, id: NodeId, read: usize, extent: Extent) -> usize {
        let host = self.network.node(id).inputs[0];
        let folds = self.network.node(host).op.has_kernel() && self.network.sole_reader(host) == Some(id);
        if folds {
            return read;
        }
        let job = self.job(id, Work::Depthwise, read, extent);
        self.draft.push(job)
    }
}
