//! Reads the parity fixtures: a graph as JSON and PyTorch's figures as safetensors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape, Tensor,
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

pub struct Fixture {
    pub name: String,
    pub network: Network,
    pub smoothing: f32,
    pub distillation: bool,
    pub tensors: BTreeMap<String, Tensor>,
    pub labels: Vec<u32>,
}

/// The folder to read, and whether the environment names it; none where there is none.
pub fn folder() -> Option<(PathBuf, bool)> {
    match std::env::var_os("PANARCH_ENGINE_PARITY") {
        Some(folder) => Some((PathBuf::from(folder), true)),
        None => panarch_testkit::reference("engine_parity").map(|folder| (folder, false)),
    }
}

pub fn graph_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

pub fn read(graph: &Path) -> Fixture {
    let name = graph.file_stem().unwrap().to_string_lossy().into_owned();
    let json: Value = serde_json::from_slice(&std::fs::read(graph).unwrap()).unwrap();
    let bytes = std::fs::read(graph.with_extension("safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (mut tensors, mut labels) = (BTreeMap::new(), Vec::new());
    for (key, view) in file.tensors() {
        if view.dtype() == Dtype::I64 {
            labels = view
                .data()
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32)
                .collect();
            continue;
        }
        assert_eq!(view.dtype(), Dtype::F32, "{name}: {key}");
        let data = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        tensors.insert(key, Tensor::new(view.shape().to_vec(), data).unwrap());
    }
    Fixture {
        network: network(&name, &json, &tensors),
        smoothing: json["label_smoothing"].as_f64().unwrap_or(0.0) as f32,
        distillation: json["distillation"].as_bool().unwrap_or(false),
        name,
        tensors,
        labels,
    }
}

fn pair(node: &Value, key: &str, default: u32) -> [u32; 2] {
    match &node[key] {
        Value::Null => [default; 2],
        Value::Array(both) => [both[0].as_u64().unwrap() as u32, both[1].as_u64().unwrap() as u32],
        one => [one.as_u64().unwrap() as u32; 2],
    }
}

fn network(name: &str, json: &Value, tensors: &BTreeMap<String, Tensor>) -> Network {
    let input = &tensors["input"].shape;
    let shape = Shape::new(input[1] as u32, input[2] as u32, input[3] as u32);
    let mut builder = NetworkBuilder::new(name, shape);
    let mut ids: BTreeMap<String, NodeId> = BTreeMap::from([("input".to_owned(), builder.input())]);
    let mut last = builder.input();
    for node in json["nodes"].as_array().unwrap() {
        let name = node["name"].as_str().unwrap();
        let inputs: Vec<_> = node["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| ids[n.as_str().unwrap()])
            .collect();
        last = builder.add(name, op(name, node, tensors), &inputs).unwrap();
        ids.insert(name.to_owned(), last);
    }
    builder.finish(last).unwrap()
}

fn op(name: &str, node: &Value, tensors: &BTreeMap<String, Tensor>) -> Op {
    let number = |key: &str, default: u32| node[key].as_u64().map_or(default, |value| value as u32);
    let pool = |kind| {
        let kernel = pair(node, "kernel", 1);
        Op::Pool(Pool {
            kind,
            kernel,
            stride: pair(node, "stride", kernel[0]),
            padding: Padding::both(pair(node, "padding", 0)),
            ceil: false,
            count_padding: true,
        })
    };
    let has_bias = tensors.contains_key(&format!("param.{name}.bias"));
    match node["op"].as_str().unwrap() {
        "conv2d" => Op::Conv2d(Conv2d {
            out: number("out", 0),
            kernel: pair(node, "kernel", 1),
            stride: pair(node, "stride", 1),
            padding: Padding::both(pair(node, "padding", 0)),
            dilation: pair(node, "dilation", 1),
            groups: number("groups", 1),
            bias: has_bias,
        }),
        "batch_norm" => Op::BatchNorm(BatchNorm {
            eps: node["eps"].as_f64().unwrap_or(1e-5) as f32,
            momentum: node["momentum"].as_f64().unwrap_or(0.1) as f32,
        }),
        "activation" => Op::Activation(match node["kind"].as_str().unwrap() {
            "relu" => Activation::Relu,
            "relu6" => Activation::Relu6,
            "hswish" | "hard_swish" => Activation::HardSwish,
            "hsigmoid" | "hard_sigmoid" => Activation::HardSigmoid,
            "sigmoid" => Activation::Sigmoid,
            "swish" | "silu" => Activation::Swish,
            other => panic!("{name}: unknown activation {other}"),
        }),
        "add" => Op::Add,
        "mul" => Op::Mul,
        "concat" => Op::Concat,
        "max_pool" => pool(PoolKind::Max),
        "avg_pool" => pool(PoolKind::Average),
        "global_avg_pool" => Op::GlobalAvgPool,
        "flatten" => Op::Flatten,
        "linear" => Op::Linear(Linear {
            out: number("out", 0),
            bias: has_bias,
        }),
        other => panic!("{name}: unknown operator {other}"),
    }
}
