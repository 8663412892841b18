//! The operators that have parameters or a window.

use panarch_graph::{BatchNorm, Conv2d, Linear, Op, Padding, Pool, PoolKind, Tensor};

use super::attributes::Attributes;
use super::note::Note;
use super::pooling::WrittenPool;
use super::read_node::{Current, NodeReader, Value};
use super::{limits, tensor};
use crate::FormatError;

impl NodeReader {
    pub(super) fn convolution(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        attributes: &mut Attributes<'_>,
    ) -> Result<Value, FormatError> {
        let inputs = current.inputs(2..=3)?;
        let weight = self.parameter(current, "weight", inputs[1])?;
        let [out, _, height, width] = weight.shape[..] else {
            return Err(current.error(format!("needs a weight of 4 axes, found {:?}", weight.shape)));
        };
        let kernel = [axis(current, height)?, axis(current, width)?];
        if attributes.pair("kernel_shape", Some(kernel))? != kernel {
            return Err(attributes.error("kernel_shape", format!("differs from the weight's {kernel:?}")));
        }
        let groups = attributes.int("group", 1)?;
        let conv = Conv2d {
            out: axis(current, out)?,
            kernel,
            stride: attributes.pair("strides", Some([1, 1]))?,
            padding: attributes.padding()?,
            dilation: attributes.pair("dilations", Some([1, 1]))?,
            groups: u32::try_from(groups)
                .map_err(|_| attributes.error("group", format!("is out of range: {groups}")))?,
            bias: inputs.len() == 3,
        };
        self.weights.insert(format!("{}.weight", current.name), weight);
        self.bias(current, inputs.get(2))?;
        let source = self.value(current, inputs[0])?;
        self.add(current, note, Op::Conv2d(conv), vec![source])
    }

    pub(super) fn linear(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        attributes: &mut Attributes<'_>,
    ) -> Result<Value, FormatError> {
        attributes.float_must_be("alpha", 1.0, 1.0)?;
        attributes.float_must_be("beta", 1.0, 1.0)?;
        attributes.int_must_be("transA", 0, 0)?;
        attributes.int_must_be("transB", 0, 1)?;
        let inputs = current.inputs(2..=3)?;
        let weight = self.parameter(current, "weight", inputs[1])?;
        let [out, _] = weight.shape[..] else {
            return Err(current.error(format!("needs a weight of 2 axes, found {:?}", weight.shape)));
        };
        let linear = Linear {
            out: axis(current, out)?,
            bias: inputs.len() == 3,
        };
        self.weights.insert(format!("{}.weight", current.name), weight);
        self.bias(current, inputs.get(2))?;
        let source = self.value(current, inputs[0])?;
        self.add(current, note, Op::Linear(linear), vec![source])
    }

    fn bias(&mut self, current: &Current<'_>, input: Option<&&str>) -> Result<(), FormatError> {
        if let Some(input) = input {
            let bias = self.parameter(current, "bias", input)?;
            self.weights.insert(format!("{}.bias", current.name), bias);
        }
        Ok(())
    }

    pub(super) fn batch_norm(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        attributes: &mut Attributes<'_>,
    ) -> Result<Value, FormatError> {
        attributes.int_must_be("training_mode", 0, 0)?;
        let eps = attributes.float("epsilon", 1e-5)?;
        let old_share = attributes.float("momentum", 0.9)?;
        let momentum = match note {
            Note::Node {
                momentum: Some(momentum),
                ..
            } => *momentum,
            _ => 1.0 - old_share,
        };
        let inputs = current.inputs(5..=5)?;
        for (suffix, input) in ["weight", "bias", "running_mean", "running_var"]
            .iter()
            .zip(&inputs[1..])
        {
            let parameter = self.parameter(current, suffix, input)?;
            self.weights.insert(format!("{}.{suffix}", current.name), parameter);
        }
        let source = self.value(current, inputs[0])?;
        self.add(current, note, Op::BatchNorm(BatchNorm { eps, momentum }), vec![source])
    }

