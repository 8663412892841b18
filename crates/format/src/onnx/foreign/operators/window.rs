use panarch_graph::{BorderFill, Conv2d, Node, Op, Padding, Pool, PoolKind, Shape, Tensor};

use super::super::super::attributes::Attributes;
use super::super::draft::{Border, Step};
use super::super::interpreter::{Interpreter, View};
use super::super::site::Site;
use super::super::view::{Axis, VECTOR};
use crate::FormatError;

/// How ONNX is told to choose the padding.
#[derive(Clone, Copy, PartialEq)]
enum AutoPad {
    None,
    Valid,
    SameUpper,
    SameLower,
}

impl Interpreter<'_> {
    pub(super) fn convolution(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
    ) -> Result<View, FormatError> {
        site.expect_inputs(2..=3)?;
        let weight = self.constant(site, 1, "a weight")?;
        if weight.shape.len() == 3 {
            return Err(site.error(
                "convolves along one axis, as efficient channel attention does along the channels, which is not supported; \
                 take a member of the family with squeeze-and-excite",
            ));
        }
        let image = self.image(site, 0)?;
        let (&[out, inputs, height, width], Some(values)) = (&weight.shape[..], weight.as_floats()) else {
            return Err(site.error(format!("needs a weight of 4 axes of floats, found {:?}", weight.shape)));
        };
        let [out, inputs_wide, height, width] =
            [out, inputs, height, width].map(|axis| u32::try_from(axis).unwrap_or(0));
        let kernel = [height, width];
        if attributes.pair("kernel_shape", Some(kernel))? != kernel {
            return Err(attributes.error("kernel_shape", format!("differs from the weight's {kernel:?}")));
        }
        let groups = attributes.int("group", 1)?;
        let groups =
            u32::try_from(groups).map_err(|_| attributes.error("group", format!("is out of range: {groups}")))?;
        let stride = attributes.pair("strides", Some([1, 1]))?;
        let dilation = attributes.pair("dilations", Some([1, 1]))?;
        let padding = self.padding(image, attributes, [kernel, stride, dilation])?;
        let channels = self.draft.nodes[image].shape.channels;
        if u64::from(inputs_wide) * u64::from(groups) != u64::from(channels) {
            return Err(site.error(format!(
                "has a weight for {inputs_wide} channels in {groups} groups and an image of {channels} channels"
            )));
        }
        let bias = self.bias(site, 2, out)?;
        let conv = Conv2d {
            out,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias: bias.is_some(),
        };
        self.allowance.take(values.len(), 4)?;
        let weight = Tensor::new(weight.shape.clone(), values.to_vec())?;
        let made = self
            .draft
            .push(&site.name, Step::Convolution(conv, weight, bias), vec![image])?;
        Ok(self.as_image(made))
    }

    /// A bias of one value an output; none when the input is left out.
    pub(super) fn bias(&mut self, site: &Site<'_>, position: usize, out: u32) -> Result<Option<Vec<f32>>, FormatError> {
        if site.input(position).is_none() {
            return Ok(None);
        }
        let bias = self.constant(site, position, "a bias")?;
        match bias.as_floats() {
            Some(values) if values.len() == out as usize => Ok(Some(values.to_vec())),
            _ => Err(site.error(format!("needs a bias of {out} floats, found {:?}", bias.shape))),
        }
    }

    pub(super) fn pool(
        &mut self,
        site: &Site<'_>,
        kind: PoolKind,
        attributes: &mut Attributes<'_>,
    ) -> Result<View, FormatError> {
        site.expect_inputs(1..=1)?;
        if site.proto.output.len() > 1 && !site.proto.output[1].is_empty() {
            return Err(site.error("gives the positions of its maxima, which is not supported"));
        }
        let image = self.image(site, 0)?;
        let kernel = attributes.pair("kernel_shape", None)?;
        let stride = attributes.pair("strides", Some([1, 1]))?;
        if attributes.pair("dilations", Some([1, 1]))? != [1, 1] {
            return Err(attributes.error("dilations", "are not supported"));
        }
        let padding = self.padding(image, attributes, [kernel, stride, [1, 1]])?;
        let pool = Pool {
            kind,
            kernel,
            stride,
            padding,
            ceil: attributes.flag("ceil_mode", false)?,
            count_padding: attributes.flag("count_include_pad", false)?,
        };
        let pool = hanging_over(pool, self.draft.nodes[image].shape);
        // The order in which positions would be numbered.
        attributes.ignore("storage_order");
        let made = self.draft.push(&site.name, Step::Plain(Op::Pool(pool)), vec![image])?;
        Ok(self.as_image(made))
    }

    /// The padding that is listed, or the one that automatic padding chooses for this input.
    fn padding(
        &self,
        image: usize,
        attributes: &mut Attributes<'_>,
        [kernel, stride, dilation]: [[u32; 2]; 3],
    ) -> Result<Padding, FormatError> {
        let automatic = match attributes.text("auto_pad", "NOTSET")?.as_str() {
            "NOTSET" | "" => AutoPad::None,
            "VALID" => AutoPad::Valid,
            "SAME_UPPER" => AutoPad::SameUpper,
            "SAME_LOWER" => AutoPad::SameLower,
            other => return Err(attributes.error("auto_pad", format!("has no meaning: `{other}`"))),
        };
        let listed = attributes.pads()?;
        let shape = self.draft.nodes[image].shape;
        let size = [shape.height, shape.width].map(u64::from);
        let total = |axis: usize| {
            let [kernel, stride, dilation] = [kernel[axis], stride[axis], dilation[axis]].map(u64::from);
            let reach = (size[axis].div_ceil(stride.max(1)) - 1) * stride + dilation * (kernel.max(1) - 1) + 1;
            reach.saturating_sub(size[axis]) as u32
        };
        let totals = [total(0), total(1)];
        let (less, more) = (totals.map(|total| total / 2), totals.map(|total| total.div_ceil(2)));
        Ok(match automatic {
            AutoPad::None => listed,
            AutoPad::Valid => Padding::NONE,
            AutoPad::SameUpper => Padding {
                before: less,
                after: more,
            },
            AutoPad::SameLower => Padding {
                before: more,
                after: less,
            },
        })
    }

    pub(super) fn global_average(&mut self, site: &Site<'_>, image: usize) -> Result<View, FormatError> {
        let made = self
            .draft
            .push(&site.name, Step::Plain(Op::GlobalAvgPool), vec![image])?;
        Ok(self.as_image(made))
    }

    /// A maximum over all positions is a pool of the whole image.
    pub(super) fn global_maximum(&mut self, site: &Site<'_>, image: usize) -> Result<View, FormatError> {
        let shape = self.draft.nodes[image].shape;
        let kernel = [shape.height, shape.width];
        let pool = Pool {
            kind: PoolKind::Max,
            kernel,
            stride: [1, 1],
            padding: Padding::NONE,
            ceil: false,
            count_padding: true,
        };
        self.notes.say(format!(
            "The global maximum `{}` is a maximum pool of {} by {}, which holds for this image size.",
            site.name, kernel[0], kernel[1]
        ));
        let made = self.draft.push(&site.name, Step::Plain(Op::Pool(pool)), vec![image])?;
        Ok(self.as_image(made))
    }

    /// A mean or maximum over height and width.
    pub(super) fn reduction(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        site.expect_inputs(1..=2)?;
        let view = self.operand(site, 0)?;
        let axes = self.axes(&view);
        let listed = self.integers(site, attributes, "axes", 1)?.unwrap_or_default();
        let keep = attributes.flag("keepdims", true)?;
        attributes.int_must_be("noop_with_empty_axes", 0, 0)?;
        let reduced: Option<Vec<usize>> = listed.iter().map(|axis| axes.position(*axis)).collect();
        let reduced = reduced.unwrap_or_default();
        if let [place] = reduced[..]
            && site.operator == "ReduceMean"
            && keep
            && view.axes[place] == Axis::Channels
        {
            return self.along(site, view, Step::ChannelMean);
        }
        let over = |wanted: Axis| axes.length(wanted) == 1 || reduced.iter().any(|place| view.axes[*place] == wanted);
        let only = reduced.iter().all(|place| {
            matches!(
                view.axes[*place],
                Axis::Rows | Axis::Columns | Axis::Positions | Axis::Unit
            )
        });
        let over_all = over(Axis::Positions) || (over(Axis::Rows) && over(Axis::Columns));
        if !only || reduced.is_empty() || !over_all {
            return Err(site.error(format!(
                "is supported over height and width only, found axes {listed:?} of {:?}",
                view.axes
            )));
        }
        let made = if site.operator == "ReduceMean" {
            self.global_average(site, view.node)?
        } else {
            self.global_maximum(site, view.node)?
        };
        let places = view.axes.iter().enumerate();
        let kept = places.filter(|(place, _)| keep || !reduced.contains(place));
        Ok(View {
            axes: kept.map(|(_, axis)| *axis).collect(),
            ..made
        })
    }

    pub(super) fn pad(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let mode = attributes.text("mode", "constant")?;
        let view = self.operand(site, 0)?;
        let mut sides = self
            .integers(site, attributes, "pads", 1)?
            .ok_or_else(|| site.error("needs widths"))?;
        if site.input(3).is_some() {
            sides = self.chosen_sides(site, &view, &sides)?;
        }
        let given = attributes.optional_float("value")?.map(f64::from);
        let value = match self.array(site, 2)? {
            Some(array) => array.scalar(),
            None => Some(given.unwrap_or(0.0)),
        };
        let view = self.trimmed(site, view, &mut sides)?;
        let padding = self.border(site, &view, &sides)?;
        if padding == Padding::NONE {
            return Ok(view);
        }
        if mode != "constant" {
            let fill = match mode.as_str() {
                "reflect" => BorderFill::Reflect,
                "edge" => BorderFill::Edge,
                other => {
                    let reason = format!("`{other}` is not supported, only constant, reflect and edge");
                    return Err(attributes.error("mode", reason));
                }
            };
            return self.along(
                site,
                view,
                Step::Plain(Op::Pad(panarch_graph::Border { padding, fill })),
            );
        }
        let border = match value {
            Some(0.0) => Border::Zero,
            Some(value) if value <= f64::from(f32::MIN) => Border::Lowest,
            value => {
                let value = value.map_or_else(|| "a value that is computed".to_owned(), |value| value.to_string());
                return Err(site.error(format!(
                    "pads with {value}; only 0 is supported, and −∞ before a maximum"
                )));
            }
        };
        if !view.axes.iter().all(|axis| !matches!(axis, Axis::Flat(_))) || view.axes.len() < VECTOR.len() {
            return Err(site.error("pads what is no image"));
        }
        self.along(site, view, Step::Pad(padding, border))
    }

    /// Sides of negative width cut the image; they are 0 afterwards.
    fn trimmed(&mut self, site: &Site<'_>, view: View, sides: &mut [i64]) -> Result<View, FormatError> {
        let count = view.axes.len();
        let mut view = view;
        if sides.len() != 2 * count {
            return Ok(view);
        }
        for place in 0..count {
            let cut = [place, place + count].map(|side| {
                let width = sides[side];
                sides[side] = width.max(0);
                width.min(0).unsigned_abs()
            });
            if cut != [0, 0] {
                let axes = self.axes(&view);
                let end = axes.length(axes.axes[place]).saturating_sub(cut[1]);
                view = self.part(site, view, place, [cut[0], end], 1)?;
            }
        }
        Ok(view)
    }

    /// The widths of all axes, where they are listed for some.
    fn chosen_sides(&mut self, site: &Site<'_>, view: &View, sides: &[i64]) -> Result<Vec<i64>, FormatError> {
        let chosen = self.constant(site, 3, "a list of axes")?;
        let chosen = chosen.as_integers().unwrap_or_default();
        if sides.len() != 2 * chosen.len() {
            return Err(site.error("has another number of widths than of axes"));
        }
        let count = view.axes.len();
        let mut all = vec![0; 2 * count];
        for (index, axis) in chosen.iter().enumerate() {
            let place = super::super::interpreter::axis_of(site, *axis, count)?;
            all[place] = sides[index];
            all[place + count] = sides[index + chosen.len()];
        }
        Ok(all)
    }
}

