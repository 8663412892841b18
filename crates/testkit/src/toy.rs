use panarch_space::Space;

/// A space of 1,600 networks for 8-pixel images: two stages of one or two blocks, two kernels, two expansions, two widths.
pub const TOY_SPACE: &str = r#"
name = "toy"
version = 1
description = "Small enough to enumerate, with depths that switch blocks off."
resolutions = [8]
default_resolution = 8

[block]
operator = "inverted-bottleneck"
kernel = [3, 5]
expansion = [2, 3]
activation = "relu"

[[stem]]
operator = "conv"
kernel = 3
stride = 1
width = 8

[[stage]]
depth = [1, 2]
width = [8, 16]

[[stage]]
depth = [1, 2]
width = [16, 24]
stride = 2

[[head]]
operator = "global-average-pool"
[[head]]
operator = "classifier"
"#;

/// A space of eight networks, soon exhausted.
pub const TINY_SPACE: &str = r#"
name = "tiny"
version = 1
resolutions = [8]
default_resolution = 8

[block]
operator = "inverted-bottleneck"
kernel = [3, 5]
expansion = [2, 3]
activation = "relu"

[[stem]]
operator = "conv"
kernel = 3
stride = 1
width = 8

[[stage]]
depth = 1
width = [8, 16]

[[head]]
operator = "global-average-pool"
[[head]]
operator = "classifier"
"#;

/// [`TOY_SPACE`], read.
///
/// # Panics
/// When the text is not a space any more.
#[must_use]
pub fn toy_space() -> Space {
    Space::from_toml("toy.toml", TOY_SPACE).expect("the toy space is valid")
}

/// [`TINY_SPACE`], read.
///
/// # Panics
/// When the text is not a space any more.
#[must_use]
pub fn tiny_space() -> Space {
    Space::from_toml("tiny.toml", TINY_SPACE).expect("the tiny space is valid")
}
