use panarch_toml::{Diagnostic, Diagnostics};

use super::MAX_BYTES;

/// Most problems that are listed: a file with more is another kind of file.
const MOST: usize = 100;

/// The problems of one file, in the order in which they are found.
pub(crate) struct Problems<'a> {
    file: &'a str,
    found: Diagnostics,
}

impl<'a> Problems<'a> {
    /// None so far.
    ///
    /// # Errors
    /// When the text is too long to be read at all.
    pub(crate) fn new(file: &'a str, text: &str) -> Result<Self, Diagnostics> {
        if text.len() > MAX_BYTES {
            let message = format!(
                "the file has {} bytes, more than the {MAX_BYTES} that are read",
                text.len()
            );
            return Err(Diagnostic::new(file, message).into());
        }
        Ok(Self {
            file,
            found: Diagnostics::new(),
        })
    }

    /// True when nothing is wrong so far.
    pub(crate) fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// True when no more problems are listed, so that reading on is in vain.
    pub(crate) fn enough(&self) -> bool {
        self.found.len() > MOST
    }

    /// A problem of the whole file.
    pub(crate) fn whole(&mut self, message: impl Into<String>) {
        self.push(Diagnostic::new(self.file, message));
    }

    /// A problem at a line and a column, both from 1.
    pub(crate) fn at(&mut self, place: (u32, u32), message: impl Into<String>) {
        self.push(Diagnostic::new(self.file, message).with_position(place.0, place.1));
    }

    /// A problem with what to write instead.
    pub(crate) fn at_with(&mut self, place: (u32, u32), message: impl Into<String>, instead: Option<String>) {
        let problem = Diagnostic::new(self.file, message).with_position(place.0, place.1);
        self.push(match instead {
            Some(instead) => problem.with_suggestion(instead),
            None => problem,
        });
    }

    fn push(&mut self, problem: Diagnostic) {
        if self.found.len() < MOST {
            self.found.push(problem);
        } else if self.found.len() == MOST {
            let message = format!("has further problems; only {MOST} are listed");
            self.found.push(Diagnostic::new(self.file, message));
        }
    }

    /// The value, if it is there and nothing was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Diagnostics> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ if self.found.is_empty() => Err(Diagnostic::new(self.file, "cannot be read").into()),
            _ => Err(self.found),
        }
    }
}

/// What a message shows of a text that may be long or hold control characters.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST_CHARACTERS: usize = 40;
    let shown: String = text
        .chars()
        .take(MOST_CHARACTERS)
        .map(|c| if panarch_toml::is_hidden(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        format!("{shown}…")
    } else {
        shown
    }
}

/// Lines counted from 1, whichever of `\n`, `\r\n` and `\r` ends them, without a byte order mark.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = if text.contains('\n') { '\n' } else { '\r' };
    (1u32..).zip(text.split(end).map(|line| line.strip_suffix('\r').unwrap_or(line)))
}

/// Column of a byte offset, in characters from 1.
pub(crate) fn column(line: &str, offset: usize) -> u32 {
    let before = line.get(..offset).unwrap_or(line).chars().count();
    u32::try_from(before).unwrap_or(u32::MAX - 1) + 1
}

/// A whole number in decimal digits, spaces around it and a plus sign allowed, as Python's `int` reads it.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
