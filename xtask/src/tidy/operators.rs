//! A match over a network's operators names all of them, so that a new one is not free, without parameters or supported by
//! accident: it does not compile before somebody has decided.

use super::Finding;
use super::tree::File;

/// Where shapes, counts, memory, work and support are decided.
const DECIDE: [&str; 5] = [
    "crates/cost/src/",
    "crates/format/src/onnx/write",
    "crates/format/src/tflite/",
    "crates/graph/src/",
    "crates/nn/src/",
];

/// Matches that look for one operator and do the careful thing with all others.
const LOOK_FOR_ONE: [&str; 4] = [
    // Chains go through convolutions alone.
    "crates/cost/src/plan/values.rs",
    // What a topology cannot say is counted by name.
    "crates/cost/src/scalesim/export/layers.rs",
    // What is not fused is an operator of its own.
    "crates/format/src/tflite/lower.rs",
    // Only a flattening may leave its values in the order of the image.
    "crates/format/src/tflite/lower/dense.rs",
];

pub fn check(files: &[File]) -> Vec<Finding> {
    let decides = |path: &str| DECIDE.iter().any(|start| path.starts_with(start)) && !LOOK_FOR_ONE.contains(&path);
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && decides(&file.path)) {
        for line in wildcards(&file.text) {
            let message = "a match over `Op` with an arm for all others: name every operator, so that a new one has to be \
                           decided here, or ask a method of `Op`";
            findings.push(Finding::new(&file.path, line, message));
        }
    }
    findings
}

/// The lines with an arm for whatever is left in a match that names an operator, counted from 1.
fn wildcards(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if !(line.contains("match ") && line.trim_end().ends_with('{')) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let body = lines.iter().enumerate().skip(start + 1);
        let body = body.take_while(|(_, line)| line.trim().is_empty() || line.len() - line.trim_start().len() > indent);
        // Arms stand one step further in than their match, as rustfmt puts them.
        let arms: Vec<(usize, &str)> = body
            .filter(|(_, line)| line.len() - line.trim_start().len() == indent + 4)
            .map(|(index, line)| (index, line.trim_start()))
            .collect();
        let operators = ["Op::", "| Op::", "(Op::", "Some(Op::", "Source::", "| Source::"];
        if arms
            .iter()
            .any(|(_, arm)| operators.iter().any(|start| arm.starts_with(start)))
        {
            let rest = |arm: &str| arm.starts_with("_ =>") || arm.starts_with("_ if ") || arm.starts_with("(_, _) =>");
            found.extend(arms.iter().filter(|(_, arm)| rest(arm)).map(|(index, _)| index + 1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_for_all_others_is_found() {
        let text = "fn macs() {\n    match &node.op {\n        Op::Conv2d(conv) => match conv.groups {\n            1 => 2,\n            \
                    _ => 3,\n        },\n        _ => 0,\n    }\n}\nfn other() {\n    match x {\n        Some(1) => 1,\n        _ => 0,\n    \
                    }\n}\n";
        assert_eq!(wildcards(text), [7]);
        assert_eq!(check(&[File::new("crates/graph/src/a.rs", text)]).len(), 1);
        for elsewhere in ["crates/report/src/a.rs", LOOK_FOR_ONE[0]] {
            assert!(check(&[File::new(elsewhere, text)]).is_empty());
        }
    }

    #[test]
    fn a_match_that_names_all_is_fine() {
        let text =
            "    match op {\n        Op::Input\n        | Op::Linear(_) => 0,\n        Op::Conv2d(_) => 1,\n    }\n";
        assert!(wildcards(text).is_empty());
    }
}