/// A pool whose padding after the image is more than half its window, as one that rounds its size up: how such a pool is
/// written for readers that round down. Where neither counts its padding, both compute the same if they are of one size.
fn hanging_over(pool: Pool, from: Shape) -> Pool {
    let counts = pool.kind == PoolKind::Average && pool.count_padding;
    let half = pool.kernel.map(|side| side / 2);
    let after = pool.padding.after;
    if pool.ceil || counts || (0..2).all(|axis| after[axis] <= half[axis]) {
        return pool;
    }
    let size = |image: u32, axis: usize| {
        let padded = u64::from(image) + u64::from(pool.padding.before[axis]) + u64::from(after[axis]);
        let steps = padded.checked_sub(u64::from(pool.kernel[axis]))?;
        Some(steps.checked_div(u64::from(pool.stride[axis]))? + 1)
    };
    let wanted = [size(from.height, 0), size(from.width, 1)];
    let rounded = Pool {
        padding: Padding {
            after: [0, 1].map(|axis| after[axis].min(half[axis])),
            ..pool.padding
        },
        ceil: true,
        ..pool
    };
    let node = Node {
        name: String::new(),
        op: Op::Pool(rounded),
        inputs: Vec::new(),
        block: String::new(),
    };
    let made = node.infer_shape(&[from]);
    if made.is_ok_and(|made| [made.height, made.width].map(|side| Some(u64::from(side))) == wanted) {
        rounded
    } else {
        pool
    }
}
