//! How it is known: layers, predictions, searches, agreement, provenance.

use crate::RunReport;
use crate::chart;
use crate::figure::level;
use crate::html::escape;
use crate::run_report::PredictionCheck;
use crate::summary;
use crate::table::{Cell, Column, Table};

use super::download;
use super::section::Section;

pub(super) fn layers(report: &RunReport) -> Option<Section> {
    if report.layers.is_empty() {
        return None;
    }
    let mut section = Section::new("layers", "Where the time goes in the chosen network");
    let without: Vec<&str> = report
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .filter(|name| !report.layers.iter().any(|layers| layers.device == *name))
        .collect();
    section.text("One bar a block, one segment a layer. The pattern says what a layer waits for.");
    if !without.is_empty() {
        section.text(&format!(
            "No breakdown for {}: its latency is that of the whole network.",
            crate::figure::joined(&without)
        ));
    }
    section.boxes(&[
        ("seg compute", "bound by compute"),
        ("seg movement", "bound by data movement"),
        ("seg overhead", "bound by overhead"),
        ("seg fixed", "fixed, whatever the network"),
    ]);
    section.charts(report.layers.iter().map(|layers| chart::layer_cost(report, layers)));
    let tables: Vec<_> = report.layers.iter().map(summary::layers_table).collect();
    section.folded("The layers as tables", &tables);
    Some(section)
}

pub(super) fn predictions(report: &RunReport) -> Option<Section> {
    if report.predictions.iter().all(|check| check.pairs.is_empty()) {
        return None;
    }
    let mut section = Section::new("predictions", "Predicted against measured");
    for check in report.predictions.iter().filter(|check| !check.pairs.is_empty()) {
        section.chart_with_text(&chart::prediction(check), &sentences(check, report));
    }
    let tables: Vec<_> = report.predictions.iter().map(summary::predictions_table).collect();
    section.folded("Predictions and measurements as tables", &tables);
    Some(section)
}

fn sentences(check: &PredictionCheck, report: &RunReport) -> Vec<String> {
    let mut sentences = vec![format!(
        "{} networks on {}, {}.",
        check.pairs.len(),
        check.device,
        check.networks
    )];
    if let Some(tau) = check.kendall() {
        sentences.push(format!("Rank correlation (Kendall's τ): {tau:.2}."));
    }
    if let Some(error) = check.mean_relative_error() {
        sentences.push(format!("Mean error: {:.1} % of the measured latency.", error * 100.0));
    }
    let nominal = check
        .pairs
        .first()
        .map(|pair| level(pair.predicted.level))
        .unwrap_or_default();
    sentences.push(format!(
        "{} of {} measurements lie in their predicted {nominal} interval.",
        check.covered(),
        check.pairs.len()
    ));
    for (what, index) in [("Predicted", check.predicted), ("Measured", check.measured)] {
        if let Some(provenance) = report.provenances.get(index.0 as usize) {
            sentences.push(format!("{what}: {provenance}."));
        }
    }
    sentences
}

pub(super) fn searches(report: &RunReport) -> Option<Section> {
    if report.searches.is_empty() {
        return None;
    }
    let mut section = Section::new("searches", "The searches");
    section.text("Reward of every trial in the order of proposals; the line is the best so far. Rewards of different objectives are not comparable.");
    section.charts(report.searches.iter().map(chart::history));
    if report.searches.iter().any(|search| !search.requirements.is_empty()) {
        section.text("What binds: of each search's winner the targets and limits, the tightest first. What one more per cent would buy is the steepest way to a network that was evaluated, has more of that alone and is more accurate, which is rough with few networks; after an exact search it is the multiplier of the proof.");
        section.table(&summary::requirements_table(report, usize::MAX));
    }
    if report.searches.iter().any(|search| search.proof.is_some()) {
        section.text("What is proved: a table with one term for each choice was fitted to the accuracies of all networks that the search evaluated. By it, no network that costs no more than the winner and keeps every limit that is a sum has more accuracy than the most possible. The proof is about the table: its error says how well it foretells networks that it was not fitted to. Anyone can check a certificate, with the command panarch certificate check FILE or with tools/check_certificate.py of the source, which needs Python alone.");
        section.table(&summary::proofs_table(report));
    }
    let mut tables = vec![summary::searches_table(report)];
    tables.extend(
        report
            .searches
            .iter()
            .map(|search| summary::improvements_table(report, search)),
    );
    section.html_part(&download::csv(
        "trials.csv",
        "Download every trial as CSV",
        &summary::trials_table(report),
    ));
    section.folded("The searches as tables", &tables);
    Some(section)
}

