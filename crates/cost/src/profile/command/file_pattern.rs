use serde::{Serialize, Serializer};

/// A file below the output folder: names separated by `/`, in which `*` stands for any run of characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePattern {
    names: Vec<String>,
}

/// Why a text is no pattern of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePatternError {
    /// It is empty, absolute, leads upwards or has an empty name.
    Outside,
    /// It has more than [`FilePattern::MOST_NAMES`] names or one with more than [`FilePattern::MOST_CHARACTERS`].
    TooLong,
}

impl FilePattern {
    /// Most folders and the file in a pattern.
    pub const MOST_NAMES: usize = 8;
    /// Most characters of a name.
    pub const MOST_CHARACTERS: usize = 128;

    /// Reads a pattern.
    ///
    /// # Errors
    /// When it could mean a file that is not below the folder, or is very long.
    pub fn parse(text: &str) -> Result<Self, FilePatternError> {
        let names: Vec<String> = text.split('/').map(str::to_owned).collect();
        if names.iter().any(|name| matches!(name.as_str(), "" | "." | "..")) || text.contains(['\\', '\0']) {
            return Err(FilePatternError::Outside);
        }
        let long = |name: &String| name.chars().count() > Self::MOST_CHARACTERS;
        if names.len() > Self::MOST_NAMES || names.iter().any(long) {
            return Err(FilePatternError::TooLong);
        }
        Ok(Self { names })
    }

    /// The patterns of the folders on the way, and of the file at the end.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether one name of the pattern fits the name of a file or folder.
    #[must_use]
    pub fn fits(pattern: &str, name: &str) -> bool {
        let pattern: Vec<char> = pattern.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        // Where the last star stood and up to where it has eaten.
        let mut star: Option<(usize, usize)> = None;
        while let Some(character) = name.get(n) {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(wanted) if *wanted == '?' || wanted == character => {
                    p += 1;
                    n += 1;
                }
                _ => {
                    let Some((at, eaten)) = star else { return false };
                    star = Some((at, eaten + 1));
                    p = at + 1;
                    n = eaten + 1;
                }
            }
        }
        pattern.iter().skip(p).all(|rest| *rest == '*')
    }
}

impl std::fmt::Display for FilePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names.join("/"))
    }
}

impl Serialize for FilePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, fits) in [
            ("a.csv", "a.csv", true),
            ("a.csv", "b.csv", false),
            ("*", "", true),
            ("*_per-layer.csv", "net_per-layer.csv", true),
            ("*_per-layer.csv", "net_per-layer.csv.old", false),
            ("*a*b", "xaxbxaxb", true),
            ("?x", "éx", true),
            ("??", "a", false),
            ("", "a", false),
            ("a**", "a", true),
        ] {
            assert_eq!(FilePattern::fits(pattern, name), fits, "{pattern} on {name}");
        }
        let (pattern, name) = ("*a".repeat(40), "a".repeat(100) + "b");
        assert!(!FilePattern::fits(&pattern, &name));
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for text in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\\b"] {
            assert_eq!(FilePattern::parse(text), Err(FilePatternError::Outside), "{text}");
        }
        let deep = ["a"; 9].join("/");
        assert_eq!(FilePattern::parse(&deep), Err(FilePatternError::TooLong));
        assert_eq!(
            FilePattern::parse("out/*.csv").map(|it| it.to_string()),
            Ok("out/*.csv".to_owned())
        );
    }
}
