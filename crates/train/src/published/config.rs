//! The JSON by which Once-for-All and ProxylessNAS describe a single network (`net.config`).

use std::fmt::Write;

use panarch_space::Space;
use serde::Deserialize;

use super::names::NUMBERED;
use crate::TrainError;

/// Largest image size that a description may ask for.
const LARGEST: u32 = 4096;
/// Smallest image size that a network may be built for, unless its description says a smaller one.
const SMALLEST: u32 = 32;

/// A network as its publishers describe it, as a space of one member.
///
/// `resolution` is the image size where the description states none. What a description leaves out has the published code's
/// default; inner widths that it does not give are the rounded product of input and expansion.
///
/// # Errors
/// [`TrainError::PublishedConfig`] when the text is not such a description or describes a layer of another kind.
pub fn published_network(name: &str, json: &str, resolution: u32) -> Result<Space, TrainError> {
    let config: Config = serde_json::from_str(json).map_err(|error| TrainError::PublishedConfig {
        reason: error.to_string(),
    })?;
    let toml = config.toml(name, resolution)?;
    Space::from_toml(name, &toml).map_err(|problems| {
        // Their lines are those of a text that nobody has seen.
        let messages = problems.iter().map(|problem| problem.message.clone());
        refuse(messages.collect::<Vec<_>>().join("; "))
    })
}

fn refuse(reason: impl Into<String>) -> TrainError {
    TrainError::PublishedConfig { reason: reason.into() }
}

#[derive(Deserialize)]
struct Config {
    name: String,
    bn: BatchNorm,
    resolution: Option<u32>,
    first_conv: Option<Layer>,
    input_stem: Option<Vec<StemLayer>>,
    blocks: Vec<Block>,
    final_expand_layer: Option<Layer>,
    feature_mix_layer: Option<Layer>,
    classifier: Classifier,
}

#[derive(Deserialize)]
struct BatchNorm {
    eps: f64,
    momentum: f64,
}

/// A convolution with its normalisation and activation.
#[derive(Deserialize)]
struct Layer {
    #[serde(default = "one")]
    kernel_size: u32,
    #[serde(default = "one")]
    stride: u32,
    #[serde(default = "one")]
    dilation: u32,
    #[serde(default = "one")]
    groups: u32,
    #[serde(default)]
    bias: bool,
    #[serde(default)]
    has_shuffle: bool,
    out_channels: u32,
    #[serde(default = "yes")]
    use_bn: bool,
    act_func: Option<String>,
    #[serde(default = "weight_first")]
    ops_order: String,
}

/// A layer of a residual network's stem, or one with a shortcut around it.
#[derive(Deserialize)]
#[serde(untagged)]
enum StemLayer {
    Residual { conv: Layer },
    Plain(Layer),
}

#[derive(Deserialize)]
struct Classifier {
    #[serde(default = "yes")]
    bias: bool,
    #[serde(default)]
    use_bn: bool,
    act_func: Option<String>,
}

/// A block: of a mobile network a convolution and its shortcut, of a residual network the block itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Block {
    Mobile {
        #[serde(alias = "conv")]
        mobile_inverted_conv: Inverted,
        shortcut: Option<Shortcut>,
    },
    Residual(Bottleneck),
}

#[derive(Deserialize)]
struct Shortcut {
    name: String,
}

#[derive(Deserialize)]
struct Inverted {
    name: String,
    #[serde(default)]
    in_channels: u32,
    #[serde(default)]
    out_channels: u32,
    #[serde(default = "one")]
    kernel_size: u32,
    #[serde(default = "one")]
    stride: u32,
    #[serde(default)]
    expand_ratio: f64,
    mid_channels: Option<u32>,
    act_func: Option<String>,
    #[serde(default)]
    use_se: bool,
    groups: Option<u32>,
}

