//! Bytes and energy of layers by memory level.

use panarch_cost::{EnergyParts, LayerCost, LevelTraffic};
use panarch_graph::{Bytes, Energy};
use panarch_report::{Cell, Column, Table};

use super::Answered;

/// The levels of all answers, each once.
pub(super) fn levels(answers: &[Answered]) -> Vec<String> {
    let mut levels: Vec<String> = Vec::new();
    for cost in answers.iter().filter_map(|answered| answered.answer.as_ref().ok()) {
        for level in &cost.memory {
            if !levels.iter().any(|known| *known == level.level) {
                levels.push(level.level.to_string());
            }
        }
    }
    levels
}

/// What JSON and CSV say of every layer besides its times: energy and its parts, and of each level bytes and energy.
pub(super) fn columns(levels: &[String]) -> Vec<Column> {
    let energies = ["energy_j", "macs_energy_j", "memory_energy_j", "static_energy_j"];
    let of_level = levels.iter().flat_map(|level| {
        let name = key(level);
        ["read_bytes", "written_bytes", "energy_j"].map(|what| Column::raw(format!("{name}_{what}")))
    });
    energies.into_iter().map(Column::raw).chain(of_level).collect()
}

/// The cells below [`columns`].
pub(super) fn cells(levels: &[String], layer: &LayerCost) -> Vec<Cell> {
    let joules = |energy: Option<Energy>| {
        energy.map_or_else(Cell::missing, |energy| {
            Cell::number(energy.joules(), format!("{:e}", energy.joules()))
        })
    };
    let part = |of: fn(&EnergyParts) -> Energy| joules(layer.energy_parts.as_ref().map(of));
    let mut cells = vec![
        joules(layer.energy),
        part(|parts| parts.macs),
        part(|parts| parts.memory),
        part(|parts| parts.leakage),
    ];
    for name in levels {
        match layer.memory.iter().find(|level| level.level == *name) {
            Some(level) => cells.extend([
                Cell::count(level.read.0),
                Cell::count(level.written.0),
                joules(level.energy),
            ]),
            None => cells.extend([Cell::missing(), Cell::missing(), Cell::missing()]),
        }
    }
    cells
}

/// A table for people: what each layer moves at each level, and its energy; `None` where the device does not say it.
pub(super) fn by_layer(answered: &Answered) -> Option<Table> {
    let cost = answered.answer.as_ref().ok()?;
    if cost.memory.is_empty() {
        return None;
    }
    let mut columns = vec![Column::text("layer")];
    columns.extend(
        cost.memory
            .iter()
            .map(|level| Column::quantity(words(&level.level), "KiB")),
    );
    columns.push(Column::quantity("energy", "µJ"));
    let title = format!("Memory of {}, read and written together", answered.device);
    let mut table = Table::new(title, columns);
    let mut row = |name: &str, levels: &[LevelTraffic], energy: Option<Energy>| {
        let moved = cost.memory.iter().map(|known| {
            let level = levels.iter().find(|level| level.level == known.level);
            kibibytes(level.map_or(Bytes(0), LevelTraffic::moved))
        });
        let energy = energy.map_or_else(Cell::missing, |energy| {
            Cell::number(energy.joules(), format!("{:.3}", energy.joules() * 1e6))
        });
        table.push(std::iter::once(Cell::text(name)).chain(moved).chain([energy]).collect());
    };
    for layer in &cost.per_layer {
        row(&layer.name, &layer.memory, layer.energy);
    }
    row("all", &cost.memory, cost.energy_parts.as_ref().map(EnergyParts::total));
    Some(table)
}

fn kibibytes(bytes: Bytes) -> Cell {
    Cell::number(bytes.0 as f64, format!("{:.1}", bytes.0 as f64 / 1024.0))
}

fn words(level: &str) -> String {
    level.replace('_', "-")
}

/// A level's name as part of a key.
fn key(level: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    level.chars().map(plain).collect()
}
