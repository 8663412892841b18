//! Smaller images at first.

use panarch_graph::{Network, Shape};
use panarch_nn::{Layout, Member};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::optimisation::first_broken;

/// Pixels between the sizes.
const STEP: u32 = 4;

/// Progressive resizing: a training begins with smaller images, which cost less, and ends with those of the dataset (Howard
/// 2018; Tan & Le 2021, section 4). The sizes are 4 pixels apart and each is used for equally many steps.
///
/// Different from Tan & Le, regularisation does not grow with the images. The network must be one that takes images of any
/// size: convolutions before a global pooling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressiveResizing {
    /// Height and width of the first images, in pixels.
    pub first: u32,
    /// The share of all steps after which the images have their full size, from 0 to 1.
    pub full_after: f64,
}

impl ProgressiveResizing {
    /// Checks both settings for images of this shape.
    pub(crate) fn check(self, shape: Shape) -> Result<(), TrainError> {
        let smaller = (1..=shape.height).contains(&self.first);
        first_broken([
            (
                "first_resolution",
                shape.height == shape.width,
                "the images must be square",
            ),
            (
                "first_resolution",
                smaller,
                "must lie between 1 and the size of the images",
            ),
            (
                "full_resolution_after",
                (0.0..=1.0).contains(&self.full_after),
                "must lie between 0 and 1",
            ),
        ])
    }

    /// Until which step images have which height and width; after the last stage they have the full ones.
    pub(crate) fn stages(self, full: u32, steps: u64) -> Vec<(u64, u32)> {
        let sides: Vec<u32> = (self.first..full).step_by(STEP as usize).collect();
        let grown = self.full_after * steps as f64;
        let until = |index: usize| (grown * (index + 1) as f64 / sides.len() as f64).round() as u64;
        sides
            .iter()
            .enumerate()
            .map(|(index, side)| (until(index), *side))
            .collect()
    }
}

/// A network for images of another size, on the same parameters.
///
/// # Errors
/// [`TrainError::Setting`] when the network is for images of one size alone.
pub(crate) fn resized(network: &Network, shape: Shape, layout: &Layout) -> Result<Member, TrainError> {
    let refuse = |reason: String| TrainError::Setting {
        setting: "first_resolution",
        reason: format!(
            "the network `{}` does not take images of {}×{}: {reason}",
            network.name(),
            shape.height,
            shape.width
        ),
    };
    let smaller = network
        .with_input_shape(shape)
        .map_err(|error| refuse(error.to_string()))?;
    // A view would take a part of a larger parameter.
    let shapes = |network: &Network| -> Vec<Vec<usize>> {
        let parameters = network.parameters().into_iter();
        parameters.map(|parameter| parameter.shape).collect()
    };
    if shapes(&smaller) != shapes(network) {
        return Err(refuse("its parameters depend on the size".to_owned()));
    }
    Ok(Member::new(smaller, layout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_in_equal_parts() {
        let check = |first, full_after, full, expected: &[(u64, u32)]| {
            let resizing = ProgressiveResizing { first, full_after };
            assert_eq!(resizing.stages(full, 100), expected, "{resizing:?}");
        };
        check(20, 0.6, 32, &[(20, 20), (40, 24), (60, 28)]);
        check(22, 0.5, 32, &[(17, 22), (33, 26), (50, 30)]);
        check(24, 1.0, 28, &[(100, 24)]);
        check(32, 0.5, 32, &[]);
        check(16, 0.0, 24, &[(0, 16), (0, 20)]);
    }

    #[test]
    fn settings_without_meaning_are_named() {
        let square = Shape::new(3, 32, 32);
        for (first, full_after, shape, expected) in [
            (0, 0.5, square, "first_resolution"),
            (33, 0.5, square, "first_resolution"),
            (16, 0.5, Shape::new(3, 32, 30), "first_resolution"),
            (16, f64::NAN, square, "full_resolution_after"),
            (16, 1.1, square, "full_resolution_after"),
        ] {
            let error = ProgressiveResizing { first, full_after }.check(shape).unwrap_err();
            assert!(
                matches!(&error, TrainError::Setting { setting, .. } if *setting == expected),
                "{error}"
            );
        }
        let whole = ProgressiveResizing {
            first: 32,
            full_after: 1.0,
        };
        assert!(whole.check(square).is_ok());
    }
}
