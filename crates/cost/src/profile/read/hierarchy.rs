//! Reading a memory hierarchy.

use panarch_toml::{Table, Unit};

use super::allowed::Allowed;
use super::{Figures, NOT_NEGATIVE, POSITIVE};
use crate::mapper::{LoopDim, MOST_LEVELS, Objective, Operand};
use crate::profile::{ArrayDimension, Hierarchy, HierarchyMemory, MemoryPort, Sourced, Transfer};

/// More than any description has, and few enough to index by hand.
const MOST_PARTS: usize = 16;
/// Bits of a memory: 2^50 is a pebibit.
const BITS: Allowed = Allowed::within(1.0, 1_125_899_906_842_624.0).of(Unit::Bits);
/// Bits a cycle.
const WIDTH: std::ops::RangeInclusive<u32> = 1..=1 << 20;

pub(super) fn hierarchy(root: &Table<'_>, figures: &Figures) -> Option<Hierarchy> {
    let objective = root.optional_one_of("objective", &Objective::NAMES).unwrap_or_default();
    let clock = figures.part(root, "clock", |f, t| {
        f.number(t, "frequency_hz", POSITIVE.of(Unit::Hertz))
    });
    let array = figures.part(root, "array", |f, t| {
        let mac_pj = f.number(t, "mac_pj", NOT_NEGATIVE.of(Unit::Picojoules));
        let partial = f.bits(t, "partial_sum_bits", 1..=128);
        let dimensions = parts(t, "dimensions", |part| dimension(f, part));
        Some((mac_pj?, partial?, dimensions?))
    });
    let empty = Vec::new();
    let dimensions = array.as_ref().map_or(&empty, |(_, _, dimensions)| dimensions);
    check_dimensions(root, dimensions);
    let memories = parts(root, "memories", |part| memory(figures, dimensions, part));
    let error = figures.part(root, "error", Figures::error);
    let support = figures.part(root, "support", Figures::support);
    if let Some(memories) = &memories {
        check_paths(root, memories);
    }
    let (mac_pj, partial_sum_bits, array) = array?;
    Some(Hierarchy {
        clock_hz: clock?,
        array,
        mac_pj,
        partial_sum_bits,
        memories: memories?,
        objective,
        error: error?,
        support: support?,
    })
}

/// An array of tables, at least one; all are read, so that all problems are found.
fn parts<T>(table: &Table<'_>, key: &str, read: impl Fn(&Table<'_>) -> Option<T>) -> Option<Vec<T>> {
    let tables = table.tables(key);
    if tables.is_empty() || tables.len() > MOST_PARTS {
        let message = format!("`{}` must be 1 to {MOST_PARTS} tables", table.path_of(key));
        table.problem(key, message, None);
        return None;
    }
    let count = tables.len();
    let read: Vec<T> = tables
        .into_iter()
        .filter_map(|part| {
            let value = read(&part);
            part.finish();
            value
        })
        .collect();
    (read.len() == count).then_some(read)
}

fn dimension(figures: &Figures, table: &Table<'_>) -> Option<ArrayDimension> {
    let name = table.string("name");
    let size = figures.count(table, "size");
    let unrolls = figures.choice(table, "unrolls", &LoopDim::NAMES);
    let systolic = if table.optional_value("systolic").is_some() {
        figures.sourced(table, "systolic", |figure, value| figure.bool(value))
    } else {
        Some(Sourced {
            value: false,
            origin: crate::profile::Origin::Assumption("not said to be systolic".to_owned()),
        })
    };
    Some(ArrayDimension {
        name: name?,
        size: size?,
        unrolls: unrolls?,
        systolic: systolic?,
    })
}

fn check_dimensions(root: &Table<'_>, dimensions: &[ArrayDimension]) {
    for (position, dimension) in dimensions.iter().enumerate() {
        let before = dimensions.iter().take(position);
        if before
            .clone()
            .any(|other| other.name == dimension.name || other.unrolls.value == dimension.unrolls.value)
        {
            let message = format!(
                "`array.dimensions` `{}` repeats the name or the loop of another; give each its own",
                dimension.name
            );
            root.problem("array", message, None);
        }
    }
}

