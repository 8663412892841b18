//! The page as a whole: complete, self-contained, small, and safe against hostile strings.

use panarch_report::{RunReport, report_html};

use crate::fixture;

/// Elements without an end tag.
const VOID: [&str; 3] = ["meta", "br", "!doctype"];

/// Panics unless every element is closed in its order.
fn assert_balanced(html: &str) {
    let mut open: Vec<String> = Vec::new();
    let body = html.replace(html_style(html), "");
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        if tag.ends_with('/') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "in {tag}"),
            None => {
                let name = tag.split([' ', '\n']).next().unwrap_or(tag).to_owned();
                if !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn html_style(html: &str) -> &str {
    let start = html.find("<style>").unwrap() + "<style>".len();
    &html[start..html.find("</style>").unwrap()]
}

fn page(report: &RunReport) -> String {
    let html = report_html(report);
    assert_balanced(&html);
    for coordinate in ["NaN", "inf\""] {
        assert!(!html.contains(coordinate), "{coordinate}");
    }
    html
}

/// The page of a run of usual size is left in the test folder for a look at it.
#[test]
fn the_page_of_a_usual_run_is_small_and_self_contained() {
    let html = page(&fixture::report(500));
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    std::fs::write(&path, &html).unwrap();
    println!("{}: {} bytes", path.display(), html.len());
    assert!(html.len() < 1_500_000, "{} bytes", html.len());
    for forbidden in [
        "http:", "https:", "src=", "<script", "@import", "<link", "<iframe", "url(\"", "url(h",
    ] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn every_chart_has_a_title_a_description_and_a_table() {
    let html = page(&fixture::report(60));
    let charts = html.matches("<svg role=\"img\"").count();
    // Four fronts, two ratio charts, two diagrams, three layer charts, one prediction, six searches, two of agreement.
    assert_eq!(charts, 20);
    assert_eq!(html.matches("</title><desc>").count(), charts);
    for section in html.split("<section ").skip(1) {
        if section.contains("<svg role=\"img\"") {
            assert!(
                section.contains("<details><summary>") && section.contains("<table><caption>"),
                "{section:.80}"
            );
        }
    }
}

#[test]
fn the_answer_comes_first() {
    let report = fixture::report(60);
    let chosen = report.chosen().unwrap();
    let html = page(&report);
    let (head, _) = html.split_once("<nav").unwrap();
    assert!(head.contains(&chosen.hash.short()));
    assert!(head.contains(&format!("{:.2} %", chosen.test_accuracy.value.percent())));
    for (device, on) in report.devices.iter().zip(&chosen.latency) {
        assert!(head.contains(&device.name));
        assert!(
            head.contains(&on.latency.value.to_string().replace(' ', "\u{a0}")),
            "{}",
            on.latency.value
        );
    }
    assert!(head.contains("measured on host-cpu by rten 0.27.0"));
}

#[test]
fn hostile_strings_stay_strings() {
    const HOSTILE: &str = "</title></desc></pre><script>alert('1')</script>\"><img src=x onerror=alert(2)>&\u{1b}[31m";
    let mut report = fixture::report(40);
    // Through the file form, so that no string field is forgotten.
    let mut value: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let mut count = 0;
    poison(&mut value, HOSTILE, &mut count);
    assert!(count > 500, "{count} strings");
    report = RunReport::from_json(&value.to_string()).unwrap();
    let html = page(&report);
    for active in ["<script", "<img", "\u{1b}", "</desc></pre>"] {
        assert!(!html.contains(active), "{active:?}");
    }
    assert!(html.contains("&lt;script&gt;"));
}

/// Puts `hostile` into every string but the hashes and the closed lists.
fn poison(value: &mut serde_json::Value, hostile: &str, count: &mut usize) {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            let hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let listed = [
                "average",
                "worst_case",
                "measured",
                "predicted",
                "f32",
                "int8",
                "compute",
                "movement",
                "overhead",
            ];
            // Roles are strings too where a search is named after one; both spellings stay valid names.
            if !hash && !listed.contains(&text.as_str()) {
                text.push_str(hostile);
                *count += 1;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, hostile, count)),
        Value::Object(map) => map.values_mut().for_each(|item| poison(item, hostile, count)),
        _ => {}
    }
}

