use panarch_graph::{Conv2d, Linear, Shape, Tensor};

use super::super::super::attributes::Attributes;
use super::super::array::Array;
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View};
use super::super::site::Site;
use super::super::view::{Axis, Order, VECTOR};
use crate::FormatError;

/// Where the values of a matrix [inputs, outputs] lie.
struct Matrix<'a> {
    values: &'a [f32],
    inputs: usize,
    outputs: usize,
    /// True when the outputs are the first axis, as in a network.
    outputs_first: bool,
}

impl<'a> Matrix<'a> {
    fn new(site: &Site<'_>, array: &'a Array, outputs_first: bool) -> Result<Self, FormatError> {
        match (&array.shape[..], array.as_floats()) {
            (&[first, second], Some(values)) => Ok(Self {
                values,
                inputs: if outputs_first { second } else { first },
                outputs: if outputs_first { first } else { second },
                outputs_first,
            }),
            _ => Err(site.error(format!("needs a matrix of floats, found axes {:?}", array.shape))),
        }
    }

    /// [outputs, inputs], times a factor, the inputs in the order that `place` says.
    fn to_weight(&self, factor: f32, place: impl Fn(usize) -> usize) -> Vec<f32> {
        let mut weight = Vec::with_capacity(self.values.len());
        for output in 0..self.outputs {
            for input in 0..self.inputs {
                let from = place(input);
                let at = if self.outputs_first {
                    output * self.inputs + from
                } else {
                    from * self.outputs + output
                };
                weight.push(factor * self.values.get(at).copied().unwrap_or(f32::NAN));
            }
        }
        weight
    }
}

impl Interpreter<'_> {
    pub(super) fn gemm(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=3)?;
        let alpha = attributes.float("alpha", 1.0)?;
        let beta = attributes.float("beta", 1.0)?;
        attributes.int_must_be("transA", 0, 0)?;
        attributes.ignore("broadcast");
        let outputs_first = attributes.flag("transB", false)?;
        let view = self.operand(site, 0)?;
        let weight = self.constant(site, 1, "a weight")?;
        let matrix = Matrix::new(site, &weight, outputs_first)?;
        let bias = match self.array(site, 2)? {
            None if site.input(2).is_some() => return Err(site.error("needs a bias that is constant")),
            None => None,
            Some(bias) => {
                let values = bias.as_floats().unwrap_or_default();
                let whole = match values.len() {
                    1 => vec![values[0]; matrix.outputs],
                    length if length == matrix.outputs && bias.shape.last() == Some(&length) => values.to_vec(),
                    _ => return Err(site.error(format!("needs a bias of {} floats", matrix.outputs))),
                };
                Some(whole.iter().map(|value| beta * value).collect())
            }
        };
        self.linear(site, &view, &matrix, alpha, bias)
    }

    /// A product with a constant matrix over the last axis: a linear layer, or a 1×1 convolution over an image.
    pub(super) fn matrix_product(&mut self, site: &Site<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=2)?;
        let view = self.operand(site, 0)?;
        if self.is_view(site, 1) {
            return Err(site.error(
                "multiplies two computed matrices, as attention does, which is not supported; take a member of the family \
                 that has convolutions alone",
            ));
        }
        let weight = self.constant(site, 1, "a matrix")?;
        let matrix = Matrix::new(site, &weight, false)?;
        let axes = self.axes(&view);
        if axes.shape.is_vector() || view.axes.len() == VECTOR.len() {
            let places = view.axes.iter().enumerate();
            let others: Vec<Axis> = places
                .filter(|(_, axis)| **axis == Axis::Batch || axes.length(**axis) > 1)
                .map(|(_, axis)| *axis)
                .collect();
            // [batch, 1, 1, channels] is a batch of vectors with further axes.
            let last = view.axes.last().copied();
            if others.len() == VECTOR.len() && last == others.last().copied() {
                let vectors = View {
                    axes: others,
                    ..view.clone()
                };
                let made = self.linear(site, &vectors, &matrix, 1.0, None)?;
                let mut result = view.axes.clone();
                if let Some(last) = result.last_mut() {
                    *last = Axis::Channels;
                }
                return Ok(View { axes: result, ..made });
            }
            return self.linear(site, &view, &matrix, 1.0, None);
        }
        if view.axes.last() != Some(&Axis::Channels) {
            return Err(site.error(format!(
                "multiplies along an axis that is not the channels, found axes {:?}; layers that mix positions have no \
                 counterpart here",
                view.axes
            )));
        }
        if matrix.inputs != axes.shape.channels as usize {
            return Err(site.error("has a matrix of another number of rows than there are channels"));
        }
        let conv = Conv2d::pointwise(outputs(site, &matrix)?);
        self.allowance.take(matrix.values.len(), 4)?;
        let values = matrix.to_weight(1.0, |input| input);
        let weight = Tensor::new(vec![matrix.outputs, matrix.inputs, 1, 1], values)?;
        self.along(site, view, Step::Convolution(conv, weight, None))
    }

    fn linear(
        &mut self,
        site: &Site<'_>,
        view: &View,
        matrix: &Matrix<'_>,
        alpha: f32,
        bias: Option<Vec<f32>>,
    ) -> Result<View, FormatError> {
        let axes = self.axes(view);
        let (node, order) = if axes.fits(&VECTOR) {
            (view.node, Order::ChannelsFirst)
        } else if axes.fits(&[Axis::Batch, Axis::Flat(Order::ChannelsFirst)]) {
            (self.flatten(view)?, Order::ChannelsFirst)
        } else if axes.fits(&[Axis::Batch, Axis::Flat(Order::ChannelsLast)]) {
            self.notes.say(format!(
                "The weights of `{}` are in channels-first order; its input was flattened with the channels last.",
                site.name
            ));
            (self.flatten(view)?, Order::ChannelsLast)
        } else {
            return Err(site.error(format!("needs a batch of vectors, found axes {:?}", view.axes)));
        };
        if matrix.inputs as u64 != axes.shape.elements() {
            return Err(site.error(format!(
                "has a matrix for {} values and reads {}",
                matrix.inputs,
                axes.shape.elements()
            )));
        }
        let linear = Linear {
            out: outputs(site, matrix)?,
            bias: bias.is_some(),
        };
        self.allowance.take(matrix.values.len(), 4)?;
        let Shape { channels, .. } = axes.shape;
        let (channels, pixels) = (channels as usize, axes.shape.pixels() as usize);
        let values = match order {
            Order::ChannelsFirst => matrix.to_weight(alpha, |input| input),
            Order::ChannelsLast => matrix.to_weight(alpha, |input| input % pixels * channels + input / pixels),
        };
        let weight = Tensor::new(vec![matrix.outputs, matrix.inputs], values)?;
        let made = self
            .draft
            .push(&site.name, Step::Linear(linear, weight, bias), vec![node])?;
        Ok(self.as_vectors(made))
    }
}

fn outputs(site: &Site<'_>, matrix: &Matrix<'_>) -> Result<u32, FormatError> {
    let (found, most) = (matrix.outputs, u32::MAX);
    u32::try_from(found).map_err(|_| site.error(format!("has {found} outputs, at most {most} are possible")))
}
