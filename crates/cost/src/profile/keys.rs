//! Every key of a profile: what it means, what is taken where it is absent, and what is usual there.

mod page;
mod tables;

use panarch_toml::{Key, Unit};

use super::read::KeyRead;
use super::{Absent, Inherited, Unsaid};

pub use page::reference;
pub use tables::KEYS;

/// A key with the range that its figure usually has; 0 is usual wherever it is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileKey {
    /// Path, meaning and default. Lists of tables have no positions in their paths: `memories.bits`.
    pub key: Key,
    /// What is usual; none for keys that are no figures or of which anything is.
    pub usual: Option<Usual>,
}

/// The range that a figure usually has: two powers of ten wider than what is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// What both are counted in.
    pub unit: Option<Unit>,
}

impl ProfileKey {
    const fn new(path: &'static str, meaning: &'static str) -> Self {
        Self {
            key: Key::new(path, meaning),
            usual: None,
        }
    }

    /// The same key where it may be absent, with what is then taken, in words.
    const fn absent(mut self, default: &'static str) -> Self {
        self.key = self.key.with_default(default);
        self
    }

    /// The same key with other names for it.
    const fn known_as(mut self, synonyms: &'static [&'static str]) -> Self {
        self.key = self.key.known_as(synonyms);
        self
    }

    const fn usually(mut self, low: f64, high: f64, unit: Option<Unit>) -> Self {
        self.usual = Some(Usual { low, high, unit });
        self
    }
}

/// The declared key of a path as a reader writes it, with positions in lists.
pub(super) fn declared(path: &str) -> Option<&'static ProfileKey> {
    let plain = without_positions(path);
    KEYS.iter().find(|known| known.key.path == plain)
}

/// What is usual at a path.
pub(super) fn usual(path: &str) -> Option<Usual> {
    declared(path)?.usual
}

/// What a profile does not say of the keys that its reader asked for.
pub(super) fn unsaid(file_name: &str, keys: &[KeyRead]) -> Unsaid {
    let is_section = |path: &str| KEYS.iter().any(|other| other.key.section() == path);
    let inherited = keys.iter().filter_map(|key| {
        let file = key.file.as_ref().filter(|file| *file != file_name)?;
        let known = declared(&key.asked.path).filter(|known| !is_section(known.key.path))?;
        let text = key
            .text
            .as_ref()
            .filter(|_| !["base", "sources"].contains(&known.key.path))?;
        Some(Inherited {
            key: key.asked.path.clone(),
            text: text.clone(),
            file: file.clone(),
        })
    });
    Unsaid {
        inherited: inherited.collect(),
        defaults: absent(keys),
    }
}

/// What is taken where keys are absent that a reader asked for. What needs no saying, such as the absence of a base, is left
/// out.
fn absent(keys: &[KeyRead]) -> Vec<Absent> {
    const UNSAID: [&str; 3] = ["base", "change", "sources"];
    let missing = keys.iter().filter(|key| key.file.is_none());
    let missing = missing.filter_map(|key| {
        let known = declared(&key.asked.path)?.key;
        let is_said = !known.default.is_empty() && !UNSAID.contains(&known.path);
        is_said.then(|| Absent {
            key: key.asked.path.clone(),
            default: known.default,
        })
    });
    missing.collect()
}

/// `memories[0].bits` as `memories.bits`.
fn without_positions(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}
