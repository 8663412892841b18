//! Aligned text for a terminal: headings, a rule, rows; wrapped to a width.

use panarch_toml::shown;
use unicode_width::UnicodeWidthStr;

use super::{Alignment, Column, Emphasis, Table};

/// Blanks between two columns.
const GAP: usize = 2;
/// A column of words is never wrapped narrower than this.
const NARROWEST: usize = 20;

pub(super) fn render(table: &Table, width: Option<usize>, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    if !table.title.is_empty() {
        for line in wrap(&shown(&table.title), width.unwrap_or(usize::MAX)) {
            out.push_str(&paint.bold(&line));
            out.push('\n');
        }
        out.push('\n');
    }
    if table.rows.is_empty() {
        out.push_str("(no rows)\n");
    } else {
        write_rows(table, width, paint, &mut out);
    }
    if !table.notes.is_empty() {
        out.push('\n');
    }
    for note in &table.notes {
        let lines = wrap(&shown(note), width.unwrap_or(usize::MAX));
        for line in lines {
            out.push_str(&paint.dim(&line));
            out.push('\n');
        }
    }
    out
}

/// The rows side by side where that is not too wide, else in bands that each begin with what tells the rows apart; of two
/// ways that fit, the one of fewer lines. Where neither fits, or there is but one row, each row as a block.
fn write_rows(table: &Table, limit: Option<usize>, paint: Paint, out: &mut String) {
    let grid = Grid::new(table);
    let limit = limit.unwrap_or(usize::MAX);
    let beside = beside(table, &grid, limit, paint);
    if let Some((text, false)) = &beside {
        return out.push_str(text);
    }
    let several = table.rows.len() > 1;
    let bands = several.then(|| bands(table, &grid, limit, paint)).flatten();
    match (beside, bands) {
        (Some((beside, _)), Some(bands)) if bands.lines().count() < beside.lines().count() => out.push_str(&bands),
        (Some((beside, _)), _) => out.push_str(&beside),
        (None, Some(bands)) => out.push_str(&bands),
        (None, None) => grid.write_blocks(limit, paint, out),
    }
}

/// All columns side by side, and whether texts of cells had to be wrapped for it; nothing where that is too wide.
fn beside(table: &Table, grid: &Grid, limit: usize, paint: Paint) -> Option<(String, bool)> {
    let (widths, wrapped) = grid.fit(table, limit)?;
    let mut text = String::new();
    grid.write(table, &widths, paint, &mut text);
    Some((text, wrapped))
}

/// The columns in bands one below the other; nothing where a band is too wide.
fn bands(table: &Table, grid: &Grid, limit: usize, paint: Paint) -> Option<String> {
    let bands = grid.bands(table, limit)?.into_iter().map(|columns| {
        let band = with_columns(table, &columns);
        beside(&band, &Grid::new(&band), limit, paint).map(|(text, _)| text)
    });
    Some(bands.collect::<Option<Vec<String>>>()?.join("\n"))
}

/// The table with these of its columns alone.
fn with_columns(table: &Table, columns: &[usize]) -> Table {
    let mut band = Table::new("", columns.iter().map(|index| table.columns[*index].clone()).collect());
    for row in &table.rows {
        let cells = columns.iter().map(|index| row.cells[*index].clone()).collect();
        band.push_row(cells, row.emphasis);
    }
    band
}

/// ANSI escapes, or none.
#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn row(self, emphasis: Emphasis, text: &str) -> String {
        match emphasis {
            Emphasis::Plain => text.to_owned(),
            Emphasis::Strong => self.bold(text),
            Emphasis::Weak => self.dim(text),
            Emphasis::Good => self.wrap("32", text),
            Emphasis::Bad => self.wrap("31", text),
        }
    }
}

/// The shown texts of a table.
struct Grid {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    fn new(table: &Table) -> Self {
        Grid {
            headings: table.columns.iter().map(|c| shown(&c.heading()).into_owned()).collect(),
            rows: table
                .rows
                .iter()
                .map(|row| row.cells.iter().map(|cell| shown(&cell.text).into_owned()).collect())
                .collect(),
        }
    }

