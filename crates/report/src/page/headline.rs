//! The answer in plain words, before anything else.

use panarch_graph::{Estimate, Latency};

use crate::RunReport;
use crate::figure::{accuracy_with_interval, joined, latency_with_interval};
use crate::html::{escape, escape_words};
use crate::run_report::{DeviceFacts, DeviceLatency, Finalist, Role};
use crate::summary::worst;
use crate::table::grouped;

/// Title, answer, one tile a device, how it is known.
pub(super) fn headline(report: &RunReport) -> String {
    let mut out = format!(
        "<header>\n<p class=\"kicker\">Panarch report · {} · {}</p>\n",
        escape(&report.run.name),
        escape(&report.run.created)
    );
    out.push_str(&problems(&report.problems));
    let Some(chosen) = report.chosen() else {
        out.push_str("<h1>No network was chosen</h1>\n");
        out.push_str(&format!(
            "<p class=\"answer\">{} networks were evaluated on {}; none was chosen. The sections below show what was found.</p>\n",
            grouped(report.networks.len() as u64),
            escape(&joined(&device_names(report)))
        ));
        out.push_str(&worth(report));
        out.push_str("</header>\n");
        return out;
    };
    out.push_str(&format!("<h1>One network for {}</h1>\n", escape_words(&title(report))));
    out.push_str(&format!("<p class=\"answer\">{}</p>\n", answer(report, chosen)));
    out.push_str("<ul class=\"tiles\">");
    for (device, on) in report.devices.iter().zip(&chosen.latency) {
        out.push_str(&tile(report, device, on));
    }
    out.push_str("</ul>\n");
    for sentence in [against_reference(report, chosen), export(chosen)]
        .into_iter()
        .flatten()
    {
        out.push_str(&format!("<p>{}</p>\n", escape(&sentence)));
    }
    out.push_str(&worth(report));
    out.push_str("</header>\n");
    out
}

/// What the figures of measured devices are worth; what is not to be trusted stands out.
fn worth(report: &RunReport) -> String {
    let mut out = String::new();
    for device in &report.devices {
        let (Some(quality), Some(sentence)) = (&device.quality, device.worth()) else {
            continue;
        };
        let class = if quality.ranks() && quality.steady() {
            "note"
        } else {
            "doubt"
        };
        out.push_str(&format!("<p class=\"{class}\">{}.</p>\n", escape(&sentence)));
    }
    out
}

/// What checks found wrong, before anything else.
fn problems(problems: &[String]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<section class=\"problems\" role=\"alert\"><h2>Checks failed: do not rely on this report before they are understood</h2><ul>",
    );
    for problem in problems {
        out.push_str(&format!("<li>{}</li>", escape(problem)));
    }
    out + "</ul></section>\n"
}

/// The devices, or their number where their names would be a title of many lines.
fn title(report: &RunReport) -> String {
    match report.devices.len() {
        ..=6 => joined(&device_names(report)),
        many => format!("{many} devices"),
    }
}

fn device_names(report: &RunReport) -> Vec<&str> {
    report.devices.iter().map(|device| device.name.as_str()).collect()
}

/// HTML: the chosen network, its accuracy, and whether it holds every target.
fn answer(report: &RunReport, chosen: &Finalist) -> String {
    let basis = &report.test_accuracy;
    let ratios = report.ratios(chosen);
    let slowest = worst(&ratios);
    let slowest_device = ratios
        .iter()
        .position(|r| *r == slowest)
        .and_then(|index| report.devices.get(index));
    let slowest_device = slowest_device.map_or("", |device| device.name.as_str());
    let missed: Vec<&str> = ratios
        .iter()
        .zip(&report.devices)
        .filter(|(r, _)| **r > 1.0)
        .map(|(_, device)| device.name.as_str())
        .collect();
    let held = if missed.is_empty() {
        format!("It meets the target on every device; the tightest is {slowest_device} with r = {slowest:.2}.")
    } else {
        format!(
            "It misses the target on {}; the worst is {slowest_device} with r = {slowest:.2}.",
            joined(&missed)
        )
    };
    format!(
        "The network found for the <strong>{}</strong> (<code>{}</code>) answers <strong>{}</strong> of {} {} images of {} correctly. {} It has {} and {} parameters.",
        escape(&chosen.label()),
        chosen.hash.short(),
        escape(&accuracy_with_interval(&chosen.test_accuracy)),
        grouped(basis.images),
        escape(&basis.split),
        escape(&report.dataset.name),
        escape(&held),
        chosen.macs,
        grouped(chosen.parameters)
    )
}

