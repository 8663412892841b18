//! What was found: finalists, fronts, ratios, the chosen network.

use crate::RunReport;
use crate::chart::{self, Mark, device_mark};
use crate::summary;

use super::section::Section;

pub(super) fn finalists(report: &RunReport) -> Section {
    let mut section = Section::new("finalists", "What the searches found");
    section.table(&summary::finalists_table(report));
    if report.repeats.len() > 1 {
        let devices: Vec<String> = report.devices.iter().map(|device| device.name.clone()).collect();
        section.table(&summary::repeats_table(&devices, &report.repeats));
    }
    if report.finalists.iter().any(|finalist| finalist.export.is_some()) {
        section.folded(
            "Exported files and their verification",
            [&summary::exports_table(report)],
        );
    }
    section
}

pub(super) fn fronts(report: &RunReport) -> Option<Section> {
    if report.networks.is_empty() {
        return None;
    }
    let basis = &report.search_accuracy;
    let mut section = Section::new("fronts", "Accuracy against latency, device by device");
    section.text(&format!(
        "Every dot is an evaluated network. Accuracy: {} {} images, weights {}, which ranks networks but is not the final accuracy. Bars on the front are intervals.",
        crate::table::grouped(basis.images),
        basis.split,
        basis.weights
    ));
    section.legend(&[
        (Mark::CLOUD, "evaluated network"),
        (Mark::FRONT, "on this device's front"),
        (Mark::CHOSEN, "chosen"),
        (Mark::WINNER, "found for this device alone"),
        (Mark::AVERAGE, "found for another joint objective"),
        (Mark::OTHER_WINNER, "found for another device"),
        (Mark::REFERENCE, "reference"),
    ]);
    section.charts((0..report.devices.len()).map(|device| chart::front(report, device)));
    let tables: Vec<_> = (0..report.devices.len())
        .map(|device| summary::front_table(report, device))
        .collect();
    section.folded("The fronts as tables", &tables);
    Some(section)
}

pub(super) fn ratios(report: &RunReport) -> Option<Section> {
    if report.finalists.is_empty() || report.devices.is_empty() {
        return None;
    }
    let mut section = Section::new("ratios", "Latency over target, and the price of one network for all");
    section.text("First chart: one row a finalist, one mark a device; the rightmost mark of a row is its worst case, thin bars are intervals of latency. Second chart: what the chosen network costs or gains on each device against the network found for that device alone.");
    let devices = report.devices.iter().enumerate();
    let mut entries: Vec<(Mark, &str)> = devices
        .map(|(index, device)| (device_mark(index), device.name.as_str()))
        .collect();
    let comparison = summary::comparison_table(report);
    if comparison.is_some() {
        entries.extend([(Mark::WINNER, "found for this device alone"), (Mark::CHOSEN, "chosen")]);
    }
    section.legend(&entries);
    section.charts([chart::ratios(report), chart::dumbbell(report)]);
    let tables: Vec<_> = [summary::finalists_table(report)]
        .into_iter()
        .chain(comparison)
        .collect();
    section.folded("Latency over target as tables", &tables);
    Some(section)
}

pub(super) fn architecture(report: &RunReport) -> Option<Section> {
    let diagram = report.chosen().map(chart::diagram).unwrap_or_default();
    let strips = chart::strips(report);
    if diagram.is_empty() && strips.is_empty() {
        return None;
    }
    let mut section = Section::new("blocks", "The chosen network, block by block");
    section.text("First drawing: the chosen network from image to classes; IB is an inverted bottleneck, e its expansion, ⊕ a residual sum. Second drawing: all finalists side by side; k is the kernel, dotted means that the block is absent. Boxes are wider with more output channels.");
    section.boxes(&[
        ("block k1", "kernel 1×1"),
        ("block k3", "kernel 3×3"),
        ("block k5", "kernel 5×5"),
        ("block k7", "kernel 7×7"),
        ("block k0", "no convolution"),
    ]);
    section.charts([diagram, strips]);
    let drawn = report.finalists_by_role();
    let tables: Vec<_> = drawn.into_iter().map(summary::blocks_table).collect();
    section.folded("The blocks as tables", &tables);
    Some(section)
}
