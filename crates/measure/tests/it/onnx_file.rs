//! A small writer of ONNX files, for graphs as other tools write them. It shares nothing with the one that is tested.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Attributes of a node.
pub enum Attribute<'a> {
    Int(&'a str, i64),
    Float(&'a str, f32),
    Ints(&'a str, &'a [i64]),
    Text(&'a str, &'a str),
}

/// A graph that grows node by node; every node has one output, which is called after its number.
pub struct OnnxFile {
    opset: u64,
    graph: Vec<u8>,
    count: usize,
    rng: ChaCha8Rng,
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: i64) {
    varint(out, field << 3);
    varint(out, value as u64);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn value_info(name: &str, dims: &[Option<i64>]) -> Vec<u8> {
    let mut shape = Vec::new();
    for dim in dims {
        let mut axis = Vec::new();
        match dim {
            Some(length) => number(&mut axis, 1, *length),
            None => bytes(&mut axis, 2, b"n"),
        }
        bytes(&mut shape, 1, &axis);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, 1);
    bytes(&mut tensor, 2, &shape);
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &tensor);
    let mut info = Vec::new();
    bytes(&mut info, 1, name.as_bytes());
    bytes(&mut info, 2, &kind);
    info
}

impl OnnxFile {
    pub fn new(opset: u64, rng: ChaCha8Rng) -> Self {
        Self {
            opset,
            graph: Vec::new(),
            count: 0,
            rng,
        }
    }

    /// Values from −1 to 1.
    pub fn random(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.rng.random_range(-1.0..1.0)).collect()
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    fn tensor(&mut self, dims: &[usize], element: i64, raw: &[u8]) -> String {
        let name = self.name();
        let mut tensor = Vec::new();
        for dim in dims {
            number(&mut tensor, 1, *dim as i64);
        }
        number(&mut tensor, 2, element);
        bytes(&mut tensor, 8, name.as_bytes());
        bytes(&mut tensor, 9, raw);
        bytes(&mut self.graph, 5, &tensor);
        name
    }

    pub fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(dims, 1, &raw)
    }

    /// A constant of random floats.
    pub fn weight(&mut self, dims: &[usize]) -> String {
        let values = self.random(dims.iter().product());
        self.floats(dims, &values)
    }

    pub fn scalar(&mut self, value: f32) -> String {
        self.floats(&[], &[value])
    }

    pub fn int8(&mut self, dims: &[usize], values: &[i8]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(dims, 3, &raw)
    }

    pub fn integers(&mut self, dims: &[usize], values: &[i64]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(dims, 7, &raw)
    }

    /// Adds a node and returns the name of its output.
    pub fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Attribute<'_>]) -> String {
        self.nodes(operator, inputs, attributes, 1).remove(0)
    }

    /// Adds a node of several outputs and returns their names.
    pub fn nodes(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Attribute<'_>],
        outputs: usize,
    ) -> Vec<String> {
        let outputs: Vec<String> = (0..outputs).map(|_| self.name()).collect();
        let mut node = Vec::new();
        for input in inputs {
            bytes(&mut node, 1, input.as_bytes());
        }
        for output in &outputs {
            bytes(&mut node, 2, output.as_bytes());
        }
        bytes(&mut node, 3, format!("{operator}_{}", outputs[0]).as_bytes());
        bytes(&mut node, 4, operator.as_bytes());
        // rten wants what has a default to be written.
        let defaults: &[(&str, &[i64])] = match operator {
            "Conv" => &[("strides", &[1, 1]), ("dilations", &[1, 1]), ("pads", &[0; 4])],
            "MaxPool" | "AveragePool" => &[("strides", &[1, 1]), ("pads", &[0; 4])],
            _ => &[],
        };
        let written = |wanted: &str| {
            attributes.iter().any(|found| match found {
                Attribute::Ints(name, _) => *name == wanted,
                Attribute::Text("auto_pad", _) => wanted == "pads",
                _ => false,
            })
        };
        let missing = defaults.iter().filter(|(name, _)| !written(name));
        let defaults: Vec<Attribute<'_>> = missing.map(|(name, values)| Attribute::Ints(name, values)).collect();
        for attribute in attributes.iter().chain(&defaults) {
            let mut coded = Vec::new();
            let (name, kind) = match attribute {
                Attribute::Int(name, value) => {
                    number(&mut coded, 3, *value);
                    (name, 2)
                }
                Attribute::Float(name, value) => {
                    varint(&mut coded, 2 << 3 | 5);
                    coded.extend_from_slice(&value.to_le_bytes());
                    (name, 1)
                }
                Attribute::Ints(name, values) => {
                    for value in *values {
                        number(&mut coded, 8, *value);
                    }
                    (name, 7)
                }
                Attribute::Text(name, value) => {
                    bytes(&mut coded, 4, value.as_bytes());
                    (name, 3)
                }
            };
            bytes(&mut coded, 1, name.as_bytes());
            number(&mut coded, 20, kind);
            bytes(&mut node, 5, &coded);
        }
        bytes(&mut self.graph, 1, &node);
        outputs
    }

    /// The whole file, with an input `x` of these axes.
    pub fn finish(mut self, input: &[Option<i64>], output: &str, output_rank: usize) -> Vec<u8> {
        bytes(&mut self.graph, 2, b"made by hand");
        bytes(&mut self.graph, 11, &value_info("x", input));
        bytes(&mut self.graph, 12, &value_info(output, &vec![None; output_rank]));
        let mut file = Vec::new();
        number(&mut file, 1, 8);
        bytes(&mut file, 2, b"a test");
        bytes(&mut file, 7, &self.graph);
        let mut set = Vec::new();
        bytes(&mut set, 1, b"");
        number(&mut set, 2, self.opset as i64);
        bytes(&mut file, 8, &set);
        file
    }
}
