use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ContentHash;

/// The version of the form on disk.
const VERSION: u32 = 1;

/// All that a derived thing was made of: named parts in order, each with the hash of its content.
///
/// It is kept in full beside what was made, which is used again only where the key is still the same. The names are words
/// that a person reads ("training pictures", "device cube-16"), so that a difference can be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "OnDisk", into = "OnDisk")]
pub struct Inputs(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    hash: ContentHash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    version: u32,
    parts: Vec<Part>,
}

impl Inputs {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one part more. A part that is there already is replaced in its place.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, hash: ContentHash) -> Self {
        let name = name.into();
        match self.0.iter_mut().find(|part| part.name == name) {
            Some(part) => part.hash = hash,
            None => self.0.push(Part { name, hash }),
        }
        self
    }

    /// With one part more that is known by its text: settings, a name, a revision.
    #[must_use]
    pub fn with_text(self, name: impl Into<String>, text: impl fmt::Display) -> Self {
        let hash = ContentHash::of("panarch input in words v1", text.to_string().as_bytes());
        self.with(name, hash)
    }

    /// With all parts of another thing, which went into this one too.
    #[must_use]
    pub fn with_all(self, other: &Self) -> Self {
        other
            .0
            .iter()
            .fold(self, |inputs, part| inputs.with(part.name.clone(), part.hash))
    }

    /// The hash of one part.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ContentHash> {
        self.0.iter().find(|part| part.name == name).map(|part| part.hash)
    }

    /// The names and hashes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ContentHash)> {
        self.0.iter().map(|part| (part.name.as_str(), part.hash))
    }

    /// The hash of all names and hashes.
    #[must_use]
    pub fn key(&self) -> ContentHash {
        let parts = self
            .0
            .iter()
            .flat_map(|part| [part.name.as_bytes(), part.hash.as_bytes().as_slice()]);
        ContentHash::of_parts("panarch inputs v1", parts)
    }

    /// The names of what is not the same as it was in `before`: first what changed or is new, then what is gone.
    #[must_use]
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a str> {
        let changed = self.iter().filter(|(name, hash)| before.get(name) != Some(*hash));
        let gone = before.iter().filter(|(name, _)| self.get(name).is_none());
        changed.chain(gone).map(|(name, _)| name).collect()
    }

    /// The same in words: `the training pictures and the schedule changed`; none where nothing did.
    #[must_use]
    pub fn difference(&self, before: &Self) -> Option<String> {
        if self.key() == before.key() {
            return None;
        }
        let names: Vec<String> = self
            .changed_since(before)
            .into_iter()
            .map(|name| format!("the {name}"))
            .collect();
        Some(match names.as_slice() {
            [] => "the order of its inputs changed".to_owned(),
            [one] => format!("{one} changed"),
            [first @ .., last] => format!("{} and {last} changed", first.join(", ")),
        })
    }
}

/// Inputs of a version that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inputs of version {0} are not known, only version {VERSION}")]
pub struct InputError(u32);

impl TryFrom<OnDisk> for Inputs {
    type Error = InputError;

    fn try_from(disk: OnDisk) -> Result<Self, InputError> {
        if disk.version != VERSION {
            return Err(InputError(disk.version));
        }
        Ok(Self(disk.parts))
    }
}

impl From<Inputs> for OnDisk {
    fn from(inputs: Inputs) -> Self {
        Self {
            version: VERSION,
            parts: inputs.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(parts: &[(&str, &str)]) -> Inputs {
        parts
            .iter()
            .fold(Inputs::new(), |inputs, (name, text)| inputs.with_text(*name, text))
    }

    #[test]
    fn differences_are_named() {
        let before = inputs(&[("space", "a"), ("seed", "1"), ("teacher", "t")]);
        for (now, expected) in [
            (vec![("space", "a"), ("seed", "1"), ("teacher", "t")], None),
            (
                vec![("space", "b"), ("seed", "1"), ("teacher", "t")],
                Some("the space changed"),
            ),
            (vec![("space", "a"), ("seed", "1")], Some("the teacher changed")),
            (
                vec![("space", "b"), ("seed", "2"), ("teacher", "t"), ("device x", "d")],
                Some("the space, the seed and the device x changed"),
            ),
            (
                vec![("seed", "1"), ("space", "a"), ("teacher", "t")],
                Some("the order of its inputs changed"),
            ),
        ] {
            let now = inputs(&now);
            assert_eq!(now.difference(&before).as_deref(), expected);
            assert_eq!(now.key() == before.key(), expected.is_none());
        }
    }

    #[test]
    fn names_and_hashes_do_not_run_into_each_other() {
        let hash = ContentHash::of("test", b"");
        let one = Inputs::new().with("ab", hash).with("c", hash);
        let other = Inputs::new().with("a", hash).with("bc", hash);
        assert_ne!(one.key(), other.key());
        assert_ne!(one.key(), Inputs::new().with("ab", hash).key());
    }
}
