//! The tables of a page.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::csv::Csv;

/// Text by path from the root of the tree.
#[derive(Debug, Clone)]
pub struct Tables(pub Vec<(&'static str, String)>);

impl Tables {
    /// Reads the files at these paths.
    pub fn read(root: &Path, paths: &[&'static str]) -> Result<Self> {
        let texts = paths.iter().map(|path| {
            let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
            Ok((*path, text))
        });
        Ok(Self(texts.collect::<Result<_>>()?))
    }

    /// The table of which the path ends so.
    pub fn csv(&self, name: &str) -> Result<Csv> {
        let found: Vec<_> = self.0.iter().filter(|(path, _)| path.ends_with(name)).collect();
        ensure!(found.len() == 1, "{} tables are called `{name}`", found.len());
        Csv::parse(found[0].0, &found[0].1)
    }

    /// Links to the tables as they stand on a page, each with a sum over its text, so that no change of a table is
    /// overlooked, be it ever so small.
    pub fn links(&self, page: &str) -> String {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let links = self.0.iter().map(|(path, text)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            format!("[{name}]({})<!-- {:016x} -->", relative(folder, path), sum(text))
        });
        links.collect::<Vec<_>>().join(", ")
    }

    /// The sums alone, as a comment.
    pub fn sums(&self) -> String {
        let sums: Vec<String> = self.0.iter().map(|(_, text)| format!("{:016x}", sum(text))).collect();
        format!("<!-- {} -->", sums.join(" "))
    }
}

/// The way from a folder to a file of the tree.
fn relative(folder: &str, path: &str) -> String {
    let (mut from, mut to): (Vec<&str>, Vec<&str>) = (folder.split('/').collect(), path.split('/').collect());
    from.retain(|part| !part.is_empty());
    let same = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
    let up = vec![".."; from.len() - same];
    to.drain(..same);
    [up, to].concat().join("/")
}

/// The 64-bit sum of Fowler, Noll and Vo (FNV-1a).
fn sum(text: &str) -> u64 {
    let bytes = text.bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_ways() {
        // Published values of FNV-1a.
        assert_eq!((sum(""), sum("a")), (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c));
        assert_eq!(
            relative("docs/concepts", "docs/reproductions/a/b.csv"),
            "../reproductions/a/b.csv"
        );
        assert_eq!(relative("", "docs/a.csv"), "docs/a.csv");
    }
}
