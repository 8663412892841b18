//! Tables separated by commas, with quotes as in RFC 4180.

/// The rows of a text, each as its fields. Empty lines are no rows.
///
/// Never fails: a quote that is not closed reaches to the end of the text.
pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    let mut end_row = |row: &mut Vec<String>, field: &mut String| {
        if !row.is_empty() || !field.is_empty() {
            row.push(std::mem::take(field));
            rows.push(std::mem::take(row));
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => end_row(&mut row, &mut field),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            other => field.push(other),
        }
    }
    end_row(&mut row, &mut field);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_quotes() {
        let text = "\u{feff}a,b\r\n1,\"x, \"\"y\"\"\"\n\n,\nlast";
        let expected = vec![vec!["a", "b"], vec!["1", "x, \"y\""], vec!["", ""], vec!["last"]];
        assert_eq!(rows(text), expected);
        assert_eq!(rows(""), Vec::<Vec<String>>::new());
        assert_eq!(rows("\"open,\n1"), vec![vec!["open,\n1"]]);
    }
}
