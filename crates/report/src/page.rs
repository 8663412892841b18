//! The report as one HTML file that needs nothing else.

mod download;
mod evidence;
mod headline;
mod outcome;
mod repeat;
mod section;

use crate::RunReport;
use crate::html::escape;

use section::Section;

const STYLE: &str = include_str!("page/style.css");

/// Hatching that segments of [`crate::chart`] refer to; one definition serves the whole page.
const PATTERNS: &str = r#"<svg class="patterns" aria-hidden="true" width="0" height="0"><defs>
<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatchground" width="5" height="5"/><rect class="hatchline" width="1.6" height="5"/></pattern>
<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse"><rect class="dotground" width="5" height="5"/><circle class="dot" cx="2.5" cy="2.5" r="1.1"/></pattern>
</defs></svg>
"#;

/// The whole report: self-contained, without script, readable in light and dark, on paper and on a phone.
///
/// Its content policy forbids every request. Every string of `report` is escaped.
///
/// What [`RunReport::problems`] and [`RunReport::inconsistencies`] name stands at its head; what of an inconsistent report
/// cannot be drawn is left out.
#[must_use]
pub fn report_html(report: &RunReport) -> String {
    let report = &report.drawn();
    let sections: Vec<Section> = [
        Some(outcome::finalists(report)),
        outcome::fronts(report),
        outcome::ratios(report),
        outcome::architecture(report),
        evidence::layers(report),
        evidence::predictions(report),
        evidence::searches(report),
        evidence::agreement(report),
        evidence::networks(report),
        Some(evidence::provenance(report)),
        Some(repeat::repeat(report)),
    ]
    .into_iter()
    .flatten()
    .collect();

    let name = escape(&report.run.name);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"{}\">\n\
         <title>{name} – Panarch report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{PATTERNS}",
        escape(&report.run.software)
    );
    out.push_str(&headline::headline(report));
    out.push_str("<nav aria-label=\"Sections\"><ol>");
    for section in &sections {
        out.push_str(&format!(
            "<li><a href=\"#{}\">{}</a></li>",
            section.id,
            escape(&section.title)
        ));
    }
    out.push_str("</ol></nav>\n<main>\n");
    for section in &sections {
        out.push_str(&section.html());
    }
    out.push_str(&format!(
        "</main>\n<footer>{} · {} · format version {}</footer>\n</body>\n</html>\n",
        escape(&report.run.software),
        escape(&report.run.created),
        report.version
    ));
    out
}
