//! Networks of which latencies are published and which the zoo has not: spaces have no modules of parallel branches.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, GraphError, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind,
    Shape,
};

/// Which places a window takes: all of them, with zeros around, or those that lie within the image.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    Zeros,
    Nothing,
}
use Around::{Nothing, Zeros};

/// A convolution with batch normalisation and ReLU: outputs, kernel, stride, padding.
type Step = (u32, [u32; 2], u32, Around);

const fn conv(out: u32, kernel: u32) -> Step {
    (out, [kernel, kernel], 1, Zeros)
}

struct Sketch {
    builder: NetworkBuilder,
    count: usize,
}

impl Sketch {
    fn new(name: &str, pixels: u32) -> (Self, NodeId) {
        let mut builder = NetworkBuilder::new(name, Shape::new(3, pixels, pixels));
        let input = builder.input();
        (Self { builder, count: 0 }, input)
    }

    fn add(&mut self, op: Op, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        self.count += 1;
        let name = format!("{}.{}", op.name(), self.count);
        self.builder.add(name, op, inputs)
    }

    fn step(&mut self, x: NodeId, (out, kernel, stride, around): Step) -> Result<NodeId, GraphError> {
        let half = if around == Zeros {
            kernel.map(|it| it / 2)
        } else {
            [0, 0]
        };
        let conv = Conv2d {
            kernel,
            stride: [stride, stride],
            padding: Padding::both(half),
            ..Conv2d::pointwise(out)
        };
        let x = self.add(Op::Conv2d(conv), &[x])?;
        let x = self.add(Op::BatchNorm(BatchNorm::default()), &[x])?;
        self.add(Op::Activation(Activation::Relu), &[x])
    }

    fn steps(&mut self, x: NodeId, steps: &[Step]) -> Result<NodeId, GraphError> {
        steps.iter().try_fold(x, |x, step| self.step(x, *step))
    }

    fn pool(&mut self, x: NodeId, kind: PoolKind, stride: u32, around: Around) -> Result<NodeId, GraphError> {
        let half = u32::from(around == Zeros);
        let pool = Pool {
            kind,
            kernel: [3, 3],
            stride: [stride, stride],
            padding: Padding::both([half, half]),
            ceil: false,
            count_padding: kind == PoolKind::Max,
        };
        self.add(Op::Pool(pool), &[x])
    }

    fn finish(mut self, x: NodeId) -> Result<Network, GraphError> {
        let x = self.add(Op::GlobalAvgPool, &[x])?;
        let out = 1000;
        let x = self.add(Op::Linear(Linear { out, bias: true }), &[x])?;
        self.builder.finish(x)
    }
}

/// Inception v1 (Szegedy et al. 2015, table 1) with batch normalisation, and 3×3 kernels where the paper has 5×5, as the
/// implementations of TensorFlow and torchvision have it.
pub(super) fn v1(pixels: u32) -> Result<Network, GraphError> {
    /// Widths of a module: 1×1, twice reduced and 3×3, and behind the pool.
    type Module = (u32, [u32; 2], [u32; 2], u32);
    const STAGES: [&[Module]; 3] = [
        &[(64, [96, 128], [16, 32], 32), (128, [128, 192], [32, 96], 64)],
        &[
            (192, [96, 208], [16, 48], 64),
            (160, [112, 224], [24, 64], 64),
            (128, [128, 256], [24, 64], 64),
            (112, [144, 288], [32, 64], 64),
            (256, [160, 320], [32, 128], 128),
        ],
        &[(256, [160, 320], [32, 128], 128), (384, [192, 384], [48, 128], 128)],
    ];
    let (mut sketch, x) = Sketch::new("inception-v1", pixels);
    let x = sketch.step(x, (64, [7, 7], 2, Zeros))?;
    let x = sketch.pool(x, PoolKind::Max, 2, Zeros)?;
    let mut x = sketch.steps(x, &[conv(64, 1), conv(192, 3)])?;
    for stage in STAGES {
        x = sketch.pool(x, PoolKind::Max, 2, Zeros)?;
        for (pointwise, first, second, pooled) in stage {
            let pool = sketch.pool(x, PoolKind::Max, 1, Zeros)?;
            let branches = [
                sketch.steps(x, &[conv(*pointwise, 1)])?,
                sketch.steps(x, &[conv(first[0], 1), conv(first[1], 3)])?,
                sketch.steps(x, &[conv(second[0], 1), conv(second[1], 3)])?,
                sketch.steps(pool, &[conv(*pooled, 1)])?,
            ];
            x = sketch.add(Op::Concat, &branches)?;
        }
    }
    sketch.finish(x)
}

