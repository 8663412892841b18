//! Networks of the literature, from their published block tables.

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape,
};

/// Builds networks without much ado; the tables are our own, so that a mistake is a broken test.
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

fn image(pixels: u32) -> Shape {
    Shape::new(3, pixels, pixels)
}

/// Rounds to a multiple of 8, never below nine tenths of the request.
fn round8(channels: f64) -> u32 {
    let rounded = ((channels + 4.0) / 8.0).floor().max(1.0) * 8.0;
    (if rounded < 0.9 * channels {
        rounded + 8.0
    } else {
        rounded
    }) as u32
}

pub fn mobilenet_v1() -> Network {
    let (mut s, x) = Sketch::new("mobilenet-v1", image(224), Activation::Relu6);
    let mut x = s.conv(x, Conv2d::square(32, 3, 2));
    let rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)];
    for (out, stride) in rows.into_iter().chain([(512, 1); 5]).chain([(1024, 2), (1024, 1)]) {
        x = s.conv(x, Conv2d::depthwise(s.channels(x), 3, stride));
        x = s.conv(x, Conv2d::pointwise(out));
    }
    s.head(x, None, 1000)
}

pub fn mobilenet_v2() -> Network {
    let (mut s, x) = Sketch::new("mobilenet-v2", image(224), Activation::Relu6);
    let mut x = s.conv(x, Conv2d::square(32, 3, 2));
    for (expansion, out, repeats, stride) in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ] {
        for repeat in 0..repeats {
            let mid = s.channels(x) * expansion;
            x = s.ib(x, mid, out, 3, if repeat == 0 { stride } else { 1 });
        }
    }
    s.head(x, Some(1280), 1000)
}

/// The 32-pixel network of the Vela reference data.
pub fn tiny32() -> Network {
    let (mut s, x) = Sketch::new("tiny32", image(32), Activation::Relu);
    let x = s.conv(x, Conv2d::square(16, 3, 2));
    let x = s.ib(x, 72, 24, 3, 2);
    let x = s.ib(x, 96, 32, 3, 2);
    s.head(x, None, 10)
}

pub fn mobilenet_edgetpu(width: f64) -> Network {
    let (mut s, x) = Sketch::new("mobilenet-edgetpu", image(224), Activation::Relu);
    let wide = |channels: f64| round8(channels * width);
    let mut x = s.conv(x, Conv2d::square(wide(32.0), 3, 2));
    x = s.conv(x, Conv2d::pointwise(wide(16.0)));
    for (fused, out, kernel, stride) in [
        (true, 32.0, 3, 2),
        (true, 48.0, 3, 2),
        (false, 96.0, 3, 2),
        (false, 96.0, 3, 1),
        (false, 160.0, 5, 2),
    ] {
        for repeat in 0..4 {
            let mid = s.channels(x) * if repeat == 0 { 8 } else { 4 };
            let stride = if repeat == 0 { stride } else { 1 };
            x = if fused {
                s.fib(x, mid, wide(out), kernel, stride)
            } else {
                s.ib(x, mid, wide(out), kernel, stride)
            };
        }
    }
    let mid = s.channels(x) * 8;
    x = s.ib(x, mid, wide(192.0), 3, 1);
    s.head(x, Some(1280), 1001)
}

/// EfficientNet-EdgeTPU: width and depth 1.0/1.0 (S), 1.0/1.1 (M), 1.2/1.4 (L).
pub fn efficientnet_edgetpu(width: f64, depth: f64, pixels: u32) -> Network {
    let (mut s, x) = Sketch::new("efficientnet-edgetpu", image(pixels), Activation::Relu);
    let wide = |channels: f64| round8(channels * width);
    let mut x = s.conv(x, Conv2d::square(wide(32.0), 3, 2));
    for (index, (fused, repeats, kernel, stride, expansion, out)) in [
        (true, 1.0, 3, 1, 4, 24.0),
        (true, 2.0, 3, 2, 8, 32.0),
        (true, 4.0, 3, 2, 8, 48.0),
        (false, 5.0, 5, 2, 8, 96.0),
        (false, 4.0, 5, 1, 8, 144.0),
        (false, 2.0, 5, 2, 8, 192.0),
    ]
    .into_iter()
    .enumerate()
    {
        for repeat in 0..(f64::ceil(depth * repeats) as u32) {
            // The first block's width is declared from 24 inputs, whatever the stem gives.
            let from = if index == 0 && repeat == 0 {
                wide(24.0)
            } else {
                s.channels(x)
            };
            let mid = from * expansion;
            let stride = if repeat == 0 { stride } else { 1 };
            x = if fused {
                s.fib(x, mid, wide(out), kernel, stride)
            } else {
                s.ib(x, mid, wide(out), kernel, stride)
            };
        }
    }
    s.head(x, Some(round8(1280.0 * width)), 1000)
}

