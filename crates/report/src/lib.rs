//! The self-contained HTML report, terminal tables, CSV and JSON.
