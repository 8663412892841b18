//! `panarch cost --scalesim-…`.

use std::path::Path;

use panarch::scalesim::{self, Simulated, SimulatedLayer};
use panarch_cost::DeviceProfile;
use panarch_graph::Network;
use panarch_report::{Cell, Column, Format, Table};

use super::output::{Printer, say};
use super::shell;

/// Prints a topology on the array of a configuration: one row a row of it.
pub fn simulate(topology: &Path, configuration: &Path, printer: Printer) -> anyhow::Result<()> {
    let simulated = scalesim::simulate(topology, configuration)?;
    // CSV and JSON are rows alone; what a person should know must not be lost for that.
    if printer.format() != Format::Table {
        for note in &simulated.notes {
            say(&format!("note: {note}"));
        }
    }
    printer.table(&layers(topology, &simulated));
    Ok(())
}

fn layers(topology: &Path, simulated: &Simulated) -> Table {
    let array = simulated.array;
    let mut table = Table::new(
        format!(
            "{} on {}×{} processing elements, {}",
            topology.display(),
            array.rows(),
            array.columns(),
            array.dataflow()
        ),
        vec![
            Column::text("layer"),
            Column::number("compute cycles").with_key("compute_cycles"),
            Column::quantity("overall utilisation", "%").with_key("overall_util"),
            Column::quantity("mapping efficiency", "%").with_key("mapping_eff"),
            Column::number("repeats"),
            Column::raw("ifmap_sram_reads"),
            Column::raw("filter_sram_reads"),
            Column::raw("ofmap_sram_writes"),
        ],
    );
    let percent = |value: f64| Cell::number(value, format!("{value:.2}"));
    for SimulatedLayer { name, mapping, repeats } in &simulated.layers {
        let accesses = mapping.reported_accesses();
        table.push(vec![
            Cell::text(name),
            Cell::count(mapping.cycles().0),
            mapping
                .overall_utilisation_percent()
                .map_or_else(Cell::missing, percent),
            percent(mapping.mapping_efficiency_percent()),
            Cell::count((*repeats).into()),
            Cell::count(accesses.ifmap_reads),
            Cell::count(accesses.filter_reads),
            Cell::count(accesses.ofmap_writes),
        ]);
    }
    let total: u128 = simulated
        .layers
        .iter()
        .map(|layer| u128::from(layer.mapping.cycles().0) * u128::from(layer.repeats))
        .sum();
    table.note(format!(
        "Sum with repeats: {total} cycles. Depthwise (DP) rows show one channel."
    ));
    table.note("Simulated by the closed form of SCALE-Sim 3.0.0's folds, without memory stalls.");
    for note in &simulated.notes {
        table.note(note);
    }
    table
}

/// Writes a network and devices for SCALE-Sim, and prints what was written and what could not be said.
pub fn export(folder: &Path, network: &Network, devices: &[DeviceProfile], printer: Printer) -> anyhow::Result<()> {
    let written = scalesim::export(folder, network, devices)?;
    let mut table = Table::new(
        format!("{} for SCALE-Sim", network.name()),
        vec![Column::text("file"), Column::text("note")],
    );
    for file in &written {
        let path = file.path.display().to_string();
        if file.notes.is_empty() {
            table.push(vec![Cell::text(&path), Cell::missing()]);
        }
        for note in &file.notes {
            table.push(vec![Cell::text(&path), Cell::text(note)]);
        }
    }
    if let [topology, configuration, ..] = written.as_slice() {
        let [topology, configuration] = [topology, configuration].map(|file| file.path.display().to_string());
        let next = shell::command([
            "cost",
            "--scalesim-topology",
            &topology,
            "--scalesim-config",
            &configuration,
        ]);
        table.note(format!("next: {next}"));
    }
    printer.table(&table);
    Ok(())
}
