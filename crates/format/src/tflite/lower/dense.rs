//! Operators with a kernel.

use panarch_graph::{Affine, BatchNorm, Conv2d, Factor, Linear, NodeId, Op};

use super::window::Borders;
use super::{IMAGE, Lowering, VECTOR};
use crate::FormatError;
use crate::tflite::quantise::{self, Kernel};
use crate::tflite::source::Rows;
use crate::tflite::structure::{Element, OperatorKind, Window, WindowPadding};

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, id: NodeId, conv: &Conv2d) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let from = node.inputs[0];
        let (inputs, outputs) = (network.shape(from), network.shape(id));
        let [height, width] = conv.kernel.map(|size| size as usize);
        let row = (inputs.channels / conv.groups) as usize;
        let channels = conv.out as usize;
        let rows = self.source.kernel(node, &[channels, row, height, width])?;
        let bias = match conv.bias {
            true => self.source.vector(node, "bias", channels)?,
            false => None,
        };
        let borders = Borders::of_convolution(conv, inputs, outputs);
        let image = self.value(from, IMAGE);
        let (image, padding) = self.bordered(id, image, &borders);
        let window = Window {
            padding,
            stride: conv.stride,
            dilation: conv.dilation,
            size: [0; 2],
        };
        let (area, fused, affine) = (height * width, self.fused(id), self.affine(from));
        let depthwise = conv.groups > 1 && conv.groups == inputs.channels;
        // A row has channels, then positions; in the file channels come last, for a depthwise kernel those of the output.
        let (kernel, shape, axis, kind) = if depthwise {
            let kernel = quantise::kernel(rows, bias, affine, |channel, position| position * channels + channel);
            let multiplier = conv.out / conv.groups;
            let shape = vec![1, conv.kernel[0], conv.kernel[1], conv.out];
            (
                kernel,
                shape,
                3,
                OperatorKind::DepthwiseConv2d(window, multiplier, fused),
            )
        } else {
            let kernel = quantise::kernel(rows, bias, affine, |channel, position| {
                channel * row * area + position % area * row + position / area
            });
            let shape = vec![conv.out, conv.kernel[0], conv.kernel[1], row as u32];
            (kernel, shape, 0, OperatorKind::Conv2d(window, fused))
        };
        let [weight, bias] = self.constants(id, kernel, shape, axis);
        let output = self.result(id, IMAGE);
        self.draft.operator(kind, &[image, weight, bias], output);
        Ok(())
    }

    /// A normalisation that no layer took in: a depthwise convolution with one position.
    pub(super) fn normalisation(&mut self, id: NodeId, bn: &BatchNorm) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let channels = network.shape(id).channels;
        let vector = |role| self.source.vector(node, role, channels as usize);
        let parts = [
            vector("weight")?,
            vector("bias")?,
            vector("running_mean")?,
            vector("running_var")?,
        ];
        let (mut scales, mut shifts) = (vec![1.0_f32; channels as usize], vec![0.0_f32; channels as usize]);
        if let [Some(gamma), Some(beta), Some(mean), Some(variance)] = parts {
            let values = gamma.iter().zip(beta).zip(mean.iter().zip(variance));
            for ((scale, shift), ((gamma, beta), (mean, variance))) in scales.iter_mut().zip(&mut shifts).zip(values) {
                let factor = f64::from(*gamma) / (f64::from(*variance) + f64::from(bn.eps)).sqrt();
                *scale = factor as f32;
                *shift = (f64::from(*beta) - f64::from(*mean) * factor) as f32;
            }
        }
        self.scaled(id, &scales, &shifts);
        Ok(())
    }

    /// A scaling that nothing takes in, likewise.
    pub(super) fn scaling(&mut self, id: NodeId, affine: &Affine) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let channels = network.shape(id).channels as usize;
        let values = |factor: Factor, role: &str, plausible: f32| {
            Ok::<_, FormatError>(match factor {
                Factor::Constant(value) => vec![value; channels],
                Factor::Channels => match self.source.vector(node, role, channels)? {
                    Some(values) => values.to_vec(),
                    None => vec![plausible; channels],
                },
            })
        };
        let (scales, shifts) = (values(affine.scale, "weight", 1.0)?, values(affine.shift, "bias", 0.0)?);
        self.scaled(id, &scales, &shifts);
        Ok(())
    }

    /// A depthwise convolution of one position.
    fn scaled(&mut self, id: NodeId, scales: &[f32], shifts: &[f32]) {
        let network = self.network;
        let node = network.node(id);
        let channels = network.shape(id).channels;
        let from = node.inputs[0];
        let image = self.value(from, IMAGE);
        let kernel = quantise::kernel(Rows::given(scales, 1), Some(shifts), self.affine(from), |channel, _| {
            channel
        });
        let [weight, bias] = self.constants(id, kernel, vec![1, 1, 1, channels], 3);
        let window = Window {
            padding: WindowPadding::Valid,
            stride: [1; 2],
            dilation: [1; 2],
            size: [0; 2],
        };
        let kind = OperatorKind::DepthwiseConv2d(window, 1, self.fused(id));
        let output = self.result(id, IMAGE);
        self.draft.operator(kind, &[image, weight, bias], output);
    }

    pub(super) fn linear(&mut self, id: NodeId, linear: &Linear) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let from = node.inputs[0];
        let (length, channels) = (network.shape(from).channels, linear.out as usize);
        let rows = self.source.kernel(node, &[channels, length as usize])?;
        let bias = match linear.bias {
            true => self.source.vector(node, "bias", channels)?,
            false => None,
        };
        // The image behind a flattening that left the order of its values as it was.
        let image = match &network.node(from).op {
            Op::Flatten if self.is_channels_last(from) => network.shape(network.node(from).inputs[0]),
            _ => network.shape(from),
        };
        let (pixels, planes, row) = (image.pixels() as usize, image.channels as usize, length as usize);
        let kernel = quantise::kernel(rows, bias, self.affine(from), |channel, position| {
            channel * row + position % pixels * planes + position / pixels
        });
        let [weight, bias] = self.constants(id, kernel, vec![linear.out, length], 0);
        let vector = self.value(from, VECTOR);
        let kind = OperatorKind::FullyConnected(self.fused(id));
        let output = self.result(id, VECTOR);
        self.draft.operator(kind, &[vector, weight, bias], output);
        Ok(())
    }

    /// The tensors of a kernel and its bias.
    fn constants(&mut self, id: NodeId, kernel: Kernel, shape: Vec<u32>, axis: u32) -> [usize; 2] {
        let node = self.network.node(id);
        let input = self.affine(node.inputs[0]);
        let channels = kernel.bias.len() as u32;
        let bias = self.draft.constant(
            format!("{}:bias", node.name),
            vec![channels],
            Element::Int32,
            Some(kernel.bias_quantisation(input)),
            kernel.bias_bytes(),
        );
        let quantisation = kernel.quantisation(axis);
        let name = format!("{}:weight", node.name);
        let weight = self
            .draft
            .constant(name, shape, Element::Int8, Some(quantisation), kernel.values);
        [weight, bias]
    }
}
