use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Height and width of images, written as `224` or as `48x320`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

/// Largest height and width.
const LARGEST: u32 = 4096;

impl ImageSize {
    /// As many rows as columns.
    #[must_use]
    pub const fn square(side: u32) -> Self {
        Self {
            height: side,
            width: side,
        }
    }

    /// The side of a square.
    ///
    /// # Errors
    /// When height and width differ; `what` says whose images are square.
    pub fn side(self, what: &str) -> Result<u32, Error> {
        if self.height == self.width {
            return Ok(self.height);
        }
        Err(Error::Input(format!(
            "{what} takes square images, found {self}; name one number, such as --resolution {}",
            self.height.max(self.width)
        )))
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.height == self.width {
            self.height.fmt(f)
        } else {
            write!(f, "{}x{}", self.height, self.width)
        }
    }
}

/// A text that is no size of images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one number from 1 to {LARGEST}, or height and width such as 48x320")]
pub struct ParseImageSizeError;

impl FromStr for ImageSize {
    type Err = ParseImageSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| {
            let side: u32 = text.parse().map_err(|_| ParseImageSizeError)?;
            if (1..=LARGEST).contains(&side) {
                Ok(side)
            } else {
                Err(ParseImageSizeError)
            }
        };
        match text.split_once(['x', '×']) {
            Some((height, width)) => Ok(Self {
                height: side(height)?,
                width: side(width)?,
            }),
            None => Ok(Self::square(side(text)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_a_square_and_two_are_height_and_width() {
        assert_eq!("224".parse(), Ok(ImageSize::square(224)));
        let wide = ImageSize { height: 48, width: 320 };
        assert_eq!("48x320".parse(), Ok(wide));
        assert_eq!(wide.to_string(), "48x320");
        assert_eq!(ImageSize::square(96).to_string(), "96");
        for wrong in ["", "0", "4097", "48x", "x48", "48x320x3", "-1", "48x0", "4 8"] {
            assert_eq!(wrong.parse::<ImageSize>(), Err(ParseImageSizeError), "{wrong}");
        }
        assert_eq!(ImageSize::square(32).side("it").unwrap(), 32);
        let error = wide.side("a space").unwrap_err().to_string();
        assert!(
            error.contains("a space") && error.contains("48x320") && error.contains("--resolution 320"),
            "{error}"
        );
    }
}