    /// The columns' widths within the limit, and whether texts of cells are wrapped for it; `None` if there is no way.
    fn fit(&self, table: &Table, limit: usize) -> Option<(Vec<usize>, bool)> {
        let body: Vec<usize> = (0..self.headings.len())
            .map(|column| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
            .collect();
        let headings = self.headings.iter().map(|heading| heading.width());
        let mut widths: Vec<usize> = headings.zip(&body).map(|(heading, body)| heading.max(*body)).collect();
        // Headings give way first, the widest column first, one character at a time.
        let words = self.headings.iter().map(|heading| longest_word(heading));
        let least: Vec<usize> = words.zip(&body).map(|(word, body)| word.max(*body)).collect();
        if shrink(&mut widths, &least, limit) {
            return Some((widths, false));
        }
        shrink(&mut widths, &self.least(table), limit).then_some((widths, true))
    }

    /// How narrow each column can be: numbers are not cut, words are wrapped.
    fn least(&self, table: &Table) -> Vec<usize> {
        let least = |(index, column): (usize, &Column)| {
            let body = self.rows.iter().map(|row| row[index].width()).max().unwrap_or(0);
            let body = match column.alignment {
                Alignment::Left => body.min(NARROWEST),
                Alignment::Right => body,
            };
            longest_word(&self.headings[index]).max(body)
        };
        table.columns.iter().enumerate().map(least).collect()
    }

    /// Sets of columns that fit the limit one by one, each with the columns that tell the rows apart.
    fn bands(&self, table: &Table, limit: usize) -> Option<Vec<Vec<usize>>> {
        let least = self.least(table);
        let width = |columns: &[usize]| total(&columns.iter().map(|index| least[*index]).collect::<Vec<_>>());
        let key = self.key();
        let mut bands: Vec<Vec<usize>> = Vec::new();
        let mut band = key.clone();
        for column in key.len()..self.headings.len() {
            let wider: Vec<usize> = band.iter().copied().chain([column]).collect();
            if width(&wider) <= limit {
                band = wider;
            } else if band.len() > key.len() {
                bands.push(std::mem::replace(
                    &mut band,
                    key.iter().copied().chain([column]).collect(),
                ));
            }
            if width(&band) > limit || band.len() == key.len() {
                return None;
            }
        }
        bands.push(band);
        Some(bands)
    }

    /// The first columns, as many as tell the rows apart but two at the most.
    fn key(&self) -> Vec<usize> {
        let distinct = |count: usize| {
            let mut seen = std::collections::BTreeSet::new();
            self.rows.iter().all(|row| seen.insert(&row[..count]))
        };
        let two = self.headings.len() > 2 && !distinct(1) && distinct(2);
        if two { vec![0, 1] } else { vec![0] }
    }

    fn write(&self, table: &Table, widths: &[usize], paint: Paint, out: &mut String) {
        let headings = lines(&self.headings, widths);
        // Headings of several lines stand on the rule.
        let height = headings.iter().map(Vec::len).max().unwrap_or(0);
        let headings: Vec<Vec<String>> = headings
            .into_iter()
            .map(|mut lines| {
                let missing = height - lines.len();
                lines.splice(0..0, std::iter::repeat_n(String::new(), missing));
                lines
            })
            .collect();
        for line in 0..height {
            out.push_str(&paint.bold(&line_of(&headings, line, table, widths)));
            out.push('\n');
        }
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        out.push_str(&paint.dim(&rule.join(&" ".repeat(GAP))));
        out.push('\n');
        for (texts, row) in self.rows.iter().zip(&table.rows) {
            let cells = lines(texts, widths);
            for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                out.push_str(&paint.row(row.emphasis, &line_of(&cells, line, table, widths)));
                out.push('\n');
            }
        }
    }

