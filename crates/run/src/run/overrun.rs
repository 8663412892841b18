//! A reward of the form `hard` sounds like a limit and is none.

use panarch_report::RunReport;
use panarch_report::run_report::Fact;
use panarch_study::RewardForm;

use super::{Setup, Watch};

/// Says so, on the way and in the report, when such a run recommends a network that is over a target.
pub(super) fn note(setup: &Setup, report: &mut RunReport, watch: &mut Watch<'_>) {
    if !matches!(setup.file.search.reward, RewardForm::Hard { .. }) {
        return;
    }
    let Some(chosen) = report.chosen() else { return };
    let ratios = report.ratios(chosen);
    let over = ratios.iter().zip(&report.devices).filter(|(ratio, _)| **ratio > 1.0);
    let over: Vec<String> = over
        .map(|(ratio, device)| format!("{} (r = {ratio:.2})", device.name))
        .collect();
    if over.is_empty() {
        return;
    }
    let text = format!(
        "the network that was found is over its target on {}: `search.reward = \"hard\"` is a form of reward, not a limit; \
         the hard limit is `search.goals = [\"each\"]`",
        over.join(", ")
    );
    watch.note(&text);
    report.run.facts.push(Fact::new("over the target", text));
}
