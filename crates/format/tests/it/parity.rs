//! The engine's reference networks as graphs, with the parameters, images and logits that PyTorch has for them.

use std::path::{Path, PathBuf};

use panarch_graph::{
    Activation, BatchNorm, Conv2d, Linear, Network, NetworkBuilder, NodeId, Op, Padding, Pool, PoolKind, Shape, Tensor,
    Weights,
};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// One reference network.
pub struct Fixture {
    /// The graph.
    pub network: Network,
    /// Its parameters and buffers before any step.
    pub weights: Weights,
    /// Images, [batch, channels, height, width].
    pub input: Tensor,
    /// The logits in evaluation mode, [batch, classes].
    pub logits: Tensor,
}

/// The folder with the fixtures, or one line that says that it is absent.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os("PANARCH_ENGINE_PARITY") {
        Some(folder) => Some(PathBuf::from(folder)),
        None => panarch_testkit::reference("engine_parity"),
    }
}

/// Every fixture of a folder, in order of their names.
pub fn fixtures(folder: &Path) -> Vec<Fixture> {
    let mut graphs: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    graphs.sort();
    assert!(!graphs.is_empty(), "no reference network in {}", folder.display());
    graphs.iter().map(|path| fixture(path)).collect()
}

fn fixture(path: &Path) -> Fixture {
    let graph: Value = serde_json::from_slice(&std::fs::read(path).expect("graph")).expect("JSON");
    let bytes = std::fs::read(path.with_extension("safetensors")).expect("tensors");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let tensor = |name: &str| {
        let view = tensors.tensor(name).expect("a tensor");
        let values = view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        Tensor::new(view.shape().to_vec(), values).expect("a whole tensor")
    };
    let input = tensor("input");
    let weights = tensors
        .iter()
        .filter(|(_, view)| view.dtype() == Dtype::F32)
        .filter_map(|(name, _)| {
            let own = name.strip_prefix("param.").or_else(|| name.strip_prefix("buffer."))?;
            Some((own.to_owned(), tensor(name)))
        })
        .collect();
    let name = path.file_stem().expect("a name").to_string_lossy();
    let network = network(&name, &graph, &input.shape);
    Fixture {
        network,
        weights,
        input,
        logits: tensor("eval.logits"),
    }
}

fn network(name: &str, graph: &Value, input: &[usize]) -> Network {
    let shape = Shape::new(input[1] as u32, input[2] as u32, input[3] as u32);
    let mut builder = NetworkBuilder::new(name, shape);
    let mut made = vec![("input".to_owned(), builder.input())];
    let mut last = builder.input();
    for node in graph["nodes"].as_array().expect("nodes") {
        let inputs: Vec<NodeId> = node["inputs"]
            .as_array()
            .expect("inputs")
            .iter()
            .map(|input| {
                made.iter()
                    .find(|(name, _)| *input == **name)
                    .expect("an earlier node")
                    .1
            })
            .collect();
        let name = node["name"].as_str().expect("name");
        let (op, flatten) = operator(node);
        last = builder.add(name, op, &inputs).expect("a valid node");
        if flatten {
            last = builder
                .add(format!("{name}.flatten"), Op::Flatten, &[last])
                .expect("a valid node");
        }
        made.push((name.to_owned(), last));
    }
    builder.finish(last).expect("a valid network")
}

/// The operator of a node, and whether its result is flattened.
fn operator(node: &Value) -> (Op, bool) {
    let int = |key: &str| node[key].as_u64().expect("an integer") as u32;
    let float = |key: &str| node[key].as_f64().expect("a number") as f32;
    let flag = |key: &str| node[key].as_bool().expect("a flag");
    let pool = |kind| {
        let (kernel, stride) = ([int("kernel"); 2], [int("stride"); 2]);
        Op::Pool(Pool {
            kind,
            kernel,
            stride,
            padding: Padding::both([int("padding"); 2]),
            ceil: false,
            count_padding: true,
        })
    };
    let op = match node["op"].as_str().expect("op") {
        "conv2d" => Op::Conv2d(Conv2d {
            padding: Padding::both([int("padding"); 2]),
            groups: int("groups"),
            bias: flag("bias"),
            ..Conv2d::square(int("out"), int("kernel"), int("stride"))
        }),
        "batch_norm" => Op::BatchNorm(BatchNorm {
            eps: float("eps"),
            momentum: float("momentum"),
        }),
        "activation" => Op::Activation(match node["kind"].as_str().expect("kind") {
            "relu" => Activation::Relu,
            "relu6" => Activation::Relu6,
            "hswish" => Activation::HardSwish,
            "hsigmoid" => Activation::HardSigmoid,
            "swish" => Activation::Swish,
            "sigmoid" => Activation::Sigmoid,
            other => panic!("unknown activation {other}"),
        }),
        "add" => Op::Add,
        "mul" => Op::Mul,
        "concat" => Op::Concat,
        "max_pool" => pool(PoolKind::Max),
        "avg_pool" => pool(PoolKind::Average),
        "global_avg_pool" => return (Op::GlobalAvgPool, !flag("keep_dims")),
        "linear" => Op::Linear(Linear {
            out: int("out"),
            bias: node["bias"].as_bool().unwrap_or(true),
        }),
        other => panic!("unknown operator {other}"),
    };
    (op, false)
}
