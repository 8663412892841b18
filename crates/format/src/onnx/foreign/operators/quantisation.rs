use std::rc::Rc;

use panarch_graph::{Activation, Op};

use super::super::super::attributes::Attributes;
use super::super::super::messages::{FLOAT, INT8, INT16, INT32, UINT8, UINT16};
use super::super::array::{Array, Values, product};
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View};
use super::super::site::Site;
use super::super::view::position;
use crate::FormatError;

/// Smallest and largest integer of a type.
fn bounds(element: i32) -> Option<(i64, i64)> {
    match element {
        UINT8 => Some((0, 255)),
        INT8 => Some((-128, 127)),
        UINT16 => Some((0, 65_535)),
        INT16 => Some((-32_768, 32_767)),
        INT32 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        _ => None,
    }
}

impl Interpreter<'_> {
    /// QuantizeLinear of a computed value: left out, but for a ReLU that was taken into its range.
    ///
    /// Quantisers drop a ReLU before a QuantizeLinear whose smallest integer stands for 0, because the rounding clips
    /// there as well; ReLU6 likewise, if the largest stands for 6. The last QuantizeLinear is another matter: logits that
    /// calibration never saw below 0 need no ReLU.
    pub(super) fn quantise(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        ignore_quantisation_attributes(attributes);
        let view = self.view(site, 0)?;
        let scale = self.constant(site, 1, "a scale")?;
        let zero = self.array(site, 2)?;
        let (element, zero) = match &zero {
            Some(zero) => (zero.element, zero.scalar()),
            None => (UINT8, Some(0.0)),
        };
        self.notes
            .count("QuantizeLinear nodes left out together with the rounding they do");
        let (Some(scale), Some(zero), Some((least, most))) = (scale.scalar(), zero, bounds(element)) else {
            return Err(site.error("needs one scale and one zero point of 8, 16 or 32 bits for a computed value"));
        };
        if !is_scale(scale) {
            return Err(site.error(format!("has the scale {scale}; a scale is finite and above 0")));
        }
        let clips_at_zero = zero == least as f64;
        if !clips_at_zero || view.softmax.is_some() || view.node == 0 || self.draft.is_non_negative(view.node) {
            return Ok(view);
        }
        let highest = (most as f64 - zero) * scale;
        let activation = if (highest - 6.0).abs() < 1e-3 {
            Activation::Relu6
        } else {
            Activation::Relu
        };
        let view = self.along(site, view, Step::Plain(Op::Activation(activation)))?;
        self.restored.insert(view.node);
        Ok(view)
    }

    /// DequantizeLinear of a computed value, which goes with the QuantizeLinear before it.
    pub(super) fn dequantise(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        ignore_quantisation_attributes(attributes);
        self.view(site, 0)
    }

    /// QuantizeLinear and DequantizeLinear of a constant.
    pub(in super::super) fn quantised_constant(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
        inputs: &[Option<Rc<Array>>],
    ) -> Result<Array, FormatError> {
        let axis = attributes.int("axis", 1)?;
        attributes.int_must_be("block_size", 0, 0)?;
        attributes.ignore("saturate");
        attributes.ignore("output_dtype");
        attributes.ignore("precision");
        let (Some(Some(data)), Some(Some(scale))) = (inputs.first(), inputs.get(1)) else {
            return Err(site.error("needs values and a scale"));
        };
        let zero = inputs.get(2).cloned().flatten();
        let channels = scale.len();
        let inner = if channels == 1 {
            data.len().max(1)
        } else {
            let place = position(axis, data.shape.len()).filter(|place| data.shape[*place] == channels);
            let after = place.and_then(|place| product(&data.shape[place + 1..]));
            after.ok_or_else(|| site.error("has another number of scales than channels"))?
        };
        if zero.as_ref().is_some_and(|zero| zero.len() != channels) {
            return Err(site.error("has another number of zero points than of scales"));
        }
        if let Some(at) = (0..channels).find(|channel| !scale.number(*channel).is_some_and(is_scale)) {
            let value = scale.number(at).unwrap_or(f64::NAN);
            return Err(site.error(format!(
                "has the scale {value} at [{at}]; a scale is finite and above 0"
            )));
        }
        self.allowance.take(data.len(), 8)?;
        let parameters = |index: usize| {
            let channel = index / inner.max(1) % channels.max(1);
            let zero = zero.as_ref().map_or(Some(0.0), |zero| zero.number(channel));
            Some((scale.number(channel)?, zero?))
        };
        if site.operator == "DequantizeLinear" {
            self.notes
                .say("Quantised weights are f32, at the values that their integers stand for.".to_owned());
            let value = |index: usize| {
                let (scale, zero) = parameters(index)?;
                Some(((data.number(index)? - zero) * scale) as f32)
            };
            let values: Option<Vec<f32>> = (0..data.len()).map(value).collect();
            let values = values.ok_or_else(|| site.error("has values that cannot be read"))?;
            return Ok(Array {
                element: FLOAT,
                ..Array::floats(data.shape.clone(), values)
            });
        }
        let element = zero.as_ref().map_or(UINT8, |zero| zero.element);
        let Some((least, most)) = bounds(element) else {
            return Err(site.error(format!("quantises to data type {element}, which is not supported")));
        };
        let value = |index: usize| {
            let (scale, zero) = parameters(index)?;
            let rounded = (data.number(index)? / scale).round_ties_even() + zero;
            Some(rounded.clamp(least as f64, most as f64) as i64)
        };
        let values: Option<Vec<i64>> = (0..data.len()).map(value).collect();
        let values = values.ok_or_else(|| site.error("has values that cannot be read"))?;
        Ok(Array {
            shape: data.shape.clone(),
            values: Values::Integers(values),
            element,
        })
    }
}

fn is_scale(scale: f64) -> bool {
    scale.is_finite() && scale > 0.0
}

fn ignore_quantisation_attributes(attributes: &mut Attributes<'_>) {
    for name in ["axis", "saturate", "output_dtype", "precision", "block_size"] {
        attributes.ignore(name);
    }
}
