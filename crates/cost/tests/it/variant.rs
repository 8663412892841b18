//! Embedded profiles with some figures replaced.

use panarch_cost::{AnalyticModel, DeviceProfile, preset_text};

/// The text of a preset with `section.key` set to other values; every key must exist.
pub fn text(preset: &str, changes: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = preset_text(preset)
        .expect("a preset")
        .lines()
        .map(str::to_owned)
        .collect();
    for (path, value) in changes {
        let (section, key) = path.split_once('.').expect("section.key");
        let mut inside = false;
        let mut found = false;
        for line in &mut lines {
            if line.starts_with('[') {
                inside = *line == format!("[{section}]");
            }
            if inside && line.starts_with(&format!("{key} = ")) {
                *line = format!("{key} = {{ value = {value}, assumption = \"a test\" }}");
                found = true;
            }
        }
        assert!(found, "{preset} has no {path}");
    }
    lines.join("\n")
}

/// The analytic model of such a profile.
pub fn model(preset: &str, changes: &[(&str, &str)]) -> AnalyticModel {
    AnalyticModel::new(profile(preset, changes)).expect("an accelerator")
}

/// Such a profile. Sources that nobody names any more are no matter here.
pub fn profile(preset: &str, changes: &[(&str, &str)]) -> DeviceProfile {
    let mut text = text(preset, changes);
    if let (Some(start), Some(end)) = (text.find("[sources]"), text.find("[clock]")) {
        text.replace_range(start..end, "");
        text = text.split('\n').map(without_source).collect::<Vec<_>>().join("\n");
    }
    DeviceProfile::from_toml("variant.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn without_source(line: &str) -> String {
    match line.find("source = \"") {
        Some(at) => format!("{}assumption = \"a test\" }}", &line[..at]),
        None => line.to_owned(),
    }
}
