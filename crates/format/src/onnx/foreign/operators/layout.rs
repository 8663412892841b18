use panarch_graph::Op;

use super::super::super::attributes::Attributes;
use super::super::array::Array;
use super::super::draft::Step;
use super::super::folding;
use super::super::interpreter::{Interpreter, View, axis_of};
use super::super::site::Site;
use super::super::view::Axis;
use crate::FormatError;

impl Interpreter<'_> {
    /// Operators that only change the axes.
    pub(super) fn layout(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let view = self.view(site, 0)?;
        let axes = self.axes(&view);
        let made = match site.operator {
            "Flatten" => {
                let axis = attributes.int("axis", 1)?;
                let place = axis_of(site, axis, view.axes.len())?;
                if place == 1 { axes.reshape(&[0, -1]) } else { None }
            }
            "Reshape" => {
                let zeros = attributes.flag("allowzero", false)?;
                let target = self
                    .integers(site, attributes, "shape", 1)?
                    .ok_or_else(|| site.error("needs a shape"))?;
                if zeros && target.contains(&0) {
                    return Err(attributes.error("allowzero", "makes an empty value, which is not supported"));
                }
                axes.reshape(&target)
            }
            "Squeeze" => {
                let which = self.integers(site, attributes, "axes", 1)?;
                axes.squeeze(which.as_deref())
            }
            "Unsqueeze" => {
                let which = self.integers(site, attributes, "axes", 1)?.unwrap_or_default();
                axes.unsqueeze(&which)
            }
            _ => match attributes.ints("perm")? {
                Some(order) => axes.transpose(order),
                None => Some(view.axes.iter().rev().copied().collect()),
            },
        };
        let Some(made) = made else {
            return Err(site.error(format!(
                "rearranges an image of {} with axes {:?} in a way that is not supported",
                axes.shape, view.axes
            )));
        };
        let flattens = made.iter().any(|axis| matches!(axis, Axis::Flat(_)));
        let flattened = flattens.then(|| view.flattened.clone().unwrap_or_else(|| site.name.as_str().into()));
        Ok(View {
            axes: made,
            flattened,
            ..view
        })
    }

    /// Shape: the lengths of the axes.
    pub(super) fn lengths(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<Array, FormatError> {
        let view = self.view(site, 0)?;
        let lengths: Vec<i64> = self.axes(&view).lengths().iter().map(|length| *length as i64).collect();
        folding::range(attributes, &lengths)
    }

    /// Concatenation along the channels.
    pub(super) fn concatenation(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
    ) -> Result<View, FormatError> {
        let axis = attributes.int("axis", 1)?;
        let first = self.operand(site, 0)?;
        let first = self.settle(site, first)?;
        let place = axis_of(site, axis, first.axes.len())?;
        let along = first.axes[place];
        let shape = self.axes(&first).shape;
        if along != Axis::Channels && !(shape.is_vector() && shape.channels == 1 && along != Axis::Batch) {
            return Err(site.error(format!("joins along an axis that is not the channels: {along:?}")));
        }
        let mut nodes = vec![first.node];
        for position in 1..site.input_count() {
            let next = self.operand(site, position)?;
            let next = self.settle(site, next)?;
            let axes = self.axes(&next);
            let fits = next.axes.len() == first.axes.len()
                && next
                    .axes
                    .iter()
                    .zip(&first.axes)
                    .enumerate()
                    .all(|(at, (found, wanted))| {
                        let wanted = if at == place { Axis::Channels } else { *wanted };
                        axes.same(*found, wanted)
                    });
            if !fits {
                return Err(site.error(format!(
                    "joins values with different axes: {:?} and {:?}",
                    first.axes, next.axes
                )));
            }
            nodes.push(next.node);
        }
        if nodes.len() == 1 {
            return Ok(first);
        }
        let node = self.draft.push(&site.name, Step::Plain(Op::Concat), nodes)?;
        let mut axes = first.axes.clone();
        axes[place] = Axis::Channels;
        Ok(View { node, axes, ..first })
    }
}
