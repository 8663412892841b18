//! An HTML table with caption, scopes and classes for alignment.

use std::fmt::Write;

use super::{Alignment, Emphasis, Table};
use crate::html::{escape, escape_words};

fn alignment_class(alignment: Alignment) -> &'static str {
    match alignment {
        Alignment::Left => "",
        Alignment::Right => " class=\"n\"",
    }
}

pub(super) fn render(table: &Table) -> String {
    let mut out = String::from("<div class=\"scroll\"><table>");
    if !table.title.is_empty() {
        let _ = write!(out, "<caption>{}</caption>", escape_words(&table.title));
    }
    out.push_str("<thead><tr>");
    for column in &table.columns {
        let class = alignment_class(column.alignment);
        let _ = write!(out, "<th scope=\"col\"{class}>{}", escape_words(&column.name));
        if let Some(unit) = &column.unit {
            let _ = write!(out, " <small>({})</small>", escape(unit));
        }
        out.push_str("</th>");
    }
    out.push_str("</tr></thead>\n<tbody>");
    for row in &table.rows {
        out.push_str(match row.emphasis {
            Emphasis::Plain => "<tr>",
            Emphasis::Strong => "<tr class=\"strong\">",
            Emphasis::Weak => "<tr class=\"weak\">",
            Emphasis::Good => "<tr class=\"good\">",
            Emphasis::Bad => "<tr class=\"bad\">",
        });
        for (position, (cell, column)) in row.cells.iter().zip(&table.columns).enumerate() {
            let class = alignment_class(column.alignment);
            let _ = if position == 0 && column.alignment == Alignment::Left {
                write!(out, "<th scope=\"row\">{}</th>", escape_words(&cell.text))
            } else {
                write!(out, "<td{class}>{}</td>", escape(&cell.text))
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>");
    for note in &table.notes {
        let _ = write!(out, "<p class=\"note\">{}</p>", escape(note));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column};

    #[test]
    fn every_string_is_escaped() {
        let hostile = "<img src=x onerror=alert(1)>";
        let mut table = Table::new(hostile, vec![Column::quantity(hostile, hostile), Column::text(hostile)]);
        table.push(vec![Cell::text(hostile), Cell::text(hostile)]);
        table.note(hostile);
        let html = table.to_html();
        assert!(!html.contains("<img"), "{html}");
        assert_eq!(html.matches("&lt;img").count(), 7);
    }
}
