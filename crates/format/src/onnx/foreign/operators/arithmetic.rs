use panarch_graph::{LayerNorm, NormOver, Op, Resize, ResizeTo};

use super::super::super::attributes::Attributes;
use super::super::array::Array;
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View};
use super::super::site::Site;
use super::super::view::{Axes, Axis};
use crate::FormatError;

impl Interpreter<'_> {
    /// Add, Sub, Mul, Div and Pow: of two values that depend on the image, or of one and a constant.
    pub(super) fn binary(&mut self, site: &Site<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=2)?;
        match (self.array(site, 0)?, self.array(site, 1)?) {
            (None, Some(constant)) => {
                let view = self.operand(site, 0)?;
                self.with_constant(site, site.operator, view, &constant, false)
            }
            (Some(constant), None) => {
                let view = self.operand(site, 1)?;
                self.with_constant(site, site.operator, view, &constant, true)
            }
            _ => {
                let (a, b) = (self.operand(site, 0)?, self.operand(site, 1)?);
                match site.operator {
                    "Add" => self.sum(site, a, b),
                    "Mul" => self.product(site, a, b),
                    "Sub" => self.difference(site, a, b),
                    "Div" => self.quotient(site, a, b),
                    _ => Err(site.error("of two computed values is not supported")),
                }
            }
        }
    }

    /// scale·x + shift with one constant for all channels or one for each.
    pub(super) fn with_constant(
        &mut self,
        site: &Site<'_>,
        operator: &str,
        view: View,
        constant: &Array,
        constant_first: bool,
    ) -> Result<View, FormatError> {
        let view = if constant.len() == 1 {
            view
        } else {
            self.settle(site, view)?
        };
        let axes = self.axes(&view);
        if constant.shape.len() > view.axes.len() {
            return Err(site.error(format!(
                "has a constant of more axes than the value: {:?}",
                constant.shape
            )));
        }
        let numbers: Option<Vec<f64>> = (0..constant.len()).map(|place| constant.number(place)).collect();
        let numbers = numbers.unwrap_or_default();
        if numbers.len() != 1 && !is_per_channel(&axes, &constant.shape) {
            return Err(site.error(format!(
                "has a constant of axes {:?} that is not one value a channel of {}",
                constant.shape, axes.shape
            )));
        }
        let count = numbers.len();
        let (scale, shift) = match (operator, constant_first, &numbers[..]) {
            ("Pow", false, [power]) => return self.along(site, view, Step::Power(*power)),
            ("Add", ..) => (vec![1.0], numbers),
            ("Sub", false, _) => (vec![1.0], numbers.iter().map(|number| -number).collect()),
            ("Sub", true, _) => (vec![-1.0], numbers),
            ("Mul", ..) => (numbers, vec![0.0]),
            ("Div", false, _) => (numbers.iter().map(|number| 1.0 / number).collect(), vec![0.0]),
            ("Pow", ..) => return Err(site.error("raises to a power that is no single constant")),
            _ => return Err(site.error("divides a constant by a computed value, which is not supported")),
        };
        self.allowance.take(count, 16)?;
        let layer = &self.draft.nodes[view.node];
        let lacks_bias = match &layer.step {
            Step::Convolution(_, _, bias) | Step::Linear(_, _, bias) => bias.is_none(),
            _ => false,
        };
        if operator == "Add" && lacks_bias && count == layer.shape.channels as usize {
            return self.along(site, view, Step::Bias(shift));
        }
        self.along(site, view, Step::Affine(scale, shift))
    }

    pub(super) fn sum(&mut self, site: &Site<'_>, a: View, b: View) -> Result<View, FormatError> {
        let (a, b) = self.spread(site, a, b)?;
        let (first, second) = (self.axes(&a), self.axes(&b));
        if first.shape != second.shape || !first.fits(&b.axes) {
            return Err(site.error(format!(
                "adds {} with axes {:?} and {} with axes {:?}",
                first.shape, a.axes, second.shape, b.axes
            )));
        }
        let node = self
            .draft
            .push(&site.name, Step::Plain(Op::Add), vec![a.node, b.node])?;
        Ok(View { node, ..a })
    }

    /// Of an image and a vector with one value a channel, the vector becomes an image of that value everywhere.
    fn spread(&mut self, site: &Site<'_>, a: View, b: View) -> Result<(View, View), FormatError> {
        let (first, second) = (self.axes(&a), self.axes(&b));
        let fits =
            |image: &Axes, vector: &Axes| {
                image.axes.len() == vector.axes.len()
                    && image.shape.channels == vector.shape.channels
                    && vector.shape.is_vector()
                    && !image.shape.is_vector()
                    && image.axes.iter().zip(&vector.axes).all(|(image, vector)| {
                        image == vector || (*vector != Axis::Batch && second.length(*vector) == 1)
                    })
            };
        let [height, width] = [
            first.shape.height.max(second.shape.height),
            first.shape.width.max(second.shape.width),
        ];
        let resize = Step::Plain(Op::Resize(Resize {
            to: ResizeTo::Size([height, width]),
            ..Resize::nearest(1)
        }));
        if fits(&first, &second) {
            let node = self.draft.push(&site.name, resize, vec![b.node])?;
            let axes = a.axes.clone();
            Ok((a, View { node, axes, ..b }))
        } else if fits(&second, &first) {
            let node = self.draft.push(&site.name, resize, vec![a.node])?;
            let axes = b.axes.clone();
            Ok((View { node, axes, ..a }, b))
        } else {
            Ok((a, b))
        }
    }

    /// a − b, which is a + (−1)·b; the value less its mean over the channels is kept as what a layer normalisation begins
    /// with.
    fn difference(&mut self, site: &Site<'_>, a: View, b: View) -> Result<View, FormatError> {
        let mean = &self.draft.nodes[b.node];
        if mean.step == Step::ChannelMean && mean.inputs == [a.node] {
            return self.along(site, a, Step::Centred);
        }
        let minus = self.along(site, b, Step::Affine(vec![-1.0], vec![0.0]))?;
        self.sum(site, a, minus)
    }

    /// A quotient that ends a layer normalisation: (x − mean) / √(mean of (x − mean)² + ε) over the channels.
    fn quotient(&mut self, site: &Site<'_>, a: View, b: View) -> Result<View, FormatError> {
        let eps = self.draft.normaliser(a.node, b.node);
        let (Some(eps), [input]) = (eps, &self.draft.nodes[a.node].inputs[..]) else {
            return Err(site.error(
                "divides two computed values, which is not supported except where it ends a layer normalisation over the channels",
            ));
        };
        let norm = LayerNorm {
            over: NormOver::Channels,
            eps,
        };
        let whole = View { node: *input, ..a };
        self.along(site, whole, Step::Plain(Op::LayerNorm(norm)))
    }

    /// A product of equal shapes, or with a gate of one value a channel on either side.
    fn product(&mut self, site: &Site<'_>, a: View, b: View) -> Result<View, FormatError> {
        let (first, second) = (self.axes(&a), self.axes(&b));
        let (value, gate) = if first.shape.is_vector() && !second.shape.is_vector() {
            (b, a)
        } else {
            (a, b)
        };
        let (value_axes, gate_axes) = (self.axes(&value), self.axes(&gate));
        let same = value_axes.shape == gate_axes.shape && value_axes.fits(&gate.axes);
        let gates = gate_axes.shape.is_vector()
            && value.axes.len() == gate.axes.len()
            && value.axes.iter().zip(&gate.axes).all(|(value, gate)| {
                value_axes.same(*value, *gate) || (*gate != Axis::Batch && gate_axes.length(*gate) == 1)
            });
        if !same && !gates {
            return Err(site.error(format!(
                "multiplies {} with axes {:?} and {} with axes {:?}; a gate has one value a channel",
                value_axes.shape, value.axes, gate_axes.shape, gate.axes
            )));
        }
        let node = self
            .draft
            .push(&site.name, Step::Plain(Op::Mul), vec![value.node, gate.node])?;
        Ok(View { node, ..value })
    }

    /// Clip, and Min or Max with one constant.
    pub(super) fn clip(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        let view = if site.operator == "Clip" {
            site.expect_inputs(1..=3)?;
            if let Some(bound) = attributes.optional_float("min")? {
                low = f64::from(bound);
            }
            if let Some(bound) = attributes.optional_float("max")? {
                high = f64::from(bound);
            }
            for (position, bound) in [(1, &mut low), (2, &mut high)] {
                if site.input(position).is_some() {
                    *bound = self.bound(site, position)?;
                }
            }
            self.operand(site, 0)?
        } else {
            site.expect_inputs(2..=2)?;
            let position = usize::from(self.is_view(site, 0));
            let bound = self.bound(site, position)?;
            if site.operator == "Min" {
                high = bound;
            } else {
                low = bound;
            }
            self.operand(site, 1 - position)?
        };
        // Exporters write the largest float for no bound.
        if high >= f64::from(f32::MAX) {
            high = f64::INFINITY;
        }
        if low <= f64::from(f32::MIN) {
            low = f64::NEG_INFINITY;
        }
        if low == f64::NEG_INFINITY && high == f64::INFINITY {
            return Ok(view);
        }
        if (low, high) == (0.0, 1.0) {
            // Room for the scaling that makes a hard sigmoid of it.
            let scaled = self.along(site, view, Step::Affine(vec![1.0], vec![0.0]))?;
            return self.along(site, scaled, Step::Clip(low, high));
        }
        self.along(site, view, Step::Clip(low, high))
    }

    fn bound(&mut self, site: &Site<'_>, position: usize) -> Result<f64, FormatError> {
        let array = self.constant(site, position, "a bound")?;
        array
            .scalar()
            .ok_or_else(|| site.error(format!("needs one value as bound, found {}", array.len())))
    }
}

/// Whether a constant of these axes, broadcast to a value, is one number a channel.
fn is_per_channel(axes: &Axes, constant: &[usize]) -> bool {
    let skipped = axes.axes.len().saturating_sub(constant.len());
    let aligned = axes.axes.iter().skip(skipped).zip(constant);
    aligned.clone().any(|(_, length)| *length > 1)
        && aligned
            .filter(|(_, length)| **length > 1)
            .all(|(axis, length)| axes.same(*axis, Axis::Channels) && *length as u64 == axes.length(Axis::Channels))
}