fn tile(report: &RunReport, device: &DeviceFacts, on: &DeviceLatency) -> String {
    let r = on.latency.value / device.target;
    let (class, verdict) = match (
        r <= 1.0,
        on.latency.high <= device.target,
        on.latency.low > device.target,
    ) {
        (true, true, _) => ("met", "✓ within target"),
        (true, false, _) => ("met", "✓ within target, though its interval reaches beyond"),
        (false, _, true) => ("missed", "✗ above target"),
        (false, _, false) => ("missed", "✗ above target, though its interval reaches below"),
    };
    let source = report.provenances.get(on.provenance.0 as usize);
    let (kind, source) = source.map_or_else(Default::default, |p| (p.kind.to_string(), p.to_string()));
    format!(
        "<li class=\"{class}\"><h3>{}</h3><p class=\"big\">{}</p><p>r = {r:.2}, target {}</p><p>{verdict}</p><p class=\"kind\">{kind}</p><p class=\"note\">{}{}</p></li>",
        escape(&device.name),
        unbroken(&on.latency.value.to_string()),
        unbroken(&device.target.to_string()),
        interval(&on.latency),
        escape(&source)
    )
}

/// The interval alone, as a line of its own, or nothing if the value is exact.
fn interval(latency: &Estimate<Latency>) -> String {
    let text = latency_with_interval(latency);
    match text.split_once('(') {
        Some((_, interval)) => format!("{}<br>", unbroken(interval.trim_end_matches(')'))),
        None => String::new(),
    }
}

/// With blanks at which no line breaks.
fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Accuracy and speed against the reference, and whether the accuracy differs at all.
fn against_reference(report: &RunReport, chosen: &Finalist) -> Option<String> {
    let is_reference = |role: &Role| matches!(role, Role::Reference { .. });
    let reference = report
        .finalists
        .iter()
        .find(|finalist| finalist.roles.iter().any(is_reference))?;
    if std::ptr::eq(reference, chosen) {
        return Some("The chosen network is the reference itself.".to_owned());
    }
    let points = chosen.test_accuracy.value.percent() - reference.test_accuracy.value.percent();
    let overlap = chosen.test_accuracy.low <= reference.test_accuracy.high
        && reference.test_accuracy.low <= chosen.test_accuracy.high;
    let changes: Vec<f64> = chosen
        .latency
        .iter()
        .zip(&reference.latency)
        .map(|(a, b)| (a.latency.value / b.latency.value - 1.0) * 100.0)
        .collect();
    let least = changes.iter().copied().fold(f64::NAN, f64::min);
    let most = changes.iter().copied().fold(f64::NAN, f64::max);
    let span = |percent: f64| crate::summary::signed(percent, 0).text;
    Some(format!(
        "Against the {}: {} points of test accuracy{}, and {} % to {} % latency, depending on the device.",
        reference.label(),
        crate::summary::signed(points, 2).text,
        if overlap {
            " (the intervals overlap, so this run does not settle the difference)"
        } else {
            ""
        },
        span(least),
        span(most)
    ))
}

fn export(chosen: &Finalist) -> Option<String> {
    let export = chosen.export.as_ref()?;
    let failed: Vec<&str> = export
        .checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| check.runtime.as_str())
        .collect();
    let passed: Vec<&str> = export
        .checks
        .iter()
        .filter(|check| check.passed)
        .map(|check| check.runtime.as_str())
        .collect();
    Some(if !failed.is_empty() {
        format!(
            "The exported file {} DIFFERS from the training engine in {}.",
            export.file,
            joined(&failed)
        )
    } else if passed.is_empty() {
        format!("It is exported as {}, which was not run.", export.file)
    } else {
        format!(
            "It is exported as {} ({}); run in {}, the file gives the training engine's answers.",
            export.file,
            export.bytes,
            joined(&passed)
        )
    })
}
