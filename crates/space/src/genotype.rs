use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SpaceError;

/// Most choices that one decision may have: a digit of a genotype is one of 0–9, a–z.
pub const MOST_CHOICES: usize = 36;

/// Digits between two hyphens of the text form.
const GROUP: usize = 5;

/// One member of a space as a short byte string: for each decision, in the space's order, the number of its choice.
///
/// The text form has one digit a decision (0–9, then a–z), in groups of five: `21304-00213`. Hyphens, dots, underscores and
/// white space are ignored when it is read. A genotype means nothing without its space; check one that comes from
/// outside with [`Space::check`](crate::Space::check) or read it with
/// [`Space::parse_genotype`](crate::Space::parse_genotype).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Genotype(Vec<u8>);

impl Genotype {
    /// A genotype of these choice numbers, in decision order.
    #[must_use]
    pub const fn new(choices: Vec<u8>) -> Self {
        Self(choices)
    }

    /// The choice numbers, in decision order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The choice number of a decision; 0 beyond the end.
    #[must_use]
    pub fn choice(&self, decision: usize) -> u8 {
        self.0.get(decision).copied().unwrap_or(0)
    }

    /// Number of decisions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no decision at all, as in a space of one network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&mut self, decision: usize, choice: u8) {
        if let Some(place) = self.0.get_mut(decision) {
            *place = choice;
        }
    }
}

/// The text form; a single hyphen for a genotype without decisions.
impl fmt::Display for Genotype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |choice: &u8| char::from_digit(u32::from(*choice), 36).unwrap_or('?');
        let groups: Vec<String> = self
            .0
            .chunks(GROUP)
            .map(|group| group.iter().map(digit).collect())
            .collect();
        f.pad(
            if groups.is_empty() {
                "-".to_owned()
            } else {
                groups.join("-")
            }
            .as_str(),
        )
    }
}

impl FromStr for Genotype {
    type Err = SpaceError;

    fn from_str(text: &str) -> Result<Self, SpaceError> {
        let mut choices = Vec::new();
        for (index, character) in text.chars().enumerate() {
            if character.is_whitespace() || matches!(character, '-' | '.' | '_') {
                continue;
            }
            let digit = character.to_digit(36).and_then(|digit| u8::try_from(digit).ok());
            choices.push(digit.ok_or(SpaceError::GenotypeText {
                character,
                position: index + 1,
            })?);
        }
        Ok(Self(choices))
    }
}

impl TryFrom<String> for Genotype {
    type Error = SpaceError;

    fn try_from(text: String) -> Result<Self, SpaceError> {
        text.parse()
    }
}

impl From<Genotype> for String {
    fn from(genotype: Genotype) -> Self {
        genotype.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let cases: [(&[u8], &str); 4] = [
            (&[], "-"),
            (&[1, 2, 3], "123"),
            (&[0, 1, 2, 3, 4], "01234"),
            (&[0, 1, 2, 3, 4, 10, 35], "01234-az"),
        ];
        for (choices, text) in cases {
            let genotype = Genotype::new(choices.to_vec());
            assert_eq!(genotype.to_string(), text);
            assert_eq!(text.parse::<Genotype>().unwrap(), genotype);
        }
        assert_eq!("0 1_2.A".parse::<Genotype>().unwrap(), Genotype::new(vec![0, 1, 2, 10]));
        let error = "01!".parse::<Genotype>().unwrap_err();
        assert_eq!(
            error,
            SpaceError::GenotypeText {
                character: '!',
                position: 3
            }
        );
    }
}
