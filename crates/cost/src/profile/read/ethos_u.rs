//! Reading the table `[ethos_u]`.

use panarch_toml::{Table, Unit};

use super::allowed::Allowed;
use super::{CLOCK, Figures, PASSES, POSITIVE};
use crate::profile::{EthosFamily, EthosPort, EthosU};

/// Bytes that a weight or a zero may take after compression.
const CODED: Allowed = Allowed::within(0.0, 4.0);
const CACHE: Allowed = Allowed::within(1024.0, 1e12).of(Unit::Bytes);

/// The table, which may stand beside other descriptions of the same device.
pub(super) fn table(figures: &Figures, root: &Table<'_>) -> Option<EthosU> {
    figures.part(root, "ethos_u", ethos_u)
}

fn ethos_u(figures: &Figures, table: &Table<'_>) -> Option<EthosU> {
    let family = figures.choice(table, "family", &EthosFamily::NAMES);
    let macs = figures.sourced(table, "macs", |figure, value| figure.u32_in(value, 32..=2048));
    if let (Some(family), Some(macs)) = (&family, &macs) {
        let known = family.value.macs();
        if !known.contains(&macs.value) {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            let message = format!(
                "there is no such member of the family with {} multipliers; `ethos_u.macs` must be one of {}",
                macs.value,
                known.join(", ")
            );
            table.problem("macs", message, None);
        }
    }
    let frequency_hz = figures.number(table, "frequency_hz", CLOCK);
    let tensors_off_chip = figures.sourced(table, "tensors_off_chip", |figure, value| figure.bool(value));
    let cache_bytes = figures.optional_number(table, "cache_bytes", CACHE);
    let weight_bytes = figures.number(table, "weight_bytes", CODED);
    let weight_bytes_among_zeros = figures.number(table, "weight_bytes_among_zeros", CODED);
    let padding_bytes = figures.number(table, "padding_bytes", CODED);
    let sram = figures.part(table, "sram", port);
    let off_chip = figures.part(table, "off_chip", port);
    let error = figures.part(table, "error", Figures::error);
    let support = figures.part(table, "support", Figures::support);
    Some(EthosU {
        family: family?,
        macs: macs?,
        frequency_hz: frequency_hz?,
        tensors_off_chip: tensors_off_chip?,
        cache_bytes: cache_bytes?,
        weight_bytes: weight_bytes?,
        weight_bytes_among_zeros: weight_bytes_among_zeros?,
        padding_bytes: padding_bytes?,
        sram: sram?,
        off_chip: off_chip?,
        error: error?,
        support: support?,
    })
}

fn port(figures: &Figures, table: &Table<'_>) -> Option<EthosPort> {
    let bytes_per_cycle = figures.number(table, "bytes_per_cycle", POSITIVE);
    let read_latency = figures.number(table, "read_latency_cycles", PASSES);
    let write_latency = figures.number(table, "write_latency_cycles", PASSES);
    let burst = figures.count(table, "burst_bytes");
    let reads = figures.count(table, "reads");
    let writes = figures.count(table, "writes");
    let ports = figures.count(table, "ports");
    Some(EthosPort {
        bytes_per_cycle: bytes_per_cycle?,
        read_latency_cycles: read_latency?,
        write_latency_cycles: write_latency?,
        burst_bytes: burst?,
        reads: reads?,
        writes: writes?,
        ports: ports?,
    })
}
