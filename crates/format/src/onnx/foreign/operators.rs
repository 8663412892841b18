//! What each ONNX operator is in a draft.

mod arithmetic;
mod dense;
mod layout;
mod normalisation;
mod part;
mod quantisation;
mod resize;
mod window;

use panarch_graph::{Activation, BatchNorm, Op, ParameterRole, PoolKind, Slope, Tensor};

use super::super::attributes::Attributes;
use super::draft::Step;
use super::interpreter::{Interpreter, Stop, View};
use super::site::Site;
use super::view::{Axis, IMAGE};
use crate::FormatError;

impl<'a> Interpreter<'a> {
    /// The result of a node of which an input depends on the image.
    pub(super) fn operator(&mut self, site: &Site<'a>, attributes: &mut Attributes<'_>) -> Result<View, Stop> {
        let view = match site.operator {
            "Conv" => self.convolution(site, attributes)?,
            "MaxPool" => self.pool(site, PoolKind::Max, attributes)?,
            "AveragePool" => self.pool(site, PoolKind::Average, attributes)?,
            "GlobalAveragePool" => {
                let image = self.image(site, 0)?;
                self.global_average(site, image)?
            }
            "GlobalMaxPool" => {
                let image = self.image(site, 0)?;
                self.global_maximum(site, image)?
            }
            "ReduceMean" | "ReduceMax" => self.reduction(site, attributes)?,
            "Pad" => self.pad(site, attributes)?,
            "Gemm" => self.gemm(site, attributes)?,
            "MatMul" => self.matrix_product(site)?,
            "BatchNormalization" => self.batch_norm(site, attributes)?,
            "Add" | "Sub" | "Mul" | "Div" | "Pow" => self.binary(site)?,
            "Sqrt" => {
                let view = self.operand(site, 0)?;
                self.along(site, view, Step::Power(0.5))?
            }
            "Erf" | "Tanh" => {
                let view = self.operand(site, 0)?;
                self.along(site, view, if site.operator == "Erf" { Step::Erf } else { Step::Tanh })?
            }
            "LayerNormalization" => self.layer_norm(site, attributes)?,
            "InstanceNormalization" => self.instance_norm(site, attributes)?,
            "GroupNormalization" => self.group_norm(site, attributes)?,
            "Neg" => {
                let view = self.operand(site, 0)?;
                self.along(site, view, Step::Affine(vec![-1.0], vec![0.0]))?
            }
            "Clip" | "Min" | "Max" => self.clip(site, attributes)?,
            "Relu" => self.activation(site, Activation::Relu)?,
            "Sigmoid" => self.activation(site, Activation::Sigmoid)?,
            "HardSwish" => self.activation(site, Activation::HardSwish)?,
            "Swish" => {
                attributes.float_must_be("alpha", 1.0, 1.0)?;
                self.activation(site, Activation::Swish)?
            }
            "HardSigmoid" => self.hard_sigmoid(site, attributes)?,
            "LeakyRelu" => {
                let slope = attributes.float("alpha", 0.01)?;
                self.leaky_relu(site, slope)?
            }
            "PRelu" => self.parametric_relu(site)?,
            "Gelu" => match attributes.text("approximate", "none")?.as_str() {
                "none" => self.activation(site, Activation::Gelu)?,
                "tanh" => self.activation(site, Activation::GeluTanh)?,
                other => {
                    return Err(Stop::Error(
                        attributes.error("approximate", format!("has no meaning: `{other}`")),
                    ));
                }
            },
            "Slice" => self.slice(site, attributes)?,
            "Gather" => self.gather(site, attributes)?,
            "Resize" | "Upsample" => self.resize(site, attributes)?,
            "SpaceToDepth" => {
                let image = self.image(site, 0)?;
                let view = self.as_image(image);
                let block = attributes.int("blocksize", 0)?;
                let block = u32::try_from(block).ok().filter(|block| *block > 0);
                let block = block.ok_or_else(|| attributes.error("blocksize", "is missing or out of range"))?;
                let shape = self.draft.nodes[image].shape;
                if !(shape.height.is_multiple_of(block) && shape.width.is_multiple_of(block)) {
                    let reason = format!("does not divide the image {shape}");
                    return Err(Stop::Error(attributes.error("blocksize", reason)));
                }
                self.blocks(site, view, [block, block])?
            }
            "Concat" => self.concatenation(site, attributes)?,
            "Identity" => self.view(site, 0)?,
            "Dropout" => self.dropout(site, attributes)?,
            "Cast" => self.cast(site, attributes)?,
            "Softmax" | "LogSoftmax" => self.softmax(site, attributes)?,
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" => self.layout(site, attributes)?,
            "Shape" => return Err(Stop::Constant(self.lengths(site, attributes)?)),
            "QuantizeLinear" => self.quantise(site, attributes)?,
            "DequantizeLinear" => self.dequantise(site, attributes)?,
            "QLinearConv" | "QLinearMatMul" | "ConvInteger" | "MatMulInteger" | "DynamicQuantizeLinear" => {
                return Err(Stop::Error(site.error(
                    "computes with integers; only models that were quantised in QDQ form are supported \
                     (QuantizeLinear and DequantizeLinear around ordinary operators)",
                )));
            }
            _ => return Err(Stop::Error(site.unsupported())),
        };
        Ok(view)
    }

    fn activation(&mut self, site: &Site<'_>, activation: Activation) -> Result<View, FormatError> {
        site.expect_inputs(1..=1)?;
        let view = self.operand(site, 0)?;
        self.along(site, view, Step::Plain(Op::Activation(activation)))
    }

