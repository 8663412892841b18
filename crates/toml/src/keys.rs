//! Keys as a reader declares them: what they mean, and what other tools call them.

use crate::suggestion::did_you_mean;

/// A key of a format, declared for suggestions and for the reference page of the format.
///
/// What may be written there is not declared but asked for: see [`Document::asked`](crate::Document::asked).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Dotted path, such as `train.batch`; of a section, its name.
    pub path: &'static str,
    /// What it does, in plain words and whole sentences.
    pub meaning: &'static str,
    /// The default in words, where it depends on something else; empty otherwise.
    pub default: &'static str,
    /// What other tools of the field call it, without a section.
    pub synonyms: &'static [&'static str],
}

impl Key {
    /// A key with its meaning.
    pub const fn new(path: &'static str, meaning: &'static str) -> Self {
        Self {
            path,
            meaning,
            default: "",
            synonyms: &[],
        }
    }

    /// The same key with a default in words.
    #[must_use]
    pub const fn with_default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// The same key with the names that other tools have for it.
    #[must_use]
    pub const fn known_as(mut self, synonyms: &'static [&'static str]) -> Self {
        self.synonyms = synonyms;
        self
    }

    /// The part of the path before the last dot; empty at the top level.
    pub fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The part of the path after the last dot.
    pub fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    fn is_called(&self, word: &str) -> bool {
        let same = |name: &str| normal(name) == normal(word);
        same(self.name()) || self.synonyms.iter().any(|synonym| same(synonym))
    }
}

fn normal(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// The keys of a section that other tools call `word`, as paths; only sections where a table was found, and else none.
pub(crate) fn called_here(keys: &[Key], section: &str, word: &str, is_table: bool) -> Vec<&'static str> {
    let fits = |key: &&Key| key.section() == section && key.is_called(word) && is_section(keys, key.path) == is_table;
    keys.iter().filter(fits).map(|key| key.path).collect()
}

fn is_section(keys: &[Key], path: &str) -> bool {
    keys.iter().any(|key| key.section() == path)
}

/// The keys of other sections that are called `word`, by us or by other tools, else those that are spelt much like it.
pub(crate) fn elsewhere(keys: &[Key], section: &str, word: &str) -> Vec<&'static str> {
    let others = || {
        keys.iter()
            .filter(|key| key.section() != section && !is_section(keys, key.path))
    };
    let called: Vec<&str> = others().filter(|key| key.is_called(word)).map(|key| key.path).collect();
    if !called.is_empty() {
        return called;
    }
    let close = did_you_mean(word, others().map(Key::name));
    others()
        .filter(|key| close.as_deref() == Some(key.name()))
        .map(|key| key.path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [Key; 6] = [
        Key::new("train", "").known_as(&["training"]),
        Key::new("train.batch", "").known_as(&["batch_size"]),
        Key::new("train.learning_rate", "").known_as(&["lr"]),
        Key::new("search.evaluations", "").known_as(&["trials"]),
        Key::new("finalists.learning_rate", ""),
        Key::new("data.resolution", "").known_as(&["image_size"]),
    ];

    #[test]
    fn other_names_and_other_sections_are_found() {
        for word in ["batch_size", "Batch-Size"] {
            assert_eq!(called_here(&KEYS, "train", word, false), ["train.batch"]);
        }
        assert_eq!(called_here(&KEYS, "train", "lr", false), ["train.learning_rate"]);
        assert_eq!(called_here(&KEYS, "", "training", true), ["train"]);
        assert!(called_here(&KEYS, "", "training", false).is_empty());
        assert!(called_here(&KEYS, "search", "lr", false).is_empty());
        let table: [(&str, &str, &[&str]); 6] = [
            ("train", "evaluations", &["search.evaluations"]),
            ("train", "evalutions", &["search.evaluations"]),
            ("train", "image_size", &["data.resolution"]),
            ("", "learning_rate", &["train.learning_rate", "finalists.learning_rate"]),
            ("data", "lr", &["train.learning_rate"]),
            ("search", "colour", &[]),
        ];
        for (section, word, expected) in table {
            assert_eq!(elsewhere(&KEYS, section, word), expected, "{section} {word}");
        }
    }
}