fn memory(figures: &Figures, dimensions: &[ArrayDimension], table: &Table<'_>) -> Option<HierarchyMemory> {
    let name = table.string("name");
    let operands = figures.sourced(table, "operands", |figure, value| {
        let operands = figure.list_of(value, &Operand::NAMES)?;
        let repeated = operands.iter().enumerate().any(|(at, it)| operands[..at].contains(it));
        if operands.is_empty() || repeated {
            figure.problem(value, "name each operand once, and at least one", None);
            return None;
        }
        Some(operands)
    });
    let bits = figures.number(table, "bits", BITS);
    let read_pj = figures.number(table, "read_pj", NOT_NEGATIVE.of(Unit::Picojoules));
    let write_pj = figures.number(table, "write_pj", NOT_NEGATIVE.of(Unit::Picojoules));
    let names: Vec<(&str, usize)> = dimensions
        .iter()
        .enumerate()
        .map(|(at, it)| (it.name.as_str(), at))
        .collect();
    let serves = figures.sourced(table, "serves", |figure, value| figure.list_of(value, &names));
    let ports = parts(table, "ports", |part| port(figures, part));
    Some(HierarchyMemory {
        name: name?,
        operands: operands?,
        bits: bits?,
        read_pj: read_pj?,
        write_pj: write_pj?,
        serves: serves?,
        ports: ports?,
    })
}

fn port(figures: &Figures, table: &Table<'_>) -> Option<MemoryPort> {
    let bits_per_cycle = figures.bits(table, "bits_per_cycle", WIDTH);
    let least_bits = figures.bits(table, "least_bits", WIDTH);
    let ways: Vec<(String, (Operand, Transfer))> = Operand::NAMES
        .iter()
        .flat_map(|(operand, which)| {
            Transfer::NAMES
                .iter()
                .map(move |(transfer, way)| (format!("{operand} {transfer}"), (*which, *way)))
        })
        .collect();
    let carries = figures.sourced(table, "carries", |figure, value| figure.list_of(value, &ways));
    Some(MemoryPort {
        bits_per_cycle: bits_per_cycle?,
        least_bits: least_bits?,
        carries: carries?,
    })
}

/// Every operand must have a way from its outermost memory to the array, each leg over exactly one port.
fn check_paths(root: &Table<'_>, memories: &[HierarchyMemory]) {
    for (name, operand) in Operand::NAMES {
        let path: Vec<&HierarchyMemory> = memories
            .iter()
            .filter(|memory| memory.operands.value.contains(&operand))
            .collect();
        if path.is_empty() || path.len() > MOST_LEVELS {
            let message = format!("`{name}` must live in 1 to {MOST_LEVELS} of the memories");
            root.problem("memories", message, None);
        }
        for (level, memory) in path.iter().enumerate() {
            for (transfer_name, transfer) in Transfer::NAMES {
                let outermost = level + 1 == path.len();
                let needed = match transfer {
                    Transfer::ToLower => true,
                    Transfer::FromLower => operand == Operand::Output,
                    Transfer::FromHigher => !outermost,
                    Transfer::ToHigher => !outermost && operand == Operand::Output,
                };
                let carried = memory
                    .ports
                    .iter()
                    .flat_map(|port| &port.carries.value)
                    .filter(|way| **way == (operand, transfer))
                    .count();
                if carried > 1 || (needed && carried == 0) {
                    let message = format!(
                        "memory `{}` must carry `{name} {transfer_name}` over exactly one port, not {carried}",
                        memory.name
                    );
                    root.problem("memories", message, None);
                }
            }
        }
    }
    let outermost = |operand: Operand| memories.iter().rposition(|it| it.operands.value.contains(&operand));
    let last = outermost(Operand::Output);
    if Operand::ALL.iter().any(|operand| outermost(*operand) != last) {
        let message = "the last memory must hold all three operands: it is the main memory";
        root.problem("memories", message, None);
    }
}