/// EfficientNet-lite: stem, head and the number of first and last blocks are not scaled.
pub fn efficientnet_lite(width: f64, depth: f64, pixels: u32) -> Network {
    let (mut s, x) = Sketch::new("efficientnet-lite", image(pixels), Activation::Relu6);
    let mut x = s.conv(x, Conv2d::square(32, 3, 2));
    let rows = [
        (1.0, 3, 1, 1, 16.0),
        (2.0, 3, 2, 6, 24.0),
        (2.0, 5, 2, 6, 40.0),
        (3.0, 3, 2, 6, 80.0),
        (3.0, 5, 1, 6, 112.0),
        (4.0, 5, 2, 6, 192.0),
        (1.0, 3, 1, 6, 320.0),
    ];
    for (index, (repeats, kernel, stride, expansion, out)) in rows.into_iter().enumerate() {
        let edge = index == 0 || index == rows.len() - 1;
        let repeats = if edge { repeats } else { f64::ceil(repeats * depth) };
        for repeat in 0..(repeats as u32) {
            let mid = s.channels(x) * expansion;
            x = s.ib(
                x,
                mid,
                round8(out * width),
                kernel,
                if repeat == 0 { stride } else { 1 },
            );
        }
    }
    s.head(x, Some(1280), 1000)
}

/// VGG with this many convolutions in its five stages.
pub fn vgg(depths: [u32; 5]) -> Network {
    let (mut s, x) = Sketch::new("vgg", image(224), Activation::Relu);
    let mut x = x;
    for (depth, out) in depths.into_iter().zip([64, 128, 256, 512, 512]) {
        for _ in 0..depth {
            x = s.conv(x, Conv2d::square(out, 3, 1));
        }
        x = s.pool(x, 2, 2, 0);
    }
    x = s.add(Op::Flatten, &[x]);
    x = s.linear(x, 4096);
    x = s.linear(x, 4096);
    x = s.linear(x, 1000);
    s.finish(x)
}

/// ResNet with bottleneck blocks, stride in the 3×3 convolution.
pub fn resnet_bottleneck(depths: [u32; 4], pixels: u32) -> Network {
    resnet(depths, pixels, true, false)
}

/// The same with the stride in the first 1×1 convolution, the first version.
pub fn resnet_v1_bottleneck(depths: [u32; 4], pixels: u32) -> Network {
    resnet(depths, pixels, true, true)
}

/// ResNet with two 3×3 convolutions a block.
pub fn resnet_basic(depths: [u32; 4], pixels: u32) -> Network {
    resnet(depths, pixels, false, false)
}

fn resnet(depths: [u32; 4], pixels: u32, bottleneck: bool, stride_first: bool) -> Network {
    let (mut s, x) = Sketch::new("resnet", image(pixels), Activation::Relu);
    let mut x = s.conv(x, Conv2d::square(64, 7, 2));
    x = s.pool(x, 3, 2, 1);
    for (stage, (depth, inner)) in depths.into_iter().zip([64, 128, 256, 512]).enumerate() {
        for block in 0..depth {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let out = if bottleneck { inner * 4 } else { inner };
            let mut y = x;
            if bottleneck {
                let strides = if stride_first { [stride, 1] } else { [1, stride] };
                y = s.conv(y, Conv2d::square(inner, 1, strides[0]));
                y = s.conv(y, Conv2d::square(inner, 3, strides[1]));
                y = s.conv_bn(y, Conv2d::pointwise(out));
            } else {
                y = s.conv(y, Conv2d::square(out, 3, stride));
                y = s.conv_bn(y, Conv2d::square(out, 3, 1));
            }
            let mut shortcut = x;
            if s.channels(x) != out || stride > 1 {
                shortcut = s.conv_bn(x, Conv2d::square(out, 1, stride));
            }
            y = s.add(Op::Add, &[shortcut, y]);
            x = s.add(Op::Activation(Activation::Relu), &[y]);
        }
    }
    s.head(x, None, 1000)
}

/// One stage of an ISyNet: edges of (kernel, width), how often, whether a sum skips the block, whether the last edge
/// stays linear. A kernel of 13 or 15 stands for 1×3 or 1×5 after its transpose.
type IsyStage = (&'static [(u32, u32)], u32, bool, bool);

/// ISyNet: five stages, each beginning with stride 2.
pub fn isynet(stages: [IsyStage; 5]) -> Network {
    let (mut s, x) = Sketch::new("isynet", image(224), Activation::Relu);
    let mut x = x;
    for (edges, repeats, skip, linear) in stages {
        for repeat in 0..repeats {
            let start = x;
            for (index, (kernel, out)) in edges.iter().copied().enumerate() {
                let stride = if repeat == 0 && index == 0 { 2 } else { 1 };
                if kernel > 10 {
                    let k = kernel - 10;
                    let tall = Conv2d {
                        kernel: [k, 1],
                        stride: [stride, 1],
                        padding: Padding::both([k / 2, 0]),
                        ..Conv2d::square(out, k, 1)
                    };
                    x = s.add(Op::Conv2d(tall), &[x]);
                    let wide = Conv2d {
                        kernel: [1, k],
                        stride: [1, stride],
                        padding: Padding::both([0, k / 2]),
                        ..Conv2d::square(out, k, 1)
                    };
                    x = s.conv_bn(x, wide);
                } else {
                    x = s.conv_bn(x, Conv2d::square(out, kernel, stride));
                }
                if !(linear && index == edges.len() - 1) {
                    x = s.add(Op::Activation(Activation::Relu), &[x]);
                }
            }
            if skip && repeat > 0 {
                x = s.add(Op::Add, &[start, x]);
            }
        }
    }
    s.head(x, Some(1280), 1000)
}
