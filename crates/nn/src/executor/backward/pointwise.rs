//! Backward through 1×1 convolutions and linear layers.

use super::super::operand::Operand;
use super::Backward;
use crate::kernels::elementwise::{Rows, RowsOut};
use crate::kernels::prefetch::Prefetch;
use crate::kernels::product::{Ends, Product, product};
use crate::kernels::reduction::{Reduction, reduce};
use crate::plan::{Convolution, block_rows, lines};

impl Backward<'_> {
    /// Asks for the next rows of a product's input and gradient while `rows` rows are at work.
    fn ahead_of_rows(&self, conv: &Convolution, operand: &Operand, row: usize, next: usize, rows: usize) -> Prefetch {
        let calls = Reduction::calls(self.level, rows, conv.inputs, conv.outputs)
            + Product::calls(self.level, rows, conv.inputs);
        let [x, z] = [conv.inputs, conv.outputs].map(|channels| Rows { rows: next, channels });
        let values = row * conv.outputs;
        let [g, value] = [self.own.g(conv.outputs), self.own.value].map(|from| from.at(values));
        // Without batch normalisation the raw value is not read.
        let places = [(operand.rows(row), x), (g, z), (value, z)];
        Prefetch::new(
            if self.group.norm.is_some() {
                &places
            } else {
                &places[..2]
            },
            calls,
        )
    }

    pub(super) unsafe fn pointwise(&self, conv: &Convolution) {
        let operand = (self.operand)(0);
        let edge = (self.edge)(0);
        let step = block_rows(conv.inputs, conv.outputs);
        let other = self.scratch.wrapping_add(lines(step * conv.inputs));
        let mut row = self.images.start * operand.pixels;
        let end = self.images.end * operand.pixels;
        while row < end {
            let rows = step.min(end - row);
            unsafe {
                let mut prefetch = self.ahead_of_rows(conv, &operand, row + rows, step.min(end - row - rows), rows);
                let gradient = self.gradient(
                    row,
                    rows,
                    RowsOut {
                        data: other,
                        stride: conv.gradient_pixel,
                    },
                );
                let x = operand.read(self.level, row, rows, self.scratch);
                reduce(
                    self.level,
                    &Reduction {
                        lines: 1,
                        columns: rows,
                        a: x.data,
                        a_stride: x.stride,
                        a_line: 0,
                        inner: conv.inputs,
                        b: gradient.data,
                        b_stride: gradient.stride,
                        b_line: 0,
                        outer: conv.outputs,
                        c: self.sums,
                        c_stride: conv.gradient_pixel,
                    },
                    &mut prefetch,
                );
                self.bias(
                    conv,
                    Rows {
                        rows,
                        channels: conv.outputs,
                    },
                    gradient,
                    0,
                );
                if let Some(edge) = &edge {
                    product(
                        self.level,
                        &Product {
                            rows,
                            a: gradient.data,
                            a_stride: gradient.stride,
                            segments: &[0],
                            segment_length: conv.outputs,
                            b: self.packed,
                            columns: conv.inputs,
                            c: edge.data.add(row * conv.inputs),
                            c_stride: conv.inputs,
                            accumulate: edge.accumulate,
                            ends: Ends::NONE,
                        },
                        &mut prefetch,
                    );
                    self.end(edge, conv.inputs, row, rows, 0, conv.inputs);
                }
            }
            row += rows;
        }
    }
}
