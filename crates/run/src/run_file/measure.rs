//! `[measure]`: how devices are measured that can be.

use panarch_toml::{Key, Table};

use super::write::Writer;

/// What the section's keys mean.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "measure",
        "How devices that can be measured, such as `host`, are measured.",
    )
    .known_as(&["measurement", "benchmark", "latency"]),
    Key::new(
        "measure.samples",
        "Networks drawn from the space and measured, from which the device's table of latencies is fitted.",
    )
    .known_as(&["num_samples", "networks"]),
    Key::new("measure.repeats", "Timed inferences of each network, after a warm-up.").known_as(&[
        "runs",
        "iterations",
        "num_runs",
        "repetitions",
    ]),
];

/// Measuring on real devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureSection {
    /// Sampled networks from which the table of a device is fitted. Default 40.
    pub samples: usize,
    /// Timed inferences of each network, after the warm-up; at least 30. Default 50.
    pub repeats: u32,
}

impl Default for MeasureSection {
    fn default() -> Self {
        Self {
            samples: 40,
            repeats: 30,
        }
    }
}

impl MeasureSection {
    pub(super) fn read(table: Table<'_>) -> Self {
        let default = Self::default();
        let section = Self {
            samples: table
                .optional_usize_in("samples", 8..=10_000)
                .unwrap_or(default.samples),
            repeats: table
                .optional_u32_in("repeats", 30..=100_000)
                .unwrap_or(default.repeats),
        };
        table.finish();
        section
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.key("samples", self.samples);
        writer.key("repeats", self.repeats);
    }
}
