//! Sliding windows: which padding TFLite can say, and pools.

use panarch_graph::{Conv2d, NodeId, Padding, Pool, Shape};

use super::{IMAGE, Lowering, is_maximum, refused};
use crate::FormatError;
use crate::onnx::WrittenPool;
use crate::tflite::structure::{Element, Fused, OperatorKind, Window, WindowPadding};

/// What surrounds an image under a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Borders {
    /// What windows reach; positions behind the image that no window reaches are left out.
    reached: Padding,
    /// Whether SAME says this.
    same: bool,
}

impl Borders {
    pub(super) fn of_convolution(conv: &Conv2d, from: Shape, to: Shape) -> Self {
        let extent =
            [0, 1].map(|axis| u64::from(conv.dilation[axis]) * u64::from(conv.kernel[axis].saturating_sub(1)) + 1);
        Self::new(
            [from.height, from.width],
            [to.height, to.width],
            extent,
            conv.stride,
            conv.padding.before,
        )
    }

    fn of_pool(pool: &Pool, from: [u32; 2], to: Shape, before: [u32; 2]) -> Self {
        Self::new(
            from,
            [to.height, to.width],
            pool.kernel.map(u64::from),
            pool.stride,
            before,
        )
    }

    fn new(from: [u32; 2], to: [u32; 2], extent: [u64; 2], stride: [u32; 2], before: [u32; 2]) -> Self {
        let mut same = true;
        let after = [0, 1].map(|axis| {
            let (size, stride) = (u64::from(from[axis]), u64::from(stride[axis]).max(1));
            let covered = u64::from(to[axis]).saturating_sub(1) * stride + extent[axis];
            let total = covered.saturating_sub(size);
            same &= u64::from(to[axis]) == size.div_ceil(stride) && u64::from(before[axis]) == total / 2;
            total.saturating_sub(u64::from(before[axis])) as u32
        });
        Self {
            reached: Padding { before, after },
            same,
        }
    }

    fn are_none(&self) -> bool {
        self.reached == Padding::NONE
    }
}

impl Lowering<'_> {
    /// The image, surrounded by zeros of its own where TFLite has no word for the borders, and the word for the rest.
    pub(super) fn bordered(&mut self, id: NodeId, image: usize, borders: &Borders) -> (usize, WindowPadding) {
        if borders.are_none() {
            (image, WindowPadding::Valid)
        } else if borders.same {
            (image, WindowPadding::Same)
        } else {
            (self.padded(id, image, borders.reached, false), WindowPadding::Valid)
        }
    }

    /// An explicit PAD with zeros, or with what never wins a maximum.
    fn padded(&mut self, id: NodeId, image: usize, padding: Padding, lowest: bool) -> usize {
        let network = self.network;
        let node = network.node(id);
        let Padding { before, after } = padding;
        let widths = [0, 0, before[0], after[0], before[1], after[1], 0, 0].map(|width| width as i32);
        let affine = self.affine(node.inputs[0]);
        let mut shape = self.draft.tensors[image].0.shape.clone();
        for (axis, length) in shape.iter_mut().skip(1).take(2).enumerate() {
            *length += before[axis] + after[axis];
        }
        let part = if self
            .draft
            .tensors
            .iter()
            .any(|(it, _)| it.name == format!("{}:pad", node.name))
        {
            "pad2"
        } else {
            "pad"
        };
        let widths = self
            .draft
            .indices(format!("{}:{part}.widths", node.name), vec![4, 2], &widths);
        let padded = self.draft.value(format!("{}:{part}", node.name), shape, affine);
        // Zero is the lowest number where nothing lies below it.
        if lowest && affine.zero_point != i8::MIN {
            let value = self.draft.constant(
                format!("{}:{part}.lowest", node.name),
                vec![1],
                Element::Int8,
                Some(affine.quantisation()),
                vec![i8::MIN as u8],
            );
            self.draft
                .operator(OperatorKind::PadV2, &[image, widths, value], padded);
        } else {
            self.draft.operator(OperatorKind::Pad, &[image, widths], padded);
        }
        padded
    }

    pub(super) fn pool(&mut self, id: NodeId, pool: &Pool) -> Result<(), FormatError> {
        let network = self.network;
        let node = network.node(id);
        let from = network.shape(node.inputs[0]);
        let to = network.shape(id);
        let written = WrittenPool::new(pool, from, to);
        let mut image = self.value(node.inputs[0], IMAGE);
        let mut size = [from.height, from.width];
        if written.zeros != Padding::NONE {
            let Padding { before, after } = written.zeros;
            image = self.padded(id, image, written.zeros, false);
            size = [0, 1].map(|axis| size[axis] + before[axis] + after[axis]);
        }
        let borders = Borders::of_pool(pool, size, to, written.padding.before);
        let maximum = is_maximum(pool.kind);
        let padding = if borders.are_none() {
            WindowPadding::Valid
        } else if borders.same && (maximum || !written.count_padding) {
            WindowPadding::Same
        } else if maximum || written.count_padding {
            image = self.padded(id, image, borders.reached, maximum);
            WindowPadding::Valid
        } else {
            return Err(refused(
                node,
                "an average that leaves its padding out, where the padding is not TFLite's SAME; count the padding, or \
                 choose a size that the stride divides",
            ));
        };
        let window = Window {
            padding,
            stride: pool.stride,
            dilation: [1; 2],
            size: pool.kernel,
        };
        let kind = if maximum {
            OperatorKind::MaxPool2d(window, Fused::None)
        } else {
            OperatorKind::AveragePool2d(window, Fused::None)
        };
        let output = self.result(id, IMAGE);
        self.draft.operator(kind, &[image], output);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes, kernel, stride, padding before; what is reached behind, and whether SAME says it.
    #[test]
    fn borders_say_what_windows_reach() {
        for ((from, to, kernel, stride, before), (after, same)) in [
            ((224, 112, 3, 2, 1), (0, false)),
            ((7, 4, 3, 2, 1), (1, true)),
            ((14, 14, 5, 1, 2), (2, true)),
            ((8, 4, 1, 2, 0), (0, true)),
            ((8, 6, 3, 1, 0), (0, false)),
            ((224, 112, 7, 2, 3), (2, false)),
        ] {
            let borders = Borders::new([from; 2], [to; 2], [kernel; 2], [stride; 2], [before; 2]);
            assert_eq!(
                (borders.reached.after, borders.same),
                ([after; 2], same),
                "{from} {kernel} {stride}"
            );
        }
    }
}
