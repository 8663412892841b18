//! Networks to test with: from the zoo, and drawn by hand.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape,
};

/// Builds networks without much ado.
pub struct Sketch {
    builder: NetworkBuilder,
    count: usize,
    act: Activation,
}

impl Sketch {
    pub fn new(name: &str, input: Shape, act: Activation) -> (Self, NodeId) {
        let mut builder = NetworkBuilder::new(name, input);
        let input = builder.input();
        (Self { builder, count: 0, act }, input)
    }

    pub fn add(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        self.count += 1;
        let name = format!("n{}.{}", self.count, op.name());
        self.builder.add(name, op, inputs).expect("the table fits")
    }

    pub fn finish(self, output: NodeId) -> Network {
        self.builder.finish(output).expect("the table is a network")
    }

    pub fn channels(&self, x: NodeId) -> u32 {
        self.builder.shape(x).channels
    }

    pub fn conv_bn(&mut self, x: NodeId, conv: Conv2d) -> NodeId {
        let x = self.add(Op::Conv2d(conv), &[x]);
        self.add(Op::BatchNorm(BatchNorm::default()), &[x])
    }

    pub fn conv(&mut self, x: NodeId, conv: Conv2d) -> NodeId {
        let x = self.conv_bn(x, conv);
        self.add(Op::Activation(self.act), &[x])
    }

    /// Inverted bottleneck: 1×1 to `mid`, depthwise k×k, 1×1 to `out`; the first is left out when it changes nothing.
    pub fn ib(&mut self, x: NodeId, mid: u32, out: u32, kernel: u32, stride: u32) -> NodeId {
        let mut y = x;
        if mid != self.channels(x) {
            y = self.conv(y, Conv2d::pointwise(mid));
        }
        y = self.conv(y, Conv2d::depthwise(mid, kernel, stride));
        y = self.conv_bn(y, Conv2d::pointwise(out));
        self.residual(x, y, stride)
    }

    /// Fused inverted bottleneck: k×k to `mid`, 1×1 to `out`.
    pub fn fib(&mut self, x: NodeId, mid: u32, out: u32, kernel: u32, stride: u32) -> NodeId {
        let y = self.conv(x, Conv2d::square(mid, kernel, stride));
        let y = self.conv_bn(y, Conv2d::pointwise(out));
        self.residual(x, y, stride)
    }

    fn residual(&mut self, x: NodeId, y: NodeId, stride: u32) -> NodeId {
        if stride == 1 && self.channels(x) == self.channels(y) {
            self.add(Op::Add, &[x, y])
        } else {
            y
        }
    }

    pub fn pool(&mut self, x: NodeId, kernel: u32, stride: u32, padding: u32) -> NodeId {
        let pool = Pool {
            kind: PoolKind::Max,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::both([padding; 2]),
            ceil: false,
            count_padding: true,
        };
        self.add(Op::Pool(pool), &[x])
    }

    pub fn linear(&mut self, x: NodeId, out: u32) -> NodeId {
        self.add(Op::Linear(Linear { out, bias: true }), &[x])
    }

    pub fn head(mut self, x: NodeId, width: Option<u32>, classes: u32) -> Network {
        let mut x = x;
        if let Some(width) = width {
            x = self.conv(x, Conv2d::pointwise(width));
        }
        x = self.add(Op::GlobalAvgPool, &[x]);
        x = self.linear(x, classes);
        self.finish(x)
    }
}

/// A network of the zoo.
pub fn named(name: &str, pixels: u32) -> Network {
    panarch_space::zoo::network(name, 1000, pixels).expect("a network of the zoo")
}

pub fn mobilenet_v2() -> Network {
    named("mobilenet-v2", 224)
}

/// The 32-pixel network of the Vela reference data.
pub fn tiny32() -> Network {
    let (mut s, x) = Sketch::new("tiny32", Shape::new(3, 32, 32), Activation::Relu);
    let x = s.conv(x, Conv2d::square(16, 3, 2));
    let x = s.ib(x, 72, 24, 3, 2);
    let x = s.ib(x, 96, 32, 3, 2);
    s.head(x, None, 10)
}

/// (kind, width in steps of 8, expansion, kernel 3 or 5, stride)
pub type Block = (u8, u32, u32, bool, bool);

/// A network of blocks in a row.
pub fn network(blocks: &[Block], pixels: u32, width: u32) -> Network {
    let (mut s, x) = Sketch::new("random", Shape::new(3, pixels, pixels), Activation::Relu);
    let mut x = s.conv(x, Conv2d::square(8 * width, 3, 2));
    for (kind, eighths, expansion, large, halve) in blocks {
        let out = eighths * 8 * width;
        let (kernel, stride) = (if *large { 5 } else { 3 }, if *halve { 2 } else { 1 });
        let mid = s.channels(x) * expansion;
        x = match kind {
            0 => s.ib(x, mid, out, kernel, stride),
            1 => s.fib(x, mid, out, kernel, stride),
            2 => s.conv(x, Conv2d::square(out, kernel, stride)),
            3 => {
                let y = s.conv(x, Conv2d::pointwise(out));
                let z = s.conv(x, Conv2d::pointwise(out));
                s.add(Op::Concat, &[y, z])
            }
            _ => s.pool(x, 3, stride, 1),
        };
    }
    s.head(x, None, 10)
}
