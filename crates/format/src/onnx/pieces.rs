//! Operators that ONNX has no single node for, or one with constants beside it, as the nodes that they are written as.
//!
//! The last of the nodes says which operator they are; a reader writes that operator once more and finds the same nodes.

use panarch_graph::{
    Activation, Affine, BorderFill, Coordinates, Factor, ImageAxis, Interpolation, LayerNorm, NormOver, Op, Resize,
    ResizeTo, Shape, Slice,
};

use super::messages::{AttributeProto, NodeProto, TensorProto};
use super::pooling::pads;
use super::tensor::{from_f32, from_i64};
use super::write_node::{float, int, ints, text};

/// The nodes of one operator, in their order, and the constants that they read besides its parameters.
#[derive(Debug, PartialEq)]
pub struct Pieces {
    pub nodes: Vec<NodeProto>,
    pub constants: Vec<TensorProto>,
}

impl Pieces {
    /// Those of an operator called `name` from a value to another; none where one node of ONNX is the operator.
    pub fn new(op: &Op, name: &str, [input, output]: [&str; 2], [from, to]: [Shape; 2]) -> Option<Self> {
        let mut spelling = Spelling {
            name,
            last: input.to_owned(),
            nodes: Vec::new(),
            constants: Vec::new(),
        };
        match op {
            Op::Slice(slice) => spelling.slice(slice, from),
            Op::Shuffle { groups } => spelling.shuffle(*groups, from),
            Op::Resize(resize) => spelling.resize(resize, to),
            Op::Pad(border) => {
                let [top, left, bottom, right] = pads(border.padding).map(i64::from);
                let widths = spelling.integers("pads", &[0, 0, top, left, 0, 0, bottom, right]);
                let mode = match border.fill {
                    BorderFill::Zero => "constant",
                    BorderFill::Reflect => "reflect",
                    BorderFill::Edge => "edge",
                };
                spelling.then("Pad", &[&widths], vec![text("mode", mode)]);
            }
            Op::LayerNorm(norm) => spelling.layer_norm(norm, from),
            Op::Affine(affine) => spelling.affine(affine),
            Op::Activation(Activation::Gelu) => spelling.gelu(),
            Op::Activation(Activation::GeluTanh) => spelling.gelu_tanh(),
            Op::Input
            | Op::Conv2d(_)
            | Op::BatchNorm(_)
            | Op::Activation(
                Activation::Relu
                | Activation::Relu6
                | Activation::HardSwish
                | Activation::HardSigmoid
                | Activation::Sigmoid
                | Activation::Swish
                | Activation::LeakyRelu(_),
            )
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Pool(_)
            | Op::GlobalAvgPool
            | Op::Flatten
            | Op::Linear(_) => return None,
        }
        let Spelling {
            mut nodes, constants, ..
        } = spelling;
        let last = nodes.last_mut()?;
        last.output = vec![output.to_owned()];
        last.name = Some(name.to_owned());
        Some(Self { nodes, constants })
    }
}