    /// Each row as a block of `heading  value` lines.
    fn write_blocks(&self, limit: usize, paint: Paint, out: &mut String) {
        let widest = self.headings.iter().map(|h| h.width()).max().unwrap_or(0);
        let room = limit.saturating_sub(widest + GAP).max(NARROWEST / 2);
        for (position, row) in self.rows.iter().enumerate() {
            if position > 0 {
                out.push('\n');
            }
            for (heading, text) in self.headings.iter().zip(row) {
                let mut heading = heading.as_str();
                for line in wrap(text, room) {
                    let blanks = " ".repeat(widest - heading.width() + GAP);
                    out.push_str(format!("{}{blanks}{line}", paint.dim(heading)).trim_end());
                    out.push('\n');
                    heading = "";
                }
            }
        }
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Takes from the column with the most to spare until the limit holds.
fn shrink(widths: &mut [usize], least: &[usize], limit: usize) -> bool {
    while total(widths) > limit {
        let widest = (0..widths.len())
            .filter(|&index| widths[index] > least[index])
            .max_by_key(|&index| (widths[index], index));
        match widest {
            Some(index) => widths[index] -= 1,
            None => return false,
        }
    }
    true
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

fn lines(texts: &[String], widths: &[usize]) -> Vec<Vec<String>> {
    texts
        .iter()
        .zip(widths)
        .map(|(text, width)| wrap(text, *width))
        .collect()
}

fn line_of(cells: &[Vec<String>], line: usize, table: &Table, widths: &[usize]) -> String {
    let mut out = String::new();
    for (index, (cell, column)) in cells.iter().zip(&table.columns).enumerate() {
        let text = cell.get(line).map_or("", String::as_str);
        let blanks = " ".repeat(widths[index].saturating_sub(text.width()));
        match column.alignment {
            Alignment::Left => out.extend([text, &blanks]),
            Alignment::Right => out.extend([&blanks, text]),
        }
        if index + 1 < cells.len() {
            out.push_str(&" ".repeat(GAP));
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Breaks at blanks; a word longer than the width is broken anywhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    if text.width() <= width {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let joined = line.width() + usize::from(!line.is_empty()) + word.width();
        if joined > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for character in word.chars() {
            let next = unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
            if line.width() + next > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(character);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use crate::table::{Cell, Column, Emphasis, Format, Table};

    fn devices() -> Table {
        let mut table = Table::new(
            "Devices",
            vec![
                Column::text("device"),
                Column::quantity("median latency", "ms"),
                Column::text("where it comes from"),
            ],
        );
        table.push(vec![
            Cell::text("cube-16"),
            Cell::number(1.25, "1.250"),
            Cell::text("simulated by an analytic model"),
        ]);
        table.push_row(
            vec![Cell::text("host"), Cell::number(10.5, "10.500"), Cell::text("measured")],
            Emphasis::Strong,
        );
        table
    }

    #[test]
    fn aligns_words_left_and_numbers_right() {
        let text = devices().render(Format::Table, None, false);
        assert_eq!(
            text,
            "Devices\n\n\
             device   median latency (ms)  where it comes from\n\
             ───────  ───────────────────  ──────────────────────────────\n\
             cube-16                1.250  simulated by an analytic model\n\
             host                  10.500  measured\n"
        );
    }

    #[test]
    fn wraps_headings_then_words() {
        let text = devices().render(Format::Table, Some(40), false);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("1.250") && text.contains("analytic"), "{text}");
    }

    #[test]
    fn too_narrow_becomes_blocks() {
        let text = devices().render(Format::Table, Some(20), false);
        assert!(text.contains("device               cube-16\n"), "{text}");
        assert!(text.contains("median latency (ms)  1.250\n"), "{text}");
        assert!(text.contains("                     analytic\n"), "{text}");
    }

    #[test]
    fn too_many_columns_stand_in_bands_with_the_names_in_each() {
        let mut columns = vec![Column::text("device")];
        columns.extend(["latency", "interval", "memory", "traffic"].map(|name| Column::quantity(name, "ms")));
        let mut table = Table::new("Costs of a network on several devices", columns);
        for device in ["cube-16", "ethos-u55-128"] {
            let mut cells = vec![Cell::text(device)];
            cells.extend([1, 2, 3, 4].map(|number| Cell::count(number * 123_456_789)));
            table.push(cells);
        }
        let text = table.render(Format::Table, Some(40), false);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(text.matches("ethos-u55-128").count(), 2, "{text}");
        for number in ["123,456,789", "246,913,578", "370,370,367", "493,827,156"] {
            assert_eq!(text.matches(number).count(), 2, "{number} in\n{text}");
        }
        // One row alone reads best as a block.
        table.rows.truncate(1);
        let text = table.render(Format::Table, Some(40), false);
        assert!(text.contains("latency (ms)   123,456,789\n"), "{text}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal_and_no_value_is_lost() {
        for width in 40..130 {
            let mut table = devices();
            table.title = "A title that is longer than a narrow terminal is wide, as titles can be".to_owned();
            table.note("a note of many words, which is as long as the title is and still longer");
            let text = table.render(Format::Table, Some(width), false);
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            for value in ["cube-16", "1.250", "10.500", "measured", "analytic"] {
                assert!(text.contains(value), "{width}: no {value} in\n{text}");
            }
        }
    }

    #[test]
    fn colour_only_where_asked() {
        let plain = devices().render(Format::Table, None, false);
        assert!(!plain.contains('\u{1b}'));
        let coloured = devices().render(Format::Table, None, true);
        assert!(coloured.contains("\u{1b}[1mhost"));
    }

    #[test]
    fn control_characters_cannot_steer_the_terminal() {
        let mut table = Table::new("a\u{1b}[2J", vec![Column::text("n\u{7}")]);
        table.push(vec![Cell::text("x\u{1b}]0;title\u{7}\ny")]);
        let text = table.render(Format::Table, None, false);
        assert_eq!(
            text,
            "a\\u{1b}[2J\n\nn\\u{7}\n───────────────────────\nx\\u{1b}]0;title\\u{7}\\ny\n"
        );
    }

    #[test]
    fn wide_characters_count_double() {
        let mut table = Table::new("", vec![Column::text("名前"), Column::number("n")]);
        table.push(vec![Cell::text("ab"), Cell::count(1)]);
        assert_eq!(table.render(Format::Table, None, false), "名前  n\n────  ─\nab    1\n");
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(
            Table::new("T", vec![Column::text("a")]).render(Format::Table, None, false),
            "T\n\n(no rows)\n"
        );
    }
}