#[derive(Deserialize)]
struct Bottleneck {
    name: String,
    out_channels: u32,
    #[serde(default = "three")]
    kernel_size: u32,
    #[serde(default = "one")]
    stride: u32,
    expand_ratio: f64,
    mid_channels: Option<u32>,
    act_func: Option<String>,
    #[serde(default = "one")]
    groups: u32,
    #[serde(default = "pool_conv")]
    downsample_mode: String,
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

const fn yes() -> bool {
    true
}

fn weight_first() -> String {
    "weight_bn_act".to_owned()
}

fn pool_conv() -> String {
    "avgpool_conv".to_owned()
}

impl Config {
    fn toml(&self, name: &str, resolution: u32) -> Result<String, TrainError> {
        let resolution = self.resolution.unwrap_or(resolution);
        if !(1..=LARGEST).contains(&resolution) {
            return Err(refuse(format!("`resolution` is {resolution}, not from 1 to {LARGEST}")));
        }
        let mobile = match self.name.as_str() {
            "MobileNetV3" | "MobileNetV3Large" | "ProxylessNASNets" => true,
            "ResNets" | "ResNet50" | "ResNet50D" => false,
            other => {
                return Err(refuse(format!(
                    "`{other}` is not one of MobileNetV3, ProxylessNASNets and ResNets"
                )));
            }
        };
        let default = if mobile { "relu6" } else { "relu" };
        let title: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let mut text = Toml::default();
        text.line(format!("name = \"{title}\"\nversion = 1"));
        text.line(format!(
            "description = \"{} from its published description\"",
            self.name
        ));
        text.line(format!(
            "resolutions = {{ from = {}, to = {LARGEST} }}",
            resolution.min(SMALLEST)
        ));
        text.line(format!("default_resolution = {resolution}"));
        text.line(format!(
            "[batch_norm]\neps = {:e}\nmomentum = {:e}",
            self.bn.eps, self.bn.momentum
        ));
        text.line("[squeeze_excite]\nmultiple = 8\nrule = \"keep-nine-tenths\"\ngate = \"hard_sigmoid\"");
        self.stem(&mut text)?;
        let mut position = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            let stage = format!("[[stage]]\nname = \"{NUMBERED}{number}\"\ndepth = 1");
            match block {
                Block::Mobile {
                    mobile_inverted_conv,
                    shortcut,
                } if mobile => {
                    if !mobile_inverted_conv.is_nothing(shortcut.as_ref())? {
                        text.line(stage);
                        mobile_inverted_conv.write(shortcut.as_ref(), default, &mut text)?;
                        position += 1;
                    }
                }
                Block::Residual(bottleneck) if !mobile => {
                    text.line(stage);
                    bottleneck.write(default, &mut text)?;
                    position += 1;
                }
                _ => return Err(refuse(format!("block {number} is not one of {}", self.name))),
            }
        }
        if position == 0 {
            return Err(refuse("there are no blocks"));
        }
        self.head(mobile, &mut text)?;
        Ok(text.0)
    }

    fn stem(&self, text: &mut Toml) -> Result<(), TrainError> {
        if let Some(conv) = &self.first_conv {
            text.line("[[stem]]");
            return conv.write(text);
        }
        let layers = self.input_stem.as_deref().unwrap_or_default();
        if layers.is_empty() {
            return Err(refuse("there is neither `first_conv` nor `input_stem`"));
        }
        for (number, layer) in layers.iter().enumerate() {
            text.line("[[stem]]");
            if number > 0 {
                text.line(format!("name = \"layer{number}\""));
            }
            match layer {
                StemLayer::Plain(layer) => layer.write(text)?,
                StemLayer::Residual { conv } => {
                    conv.write(text)?;
                    text.line("residual = true");
                }
            }
        }
        text.line("[[stem]]\nname = \"pool\"\noperator = \"max-pool\"\nkernel = 3\nstride = 2");
        Ok(())
    }

    fn head(&self, mobile: bool, text: &mut Toml) -> Result<(), TrainError> {
        let pool = "[[head]]\noperator = \"global-average-pool\"";
        let named = |name: &str| format!("[[head]]\nname = \"{name}\"");
        match (&self.final_expand_layer, &self.feature_mix_layer) {
            (Some(expand), Some(mix)) => {
                text.line(named("expand"));
                expand.write(text)?;
                text.line(pool);
                text.line(named("mix"));
                mix.write(text)?;
            }
            (None, Some(mix)) => {
                text.line(named("features"));
                mix.write(text)?;
                text.line(pool);
            }
            (None, None) if !mobile => text.line(pool),
            _ => return Err(refuse("there is no `feature_mix_layer`")),
        }
        if self.classifier.use_bn || self.classifier.act_func.is_some() {
            return Err(refuse("the classifier has a normalisation or an activation"));
        }
        text.line(format!(
            "[[head]]\noperator = \"classifier\"\nbias = {}",
            self.classifier.bias
        ));
        Ok(())
    }
}