struct Spelling<'a> {
    name: &'a str,
    /// The value so far.
    last: String,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Spelling<'_> {
    /// A node that reads the value so far and more, and makes the next one.
    fn then(&mut self, operator: &str, more: &[&str], attribute: Vec<AttributeProto>) {
        let last = self.last.clone();
        let inputs: Vec<&str> = std::iter::once(last.as_str()).chain(more.iter().copied()).collect();
        self.last = self.beside(operator, &inputs, attribute);
    }

    /// A node of any inputs; its value's name.
    fn beside(&mut self, operator: &str, inputs: &[&str], attribute: Vec<AttributeProto>) -> String {
        let made = format!("{}:{}", self.name, self.nodes.len() + 1);
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![made.clone()],
            name: Some(made.clone()),
            op_type: Some(operator.to_owned()),
            attribute,
            doc_string: None,
            domain: None,
        });
        made
    }

    fn integers(&mut self, what: &str, values: &[i64]) -> String {
        let name = format!("{}:{what}", self.name);
        self.constants.push(from_i64(&name, values));
        name
    }

    fn floats(&mut self, what: &str, shape: &[usize], values: &[f32]) -> String {
        let name = format!("{}:{what}", self.name);
        self.constants.push(from_f32(&name, shape, values));
        name
    }

    fn number(&mut self, what: &str, value: f32) -> String {
        self.floats(what, &[], &[value])
    }

    fn slice(&mut self, slice: &Slice, from: Shape) {
        let (axis, length) = match slice.axis {
            ImageAxis::Channels => (1, from.channels),
            ImageAxis::Height => (2, from.height),
            ImageAxis::Width => (3, from.width),
        };
        let end = i64::from(length) - i64::from(slice.after);
        let starts = self.integers("starts", &[i64::from(slice.before)]);
        let ends = self.integers("ends", &[end]);
        let axes = self.integers("axes", &[axis]);
        let steps = self.integers("steps", &[i64::from(slice.step)]);
        self.then("Slice", &[&starts, &ends, &axes, &steps], Vec::new());
    }

    fn shuffle(&mut self, groups: u32, from: Shape) {
        let [channels, height, width] = [from.channels, from.height, from.width].map(i64::from);
        let groups = i64::from(groups.max(1));
        let cut = self.integers("cut", &[0, groups, channels / groups, height, width]);
        let joined = self.integers("joined", &[0, channels, height, width]);
        self.then("Reshape", &[&cut], Vec::new());
        self.then("Transpose", &[], vec![ints("perm", &[0, 2, 1, 3, 4])]);
        self.then("Reshape", &[&joined], Vec::new());
    }

    fn resize(&mut self, resize: &Resize, to: Shape) {
        let coordinates = match resize.coordinates {
            Coordinates::HalfPixel => "half_pixel",
            Coordinates::PytorchHalfPixel => "pytorch_half_pixel",
            Coordinates::Asymmetric => "asymmetric",
            Coordinates::AlignCorners => "align_corners",
        };
        let (mode, nearest) = match resize.interpolation {
            Interpolation::NearestFloor => ("nearest", "floor"),
            Interpolation::NearestDown => ("nearest", "round_prefer_floor"),
            Interpolation::NearestUp => ("nearest", "round_prefer_ceil"),
            Interpolation::NearestCeil => ("nearest", "ceil"),
            Interpolation::Linear => ("linear", "round_prefer_floor"),
        };
        let attributes = vec![
            text("coordinate_transformation_mode", coordinates),
            text("mode", mode),
            text("nearest_mode", nearest),
        ];
        match resize.to {
            ResizeTo::Factor(factor) => {
                let [high, wide] = factor.map(|factor| factor as f32);
                let scales = self.floats("scales", &[4], &[1.0, 1.0, high, wide]);
                self.then("Resize", &["", &scales], attributes);
            }
            // Sizes include the batch, which is not known.
            ResizeTo::Size(_) => {
                let image = self.last.clone();
                let fixed = self.integers("fixed", &[to.channels, to.height, to.width].map(i64::from));
                let batch = self.beside("Shape", &[&image], vec![int("end", 1), int("start", 0)]);
                let sizes = self.beside("Concat", &[&batch, &fixed], vec![int("axis", 0)]);
                self.then("Resize", &["", "", &sizes], attributes);
            }
        }
    }

    fn layer_norm(&mut self, norm: &LayerNorm, from: Shape) {
        let [channels, height, width] = [from.channels, from.height, from.width].map(i64::from);
        match norm.over {
            NormOver::Channels => {
                let ones = vec![1.0; from.channels as usize];
                let scale = self.floats("scale", &[ones.len()], &ones);
                self.then("Transpose", &[], vec![ints("perm", &[0, 2, 3, 1])]);
                self.then("LayerNormalization", &[&scale], vec![float("epsilon", norm.eps)]);
                self.then("Transpose", &[], vec![ints("perm", &[0, 3, 1, 2])]);
            }
            NormOver::Groups(groups) => {
                let (ones, zeros) = (vec![1.0; groups as usize], vec![0.0; groups as usize]);
                let scale = self.floats("scale", &[ones.len()], &ones);
                let shift = self.floats("shift", &[zeros.len()], &zeros);
                let cut = self.integers("cut", &[0, i64::from(groups), -1]);
                let joined = self.integers("joined", &[0, channels, height, width]);
                self.then("Reshape", &[&cut], Vec::new());
                self.then(
                    "InstanceNormalization",
                    &[&scale, &shift],
                    vec![float("epsilon", norm.eps)],
                );
                self.then("Reshape", &[&joined], Vec::new());
            }
        }
    }

    fn affine(&mut self, affine: &Affine) {
        for (operator, what, factor, neutral) in
            [("Mul", "weight", affine.scale, 1.0), ("Add", "bias", affine.shift, 0.0)]
        {
            let other = match factor {
                // A scaling by 1 is written where there is no shift, so that there is a node.
                Factor::Constant(value)
                    if value == neutral && (operator == "Add" || affine.shift != Factor::Constant(0.0)) =>
                {
                    continue;
                }
                Factor::Constant(value) => self.number(what, value),
                Factor::Channels => {
                    let vector = format!("{}.{what}", self.name);
                    let axes = self.integers(&format!("{what}_axes"), &[1, 2]);
                    self.beside("Unsqueeze", &[&vector, &axes], Vec::new())
                }
            };
            self.then(operator, &[&other], Vec::new());
        }
    }

    /// x · (1 + erf(x/√2)) · ½.
    fn gelu(&mut self) {
        let x = self.last.clone();
        let root = self.number("root", std::f32::consts::FRAC_1_SQRT_2);
        self.then("Mul", &[&root], Vec::new());
        self.then("Erf", &[], Vec::new());
        self.ends_gelu(&x);
    }

    /// x · (1 + tanh(√(2/π)·(x + 0.044715·x³))) · ½.
    fn gelu_tanh(&mut self) {
        let x = self.last.clone();
        let third = self.number("third", 0.044_715);
        let root = self.number("root", 0.797_884_6);
        self.then("Mul", &[&x], Vec::new());
        self.then("Mul", &[&x], Vec::new());
        self.then("Mul", &[&third], Vec::new());
        self.then("Add", &[&x], Vec::new());
        self.then("Mul", &[&root], Vec::new());
        self.then("Tanh", &[], Vec::new());
        self.ends_gelu(&x);
    }

    fn ends_gelu(&mut self, x: &str) {
        let one = self.number("one", 1.0);
        let half = self.number("half", 0.5);
        self.then("Add", &[&one], Vec::new());
        self.then("Mul", &[x], Vec::new());
        self.then("Mul", &[&half], Vec::new());
    }
}
