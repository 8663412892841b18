use panarch_graph::{ImageAxis, LayerNorm, NormOver, Op};

use super::super::super::attributes::Attributes;
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View};
use super::super::site::Site;
use super::super::view::{Axis, IMAGE, Order};
use crate::FormatError;

impl Interpreter<'_> {
    /// LayerNormalization over the channels, or over the whole image.
    pub(super) fn layer_norm(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=3)?;
        if site.proto.output.iter().skip(1).any(|output| !output.is_empty()) {
            return Err(site.error("gives mean and variance, which is not supported"));
        }
        let eps = attributes.float("epsilon", 1e-5)?;
        let axis = attributes.int("axis", -1)?;
        attributes.ignore("stash_type");
        let view = self.operand(site, 0)?;
        let axes = self.axes(&view);
        let place = axes.position(axis).unwrap_or(view.axes.len());
        let normalised = view.axes.get(place..).unwrap_or_default();
        let over = if axes.cover(normalised, &[Axis::Channels]) {
            NormOver::Channels
        } else if axes.cover(normalised, &[Axis::Channels, Axis::Positions]) {
            NormOver::Groups(1)
        } else {
            return Err(site.error(format!(
                "is supported over the channels or a whole image, found axis {axis} of {:?}",
                view.axes
            )));
        };
        let mut made = self.along(site, view, Step::Plain(Op::LayerNorm(LayerNorm { over, eps })))?;
        for (position, operator) in [(1, "Mul"), (2, "Add")] {
            if let Some(constant) = self.array(site, position)? {
                made = self.with_constant(site, operator, made, &constant, false)?;
            } else if site.input(position).is_some() {
                return Err(site.error("needs a scale and a shift that are constant"));
            }
        }
        Ok(made)
    }

    /// InstanceNormalization: of each channel alone, or of groups of channels that a Reshape has put into one axis each, as
    /// exporters write a group normalisation.
    pub(super) fn instance_norm(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
    ) -> Result<View, FormatError> {
        site.expect_inputs(3..=3)?;
        let eps = attributes.float("epsilon", 1e-5)?;
        let view = self.operand(site, 0)?;
        let axes = self.axes(&view);
        let channels = axes.shape.channels;
        let over = if axes.fits(&IMAGE) || axes.fits(&[Axis::Batch, Axis::Channels, Axis::Positions]) {
            Some(channels)
        } else if axes.fits(&[Axis::Batch, Axis::Unit, Axis::Flat(Order::ChannelsFirst)]) {
            Some(1)
        } else {
            match view.axes[..] {
                [Axis::Batch, Axis::Part(ImageAxis::Channels, part), Axis::Group(each)] if part == each => {
                    channels.checked_div(part)
                }
                _ => None,
            }
        };
        let Some(groups) = over else {
            return Err(site.error(format!(
                "needs [batch, channels, height, width] or [batch, groups, values], found axes {:?}",
                view.axes
            )));
        };
        let norm = LayerNorm {
            over: NormOver::Groups(groups),
            eps,
        };
        let made = self.along(site, view, Step::Plain(Op::LayerNorm(norm)))?;
        self.scaled(site, made, groups)
    }

    /// GroupNormalization of operator sets 18 (a scale a group) and 21 (a scale a channel).
    pub(super) fn group_norm(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(3..=3)?;
        let eps = attributes.float("epsilon", 1e-5)?;
        let groups = attributes.int("num_groups", 1)?;
        let Ok(groups) = u32::try_from(groups) else {
            return Err(attributes.error("num_groups", format!("is out of range: {groups}")));
        };
        attributes.ignore("stash_type");
        let image = self.image(site, 0)?;
        let view = self.as_image(image);
        let channels = self.draft.nodes[image].shape.channels;
        let norm = LayerNorm {
            over: NormOver::Groups(groups),
            eps,
        };
        let made = self.along(site, view, Step::Plain(Op::LayerNorm(norm)))?;
        let many = self
            .array(site, 1)?
            .is_some_and(|scale| scale.len() == channels as usize);
        self.scaled(site, made, if many { channels } else { groups })
    }

    /// The scales and shifts at inputs 1 and 2, one a group; what does nothing is left out.
    fn scaled(&mut self, site: &Site<'_>, view: View, groups: u32) -> Result<View, FormatError> {
        let channels = self.draft.nodes[view.node].shape.channels;
        let each = (channels / groups.max(1)) as usize;
        let mut made = view;
        for (position, neutral) in [(1, 1.0), (2, 0.0)] {
            let constant = self.constant(site, position, "a scale and a shift")?;
            let values = constant.as_floats().unwrap_or_default();
            if values.len() != groups as usize {
                return Err(site.error(format!("needs {groups} scales and shifts, found {}", values.len())));
            }
            if values.iter().all(|value| *value == neutral) {
                continue;
            }
            self.allowance.take(channels as usize, 8)?;
            let spread = |value: &f32| std::iter::repeat_n(f64::from(*value), each);
            let values: Vec<f64> = values.iter().flat_map(spread).collect();
            let step = if position == 1 {
                Step::Affine(values, vec![0.0])
            } else {
                Step::Affine(vec![1.0], values)
            };
            made = self.along(site, made, step)?;
        }
        Ok(made)
    }
}
