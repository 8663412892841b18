//! The figures of a member of the family, ready to compute with.

use super::extent::Extent;
use crate::profile::{EthosFamily, EthosPort, EthosU};

/// A memory as the accelerator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Sram,
    OffChip,
}

/// A memory's port.
#[derive(Debug, Clone)]
pub(super) struct Port {
    pub bytes_per_cycle: f64,
    pub read_latency: i64,
    pub write_latency: i64,
    pub burst: i64,
    /// Transfers that may be under way, over all ports.
    pub reads: f64,
    pub writes: f64,
}

/// Cycles that the output stage takes for an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutputRates {
    pub plain: f64,
    pub largest: f64,
    pub add: f64,
    pub multiply: f64,
    /// Sums and products of 32 bits.
    pub wide: f64,
    /// Windows with results of 32 bits.
    pub wide_result: f64,
    pub clamp: f64,
    pub table: f64,
}

/// The buffers in which a block of a job must fit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Buffers {
    /// One memory of so many banks of 1 KiB for inputs and sums; granules of banks for inputs, for inputs of 32 bits and
    /// for sums.
    Shared {
        banks: i64,
        input: i64,
        wide_input: i64,
        sums: i64,
    },
    /// Memories of their own for inputs, sums and results, in bytes.
    Apart { input: i64, sums: i64, output: i64 },
}

/// A member of the family.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub family: EthosFamily,
    /// Cores that share the channels of an output.
    pub cores: i64,
    pub macs: i64,
    /// Streams of weights that are decoded side by side.
    pub streams: i64,
    pub micro_blocks: &'static [Extent],
    pub buffers: Buffers,
    pub output: OutputRates,
    pub sram: Port,
    pub off_chip: Port,
    /// Where tensors live.
    pub tensors: Place,
    /// Bytes of SRAM for tensors and weights.
    pub cache: i64,
    pub weight_bytes: f64,
    pub weight_bytes_among_zeros: f64,
    pub padding_bytes: f64,
    pub read_buffers: ReadBuffers,
}

/// Units of 16 bytes that each way of reading may have under way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ReadBuffers {
    pub weights: f64,
    pub input: f64,
    pub stream: f64,
    pub copy: f64,
    pub scales: f64,
}

const ONE: Extent = Extent::new(1, 1, 4);

impl Machine {
    pub(super) fn new(profile: &EthosU) -> Self {
        let macs = profile.macs.value;
        let parts = Parts::of(profile.family.value, macs);
        Self {
            family: profile.family.value,
            cores: parts.cores,
            macs: i64::from(macs),
            streams: parts.streams,
            micro_blocks: parts.micro_blocks,
            buffers: parts.buffers,
            output: parts.output,
            sram: Port::new(&profile.sram),
            off_chip: Port::new(&profile.off_chip),
            tensors: if profile.tensors_off_chip.value {
                Place::OffChip
            } else {
                Place::Sram
            },
            cache: profile.cache_bytes.as_ref().map_or(1 << 30, |bytes| bytes.value as i64),
            weight_bytes: profile.weight_bytes.value,
            weight_bytes_among_zeros: profile.weight_bytes_among_zeros.value,
            padding_bytes: profile.padding_bytes.value,
            read_buffers: parts.read_buffers,
        }
    }

    pub(super) const fn port(&self, place: Place) -> &Port {
        match place {
            Place::Sram => &self.sram,
            Place::OffChip => &self.off_chip,
        }
    }

    /// Whether tensors live off chip, so that SRAM is a cache.
    pub(super) fn spills(&self) -> bool {
        self.tensors == Place::OffChip
    }

    pub(super) fn is_u85(&self) -> bool {
        self.family == EthosFamily::U85
    }
}

impl Port {
    fn new(port: &EthosPort) -> Self {
        let ports = f64::from(port.ports.value);
        Self {
            bytes_per_cycle: port.bytes_per_cycle.value,
            read_latency: port.read_latency_cycles.value as i64,
            write_latency: port.write_latency_cycles.value as i64,
            burst: i64::from(port.burst_bytes.value),
            reads: f64::from(port.reads.value) * ports,
            writes: f64::from(port.writes.value) * ports,
        }
    }
}

/// What a member of the family has, after the vendor's published configurations.
struct Parts {
    cores: i64,
    streams: i64,
    micro_blocks: &'static [Extent],
    buffers: Buffers,
    output: OutputRates,
    read_buffers: ReadBuffers,
}

