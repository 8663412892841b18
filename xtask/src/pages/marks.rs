//! The marks around what is computed: `<!--=NAME-->…<!--/-->`.

use anyhow::{Context, Result, ensure};

const OPENS: &str = "<!--=";
const OPENED: &str = "-->";
const CLOSES: &str = "<!--/-->";

/// The text with what stands between each pair of marks replaced by what `figure` says of its name.
pub fn replaced(text: &str, mut figure: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(OPENS) {
        let (name, behind) = behind.split_once(OPENED).context("a mark that does not end")?;
        let (was, behind) = behind
            .split_once(CLOSES)
            .with_context(|| format!("the mark of `{name}` is not closed"))?;
        ensure!(!was.contains(OPENS), "the mark of `{name}` is not closed");
        let figure = figure(name)?;
        // What has lines of its own is a block, with blank lines around it as Markdown wants them.
        let figure = match figure.contains('\n') {
            true => format!("\n\n{}\n\n", figure.trim()),
            false => figure,
        };
        made.extend([before, OPENS, name, OPENED, &figure, CLOSES]);
        rest = behind;
    }
    Ok(made + rest)
}

/// Names, lines and the first differing lines of what stands between marks, where two versions of a page differ.
pub fn changes(was: &str, is: &str) -> Vec<(String, usize, String, String)> {
    let pairs = all(was).into_iter().zip(all(is));
    let differing = pairs.filter(|((_, _, was), (_, _, is))| was != is);
    let changes = differing.map(|((name, line, was), (_, _, is))| {
        let (was, is): (Vec<&str>, Vec<&str>) = (was.trim().lines().collect(), is.trim().lines().collect());
        let same = was.iter().zip(&is).take_while(|(was, is)| was == is).count();
        let line_of = |lines: &[&str]| lines.get(same).copied().unwrap_or_default().to_owned();
        (name.to_owned(), line, line_of(&was), line_of(&is))
    });
    changes.collect()
}

/// Name, line and content of every mark.
fn all(text: &str) -> Vec<(&str, usize, &str)> {
    let (mut found, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some((before, behind)) = rest.split_once(OPENS) {
        let Some((name, behind)) = behind.split_once(OPENED) else {
            break;
        };
        let Some((content, behind)) = behind.split_once(CLOSES) else {
            break;
        };
        line += before.matches('\n').count();
        found.push((name, line, content));
        line += content.matches('\n').count();
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_put_between_their_marks() {
        let text = "it takes <!--=time-->4<!--/--> ms.\n<!--=table-->old<!--/-->\n";
        let made = replaced(text, |name| {
            Ok(match name {
                "time" => "5".to_owned(),
                _ => "|a|\n|-|".to_owned(),
            })
        });
        let made = made.expect("the marks are closed");
        assert_eq!(
            made,
            "it takes <!--=time-->5<!--/--> ms.\n<!--=table-->\n\n|a|\n|-|\n\n<!--/-->\n"
        );
        let expected = [
            ("time".to_owned(), 1, "4".to_owned(), "5".to_owned()),
            ("table".to_owned(), 2, "old".to_owned(), "|a|".to_owned()),
        ];
        assert_eq!(changes(text, &made), expected);
        assert_eq!(
            replaced(&made, |_| Ok("6".into()))
                .expect("once more")
                .matches('6')
                .count(),
            2
        );
        for broken in ["<!--=a-->1", "<!--=a", "<!--=a-->1 <!--=b-->2<!--/-->"] {
            assert!(replaced(broken, |_| Ok(String::new())).is_err(), "{broken}");
        }
    }
}
