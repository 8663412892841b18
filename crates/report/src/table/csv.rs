//! RFC 4180 records: header line, raw numbers, quotes where needed. Hidden characters are written out as in tables.

use panarch_toml::shown_lines;

use super::{Table, Value};

pub(super) fn render(table: &Table) -> String {
    let mut out = String::new();
    record(&mut out, table.keys().iter().map(|key| field(key)));
    for row in &table.rows {
        record(&mut out, row.cells.iter().map(|cell| value(&cell.value)));
    }
    out
}

fn record(out: &mut String, fields: impl Iterator<Item = String>) {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(&field);
    }
    out.push('\n');
}

fn value(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Flag(flag) => flag.to_string(),
        Value::Count(count) => count.to_string(),
        Value::Number(number) if number.is_finite() => number.to_string(),
        Value::Number(_) => String::new(),
        Value::Text(text) => field(text),
    }
}

fn field(text: &str) -> String {
    let text = &*shown_lines(text);
    if text.contains(['"', ',', '\n']) || text != text.trim() {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column, Format};

    #[test]
    fn fields_are_quoted_where_needed() {
        for (text, quoted) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            (" edge ", "\" edge \""),
            ("", ""),
            ("\u{1b}[2J\r", "\\u{1b}[2J\\r"),
        ] {
            assert_eq!(field(text), quoted);
        }
    }

    #[test]
    fn numbers_are_raw() {
        let mut table = Table::new(
            "title",
            vec![
                Column::text("a"),
                Column::quantity("t", "ms").with_key("t_s"),
                Column::number("n"),
            ],
        );
        table.push(vec![
            Cell::text("x,y"),
            Cell::number(0.001, "1.0"),
            Cell::count(1_000_000),
        ]);
        table.push(vec![Cell::flag(true), Cell::decimal(f64::INFINITY, 1), Cell::missing()]);
        table.note("not in the records");
        assert_eq!(
            table.render(Format::Csv, Some(10), true),
            "a,t_s,n\n\"x,y\",0.001,1000000\ntrue,,\n"
        );
    }
}