    /// A pool; one that is marked as rounding up is the pool of which this form is written.
    pub(super) fn pool(
        &mut self,
        current: &Current<'_>,
        note: &Note,
        kind: PoolKind,
        attributes: &mut Attributes<'_>,
    ) -> Result<Value, FormatError> {
        let found = window(kind, attributes)?;
        let input = current.inputs(1..=1)?[0];
        let (source, zeros) = match self.padded.remove(input) {
            Some(padded) => padded,
            None => (self.value(current, input)?, Padding::NONE),
        };
        let pool = match note {
            Note::Node {
                ceil: Some((padding, count_padding)),
                ..
            } => Pool {
                padding: *padding,
                ceil: true,
                count_padding: *count_padding,
                ..found
            },
            _ => found,
        };
        let value = self.add(current, note, Op::Pool(pool), vec![source])?;
        let [from, to] = [source.0, value.0].map(|id| self.builder.shape(id));
        let expected = WrittenPool::new(&pool, from, to);
        let read = WrittenPool {
            zeros,
            padding: found.padding,
            count_padding: found.count_padding,
        };
        if (pool != found || zeros != Padding::NONE) && read != expected {
            return Err(current.error("is marked as a pool that rounds up and is not one"));
        }
        Ok(value)
    }

    /// A Pad that serves the pool after it.
    pub(super) fn pad_part(&mut self, current: &Current<'_>) -> Result<(Value, Padding), FormatError> {
        let inputs = current.inputs(2..=2)?;
        let widths = match self.constants.get(inputs[1]) {
            Some(constant) if constant.dims == [8] => tensor::to_i64(constant)?,
            _ => return Err(current.error("needs eight constant widths")),
        };
        self.shared.insert(inputs[1].to_owned());
        let [0, 0, top, left, 0, 0, bottom, right] = widths[..] else {
            return Err(current.error(format!("only pads height and width, found {widths:?}")));
        };
        let sides = [top, left, bottom, right];
        if sides.iter().any(|side| !(0..=limits::WINDOW).contains(side)) {
            return Err(current.error(format!("has widths out of range: {widths:?}")));
        }
        let [top, left, bottom, right] = sides.map(|side| side as u32);
        let source = self.value(current, inputs[0])?;
        let zeros = Padding {
            before: [top, left],
            after: [bottom, right],
        };
        Ok((source, zeros))
    }

    /// Takes a constant as a parameter.
    pub(super) fn parameter(&mut self, current: &Current<'_>, role: &str, name: &str) -> Result<Tensor, FormatError> {
        match self.constants.remove(name) {
            Some(constant) if !self.shared.contains(name) => tensor::to_f32(&constant),
            _ => Err(current.error(format!(
                "reads its {role} from `{name}`, which is no constant or is used elsewhere"
            ))),
        }
    }
}

/// The window of a pooling node.
fn window(kind: PoolKind, attributes: &mut Attributes<'_>) -> Result<Pool, FormatError> {
    if attributes.pair("dilations", Some([1, 1]))? != [1, 1] {
        return Err(attributes.error("dilations", "are not supported"));
    }
    let mut pool = Pool {
        kind,
        kernel: attributes.pair("kernel_shape", None)?,
        stride: attributes.pair("strides", Some([1, 1]))?,
        padding: attributes.padding()?,
        ceil: attributes.flag("ceil_mode", false)?,
        count_padding: true,
    };
    match kind {
        PoolKind::Max => attributes.int_must_be("storage_order", 0, 0)?,
        PoolKind::Average => pool.count_padding = attributes.flag("count_include_pad", false)?,
    }
    Ok(pool)
}

fn axis(current: &Current<'_>, length: usize) -> Result<u32, FormatError> {
    u32::try_from(length).map_err(|_| current.error(format!("has a weight with an axis of {length}")))
}
