//! The resolutions that batches are drawn from.

use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::image_folder::RESOLUTION_LIMIT;

/// More than a training can tell apart; the list has a fixed place so that settings stay `Copy`.
const MOST: usize = 40;

/// Heights and widths of square images, in pixels: from 1 to 40 of them, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Resolutions {
    values: [u32; MOST],
    count: usize,
}

impl Resolutions {
    /// A list of resolutions. One that occurs twice is drawn twice as often.
    ///
    /// # Errors
    /// [`DataError::Setting`] when there are none or too many, or one is 0 or too large.
    pub fn new(resolutions: &[u32]) -> Result<Self, DataError> {
        let refuse = |reason| DataError::Setting {
            setting: "resolutions",
            reason,
        };
        if let Some(wrong) = resolutions.iter().find(|value| !(1..=RESOLUTION_LIMIT).contains(value)) {
            return Err(refuse(format!("{wrong} is not between 1 and {RESOLUTION_LIMIT}")));
        }
        let mut values = [0; MOST];
        match values.get_mut(..resolutions.len()) {
            Some(places) if !resolutions.is_empty() => places.copy_from_slice(resolutions),
            _ => return Err(refuse(format!("{} are not between 1 and {MOST}", resolutions.len()))),
        }
        Ok(Self {
            values,
            count: resolutions.len(),
        })
    }

    /// The resolutions, at least one.
    pub fn as_slice(&self) -> &[u32] {
        &self.values[..self.count]
    }
}

impl TryFrom<Vec<u32>> for Resolutions {
    type Error = DataError;

    fn try_from(values: Vec<u32>) -> Result<Self, DataError> {
        Self::new(&values)
    }
}

impl From<Resolutions> for Vec<u32> {
    fn from(resolutions: Resolutions) -> Self {
        resolutions.as_slice().to_vec()
    }
}
