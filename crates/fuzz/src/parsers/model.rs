//! Networks and weights: ONNX, safetensors, PyTorch checkpoints, TFLite, our own checkpoints.

use std::collections::BTreeMap;

use panarch_format::tflite::{self, Ranges, Values};
use panarch_format::{
    OnnxOptions, OnnxReadOptions, read_onnx, read_onnx_with, read_torch, safetensors_bytes, safetensors_from_bytes,
    typed_safetensors_from_bytes, write_onnx,
};
use panarch_graph::{
    Activation, Affine, Border, BorderFill, Conv2d, Factor, ImageAxis, LayerNorm, Network, NetworkBuilder, NormOver,
    Op, Padding, Resize, ResizeTo, Shape, Slice, Slope, Weights, stream,
};
use panarch_space::Head;
use panarch_testkit::toy_space;
use panarch_train::{Checkpoint, Supernet};

use super::reference;
use crate::Target;
use crate::scratch::with_file;
use crate::torch_writer::{Pickle, archive, legacy, sample_state_dict, sample_storages};

/// Members of the toy space with seeded weights: small files with every kind of node of ours.
fn members() -> Vec<(Network, Weights)> {
    let space = toy_space();
    let head = Head {
        classes: 3,
        input_channels: 3,
    };
    let genotypes = [space.smallest(), space.largest()];
    let networks = genotypes.iter().filter_map(|genotype| {
        let resolution = space.resolutions().first().copied().unwrap_or(32);
        space.lower(&space.canonical(genotype), head, resolution).ok()
    });
    networks
        .map(|network| {
            let weights = Weights::random(&network, &mut stream(1, "weights", 0));
            (network, weights)
        })
        .collect()
}

/// What the toy space lacks: operators of other people's models.
fn foreign() -> Option<(Network, Weights)> {
    let mut builder = NetworkBuilder::new("foreign", Shape::new(3, 8, 8));
    let mut last = builder.input();
    let slice = |axis, step| {
        Op::Slice(Slice {
            axis,
            before: 1,
            after: 1,
            step,
        })
    };
    let norm = |over| Op::LayerNorm(LayerNorm { over, eps: 1e-5 });
    let border = |fill| {
        Op::Pad(Border {
            padding: Padding::both([1, 2]),
            fill,
        })
    };
    let ops = [
        Op::Conv2d(Conv2d::square(8, 3, 1)),
        Op::Activation(Activation::LeakyRelu(Slope::USUAL)),
        slice(ImageAxis::Channels, 1),
        Op::Shuffle { groups: 2 },
        Op::Activation(Activation::Gelu),
        border(BorderFill::Reflect),
        Op::Resize(Resize::nearest(2)),
        slice(ImageAxis::Height, 2),
        norm(NormOver::Channels),
        Op::Affine(Affine {
            scale: Factor::Channels,
            shift: Factor::Channels,
        }),
        border(BorderFill::Zero),
        Op::Resize(Resize {
            to: ResizeTo::Size([5, 9]),
            ..Resize::bilinear(1)
        }),
        norm(NormOver::Groups(3)),
        Op::Activation(Activation::GeluTanh),
        Op::GlobalAvgPool,
    ];
    for (index, op) in ops.into_iter().enumerate() {
        last = builder.add(format!("node{index}"), op, &[last]).ok()?;
    }
    let network = builder.finish(last).ok()?;
    let weights = Weights::random(&network, &mut stream(2, "weights", 0));
    Some((network, weights))
}

/// The same bytes by another tool: the producer's name is one of as many letters.
fn of_another_tool(bytes: &[u8]) -> Vec<u8> {
    let (own, other) = (b"panarch", b"pytorch");
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(own)).collect();
    for at in places {
        bytes[at..at + own.len()].copy_from_slice(other);
    }
    bytes
}

pub const ONNX: Target = Target {
    name: "onnx",
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = members()
            .iter()
            .chain(&foreign())
            .filter_map(|(network, weights)| write_onnx(network, weights, &OnnxOptions::default()).ok())
            .flat_map(|bytes| [of_another_tool(&bytes), bytes])
            .collect();
        seeds.extend(
            ["nan_relu", "nan_clip", "h_chain1000", "h_inp_1_3_16384_16384"]
                .into_iter()
                .filter_map(|name| reference(&format!("field_cases/onnx/{name}.onnx"))),
        );
        seeds
    },
    run: |bytes| {
        let options = OnnxReadOptions {
            input_size: Some([32, 32]),
        };
        for model in [read_onnx(bytes), read_onnx_with(bytes, &options)] {
            match model {
                Ok(model) => {
                    let _ = (model.network.macs(), model.network.parameter_count());
                    let written = write_onnx(&model.network, &model.weights, &OnnxOptions::default());
                    if let Ok(written) = written {
                        assert!(read_onnx(&written).is_ok(), "what was written is not read");
                    }
                }
                Err(error) => {
                    let _ = error.to_string();
                }
            }
        }
    },
};

pub const SAFETENSORS: Target = Target {
    name: "safetensors",
    seeds: || {
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        members()
            .iter()
            .filter_map(|(_, weights)| safetensors_bytes(weights, &metadata).ok())
            .collect()
    },
    run: |bytes| {
        let _ = safetensors_from_bytes(bytes);
        let _ = typed_safetensors_from_bytes(bytes);
    },
};

pub const TORCH: Target = Target {
    name: "torch",
    seeds: || {
        let state_dict = sample_state_dict(Pickle::new()).stop();
        vec![
            archive(&state_dict, &sample_storages()),
            legacy(&state_dict, &sample_storages()),
        ]
    },
    run: |bytes| match read_torch(bytes) {
        Ok(file) => {
            let _ = file.state_dict();
        }
        Err(error) => {
            let _ = error.to_string();
        }
    },
};

pub const TFLITE: Target = Target {
    name: "tflite",
    seeds: || {
        let mut seeds: Vec<Vec<u8>> = members()
            .iter()
            .filter_map(|(network, weights)| tflite::write(network, Values::Given(weights), &Ranges::plausible()).ok())
            .collect();
        seeds.extend(reference("vela/models/tiny32_int8.tflite"));
        seeds
    },
    run: |bytes| {
        if let Err(error) = tflite::read_structure(bytes) {
            let _ = error.to_string();
        }
    },
};

pub const CHECKPOINT: Target = Target {
    name: "checkpoint",
    seeds: || {
        let space = toy_space();
        let head = Head {
            classes: 3,
            input_channels: 3,
        };
        let mut seeds = Vec::new();
        let resolution = space.resolutions().first().copied().unwrap_or(32);
        if let Ok(supernet) = Supernet::new(&space, head, resolution, 1) {
            with_file("seed.safetensors", &[], |path| {
                if supernet.checkpoint(Default::default()).write(path).is_ok() {
                    seeds.extend(std::fs::read(path).ok());
                }
            });
        }
        seeds
    },
    run: |bytes| {
        with_file("fuzz.safetensors", bytes, |path| {
            if let Err(error) = Checkpoint::read(path) {
                let _ = error.to_string();
            }
        });
    },
};
