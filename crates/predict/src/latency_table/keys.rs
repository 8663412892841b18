//! The keys under which a block's time stands in the tables of each dialect.

use panarch_graph::{Activation, Conv2d, Network, Op, PoolKind, Shape};

use super::anatomy::{InvertedBottleneck, Part, parts};
use super::{Dialect, MOST_KEY_BYTES};

/// How a block is looked up.
pub(super) enum Keys {
    /// Entries whose sum is the block.
    Of(Vec<String>),
    /// No table of the dialect has such a block.
    None {
        /// Why.
        reason: String,
    },
}

/// The keys of a block whose batch normalisation is folded. `first` says whether it reads the image.
pub(super) fn keys(dialect: Dialect, block: &Network, first: bool) -> Keys {
    if dialect == Dialect::Panarch {
        return Keys::Of(vec![own_key(block)]);
    }
    let Some(parts) = parts(block) else {
        return Keys::None {
            reason: "it is not made of convolutions, inverted bottlenecks, a global average and linear layers".into(),
        };
    };
    let mut keys = Vec::with_capacity(parts.len());
    let mut pooled = false;
    for (position, part) in parts.iter().enumerate() {
        let place = Place {
            image: first && position == 0,
            pooled,
        };
        match part_key(dialect, part, place) {
            Ok(key) => keys.extend(key),
            Err(reason) => return Keys::None { reason },
        }
        pooled |= matches!(part, Part::GlobalAverage { .. });
    }
    Keys::Of(keys)
}

/// Where a part stands, which decides its name in a published table.
#[derive(Clone, Copy)]
struct Place {
    image: bool,
    pooled: bool,
}

/// The key of a part; none where the table counts nothing for it.
fn part_key(dialect: Dialect, part: &Part, place: Place) -> Result<Option<String>, String> {
    let ofa = dialect == Dialect::Ofa;
    match *part {
        Part::Convolution {
            input,
            output,
            kernel,
            stride,
            activation,
        } => {
            // The published keys leave the kernel and the activation out: they are those of the one network family.
            let published = match place {
                Place { image: true, .. } => (3, 2),
                Place { .. } => (1, 1),
            };
            if (kernel, stride) != published {
                return Err(format!(
                    "its {kernel}×{kernel} convolution of stride {stride} has no key"
                ));
            }
            if activation != Some(Activation::HardSwish) {
                return Err("its convolution is not followed by h-swish, as those of the table are".to_owned());
            }
            let name = match (place.image, place.pooled, ofa) {
                (true, _, true) => "Conv",
                (true, _, false) => "first_conv",
                (_, false, true) => "Conv_1",
                (_, false, false) => "final_expand_layer",
                (_, true, true) => "Conv_2",
                (_, true, false) => "feature_mix_layer",
            };
            Ok(Some(format!("{name}-input:{}-output:{}", size(input), size(output))))
        }
        Part::InvertedBottleneck(block) => bottleneck_key(ofa, &block).map(Some),
        Part::GlobalAverage { input } if ofa => {
            let output = Shape::vector(input.channels);
            Ok(Some(format!("AvgPool2D-input:{}-output:{}", size(input), size(output))))
        }
        // Tables of NSGANetV2 count nothing for it.
        Part::GlobalAverage { .. } => Ok(None),
        Part::Linear { input, output } if ofa => Ok(Some(format!("Logits-input:1x1x{input}-output:{output}"))),
        Part::Linear { input, output } => Ok(Some(format!("classifier-input:{input}-output:{output}"))),
    }
}

fn bottleneck_key(ofa: bool, block: &InvertedBottleneck) -> Result<String, String> {
    let InvertedBottleneck {
        input,
        output,
        inner,
        kernel,
        stride,
        residual,
        squeeze_excite,
        activation,
    } = *block;
    let h_swish = match activation {
        Activation::Relu => 0,
        Activation::HardSwish => 1,
        other => return Err(format!("its activation {} has no key", other.name())),
    };
    if squeeze_excite.is_some_and(|hidden| hidden != divisible(f64::from(inner / 4))) {
        return Err("its squeeze-and-excite is not a quarter as wide as the block".to_owned());
    }
    let (input_size, output_size) = (size(input), size(output));
    let (skip, gate) = (u8::from(residual), u8::from(squeeze_excite.is_some()));
    if ofa {
        return Ok(format!(
            "expanded_conv-input:{input_size}-output:{output_size}-expand:{inner}-kernel:{kernel}-stride:{stride}-idskip:{skip}-se:{gate}-hs:{h_swish}"
        ));
    }
    let ratio = (1..=8)
        .find(|ratio| divisible(f64::from(input.channels * ratio)) == inner)
        .ok_or_else(|| {
            format!(
                "its inner width {inner} is no multiple of its input width {}",
                input.channels
            )
        })?;
    Ok(format!(
        "MBConv-input:{input_size}-output:{output_size}-expand:{ratio}-kernel:{kernel}-stride:{stride}-idskip:{skip}-se:{gate}"
    ))
}

/// The nearest multiple of 8 that is not less than 0.9 of a width (Once-for-All's rule).
fn divisible(width: f64) -> u32 {
    let rounded = (((width + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if rounded < 0.9 * width { rounded + 8.0 } else { rounded }) as u32
}

/// Height × width × channels, as the published tables write shapes.
fn size(shape: Shape) -> String {
    format!("{}x{}x{}", shape.height, shape.width, shape.channels)
}

/// The key of a block in our own tables: input shape and operators for people, then a hash of everything.
pub(super) fn own_key(block: &Network) -> String {
    let input = block.input_shape();
    let mut text = format!("{}x{}x{}", input.channels, input.height, input.width);
    for node in block.nodes().iter().skip(1) {
        let word = word(&node.op);
        if text.len() + word.len() + 24 > MOST_KEY_BYTES {
            text += "…";
            break;
        }
        text.push(' ');
        text += &word;
    }
    let hash = block.content_hash().to_string();
    let short = hash.get(..16).unwrap_or(&hash);
    format!("{text} @{short}")
}

fn word(op: &Op) -> String {
    match op {
        Op::Conv2d(conv) => convolution(conv),
        Op::Activation(activation) => activation.name().to_owned(),
        Op::Linear(linear) => format!("linear-{}", linear.out),
        Op::Pool(pool) => {
            let name = match pool.kind {
                PoolKind::Max => "max",
                PoolKind::Average => "average",
            };
            format!("{name}{}s{}", pool.kernel[0], pool.stride[0])
        }
        other => other.name().to_owned(),
    }
}

fn convolution(conv: &Conv2d) -> String {
    let [high, wide] = conv.kernel;
    let kernel = if high == wide {
        high.to_string()
    } else {
        format!("{high}x{wide}")
    };
    let stride = match conv.stride {
        [1, 1] => String::new(),
        [stride, _] => format!("s{stride}"),
    };
    match conv.groups {
        1 => format!("conv{kernel}{stride}-{}", conv.out),
        groups if groups == conv.out => format!("dw{kernel}{stride}"),
        groups => format!("conv{kernel}{stride}-{}g{groups}", conv.out),
    }
}
