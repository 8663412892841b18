use super::problems::{Problems, column, excerpt, lines};

/// An INI file as Python's `configparser` reads it: `key = value` or `key : value`, `#` and `;` begin comment lines, keys in
/// any case, deeper indented lines continue a value. Interpolation with `%` is left out.
pub(super) struct Ini {
    entries: Vec<Entry>,
}

/// One value.
pub(super) struct Entry {
    section: String,
    /// In small letters.
    key: String,
    /// Without spaces around it; lines that continue it follow after `\n`.
    pub(super) value: String,
    /// Line and column of the value.
    pub(super) place: (u32, u32),
}

impl Ini {
    /// The values of a text; lines that are none become problems.
    pub(super) fn parse(text: &str, problems: &mut Problems<'_>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut sections: Vec<String> = Vec::new();
        let mut indent = 0;
        let mut continues = false;
        for (number, line) in lines(text) {
            let content = line.trim();
            if problems.enough() {
                break;
            }
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            let place = |offset: usize| (number, column(line, offset));
            if continues && depth > indent {
                if let Some(entry) = entries.last_mut() {
                    entry.value.push('\n');
                    entry.value.push_str(content);
                }
                continue;
            }
            indent = depth;
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                if sections.iter().any(|known| known == name.0) {
                    problems.at(
                        place(depth),
                        format!("the section [{}] is there twice", excerpt(name.0)),
                    );
                } else {
                    sections.push(name.0.to_owned());
                }
                // The last one is where keys go; one that is there twice is a problem anyway.
                continues = false;
                continue;
            }
            let Some((key, value)) = content.split_once(['=', ':']) else {
                problems.at(place(depth), "neither a [section] nor a `key = value`");
                continue;
            };
            let Some(section) = sections.last() else {
                problems.at(place(depth), "a value must stand below a [section]");
                continue;
            };
            let offset = depth + content.len() - value.trim_start().len();
            entries.push(Entry {
                section: section.clone(),
                key: key.trim().to_lowercase(),
                value: value.trim().to_owned(),
                place: place(offset),
            });
            continues = true;
        }
        let ini = Self { entries };
        ini.report_duplicates(problems);
        ini
    }

    /// The value of a key, given in any case.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        let key = key.to_lowercase();
        self.entries.iter().find(|it| it.section == section && it.key == key)
    }

    fn report_duplicates(&self, problems: &mut Problems<'_>) {
        let mut seen = std::collections::BTreeSet::new();
        for entry in &self.entries {
            if !seen.insert((&entry.section, &entry.key)) {
                problems.at(
                    entry.place,
                    format!("`{}` is there twice in its section", excerpt(&entry.key)),
                );
            }
        }
    }
}