#[test]
fn without_a_choice_it_says_so() {
    let mut report = fixture::report(40);
    report.chosen = None;
    report.layers.clear();
    let html = page(&report);
    assert!(html.contains("No network was chosen"));
    report.finalists.clear();
    report.networks.clear();
    report.searches.clear();
    report.predictions.clear();
    report.repeats.clear();
    report.agreement = None;
    let html = page(&report);
    assert!(!html.contains("<svg role=\"img\""));
    report.devices.clear();
    page(&report);
}

#[test]
fn few_and_many_devices_are_drawn() {
    let mut report = fixture::report(30);
    report.devices.truncate(1);
    report.layers.retain(|layers| layers.device == report.devices[0].name);
    report.predictions.clear();
    report.repeats.clear();
    report.agreement = None;
    report
        .networks
        .iter_mut()
        .for_each(|network| network.latency.truncate(1));
    report
        .finalists
        .iter_mut()
        .for_each(|finalist| finalist.latency.truncate(1));
    page(&report);

    for copy in 0..11 {
        let mut device = report.devices[0].clone();
        device.name = format!("a device with a rather long name, number {copy}");
        report.devices.push(device);
        report
            .networks
            .iter_mut()
            .for_each(|network| network.latency.push(network.latency[0]));
        report
            .finalists
            .iter_mut()
            .for_each(|finalist| finalist.latency.push(finalist.latency[0]));
    }
    page(&report);
}

#[test]
fn a_missed_target_and_a_failed_check_are_said_aloud() {
    let mut report = fixture::report(40);
    let chosen = report.chosen.unwrap() as usize;
    report.devices[1].target = report.devices[1].target * 0.5;
    report.finalists[chosen].export.as_mut().unwrap().checks[0].passed = false;
    let html = page(&report);
    let (head, rest) = html.split_once("<nav").unwrap();
    assert!(head.contains("It misses the target on cube-16"));
    assert!(head.contains("DIFFERS from the training engine"));
    assert!(rest.contains("FAILED"));
}

/// A busy host is called so in the head, in the notes of the terminal's table and in the rows of JSON.
#[test]
fn a_busy_host_is_named_before_anything_else() {
    let head = |report: &RunReport| {
        let html = page(report);
        html[..html.find("<nav").unwrap()].to_owned()
    };
    let mut report = fixture::report(80);
    let quiet = "host-cpu: measured in pairs with a steady anchor; left-out error 3.1 %, Kendall τ 0.94, anchor&#39;s spread 1.2 %";
    let plain = |html: &str| html.replace("&#39;", "'");
    assert!(plain(&head(&report)).contains(&plain(quiet)), "{}", head(&report));
    assert!(!head(&report).contains("class=\"doubt\""));
    let flag = |report: &RunReport| {
        let json = panarch_report::finalists_table(report).render(panarch_report::Format::Json, None, false);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        rows[0]["ranking_holds_host-cpu"].as_bool()
    };
    assert_eq!(flag(&report), Some(true));

    let quality = report.devices[3].quality.as_mut().unwrap();
    (quality.left_out_error, quality.kendall_tau, quality.spread) = (Some(0.35), Some(0.61), 0.4);
    let busy = "host-cpu: measured while busy: ranking on this device is not to be trusted; left-out error 35.0 %, Kendall τ 0.61, anchor's spread 40.0 %";
    assert!(plain(&head(&report)).contains(busy), "{}", head(&report));
    assert!(head(&report).contains("class=\"doubt\""));
    let notes = panarch_report::finalists_table(&report).notes;
    assert!(notes.iter().any(|note| note.contains(busy)), "{notes:?}");
    assert_eq!(flag(&report), Some(false));
    let read = RunReport::from_json(&report.to_json().unwrap()).unwrap();
    assert_eq!(read.devices[3].quality, report.devices[3].quality);
    report.chosen = None;
    assert!(plain(&head(&report)).contains(busy));
}
