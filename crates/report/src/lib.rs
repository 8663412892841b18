//! The self-contained HTML report, terminal tables, CSV and JSON.
//!
//! * [`Table`] is what every read command prints: one value, rendered as
//!   aligned text, CSV, JSON or HTML.

mod error;
pub mod html;
pub mod table;

pub use error::ReportError;
pub use table::{Alignment, Cell, Column, Emphasis, Format, Row, Table, Value};
