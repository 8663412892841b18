use crate::scalesim::problems::{Problems, column, excerpt, whole_number};

/// Fields of a line that are looked at: name, seven numbers, a second stride, and one to spare.
const MOST_FIELDS: usize = 10;

/// Longest name of a layer, in bytes.
const MOST_NAME: usize = 1024;

/// A line with its fields, none of them trimmed.
pub(super) struct Line<'a> {
    pub(super) number: u32,
    text: &'a str,
    pub(super) fields: Vec<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn new(number: u32, text: &'a str) -> Self {
        // What stands further right is never looked at, and a line may hold millions of commas.
        let fields = text.split(',').take(MOST_FIELDS).collect();
        Self { number, text, fields }
    }

    pub(super) fn field(&self, index: usize) -> &'a str {
        self.fields.get(index).map_or("", |field| field.trim())
    }

    /// Where a field stands; one that is missing, where it should.
    pub(super) fn place(&self, index: usize) -> (u32, u32) {
        let offset = match self.fields.get(index) {
            Some(field) => {
                let start: usize = self.fields.iter().take(index).map(|field| field.len() + 1).sum();
                start + field.len() - field.trim_start().len()
            }
            None => self.text.len(),
        };
        (self.number, column(self.text, offset))
    }

    /// How many fields behind the name are not empty.
    pub(super) fn filled(&self) -> usize {
        let after_name = self.fields.iter().skip(1);
        after_name.filter(|field| !field.trim().is_empty()).count()
    }

    /// The layer's name.
    pub(super) fn name(&self, problems: &mut Problems<'_>) -> Option<String> {
        let name = self.field(0);
        if name.len() > MOST_NAME {
            let found = name.len();
            let message = format!("a layer's name has at most {MOST_NAME} bytes, this one {found}");
            problems.at(self.place(0), message);
            return None;
        }
        if name.chars().any(char::is_control) {
            problems.at(self.place(0), "a layer's name holds a control character");
            return None;
        }
        Some(name.to_owned())
    }

    /// The numbers behind the name; a problem for each field that is missing, no whole number, or out of range.
    pub(super) fn dimensions<const N: usize>(
        &self,
        names: &[&str; N],
        problems: &mut Problems<'_>,
    ) -> Option<[u32; N]> {
        if self.fields.iter().skip(1).take(N).all(|field| field.trim().is_empty()) {
            problems.at(
                self.place(1),
                format!("{} numbers are missing: {}", N, names.join(", ")),
            );
            return None;
        }
        let mut numbers = [0; N];
        let mut complete = true;
        for (index, (number, name)) in numbers.iter_mut().zip(names).enumerate() {
            let field = self.field(index + 1);
            match whole_number(field).and_then(|value| u32::try_from(value).ok()) {
                Some(value @ 1..) => *number = value,
                _ => {
                    let message = if field.is_empty() {
                        format!("no value for {name}")
                    } else {
                        format!(
                            "the {name} must be a whole number from 1 to {}, not `{}`",
                            u32::MAX,
                            excerpt(field)
                        )
                    };
                    problems.at(self.place(index + 1), message);
                    complete = false;
                }
            }
        }
        complete.then_some(numbers)
    }
}