pub(super) fn agreement(report: &RunReport) -> Option<Section> {
    let agreement = report.agreement.as_ref()?;
    let mut section = Section::new("fairness", "Do these devices want different networks?");
    section.text(&format!(
        "Over {} networks sampled at random: Kendall's τ between latencies (1: both devices rank all networks alike; outlined: below {}) and the share of latency that no network can avoid.",
        agreement.sampled, agreement.kendall_limit
    ));
    section.text(&summary::agreement_verdict(&report.devices, agreement));
    section.charts([
        chart::correlation(&report.devices, agreement),
        chart::fixed_shares(&report.devices, agreement),
    ]);
    section.folded(
        "Agreement as a table",
        [&summary::agreement_table(&report.devices, agreement)],
    );
    Some(section)
}

pub(super) fn networks(report: &RunReport) -> Option<Section> {
    if report.networks.is_empty() {
        return None;
    }
    let table = summary::networks_table(report);
    let non_dominated = report.networks.iter().filter(|network| network.non_dominated).count();
    let mut section = Section::new("networks", "Every evaluated network");
    section.text(&format!(
        "{} networks; {non_dominated} of them are beaten by no other in accuracy and on all devices together.",
        crate::table::grouped(report.networks.len() as u64)
    ));
    section.html_part(&download::csv("networks.csv", "Download as CSV", &table));
    section.folded("Show all", [&table]);
    Some(section)
}

pub(super) fn provenance(report: &RunReport) -> Section {
    let mut section = Section::new("provenance", "Where every number comes from");
    let mut accuracy = Table::new(
        "Accuracies",
        vec![
            Column::text("accuracy"),
            Column::text("kind"),
            Column::text("split"),
            Column::number("images"),
            Column::text("weights"),
        ],
    );
    for (what, basis) in [
        ("of evaluated networks", &report.search_accuracy),
        ("of finalists", &report.test_accuracy),
    ] {
        accuracy.push(vec![
            Cell::text(what),
            Cell::text("measured"),
            Cell::text(&basis.split),
            Cell::count(basis.images),
            Cell::text(&basis.weights),
        ]);
    }
    section
        .table(&summary::provenance_table(report))
        .table(&accuracy)
        .table(&devices(report));
    if let Some(quality) = summary::quality_table(&report.devices) {
        section.table(&quality);
    }
    section.html_part(&format!(
        "<p class=\"note\">Multiply-accumulates and parameters are counted on the network itself: convolutions and fully connected layers count, batch normalisation, activations and biases do not count as multiply-accumulates. Machine: {}.</p>\n",
        escape(&report.run.machine)
    ));
    section
}

fn devices(report: &RunReport) -> Table {
    let mut table = Table::new(
        "Devices",
        vec![
            Column::text("device"),
            Column::text("class"),
            Column::text("figures of the profile"),
            Column::quantity("fixed share", "%").with_key("fixed_share"),
            Column::number("target").with_key("target_s"),
            Column::text("where the target comes from"),
        ],
    );
    for device in &report.devices {
        table.push(vec![
            Cell::text(&device.name),
            Cell::text(&device.class),
            Cell::text(&device.figures),
            device
                .fixed_share
                .map_or_else(Cell::missing, |s| Cell::decimal(s * 100.0, 1).with_value(s)),
            Cell::number(device.target.seconds(), device.target.to_string()),
            Cell::text(&device.target_origin),
        ]);
    }
    table
}