    fn leaky_relu(&mut self, site: &Site<'_>, slope: f32) -> Result<View, FormatError> {
        let slope = Slope::new(slope).ok_or_else(|| site.error(format!("has the slope {slope}")))?;
        let view = self.operand(site, 0)?;
        self.along(site, view, Step::Plain(Op::Activation(Activation::LeakyRelu(slope))))
    }

    /// A leaky ReLU whose slope is a constant; with one slope a channel max(x, 0) − slope·max(−x, 0).
    fn parametric_relu(&mut self, site: &Site<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=2)?;
        let slopes = self.constant(site, 1, "a slope")?;
        if let Some(slope) = slopes.scalar() {
            return self.leaky_relu(site, slope as f32);
        }
        let view = self.operand(site, 0)?;
        let relu = || Step::Plain(Op::Activation(Activation::Relu));
        let above = self.along(site, view.clone(), relu())?;
        let turned = self.along(site, view, Step::Affine(vec![-1.0], vec![0.0]))?;
        let below = self.along(site, turned, relu())?;
        let scaled = self.with_constant(site, "Mul", below, &slopes, false)?;
        let below = self.along(site, scaled, Step::Affine(vec![-1.0], vec![0.0]))?;
        self.notes
            .count("Leaky ReLUs with a slope for each channel that are two ReLUs, a scaling and a sum");
        self.sum(site, above, below)
    }

    /// clip(α·x + β, 0, 1): the network's hard sigmoid of another slope is one of a scaled input.
    fn hard_sigmoid(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(1..=1)?;
        let alpha = f64::from(attributes.float("alpha", 0.2)?);
        let beta = f64::from(attributes.float("beta", 0.5)?);
        let mut view = self.operand(site, 0)?;
        let (scale, shift) = (6.0 * alpha, 6.0 * beta - 3.0);
        if (scale - 1.0).abs() > 1e-5 || shift.abs() > 1e-5 {
            self.notes.say(format!(
                "hard sigmoids of the form clip({alpha}·x + {beta}, 0, 1) are scalings followed by clip((x + 3)/6, 0, 1)."
            ));
            view = self.along(site, view, Step::Affine(vec![scale], vec![shift]))?;
        }
        self.along(site, view, Step::Plain(Op::Activation(Activation::HardSigmoid)))
    }

    fn batch_norm(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(5..=5)?;
        if site.proto.output.iter().skip(1).any(|output| !output.is_empty()) {
            return Err(site.error("is in training mode; export the model for inference"));
        }
        attributes.int_must_be("training_mode", 0, 0)?;
        attributes.int_must_be("spatial", 1, 1)?;
        attributes.ignore("is_test");
        let eps = attributes.float("epsilon", 1e-5)?;
        let old_share = f64::from(attributes.float("momentum", 0.9)?);
        // ONNX weighs the old statistics; six decimals take away what the subtraction adds.
        let momentum = ((1.0 - old_share) * 1e6).round() / 1e6;
        let view = self.operand(site, 0)?;
        let view = self.settle(site, view)?;
        let axes = self.axes(&view);
        if !axes.fits(&IMAGE[..view.axes.len().min(IMAGE.len())]) || view.axes.len() < 2 {
            return Err(site.error(format!("needs its channels as second axis, found axes {:?}", view.axes)));
        }
        let channels = axes.shape.channels as usize;
        let mut parameters = [const { Vec::new() }; 4];
        for (position, parameter) in parameters.iter_mut().enumerate() {
            let found = self.constant(site, position + 1, "a parameter")?;
            *parameter = match found.as_floats() {
                Some(values) if values.len() == channels => {
                    let name = site.input(position + 1).unwrap_or_default();
                    let role = (position == 3).then_some(ParameterRole::RunningVar);
                    let tensor = Tensor::new(vec![channels], values.to_vec())?;
                    tensor.check_numbers(name, role)?;
                    tensor.data
                }
                _ => return Err(site.error(format!("needs {channels} floats at input {}", position + 1))),
            };
        }
        let bn = BatchNorm {
            eps,
            momentum: momentum as f32,
        };
        self.along(site, view, Step::BatchNorm(bn, parameters))
    }

    fn dropout(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        for name in ["ratio", "seed", "is_test"] {
            attributes.ignore(name);
        }
        let training = self.array(site, 2)?;
        if training.is_some_and(|flag| flag.scalar() != Some(0.0)) {
            return Err(site.error("is in training mode; export the model for inference"));
        }
        self.notes
            .count("Dropout nodes left out, which do nothing at inference");
        self.view(site, 0)
    }

    fn cast(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        attributes.ignore("saturate");
        attributes.ignore("round_mode");
        match attributes.int("to", 0)? {
            1 => {}
            10 | 11 | 16 => self
                .notes
                .say("Casts between kinds of floats are left out; everything is computed in f32.".to_owned()),
            other => return Err(site.error(format!("casts an image to data type {other}, which is not supported"))),
        }
        self.view(site, 0)
    }

    fn softmax(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let axis = attributes.int("axis", 1)?;
        let view = self.operand(site, 0)?;
        let axes = self.axes(&view);
        let over = axes.position(axis).map(|place| view.axes[place]);
        let others = over.is_none_or(|over| !axes.same(over, Axis::Channels) && axes.length(over) > 1);
        if others && !axes.shape.is_vector() {
            return Err(site.error(format!(
                "is not over the channels, found axis {axis} of {:?}; attention over positions, groups or images is not supported",
                view.axes
            )));
        }
        Ok(View {
            softmax: Some(site.name.as_str().into()),
            ..view
        })
    }
}
