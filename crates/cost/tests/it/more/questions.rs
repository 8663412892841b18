//! Random layers and networks to ask machines about.

use panarch_graph::{Activation, Conv2d, Network, Op, Shape};
use panarch_space::zoo;

use super::draw::Draw;
use crate::networks::{Block, Sketch, network};

/// A single layer, a small network, or a named one.
pub fn question(draw: &mut Draw) -> Network {
    let kind = draw.share();
    if kind < 0.45 {
        single(draw)
    } else if kind < 0.9 {
        small(draw)
    } else {
        named(draw)
    }
}

/// One layer that a network could have.
pub fn single(draw: &mut Draw) -> Network {
    let (channels, out) = (draw.size(1, 2048), draw.size(1, 2048));
    let (high, wide) = (draw.size(1, 112), draw.size(1, 112));
    let image = |channels: u32| Shape::new(channels, high, wide);
    let kernel = draw.of(&[1, 3, 5, 7]);
    let stride = draw.of(&[1, 1, 2]);
    let (op, input) = match draw.between(0, 6) {
        0 => (Op::Conv2d(Conv2d::pointwise(out)), image(channels)),
        1 => (
            Op::Conv2d(Conv2d::square(out.min(512), kernel, stride)),
            image(channels.min(512)),
        ),
        2 => (Op::Conv2d(Conv2d::depthwise(channels, kernel, stride)), image(channels)),
        3 => {
            let groups = draw.of(&[2, 4, 32]);
            let (of, to) = (channels.div_ceil(groups) * groups, out.div_ceil(groups) * groups);
            (Op::Conv2d(Conv2d::square(to, kernel, 1).with_groups(groups)), image(of))
        }
        4 => {
            let (mut sketch, x) = Sketch::new("linear", Shape::new(channels, 1, 1), Activation::Relu);
            let y = sketch.linear(x, out);
            return sketch.finish(y);
        }
        // A product of matrices.
        5 => (
            Op::Conv2d(Conv2d::pointwise(out)),
            Shape::new(channels, draw.size(1, 8192), 1),
        ),
        _ => {
            let (mut sketch, x) = Sketch::new("sum", image(channels.min(256)), Activation::Swish);
            let y = sketch.add(Op::Conv2d(Conv2d::depthwise(channels.min(256), 3, 1)), &[x]);
            let z = sketch.add(Op::Add, &[x, y]);
            return sketch.finish(z);
        }
    };
    let (mut sketch, x) = Sketch::new("one", input, Activation::Relu);
    let y = sketch.add(op, &[x]);
    sketch.finish(y)
}

fn small(draw: &mut Draw) -> Network {
    let count = draw.between(1, 7);
    let blocks: Vec<Block> = (0..count)
        .map(|_| {
            (
                draw.between(0, 4) as u8,
                draw.between(1, 19),
                draw.between(1, 6),
                draw.chance(0.5),
                draw.chance(0.5),
            )
        })
        .collect();
    let (pixels, width) = (draw.between(8, 128), draw.between(1, 3));
    network(&blocks, pixels, width)
}

fn named(draw: &mut Draw) -> Network {
    let name = draw.of(&[
        "mobilenet-v1",
        "mobilenet-v2",
        "mobilenet-v3-large",
        "mobilenet-edgetpu",
        "efficientnet-lite0",
        "isynet-n1",
        "resnet-18",
        "resnet-50",
        "squeezenet-1.1",
        "vgg-16",
        "mnasnet-b1",
        "proxylessnas-gpu",
    ]);
    let pixels = draw.of(&[96, 160, 224]);
    zoo::network(name, 1000, pixels).unwrap()
}