impl Layer {
    fn write(&self, text: &mut Toml) -> Result<(), TrainError> {
        if self.dilation != 1 || self.groups != 1 || self.has_shuffle || self.ops_order != "weight_bn_act" {
            return Err(refuse("a convolution has dilation, groups, a shuffle or another order"));
        }
        text.line(format!(
            "operator = \"conv\"\nkernel = {}\nstride = {}\nwidth = {}\nbatch_norm = {}\nbias = {}",
            self.kernel_size, self.stride, self.out_channels, self.use_bn, self.bias
        ));
        text.line(activation(self.act_func.as_deref())?);
        Ok(())
    }
}

impl Inverted {
    /// Whether nothing stands here: a block that was found to be superfluous.
    fn is_nothing(&self, shortcut: Option<&Shortcut>) -> Result<bool, TrainError> {
        match self.name.as_str() {
            "ZeroLayer" if self.stride == 1 && shortcut.is_some() => Ok(true),
            "MBInvertedConvLayer" | "MBConvLayer" => Ok(false),
            other => Err(refuse(format!(
                "a block is made of `{other}`, not of MBConvLayer or MBInvertedConvLayer"
            ))),
        }
    }

    fn write(&self, shortcut: Option<&Shortcut>, default: &str, text: &mut Toml) -> Result<(), TrainError> {
        if self.groups.is_some_and(|groups| groups != 1) {
            return Err(refuse("a block's convolutions have groups"));
        }
        let residual = match shortcut.map(|shortcut| shortcut.name.as_str()) {
            None => false,
            Some("IdentityLayer") => true,
            Some(other) => return Err(refuse(format!("a block's shortcut is `{other}`, not IdentityLayer"))),
        };
        let inner = match self.mid_channels {
            _ if self.expand_ratio == 1.0 => self.in_channels,
            Some(channels) => channels,
            None => expanded(self.in_channels, self.expand_ratio)?,
        };
        text.line(format!(
            "operator = \"inverted-bottleneck\"\nkernel = {}\nstride = {}\nwidth = {}\ninner_width = {inner}\nresidual = {residual}",
            self.kernel_size, self.stride, self.out_channels
        ));
        text.line(activation(Some(self.act_func.as_deref().unwrap_or(default)))?);
        if self.use_se {
            text.line("squeeze_excite = 0.25");
        }
        Ok(())
    }
}

impl Bottleneck {
    fn write(&self, default: &str, text: &mut Toml) -> Result<(), TrainError> {
        if self.name != "ResNetBottleneckBlock" || self.groups != 1 {
            return Err(refuse("a block is not a ResNetBottleneckBlock without groups"));
        }
        let shortcut = match self.downsample_mode.as_str() {
            "avgpool_conv" => "pool-conv",
            "conv" => "conv",
            other => return Err(refuse(format!("a shortcut is `{other}`, not avgpool_conv or conv"))),
        };
        let inner = match self.mid_channels {
            Some(channels) => channels,
            None => expanded(self.out_channels, self.expand_ratio)?,
        };
        text.line(format!(
            "operator = \"bottleneck\"\nkernel = {}\nstride = {}\nwidth = {}\ninner_width = {inner}\nshortcut = \"{shortcut}\"",
            self.kernel_size, self.stride, self.out_channels
        ));
        text.line(activation(Some(self.act_func.as_deref().unwrap_or(default)))?);
        Ok(())
    }
}

/// Channels times a ratio, rounded; the result is a number of channels.
fn expanded(channels: u32, ratio: f64) -> Result<u32, TrainError> {
    let product = (f64::from(channels) * ratio).round_ties_even();
    if (1.0..=f64::from(u32::MAX)).contains(&product) {
        Ok(product as u32)
    } else {
        Err(refuse(format!(
            "{channels} channels with `expand_ratio` {ratio} are no number of channels"
        )))
    }
}

fn activation(name: Option<&str>) -> Result<String, TrainError> {
    let name = match name {
        None => "none",
        Some("relu") => "relu",
        Some("relu6") => "relu6",
        Some("h_swish") => "hard_swish",
        Some("h_sigmoid") => "hard_sigmoid",
        Some("sigmoid") => "sigmoid",
        Some(other) => return Err(refuse(format!("the activation `{other}` is unknown"))),
    };
    Ok(format!("activation = \"{name}\""))
}

/// Lines of a space file.
#[derive(Default)]
struct Toml(String);

impl Toml {
    fn line(&mut self, line: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{}", line.as_ref());
    }
}