impl Parts {
    fn of(family: EthosFamily, macs: u32) -> Self {
        match family {
            EthosFamily::U55 | EthosFamily::U65 => Self::shared(macs),
            EthosFamily::U85 => Self::apart(macs),
        }
    }

    /// Ethos-U55 and U65.
    fn shared(macs: u32) -> Self {
        const M64: &[Extent] = &[Extent::new(1, 1, 8)];
        const M128: &[Extent] = &[Extent::new(1, 2, 8)];
        const M256: &[Extent] = &[Extent::new(2, 2, 8)];
        let rates = |plain, largest, add, multiply, wide, clamp, table| OutputRates {
            plain,
            largest,
            add,
            multiply,
            wide,
            wide_result: plain,
            clamp,
            table,
        };
        let buffers = |banks, input, wide_input, sums| Buffers::Shared {
            banks,
            input,
            wide_input,
            sums,
        };
        let (micro_blocks, buffers, output): (&'static [Extent], _, _) = match macs {
            32 => (&[ONE], buffers(16, 2, 4, 4), rates(2.0, 1.0, 6.0, 3.0, 3.0, 1.0, 1.0)),
            64 => (M64, buffers(16, 2, 4, 4), rates(1.0, 0.5, 3.0, 1.5, 1.5, 1.0, 1.0)),
            128 => (M128, buffers(24, 4, 8, 8), rates(0.5, 0.25, 1.5, 0.75, 1.25, 0.5, 1.0)),
            512 => (
                M256,
                buffers(48, 8, 16, 16),
                rates(0.125, 0.0625, 0.375, 0.1875, 0.5625, 0.125, 0.5),
            ),
            _ => (
                M256,
                buffers(48, 8, 16, 16),
                rates(0.25, 0.125, 0.75, 0.375, 1.125, 0.25, 1.0),
            ),
        };
        let cores = if macs == 512 { 2 } else { 1 };
        Self {
            cores,
            streams: cores,
            micro_blocks,
            buffers,
            output,
            read_buffers: ReadBuffers::default(),
        }
    }

    /// Ethos-U85.
    fn apart(macs: u32) -> Self {
        const M128: &[Extent] = &[Extent::new(1, 2, 8), Extent::new(1, 1, 16)];
        const M256: &[Extent] = &[Extent::new(1, 2, 16), Extent::new(1, 4, 8), Extent::new(2, 2, 8)];
        const M512: &[Extent] = &[Extent::new(2, 2, 16), Extent::new(1, 4, 16)];
        const M1024: &[Extent] = &[Extent::new(2, 2, 32), Extent::new(1, 4, 32), Extent::new(2, 4, 16)];
        const M2048: &[Extent] = &[Extent::new(2, 2, 64), Extent::new(1, 4, 64), Extent::new(4, 4, 16)];
        let buffers = |input, sums, output| Buffers::Apart { input, sums, output };
        let (streams, micro_blocks, buffers, [plain, wide, wide_result], read_buffers) = match macs {
            128 => (
                1,
                M128,
                buffers(8192, 8192, 768),
                [0.5, 1.0, 0.5],
                [64, 64, 128, 104, 16],
            ),
            256 => (
                1,
                M256,
                buffers(16_384, 16_384, 1536),
                [0.25, 0.5, 0.25],
                [104, 104, 128, 128, 16],
            ),
            512 => (
                2,
                M512,
                buffers(16_384, 32_768, 3072),
                [0.125, 0.25, 0.25],
                [128, 128, 256, 128, 16],
            ),
            2048 => (
                4,
                M2048,
                buffers(32_768, 131_072, 12_288),
                [0.031_25, 0.062_5, 0.125],
                [256, 256, 512, 256, 16],
            ),
            _ => (
                4,
                M1024,
                buffers(16_384, 65_536, 6144),
                [0.0625, 0.125, 0.25],
                [256, 256, 416, 256, 16],
            ),
        };
        let [copy, stream, weights, input, scales] = read_buffers.map(f64::from);
        Self {
            cores: 1,
            streams,
            micro_blocks,
            buffers,
            output: OutputRates {
                plain,
                largest: plain,
                add: plain,
                multiply: plain,
                wide,
                wide_result,
                clamp: plain,
                table: plain,
            },
            read_buffers: ReadBuffers {
                weights,
                input,
                stream,
                copy,
                scales,
            },
        }
    }
}
