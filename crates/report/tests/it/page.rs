//! The page as a whole: complete, self-contained, small, and safe against hostile strings.

use panarch_report::{Format, finalists_table, report_html};

use crate::fixture;

/// The page of a run of usual size, left in the test folder for a look at it.
#[test]
fn the_page_of_a_usual_run_is_small_and_self_contained() {
    let html = report_html(&fixture::report(500)).unwrap();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    std::fs::write(&path, &html).unwrap();
    println!("{}: {} bytes", path.display(), html.len());
    println!(
        "{}",
        finalists_table(&fixture::report(500)).render(Format::Table, Some(120), false)
    );
    assert!(html.len() < 1_500_000, "{} bytes", html.len());
    for forbidden in ["http://", "https://", "src=", "<script", "@import", "<link", "<iframe"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}
