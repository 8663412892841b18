//! Slices, shuffles, resizes, borders, normalisations and scalings: shapes, parameters, hashes, and what is refused.

use panarch_graph::{
    Affine, Border, BorderFill, Coordinates, Factor, ImageAxis, Interpolation, LayerNorm, Network, NetworkBuilder,
    NormOver, Op, Padding, Resize, ResizeTo, Shape, Slice,
};

fn alone(op: Op) -> Result<Network, String> {
    let mut builder = NetworkBuilder::new("alone", Shape::new(6, 5, 8));
    let input = builder.input();
    let last = builder.add("op", op, &[input]).map_err(|error| error.to_string())?;
    builder.finish(last).map_err(|error| error.to_string())
}

const fn slice(axis: ImageAxis, before: u32, after: u32, step: u32) -> Op {
    Op::Slice(Slice {
        axis,
        before,
        after,
        step,
    })
}

fn border(fill: BorderFill, sides: [u32; 2]) -> Op {
    Op::Pad(Border {
        padding: Padding::both(sides),
        fill,
    })
}

fn norm(over: NormOver) -> Op {
    Op::LayerNorm(LayerNorm { over, eps: 1e-5 })
}

#[test]
fn shapes_and_parameters() {
    let size = |to| {
        Op::Resize(Resize {
            to,
            ..Resize::bilinear(1)
        })
    };
    let affine = |scale, shift| Op::Affine(Affine { scale, shift });
    let cases = [
        (slice(ImageAxis::Channels, 1, 2, 1), [3, 5, 8], 0),
        (slice(ImageAxis::Height, 1, 0, 2), [6, 2, 8], 0),
        (slice(ImageAxis::Width, 0, 1, 3), [6, 5, 3], 0),
        (Op::Shuffle { groups: 3 }, [6, 5, 8], 0),
        (size(ResizeTo::Factor([2, 3])), [6, 10, 24], 0),
        (size(ResizeTo::Size([7, 1])), [6, 7, 1], 0),
        (border(BorderFill::Zero, [9, 0]), [6, 23, 8], 0),
        (border(BorderFill::Reflect, [4, 7]), [6, 13, 22], 0),
        (norm(NormOver::Channels), [6, 5, 8], 0),
        (norm(NormOver::Groups(2)), [6, 5, 8], 0),
        (affine(Factor::Constant(2.0), Factor::Constant(0.0)), [6, 5, 8], 0),
        (affine(Factor::Channels, Factor::Constant(0.0)), [6, 5, 8], 6),
        (affine(Factor::Channels, Factor::Channels), [6, 5, 8], 12),
    ];
    let mut hashes = Vec::new();
    for (op, [channels, height, width], parameters) in cases {
        let network = alone(op.clone()).unwrap();
        assert_eq!(
            network.shape(network.output()),
            Shape::new(channels, height, width),
            "{op:?}"
        );
        assert_eq!(network.parameter_count(), parameters, "{op:?}");
        assert_eq!(network.macs().0, 0, "{op:?}");
        hashes.push(network.content_hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 13);
}

#[test]
fn what_does_not_fit_is_refused() {
    let resized = |to| {
        Op::Resize(Resize {
            to,
            interpolation: Interpolation::NearestCeil,
            coordinates: Coordinates::AlignCorners,
        })
    };
    let cases = [
        (slice(ImageAxis::Channels, 3, 3, 1), "nothing is left"),
        (slice(ImageAxis::Channels, u32::MAX, u32::MAX, 1), "nothing is left"),
        (slice(ImageAxis::Width, 0, 0, 0), "nothing is left"),
        (Op::Shuffle { groups: 4 }, "do not divide"),
        (Op::Shuffle { groups: 0 }, "do not divide"),
        (resized(ResizeTo::Size([0, 4])), "outside"),
        (resized(ResizeTo::Factor([u32::MAX, 1])), "outside"),
        (border(BorderFill::Reflect, [5, 0]), "narrower"),
        (border(BorderFill::Edge, [0, u32::MAX]), "outside"),
        (norm(NormOver::Groups(4)), "do not divide"),
        (
            Op::LayerNorm(LayerNorm {
                over: NormOver::Channels,
                eps: f32::NAN,
            }),
            "eps",
        ),
        (
            Op::Affine(Affine {
                scale: Factor::Constant(f32::INFINITY),
                shift: Factor::Constant(0.0),
            }),
            "finite",
        ),
    ];
    for (op, expected) in cases {
        let error = alone(op.clone()).unwrap_err();
        assert!(error.contains("`op`") && error.contains(expected), "{op:?}: {error}");
    }
}

/// By hand, after the formulas of ONNX's Resize.
#[test]
fn positions_of_a_resize() {
    let taps = |interpolation, coordinates, from, to| -> Vec<(usize, usize, f32)> {
        let resize = Resize {
            to: ResizeTo::Size([to, to]),
            interpolation,
            coordinates,
        };
        resize
            .taps(from, to)
            .iter()
            .map(|tap| (tap.first, tap.second, tap.weight))
            .collect()
    };
    let linear = taps(Interpolation::Linear, Coordinates::HalfPixel, 2, 4);
    assert_eq!(linear, [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75), (1, 1, 0.0)]);
    let corners = taps(Interpolation::Linear, Coordinates::AlignCorners, 3, 5);
    assert_eq!(
        corners,
        [(0, 1, 0.0), (0, 1, 0.5), (1, 2, 0.0), (1, 2, 0.5), (2, 2, 0.0)]
    );
    let nearest = |interpolation| -> Vec<usize> {
        taps(interpolation, Coordinates::HalfPixel, 4, 2)
            .iter()
            .map(|tap| tap.0)
            .collect()
    };
    // Both lie half-way between two.
    assert_eq!(nearest(Interpolation::NearestDown), [0, 2]);
    assert_eq!(nearest(Interpolation::NearestUp), [1, 3]);
    let one = taps(Interpolation::Linear, Coordinates::PytorchHalfPixel, 5, 1);
    assert_eq!(one, [(0, 1, 0.0)]);
}
