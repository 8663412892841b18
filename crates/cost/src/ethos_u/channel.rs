//! How fast bytes come and go. Ethos-U85 bounds each kind of access by the transfers that it may have under way.

use super::machine::{Machine, Place};

/// A kind of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    Copy,
    Stream,
    Weights,
    Input,
    Scales,
    Write,
}

impl Channel {
    pub(super) const ALL: [Self; 6] = [
        Self::Copy,
        Self::Stream,
        Self::Weights,
        Self::Input,
        Self::Scales,
        Self::Write,
    ];
}

/// Bytes of a word on the way.
const WORD: i64 = 16;
/// Share of transfers under way, and of the port, that is reached.
const REACHED: f64 = 0.8;

/// Bytes a cycle of a kind of access to a memory.
pub(super) fn bandwidth(machine: &Machine, place: Place, channel: Channel) -> f64 {
    let port = machine.port(place);
    if !machine.is_u85() {
        return port.bytes_per_cycle;
    }
    let words = (port.burst / WORD).max(1) as f64;
    let buffers = &machine.read_buffers;
    let own = match channel {
        Channel::Copy => buffers.copy / words,
        Channel::Stream => buffers.stream / words,
        Channel::Weights => buffers.weights / words,
        Channel::Input => buffers.input / words,
        Channel::Scales => buffers.scales / words,
        Channel::Write => f64::INFINITY,
    };
    let (flight, latency) = if channel == Channel::Write {
        (port.writes, port.write_latency)
    } else {
        (port.reads, port.read_latency)
    };
    let under_way = own.min(flight * REACHED);
    port.bytes_per_cycle
        .min(port.burst as f64 * under_way / latency.max(1) as f64 * REACHED)
}

/// Cycles to read bytes, the first one's latency included.
pub(super) fn read_cycles(machine: &Machine, place: Place, channel: Channel, bytes: i64) -> i64 {
    (bytes as f64 / bandwidth(machine, place, channel)) as i64 + machine.port(place).read_latency
}

/// Cycles to copy bytes from off chip into SRAM.
pub(super) fn copy_cycles(machine: &Machine, bytes: i64) -> i64 {
    let to = (bytes as f64 / bandwidth(machine, Place::Sram, Channel::Write)) as i64 + machine.sram.write_latency;
    read_cycles(machine, Place::OffChip, Channel::Copy, bytes).max(to)
}
