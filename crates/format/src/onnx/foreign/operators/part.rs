use panarch_graph::{ImageAxis, Op, Slice};

use super::super::super::attributes::Attributes;
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View, axis_of};
use super::super::site::Site;
use super::super::view::{Axis, position, whole};
use crate::FormatError;

/// Pieces that one Gather or Slice is made of, at most.
const MOST_PIECES: usize = 64;

impl Interpreter<'_> {
    /// Slice: a part along each of some axes.
    pub(super) fn slice(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let needed = |found: Option<Vec<i64>>, what: &str| found.ok_or_else(|| site.error(format!("needs {what}")));
        let starts = self.integers(site, attributes, "starts", 1)?;
        let starts = needed(starts, "starts")?;
        let ends = self.integers(site, attributes, "ends", 2)?;
        let ends = needed(ends, "ends")?;
        let axes = self.integers(site, attributes, "axes", 3)?;
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = self.integers(site, attributes, "steps", 4)?;
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(site.error("has lists of different lengths"));
        }
        let mut view = self.operand(site, 0)?;
        for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
            let place = axis_of(site, *axis, view.axes.len())?;
            view = self.settled_at(site, view, place)?;
            let length = self.length_at(&view, place);
            if *step == -1 {
                let last = bound(*start, length, length as i64 - 1);
                let first = if *end < -(length as i64) {
                    -1
                } else {
                    bound(*end, length, length as i64 - 1)
                };
                let most = MOST_PIECES as i64;
                if last.saturating_sub(first) > most {
                    return Err(site.error(format!("turns around more than {most} positions")));
                }
                let places: Vec<u64> = (first + 1..=last).rev().map(|at| at as u64).collect();
                view = self.pieces(site, view, place, &places)?;
                continue;
            }
            let Ok(step @ 1..) = u32::try_from(*step) else {
                return Err(site.error(format!("has the step {step}; steps from 1 on, and -1, are supported")));
            };
            let [start, end] = [start, end].map(|at| bound(*at, length, length as i64) as u64);
            view = self.part(site, view, place, [start, end], step)?;
        }
        Ok(view)
    }

    /// Split: parts one after the other along an axis, as many as there are outputs.
    pub(in super::super) fn split(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
    ) -> Result<Vec<View>, FormatError> {
        let outputs = site.proto.output.len() as u64;
        let axis = attributes.int("axis", 0)?;
        let listed = self.integers(site, attributes, "split", 1)?;
        let number = attributes.int("num_outputs", outputs as i64)?;
        let view = self.operand(site, 0)?;
        let place = axis_of(site, axis, view.axes.len())?;
        let view = self.settled_at(site, view, place)?;
        let length = self.length_at(&view, place);
        let lengths = match listed {
            Some(listed) => {
                let lengths: Option<Vec<u64>> = listed.iter().map(|part| u64::try_from(*part).ok()).collect();
                lengths.ok_or_else(|| site.error(format!("has parts of negative length: {listed:?}")))?
            }
            // As many as fit; the last may be shorter.
            None => {
                let each = length.div_ceil(outputs.max(1));
                (0..outputs)
                    .map(|part| each.min(length.saturating_sub(part * each)))
                    .collect()
            }
        };
        let sum = lengths.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part));
        if lengths.len() as u64 != outputs || number != outputs as i64 || sum != Some(length) {
            return Err(site.error(format!(
                "splits an axis of {length} into parts of {lengths:?} for {outputs} outputs"
            )));
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(lengths.len());
        for length in lengths {
            parts.push(self.part(site, view.clone(), place, [start, start + length], 1)?);
            start += length;
        }
        Ok(parts)
    }

    /// Gather with constant positions along one axis; a single one takes the axis away.
    pub(super) fn gather(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(2..=2)?;
        let axis = attributes.int("axis", 0)?;
        let indices = self.constant(site, 1, "a list of positions")?;
        let view = self.operand(site, 0)?;
        let place = axis_of(site, axis, view.axes.len())?;
        let view = self.settled_at(site, view, place)?;
        let length = self.length_at(&view, place);
        let listed = indices.as_integers().unwrap_or_default();
        let places: Option<Vec<u64>> = listed
            .iter()
            .map(|at| position(*at, usize::try_from(length).ok()?).map(|at| at as u64))
            .collect();
        let Some(places) = places.filter(|places| !places.is_empty() && indices.shape.len() <= 1) else {
            return Err(site.error(format!(
                "takes {listed:?} of an axis of {length}, which is not supported"
            )));
        };
        let mut made = self.pieces(site, view, place, &places)?;
        if indices.shape.is_empty() {
            if made.axes.get(place) == Some(&Axis::Batch) {
                return Err(site.error("takes single images out of the batch"));
            }
            made.axes.remove(place);
        }
        Ok(made)
    }

    /// A flattened image that is cut has channels.
    fn settled_at(&mut self, site: &Site<'_>, view: View, place: usize) -> Result<View, FormatError> {
        match view.axes.get(place) {
            Some(Axis::Flat(_)) => self.settle(site, view),
            _ => Ok(view),
        }
    }

    fn length_at(&self, view: &View, place: usize) -> u64 {
        let axes = self.axes(view);
        view.axes.get(place).map_or(1, |axis| axes.length(*axis))
    }

    /// Single positions in any order: the parts that they lie in, joined.
    fn pieces(&mut self, site: &Site<'_>, view: View, place: usize, places: &[u64]) -> Result<View, FormatError> {
        let step = match places {
            [first, second, ..] => second.checked_sub(*first).unwrap_or(0),
            _ => 1,
        };
        let even = places.windows(2).all(|two| two[1].checked_sub(two[0]) == Some(step));
        if let (Some(first), Some(last), true, Ok(step @ 1..)) =
            (places.first(), places.last(), even, u32::try_from(step))
        {
            return self.part(site, view, place, [*first, last + 1], step);
        }
        if places.len() > MOST_PIECES || view.axes.get(place) != Some(&Axis::Channels) {
            return Err(site.error(format!(
                "takes {} positions out of their order along {:?}, which is supported for up to {MOST_PIECES} channels",
                places.len(),
                view.axes.get(place)
            )));
        }
        let mut nodes = Vec::with_capacity(places.len());
        for at in places {
            nodes.push(self.part(site, view.clone(), place, [*at, at + 1], 1)?.node);
        }
        let node = self.draft.push(&site.name, Step::Plain(Op::Concat), nodes)?;
        Ok(View { node, ..view })
    }

    /// Every `step`-th position from `start` to before `end` along one axis.
    pub(super) fn part(
        &mut self,
        site: &Site<'_>,
        view: View,
        place: usize,
        [start, end]: [u64; 2],
        step: u32,
    ) -> Result<View, FormatError> {
        let length = self.length_at(&view, place);
        if start >= end || end > length {
            return Err(site.error(format!("takes nothing of an axis of {length}: from {start} to {end}")));
        }
        if (start, end, step) == (0, length, 1) {
            return Ok(view);
        }
        let axis = view.axes.get(place).copied().unwrap_or(Axis::Unit);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let cut = |axis: ImageAxis, before: u64, after: u64, step: u32| {
            Step::Plain(Op::Slice(Slice {
                axis,
                before: narrow(before),
                after: narrow(after),
                step,
            }))
        };
        let mut axes = view.axes.clone();
        let made = match axis {
            Axis::Part(of, within) if step == 1 => {
                let each = u64::from(within);
                cut(of, start * each, (length - end) * each, 1)
            }
            Axis::Within(of, within) if end - start == 1 && axes.contains(&Axis::Part(of, within)) => {
                for axis in &mut axes {
                    if *axis == Axis::Part(of, within) {
                        *axis = whole(of);
                    } else if *axis == Axis::Within(of, within) {
                        *axis = Axis::Unit;
                    }
                }
                cut(of, start, 0, within)
            }
            whole => match whole.of_image() {
                Some(of) => cut(of, start, length - end, step),
                None => {
                    return Err(site.error(format!(
                        "cuts along {axis:?}; channels, rows and columns can be cut, the heads of an attention cannot, found \
                         axes {:?}",
                        view.axes
                    )));
                }
            },
        };
        Ok(View {
            axes,
            ..self.along(site, view, made)?
        })
    }
}

/// A bound as ONNX and Python have it: negative ones count from the end, and what is beyond an end is that end.
fn bound(at: i64, length: u64, most: i64) -> i64 {
    let length = length as i64;
    let at = if at < 0 { at.saturating_add(length) } else { at };
    at.clamp(0, most.max(0))
}