/// Inception v4 (Szegedy et al. 2017, figures 3 to 9).
pub(super) fn v4(pixels: u32) -> Result<Network, GraphError> {
    const fn wide(out: u32) -> Step {
        (out, [1, 7], 1, Zeros)
    }
    const fn high(out: u32) -> Step {
        (out, [7, 1], 1, Zeros)
    }
    const fn within(out: u32, stride: u32) -> Step {
        (out, [3, 3], stride, Nothing)
    }
    let (mut sketch, x) = Sketch::new("inception-v4", pixels);
    let s = &mut sketch;
    let x = s.steps(x, &[within(32, 2), within(32, 1), conv(64, 3)])?;
    let branches = [s.pool(x, PoolKind::Max, 2, Nothing)?, s.step(x, within(96, 2))?];
    let x = s.add(Op::Concat, &branches)?;
    let branches = [
        s.steps(x, &[conv(64, 1), within(96, 1)])?,
        s.steps(x, &[conv(64, 1), wide(64), high(64), within(96, 1)])?,
    ];
    let x = s.add(Op::Concat, &branches)?;
    let branches = [s.step(x, within(192, 2))?, s.pool(x, PoolKind::Max, 2, Nothing)?];
    let mut x = s.add(Op::Concat, &branches)?;
    for _ in 0..4 {
        let pool = s.pool(x, PoolKind::Average, 1, Zeros)?;
        let branches = [
            s.step(pool, conv(96, 1))?,
            s.step(x, conv(96, 1))?,
            s.steps(x, &[conv(64, 1), conv(96, 3)])?,
            s.steps(x, &[conv(64, 1), conv(96, 3), conv(96, 3)])?,
        ];
        x = s.add(Op::Concat, &branches)?;
    }
    let branches = [
        s.pool(x, PoolKind::Max, 2, Nothing)?,
        s.step(x, within(384, 2))?,
        s.steps(x, &[conv(192, 1), conv(224, 3), within(256, 2)])?,
    ];
    x = s.add(Op::Concat, &branches)?;
    for _ in 0..7 {
        let pool = s.pool(x, PoolKind::Average, 1, Zeros)?;
        let branches = [
            s.step(pool, conv(128, 1))?,
            s.step(x, conv(384, 1))?,
            s.steps(x, &[conv(192, 1), wide(224), high(256)])?,
            s.steps(x, &[conv(192, 1), wide(192), high(224), wide(224), high(256)])?,
        ];
        x = s.add(Op::Concat, &branches)?;
    }
    let branches = [
        s.pool(x, PoolKind::Max, 2, Nothing)?,
        s.steps(x, &[conv(192, 1), within(192, 2)])?,
        s.steps(x, &[conv(256, 1), wide(256), high(320), within(320, 2)])?,
    ];
    x = s.add(Op::Concat, &branches)?;
    let lines: [Step; 2] = [(256, [1, 3], 1, Zeros), (256, [3, 1], 1, Zeros)];
    for _ in 0..3 {
        let pool = s.pool(x, PoolKind::Average, 1, Zeros)?;
        let short = s.step(x, conv(384, 1))?;
        let long = s.steps(x, &[conv(384, 1), (448, [3, 1], 1, Zeros), (512, [1, 3], 1, Zeros)])?;
        let branches = [
            s.step(pool, conv(256, 1))?,
            s.step(x, conv(256, 1))?,
            s.step(short, lines[0])?,
            s.step(short, lines[1])?,
            s.step(long, lines[0])?,
            s.step(long, lines[1])?,
        ];
        x = s.add(Op::Concat, &branches)?;
    }
    sketch.finish(x)
}
