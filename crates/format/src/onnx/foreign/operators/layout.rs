use panarch_graph::{ImageAxis, Op, Slice};

use super::super::super::attributes::Attributes;
use super::super::array::Array;
use super::super::draft::Step;
use super::super::folding;
use super::super::interpreter::{Interpreter, View, axis_of};
use super::super::site::Site;
use super::super::view::{Axis, Moved, Reshaped};
use crate::FormatError;

/// Positions of a block that becomes channels, at most.
const LARGEST_BLOCK: u64 = 64;

/// Axes of values that have not moved.
const fn still(axes: Vec<Axis>) -> Reshaped {
    Reshaped { axes, moved: None }
}

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
                if axes.resolve(&target).is_none() {
                    return Err(site.error(format!(
                        "asks for {target:?} of {} values; where these lengths are constants, the file is for one image size \
                         alone: export it with sizes that are open",
                        axes.lengths().iter().product::<u64>()
                    )));
                }
                axes.reshape(&target)
            }
            "Squeeze" => {
                let which = self.integers(site, attributes, "axes", 1)?;
                axes.squeeze(which.as_deref()).map(still)
            }
            "Unsqueeze" => {
                let which = self.integers(site, attributes, "axes", 1)?.unwrap_or_default();
                axes.unsqueeze(&which).map(still)
            }
            _ => match attributes.ints("perm")? {
                Some(order) => axes.transpose(order).map(still),
                None => Some(still(view.axes.iter().rev().copied().collect())),
            },
        };
        let Some(Reshaped { axes: made, moved }) = made else {
            return Err(site.error(format!(
                "rearranges an image of {} with axes {:?} in a way that is not supported; what puts groups or windows of an \
                 image into its batch, as attention does, has no counterpart here",
                axes.shape, view.axes
            )));
        };
        let view = match moved {
            Some(moved) => self.moved(site, view, moved)?,
            None => view,
        };
        let flattens = made.iter().any(|axis| matches!(axis, Axis::Flat(_)));
        let flattened = flattens.then(|| view.flattened.clone().unwrap_or_else(|| site.name.as_str().into()));
        Ok(View {
            axes: made,
            flattened,
            ..view
        })
    }

    /// The image of a view after its values have moved.
    fn moved(&mut self, site: &Site<'_>, view: View, moved: Moved) -> Result<View, FormatError> {
        let shuffle = |groups| Step::Plain(Op::Shuffle { groups });
        match moved {
            Moved::Shuffle(groups) => self.along(site, view, shuffle(groups)),
            Moved::BlocksFirst(block) => self.blocks(site, view, block),
            Moved::BlocksLast([high, wide]) => {
                let view = self.blocks(site, view, [high, wide])?;
                self.along(site, view, shuffle(high.saturating_mul(wide)))
            }
        }
    }

    /// The image whose channels are the positions of blocks, the place in the block first: every so-many-th row and column,
    /// joined.
    pub(super) fn blocks(&mut self, site: &Site<'_>, view: View, [high, wide]: [u32; 2]) -> Result<View, FormatError> {
        if u64::from(high) * u64::from(wide) > LARGEST_BLOCK {
            return Err(site.error(format!(
                "makes channels of blocks of {high}×{wide} positions, more than {LARGEST_BLOCK}"
            )));
        }
        let part = |axis, before, step| {
            Step::Plain(Op::Slice(Slice {
                axis,
                before,
                after: 0,
                step,
            }))
        };
        let mut parts = Vec::new();
        for top in 0..high {
            let rows = self.along(site, view.clone(), part(ImageAxis::Height, top, high))?;
            for left in 0..wide {
                parts.push(self.along(site, rows.clone(), part(ImageAxis::Width, left, wide))?.node);
            }
        }
        self.notes
            .count("Rearrangements of blocks of positions into channels that are slices and a concatenation");
        let node = self.draft.push(&site.name, Step::Plain(Op::Concat), parts)?;
        Ok(View { node, ..view })
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
            return Err(site.error(format!(
                "joins along an axis that is not the channels ({along:?}); branches that are stacked, as selective kernels \
                 and attention do, have no counterpart here"
            )));
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
