//! Small random networks with every operator, for round trips and comparisons of runtimes.

use panarch_graph::{
    Activation, Affine, BatchNorm, Border, BorderFill, Conv2d, Coordinates, Factor, ImageAxis, Interpolation,
    LayerNorm, Linear, Network, NetworkBuilder, NodeId, NormOver, Op, Padding, Pool, PoolKind, Resize, ResizeTo, Shape,
    Slice, Tensor, Weights, stream,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A network and weights that depend on `seed` alone; batch normalisation has statistics other than 0 and 1.
pub fn random_network(seed: u64) -> (Network, Weights) {
    drawn(seed, false)
}

/// The same with operators alone that are written in int8.
#[allow(dead_code, reason = "not every crate of tests writes int8")]
pub fn int8_network(seed: u64) -> (Network, Weights) {
    drawn(seed, true)
}

fn drawn(seed: u64, int8: bool) -> (Network, Weights) {
    let mut rng = stream(seed, "random network", 0);
    let least = [1, 5][rng.random_range(0..2)];
    let input = Shape::new(
        rng.random_range(1..4),
        rng.random_range(least..12),
        rng.random_range(least..12),
    );
    let mut draft = Draft {
        builder: NetworkBuilder::new(format!("random-{seed}"), input),
        rng,
        count: 0,
        int8,
    };
    let mut last = draft.builder.input();
    let mut aside = Vec::new();
    for block in 0..draft.rng.random_range(1..7) {
        draft.builder.scope(format!("stage{}.block{}", block / 2, block % 2));
        let before = last;
        last = draft.grow(last);
        if draft.rng.random_bool(0.2) && before != last {
            aside.push(before);
        }
    }
    draft.builder.scope("head");
    let result = draft.close(last, &aside);
    let network = draft.builder.finish(result).expect("the draft is a valid network");
    let weights = scattered(&network, &mut stream(seed, "random weights", 0));
    (network, weights)
}

/// Weights with statistics and biases that are not the identity.
fn scattered(network: &Network, rng: &mut ChaCha8Rng) -> Weights {
    let drawn = Weights::random(network, rng);
    drawn
        .iter()
        .map(|(name, tensor)| {
            let vector = tensor.shape.len() == 1;
            let data = tensor
                .data
                .iter()
                .map(|value| {
                    if vector {
                        value * 0.5 + rng.random_range(0.1..0.9_f32)
                    } else {
                        *value
                    }
                })
                .collect();
            (
                name.to_owned(),
                Tensor {
                    shape: tensor.shape.clone(),
                    data,
                },
            )
        })
        .collect()
}

struct Draft {
    builder: NetworkBuilder,
    rng: ChaCha8Rng,
    count: u32,
    int8: bool,
}

impl Draft {
    fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.count += 1;
        let name = format!("node{}.{}", self.count, op.name());
        self.builder
            .add(name, op, inputs)
            .expect("the draft adds only what fits")
    }

    fn activation(&mut self, on: NodeId) -> NodeId {
        let known = if self.int8 { 6 } else { Activation::ALL.len() };
        let activation = Activation::ALL[self.rng.random_range(0..known)];
        self.add(Op::Activation(activation), &[on])
    }

    fn conv(&mut self, on: NodeId, conv: Conv2d) -> NodeId {
        let bias = self.rng.random_bool(0.3);
        let last = self.add(Op::Conv2d(conv.with_bias(bias)), &[on]);
        if self.rng.random_bool(0.7) {
            let eps = if self.rng.random_bool(0.5) { 1e-5 } else { 1e-3 };
            let momentum = [0.1, 0.01, 0.3][self.rng.random_range(0..3)];
            return self.add(Op::BatchNorm(BatchNorm { eps, momentum }), &[last]);
        }
        last
    }

    /// Half of the time the same at both ends of each axis.
    fn padding(&mut self, most: u32) -> Padding {
        let mut side = || [self.rng.random_range(0..=most), self.rng.random_range(0..=most)];
        let (before, after) = (side(), side());
        if self.rng.random_bool(0.5) {
            Padding::both(before)
        } else {
            Padding { before, after }
        }
    }

    /// One block on top of a value.
    fn grow(&mut self, on: NodeId) -> NodeId {
        let Shape {
            channels,
            height,
            width,
        } = self.builder.shape(on);
        let room = height.min(width) >= 3;
        match self.rng.random_range(0..if self.int8 { 9 } else { 13 }) {
            0 => {
                let out = self.rng.random_range(1..9);
                let conv = self.conv(on, Conv2d::square(out, 3, 1 + u32::from(room)));
                self.activation(conv)
            }
            1 => {
                let kernel = [3, 5, 7][self.rng.random_range(0..3)];
                let conv = self.conv(on, Conv2d::depthwise(channels, kernel, 1));
                self.activation(conv)
            }
            2 => {
                let conv = self.conv(on, Conv2d::pointwise(channels));
                self.add(Op::Add, &[conv, on])
            }
            3 => self.squeeze_and_excite(on),
            4 => {
                let conv = self.conv(on, Conv2d::pointwise(3));
                self.add(Op::Concat, &[on, conv])
            }
            5 if room => {
                let kind = [PoolKind::Max, PoolKind::Average][self.rng.random_range(0..2)];
                let padding = self.padding(1);
                let stride = [self.rng.random_range(1..4), self.rng.random_range(1..3)];
                let (ceil, count_padding) = (self.rng.random_bool(0.5), self.rng.random_bool(0.5));
                self.add(
                    Op::Pool(Pool {
                        kind,
                        kernel: [3, 2],
                        stride,
                        padding,
                        ceil,
                        count_padding,
                    }),
                    &[on],
                )
            }
            6 if room => {
                // Enough above for a kernel of five rows.
                let mut padding = self.padding(2);
                padding.before[0] = 2;
                let conv = Conv2d {
                    kernel: [3, 1],
                    dilation: [2, 1],
                    padding,
                    ..Conv2d::square(4, 3, 1)
                };
                self.conv(on, conv)
            }
            7 => {
                let conv = self.conv(on, Conv2d::pointwise(6));
                self.conv(conv, Conv2d::square(4, 3, 1).with_groups(2))
            }
            9..=12 => self.moved(on),
            // The product of a value with its own sigmoid: a swish, but as two nodes.
            _ => {
                let gate = self.add(Op::Activation(Activation::Sigmoid), &[on]);
                self.add(Op::Mul, &[on, gate])
            }
        }
    }

    /// What moves, scales or normalises values without a kernel.
    fn moved(&mut self, on: NodeId) -> NodeId {
        let Shape {
            channels,
            height,
            width,
        } = self.builder.shape(on);
        let op = match self.rng.random_range(0..6) {
            0 => {
                let axes = [
                    (ImageAxis::Channels, channels),
                    (ImageAxis::Height, height),
                    (ImageAxis::Width, width),
                ];
                let (axis, length) = axes[self.rng.random_range(0..3)];
                let before = self.rng.random_range(0..length);
                Op::Slice(Slice {
                    axis,
                    before,
                    after: self.rng.random_range(0..length - before),
                    step: self.rng.random_range(1..4),
                })
            }
            1 => {
                let divisors: Vec<u32> = (1..=channels)
                    .filter(|groups| channels.is_multiple_of(*groups))
                    .collect();
                Op::Shuffle {
                    groups: divisors[self.rng.random_range(0..divisors.len())],
                }
            }
            2 => {
                let interpolation = [Interpolation::NearestFloor, Interpolation::Linear][self.rng.random_range(0..2)];
                let coordinates = if interpolation.is_nearest() {
                    Coordinates::Asymmetric
                } else {
                    [Coordinates::HalfPixel, Coordinates::AlignCorners][self.rng.random_range(0..2)]
                };
                let to = if self.rng.random_bool(0.5) {
                    ResizeTo::Factor([self.rng.random_range(1..3), self.rng.random_range(1..3)])
                } else {
                    ResizeTo::Size([self.rng.random_range(1..9), self.rng.random_range(1..9)])
                };
                Op::Resize(Resize {
                    to,
                    interpolation,
                    coordinates,
                })
            }
            3 => Op::Pad(Border {
                padding: self.padding(height.min(width).min(3) - 1),
                fill: [BorderFill::Zero, BorderFill::Reflect, BorderFill::Edge][self.rng.random_range(0..3)],
            }),
            4 => Op::LayerNorm(LayerNorm {
                over: [NormOver::Channels, NormOver::Groups(1), NormOver::Groups(channels)]
                    [self.rng.random_range(0..3)],
                eps: 0.1,
            }),
            _ => {
                let factors = [Factor::Channels, Factor::Constant(0.7)];
                Op::Affine(Affine {
                    scale: factors[self.rng.random_range(0..2)],
                    shift: [Factor::Channels, Factor::Constant(0.0)][self.rng.random_range(0..2)],
                })
            }
        };
        self.add(op, &[on])
    }

    fn squeeze_and_excite(&mut self, on: NodeId) -> NodeId {
        let channels = self.builder.shape(on).channels;
        let pooled = self.add(Op::GlobalAvgPool, &[on]);
        let gate = if self.rng.random_bool(0.5) {
            let hidden = self.conv(pooled, Conv2d::pointwise(2));
            self.conv(hidden, Conv2d::pointwise(channels))
        } else {
            let hidden = self.add(Op::Linear(Linear { out: 2, bias: true }), &[pooled]);
            let hidden = self.add(Op::Activation(Activation::Relu), &[hidden]);
            self.add(
                Op::Linear(Linear {
                    out: channels,
                    bias: false,
                }),
                &[hidden],
            )
        };
        let gate = self.add(Op::Activation(Activation::HardSigmoid), &[gate]);
        self.add(Op::Mul, &[on, gate])
    }

    /// Brings the last value and those set aside together, and ends in one of several kinds of head.
    fn close(&mut self, last: NodeId, aside: &[NodeId]) -> NodeId {
        let mut vectors = vec![self.add(Op::GlobalAvgPool, &[last])];
        for value in aside {
            let pooled = self.add(Op::GlobalAvgPool, &[*value]);
            vectors.push(if self.rng.random_bool(0.5) {
                self.add(Op::Flatten, &[pooled])
            } else {
                pooled
            });
        }
        let joined = if vectors.len() > 1 {
            self.add(Op::Concat, &vectors)
        } else {
            vectors[0]
        };
        let linear = Op::Linear(Linear { out: 5, bias: true });
        match self.rng.random_range(0..5) {
            // Ends in an image of one position.
            0 => self.conv(joined, Conv2d::pointwise(5)),
            // Ends in a larger image.
            1 if vectors.len() == 1 => {
                let gated = self.add(Op::Mul, &[last, joined]);
                self.conv(gated, Conv2d::pointwise(2))
            }
            // A convolution after a linear layer.
            2 => {
                let vector = self.add(linear, &[joined]);
                let vector = self.activation(vector);
                self.conv(vector, Conv2d::pointwise(4))
            }
            3 => {
                let flat = self.add(Op::Flatten, &[joined]);
                let flat = self.add(Op::Flatten, &[flat]);
                self.add(linear, &[flat])
            }
            _ => self.add(linear, &[joined]),
        }
    }
}
