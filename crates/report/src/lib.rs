//! The self-contained HTML report, terminal tables, CSV and JSON.
//!
//! * [`Table`] is what every read command prints: one value, rendered as
//!   aligned text, CSV, JSON or HTML.
//! * [`RunReport`] is everything that a run has to show, as plain data with a versioned file form.
//! * [`summary`] draws tables from it: the finalists, the agreement of the devices, …
//! * [`report_html`] makes the page: charts as static SVG, no script, no request.
#![forbid(unsafe_code)]

mod chart;
mod error;
mod figure;
pub mod html;
mod page;
pub mod run_report;
pub mod summary;
pub mod table;
mod trace;

pub use chart::{Panel, Series, panels_svg};
pub use error::ReportError;
pub use page::report_html;
pub use run_report::RunReport;
pub use summary::{agreement_table, finalists_table, repeats_table};
pub use table::{Alignment, Cell, Column, Emphasis, Format, Row, Table, Value};
pub use trace::chrome_trace;
