use super::cursor::Table;
use super::limits;
use super::read::{Allowance, tensor_numbers};
use super::schema::{self, WindowSlots};
use super::structure::{Fused, Operator, OperatorKind, Window, WindowPadding};
use crate::FormatError;

/// What operators of a file may be: a number, and the name of a custom one.
pub struct Code<'a> {
    code: i32,
    custom: &'a str,
}

impl<'a> Code<'a> {
    pub fn read(table: Table<'a>) -> Result<Self, FormatError> {
        // Files from before the code had more than a byte have it in the short slot alone.
        let short = i32::from(table.i8(schema::operator_code::SHORT_CODE)?);
        let code = table.i32(schema::operator_code::CODE, 0)?;
        Ok(Self {
            code: short.max(code),
            custom: table.text(schema::operator_code::CUSTOM)?,
        })
    }
}

/// Reads an operator of a graph with this many tensors.
pub fn read(
    table: Table<'_>,
    codes: &[Code<'_>],
    tensors: usize,
    allowance: &mut Allowance,
) -> Result<Operator, FormatError> {
    let number = table.u32(schema::operator::CODE, 0)?;
    let code = codes
        .get(number as usize)
        .ok_or_else(|| table.wrong("an operator names a code that does not exist"))?;
    let inputs = table.vector(schema::operator::INPUTS, 4)?;
    let inputs = inputs.elements().map(|input| match i32::from_le_bytes(input) {
        -1 => Ok(None),
        number => usize::try_from(number)
            .ok()
            .filter(|number| *number < tensors)
            .map(Some)
            .ok_or_else(|| table.wrong("an operator reads a tensor that does not exist")),
    });
    let inputs = allowance.list(inputs, "operands", limits::OPERANDS, 16)?;
    let outputs = table.vector(schema::operator::OUTPUTS, 4)?;
    Ok(Operator {
        kind: kind(&table, code, allowance)?,
        inputs,
        outputs: tensor_numbers(&table, outputs, tensors, allowance)?,
    })
}

fn kind(operator: &Table<'_>, code: &Code<'_>, allowance: &mut Allowance) -> Result<OperatorKind, FormatError> {
    let options = match schema::options_tag(code.code) {
        Some(tag) if operator.u8(schema::operator::OPTIONS_TAG)? == tag => operator.table(schema::operator::OPTIONS)?,
        _ => None,
    };
    // Without options, all fields are at their defaults.
    let window = |slots: &WindowSlots| match options {
        Some(options) => read_window(&options, slots),
        None => Err(operator.wrong("a convolution or pool has no options")),
    };
    let fused = |slot| {
        options.map_or(Ok(Fused::None), |it| {
            Ok::<_, FormatError>(Fused::from_code(it.i8(slot)?))
        })
    };
    Ok(match code.code {
        schema::ADD => OperatorKind::Add(fused(schema::FUSED)?),
        schema::MUL => OperatorKind::Mul(fused(schema::FUSED)?),
        schema::FULLY_CONNECTED => OperatorKind::FullyConnected(fused(schema::FUSED)?),
        schema::AVERAGE_POOL_2D => OperatorKind::AveragePool2d(window(&schema::POOL)?, fused(schema::POOL.fused)?),
        schema::MAX_POOL_2D => OperatorKind::MaxPool2d(window(&schema::POOL)?, fused(schema::POOL.fused)?),
        schema::CONV_2D => OperatorKind::Conv2d(window(&schema::CONV)?, fused(schema::CONV.fused)?),
        schema::DEPTHWISE_CONV_2D => OperatorKind::DepthwiseConv2d(
            window(&schema::DEPTHWISE)?,
            match options {
                Some(options) => size(&options, schema::MULTIPLIER, 0)?,
                None => 0,
            },
            fused(schema::DEPTHWISE.fused)?,
        ),
        schema::CONCATENATION => {
            OperatorKind::Concatenation(options.map_or(Ok(0), |it| it.i32(schema::CONCATENATION_AXIS, 0))?)
        }
        schema::MEAN => OperatorKind::Mean(options.map_or(Ok(0), |it| it.u8(schema::KEEP_AXES))? != 0),
        schema::LOGISTIC => OperatorKind::Logistic,
        schema::RELU => OperatorKind::Relu,
        schema::RELU6 => OperatorKind::Relu6,
        schema::RESHAPE => OperatorKind::Reshape,
        schema::PAD => OperatorKind::Pad,
        schema::PADV2 => OperatorKind::PadV2,
        schema::TRANSPOSE => OperatorKind::Transpose,
        schema::QUANTIZE => OperatorKind::Quantize,
        schema::HARD_SWISH => OperatorKind::HardSwish,
        other => {
            allowance.take(code.custom.len() as u64)?;
            OperatorKind::Other(other, (!code.custom.is_empty()).then(|| code.custom.to_owned()))
        }
    })
}

fn read_window(options: &Table<'_>, slots: &WindowSlots) -> Result<Window, FormatError> {
    // Width before height.
    let pair = |slot: Option<u16>, absent: u32, default: i32| match slot {
        Some(slot) => Ok([size(options, slot + 1, default)?, size(options, slot, default)?]),
        None => Ok::<_, FormatError>([absent; 2]),
    };
    let padding = options.i8(schema::PADDING)?;
    Ok(Window {
        padding: if padding == WindowPadding::Same.code() {
            WindowPadding::Same
        } else if padding == WindowPadding::Valid.code() {
            WindowPadding::Valid
        } else {
            return Err(options.wrong("a padding that is neither SAME nor VALID"));
        },
        stride: pair(Some(schema::STRIDE), 1, 0)?,
        dilation: pair(slots.dilation, 1, 1)?,
        size: pair(slots.size, 0, 0)?,
    })
}

fn size(options: &Table<'_>, slot: u16, default: i32) -> Result<u32, FormatError> {
    u32::try_from(options.i32(slot, default)?).map_err(|_| options.wrong("a size is negative"))
}
