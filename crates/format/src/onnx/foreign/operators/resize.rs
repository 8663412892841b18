use panarch_graph::{Coordinates, Interpolation, Op, Resize, ResizeTo};

use super::super::super::attributes::Attributes;
use super::super::draft::Step;
use super::super::interpreter::{Interpreter, View, axis_of};
use super::super::site::Site;
use super::super::view::Axis;
use crate::FormatError;

impl Interpreter<'_> {
    /// Resize of operator sets 10 and newer, and Upsample before them.
    pub(super) fn resize(&mut self, site: &Site<'_>, attributes: &mut Attributes<'_>) -> Result<View, FormatError> {
        let view = self.operand(site, 0)?;
        let axes = self.axes(&view);
        // Upsample and the first Resize have their scales as second input.
        let early = site.operator == "Upsample" || site.input_count() == 2;
        let coordinates = attributes.text(
            "coordinate_transformation_mode",
            if early { "asymmetric" } else { "half_pixel" },
        )?;
        let coordinates = match coordinates.as_str() {
            "half_pixel" => Coordinates::HalfPixel,
            "pytorch_half_pixel" => Coordinates::PytorchHalfPixel,
            "asymmetric" => Coordinates::Asymmetric,
            "align_corners" => Coordinates::AlignCorners,
            other => {
                let reason = format!(
                    "`{other}` is not supported, only half_pixel, pytorch_half_pixel, asymmetric and align_corners"
                );
                return Err(attributes.error("coordinate_transformation_mode", reason));
            }
        };
        let nearest = attributes.text("nearest_mode", if early { "floor" } else { "round_prefer_floor" })?;
        let interpolation = match attributes.text("mode", "nearest")?.as_str() {
            "linear" | "bilinear" => Interpolation::Linear,
            "nearest" => match nearest.as_str() {
                "floor" => Interpolation::NearestFloor,
                "ceil" => Interpolation::NearestCeil,
                "round_prefer_floor" => Interpolation::NearestDown,
                "round_prefer_ceil" => Interpolation::NearestUp,
                other => return Err(attributes.error("nearest_mode", format!("has no meaning: `{other}`"))),
            },
            other => {
                let reason =
                    format!("`{other}` is not supported; export the model with nearest or bilinear interpolation");
                return Err(attributes.error("mode", reason));
            }
        };
        for name in ["cubic_coeff_a", "extrapolation_value", "exclude_outside"] {
            attributes.ignore(name);
        }
        attributes.int_must_be("antialias", 0, 0)?;
        let policy = attributes.text("keep_aspect_ratio_policy", "stretch")?;
        if policy != "stretch" {
            return Err(attributes.error(
                "keep_aspect_ratio_policy",
                format!("only stretch is supported, found {policy}"),
            ));
        }
        let chosen = attributes.ints("axes")?.map(<[i64]>::to_vec);
        let chosen = chosen.unwrap_or_else(|| (0..view.axes.len() as i64).collect());
        let wanted = self.lengths_wanted(site, attributes, &view, early, &chosen)?;
        let mut size = [axes.shape.height, axes.shape.width];
        for (axis, wanted) in chosen.iter().zip(wanted) {
            let axis = view.axes[axis_of(site, *axis, view.axes.len())?];
            let which = match axis {
                Axis::Rows => 0,
                Axis::Columns => 1,
                other if axes.length(other) == wanted => continue,
                other => return Err(site.error(format!("resizes {other:?}; height and width can be resized"))),
            };
            size[which] = u32::try_from(wanted).map_err(|_| site.error(format!("resizes to {wanted} positions")))?;
        }
        let [height, width] = [axes.shape.height, axes.shape.width];
        if size == [height, width] {
            return Ok(view);
        }
        let whole = |to: u32, from: u32| to.is_multiple_of(from).then(|| to / from);
        let to = match [whole(size[0], height), whole(size[1], width)] {
            [Some(high), Some(wide)] => ResizeTo::Factor([high, wide]),
            _ => ResizeTo::Size(size),
        };
        let resize = Resize {
            to,
            interpolation,
            coordinates,
        };
        self.along(site, view, Step::Plain(Op::Resize(resize)))
    }

    /// The length that each of the chosen axes gets, from sizes or from scales.
    fn lengths_wanted(
        &mut self,
        site: &Site<'_>,
        attributes: &mut Attributes<'_>,
        view: &View,
        early: bool,
        chosen: &[i64],
    ) -> Result<Vec<u64>, FormatError> {
        let axes = self.axes(view);
        let fail = |found: usize| Err(site.error(format!("needs {} sizes or scales, found {found}", chosen.len())));
        if let Some(sizes) = self.array(site, 3)?.filter(|sizes| sizes.len() > 0) {
            let sizes = sizes.as_integers().unwrap_or_default();
            if sizes.len() != chosen.len() {
                return fail(sizes.len());
            }
            let sizes: Option<Vec<u64>> = sizes.iter().map(|size| u64::try_from(*size).ok()).collect();
            return sizes.ok_or_else(|| site.error("has negative sizes"));
        }
        let scales: Vec<f32> = match attributes.floats("scales")? {
            Some(listed) => listed.to_vec(),
            None => {
                let array = self.constant(site, if early { 1 } else { 2 }, "sizes or scales")?;
                array.as_floats().map(<[f32]>::to_vec).unwrap_or_default()
            }
        };
        if scales.len() != chosen.len() {
            return fail(scales.len());
        }
        let mut wanted = Vec::with_capacity(scales.len());
        for (axis, scale) in chosen.iter().zip(scales) {
            let place = axis_of(site, *axis, view.axes.len())?;
            let length = axes.length(view.axes[place]);
            let exact = length as f64 * f64::from(scale);
            if !(exact.is_finite() && (1.0..=f64::from(u32::MAX)).contains(&exact)) {
                return Err(site.error(format!("scales an axis of {length} by {scale}")));
            }
            // Scales are rounded to floats: 7 · 2.2857144 is meant to be 16.
            let whole = if (exact - exact.round()).abs() < 1e-4 * exact.max(1.0) {
                exact.round()
            } else {
                exact.floor()
            };
            if (exact - whole).abs() >= 1e-4 * exact.max(1.0) && view.axes[place].of_image().is_some() {
                return Err(site.error(format!(
                    "scales an axis of {length} by {scale}, which is {exact} positions; a whole number is supported"
                )));
            }
            wanted.push(whole as u64);
        }
        Ok(wanted)
    }
}
