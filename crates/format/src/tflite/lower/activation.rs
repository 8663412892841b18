use panarch_graph::{Activation, NodeId};

use super::{Lowering, NOT_WRITTEN, axes, refused};
use crate::FormatError;
use crate::tflite::quantise::Affine;
use crate::tflite::structure::{Element, Fused, OperatorKind, Quantisation};

impl Lowering<'_> {
    /// An activation that nothing takes in.
    ///
    /// Swish becomes x · LOGISTIC(x); hard-sigmoid min(max(x + 3, 0), 6) · 1/6, an ADD with ReLU6 and a MUL.
    pub(super) fn activation(&mut self, id: NodeId, activation: Activation) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let rank = self.widest(id);
        let input = self.value(node.inputs[0], rank);
        let shape = axes(network.shape(id), rank);
        let (kind, inputs) = match activation {
            Activation::Relu => (OperatorKind::Relu, vec![input]),
            Activation::Relu6 => (OperatorKind::Relu6, vec![input]),
            Activation::HardSwish => (OperatorKind::HardSwish, vec![input]),
            Activation::Sigmoid => (OperatorKind::Logistic, vec![input]),
            Activation::LeakyRelu(_) | Activation::Gelu | Activation::GeluTanh => {
                return Err(refused(node, format!("`{}` {NOT_WRITTEN}", activation.name())));
            }
            Activation::Swish => {
                let name = format!("{}:sigmoid", node.name);
                let gate = self.draft.value(name, shape, Affine::LOGISTIC);
                self.draft.operator(OperatorKind::Logistic, &[input], gate);
                (OperatorKind::Mul(Fused::None), vec![input, gate])
            }
            Activation::HardSigmoid => {
                let three = self.scalar(&format!("{}:three", node.name), 3.0);
                let name = format!("{}:clipped", node.name);
                let clipped = self.draft.value(name, shape, Affine::spread(0.0, 6.0));
                self.draft
                    .operator(OperatorKind::Add(Fused::Relu6), &[input, three], clipped);
                let sixth = self.scalar(&format!("{}:sixth", node.name), 1.0 / 6.0);
                (OperatorKind::Mul(Fused::None), vec![clipped, sixth])
            }
        };
        let output = self.result(id, rank);
        self.draft.operator(kind, &inputs, output);
        Ok(())
    }

    /// A positive constant, as the largest int8 number.
    fn scalar(&mut self, name: &str, value: f32) -> usize {
        let quantisation = Quantisation {
            scales: vec![value / 127.0],
            zero_points: vec![0],
            axis: 0,
        };
        self.draft
            .constant(name.to_owned(), vec![1], Element::Int8, Some(quantisation), vec![127])
    }
}
