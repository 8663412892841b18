//! The run itself: data, space, training, seeds, command and run file.

use crate::RunReport;
use crate::figure::grouped_digits;
use crate::html::escape;
use crate::table::grouped;

use super::download;
use super::section::Section;

pub(super) fn repeat(report: &RunReport) -> Section {
    let mut section = Section::new("repeat", "The run, and how to repeat it");
    section.html_part(&list("Dataset", &dataset(report)));
    section.html_part(&list("Search space", &space(report)));
    let pairs = |facts: &[crate::run_report::Fact]| {
        facts
            .iter()
            .map(|fact| (fact.label.clone(), fact.text.clone()))
            .collect::<Vec<_>>()
    };
    section.html_part(&list("Training", &pairs(&report.training)));
    let mut run = vec![("Machine".to_owned(), report.run.machine.clone())];
    let seeds = report.run.seeds.iter();
    run.extend(seeds.map(|seed| (format!("Seed, {}", seed.purpose), seed.value.to_string())));
    run.extend(pairs(&report.run.facts));
    section.html_part(&list("Run", &run));
    section.html_part(&format!(
        "<h3>Command</h3>\n<pre><code>{}</code></pre>\n<h3>Resolved run file, {}</h3>\n{}\n<details open><summary>Show the file</summary><pre><code>{}</code></pre></details>\n",
        escape(&report.run.command),
        escape(&report.run.run_file_name),
        download::text(&report.run.run_file_name, "Download the run file", &report.run.run_file),
        escape(&report.run.run_file)
    ));
    section
}

fn list(title: &str, entries: &[(String, String)]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let mut out = format!("<h3>{}</h3>\n<dl>", escape(title));
    for (label, text) in entries {
        out.push_str(&format!(
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escape(label),
            escape(text)
        ));
    }
    out.push_str("</dl>\n");
    out
}

fn dataset(report: &RunReport) -> Vec<(String, String)> {
    let data = &report.dataset;
    let mut entries = vec![
        ("Name", data.name.clone()),
        ("Source", data.source.clone()),
        ("Classes", data.classes.to_string()),
        (
            "Image",
            format!("{}×{}×{}", data.channels, data.resolution, data.resolution),
        ),
        ("Train images", grouped(data.train_images)),
        ("Validation images", grouped(data.validation_images)),
        (
            "Test images",
            format!("{}; nothing is chosen on them", grouped(data.test_images)),
        ),
    ];
    if let Some(checksum) = &data.checksum {
        entries.push(("Checksum", checksum.clone()));
    }
    entries
        .into_iter()
        .map(|(label, text)| (label.to_owned(), text))
        .collect()
}

fn space(report: &RunReport) -> Vec<(String, String)> {
    let space = &report.space;
    let distinct = grouped_digits(&space.distinct);
    [
        ("Name", space.name.clone()),
        ("Hash", space.hash.to_string()),
        ("Decisions", space.decisions.to_string()),
        ("Decision strings (raw)", grouped_digits(&space.raw)),
        ("Canonical strings (active)", grouped_digits(&space.active)),
        (
            "Different networks (distinct)",
            if space.distinct_is_exact {
                distinct
            } else {
                format!("at most {distinct}")
            },
        ),
    ]
    .into_iter()
    .map(|(label, text)| (label.to_owned(), text))
    .collect()
}
