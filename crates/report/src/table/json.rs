//! An array of objects in column order, with raw numbers.

use serde::ser::{Serialize, SerializeMap, Serializer};

use panarch_toml::shown_json;

use super::{Row, Table};

struct Object<'a> {
    keys: &'a [String],
    row: &'a Row,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.keys.len()))?;
        for (key, cell) in self.keys.iter().zip(&self.row.cells) {
            map.serialize_entry(key, &cell.value)?;
        }
        map.end()
    }
}

pub(super) fn render(table: &Table) -> String {
    let keys = table.keys();
    let mut out = String::from("[");
    for (position, row) in table.rows.iter().enumerate() {
        out.push_str(if position == 0 { "\n  " } else { ",\n  " });
        // Strings, numbers and flags under string keys: nothing here can fail to serialise.
        let object = serde_json::to_string(&Object { keys: &keys, row });
        out.push_str(&object.unwrap_or_else(|error| unreachable!("{error}")));
    }
    out.push_str(if table.rows.is_empty() { "]\n" } else { "\n]\n" });
    shown_json(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Column, Format};

    #[test]
    fn keeps_column_order_and_raw_numbers() {
        let mut table = Table::new("", vec![Column::text("z"), Column::quantity("a", "ms")]);
        table.push(vec![Cell::text("\"quoted\""), Cell::number(1.5, "1.50")]);
        table.push(vec![Cell::missing(), Cell::decimal(f64::NAN, 1)]);
        assert_eq!(
            table.render(Format::Json, None, false),
            "[\n  {\"z\":\"\\\"quoted\\\"\",\"a_ms\":1.5},\n  {\"z\":null,\"a_ms\":null}\n]\n"
        );
    }

    #[test]
    fn an_empty_table_is_an_empty_array() {
        let table = Table::new("", vec![Column::text("z")]);
        assert_eq!(table.render(Format::Json, None, false), "[]\n");
    }
}
