//! Figures in the text of a profile.

/// Where the value of `section.key` stands in a profile's text.
fn place(text: &str, path: &str) -> Option<(usize, usize)> {
    let (section, key) = path.split_once('.')?;
    let table = text.find(&format!("\n[{section}]\n"))? + 1;
    let behind = text.get(table..)?;
    let body = behind.get(..behind.find("\n[").unwrap_or(behind.len()))?;
    let opening = format!("\n{key} = {{ value = ");
    let start = table + body.find(&opening)? + opening.len();
    let rest = text.get(start..)?;
    let ends = [", source = ", ", assumption = "].map(|origin| rest.find(origin));
    Some((start, start + ends.into_iter().flatten().min()?))
}

/// The value of a figure as it is written.
pub(crate) fn value<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    let (start, end) = place(text, path)?;
    text.get(start..end)
}

/// The text with another value of a figure, which keeps its source.
pub(crate) fn with(text: &str, path: &str, value: &str) -> Option<String> {
    let (start, end) = place(text, path)?;
    let mut changed = text.to_owned();
    changed.replace_range(start..end, value);
    Some(changed)
}

/// The text with other granules of the array, such as `channels = [4], taps = [1]`.
pub(crate) fn with_padding(text: &str, granules: &str) -> Option<String> {
    // No other part of a profile has this key.
    let start = text.find("\npadding = { ")? + "\npadding = { ".len();
    let end = start + text.get(start..)?.find(", assumption")?;
    let mut changed = text.to_owned();
    changed.replace_range(start..end, granules);
    Some(changed)
}
