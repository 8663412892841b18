//! What the runs of a command found, as a cost.

use panarch_cost::Cost;
use panarch_graph::{Bytes, Energy, Estimate, Latency, Network, Provenance, folded_structure};

use super::{CommandDevice, vela};
use crate::Protocol;
use crate::order_statistics::{median, median_interval};

/// What one counted run found.
pub(super) struct Found {
    /// Seconds.
    pub latency: f64,
    /// Joules.
    pub energy: Option<f64>,
    /// Bytes.
    pub memory: Option<f64>,
    pub vela: Option<vela::Report>,
}

impl CommandDevice {
    /// The cost that the counted runs amount to.
    pub(super) fn cost_of(
        &self,
        found: &[Found],
        network: Option<&Network>,
        mut provenance: Provenance,
        note: &str,
    ) -> Cost {
        let latencies = found.iter().map(|it| it.latency).collect();
        let (latency, meaning) = self.interval(latencies);
        provenance.note = Some(format!("{note}; {meaning}"));
        let energies: Vec<f64> = found.iter().filter_map(|it| it.energy).collect();
        let energy = (!energies.is_empty()).then(|| self.interval(energies).0.map(Energy::from_joules));
        let memory = found.iter().filter_map(|it| it.memory).reduce(f64::max);
        if let Some(report) = found.last().and_then(|it| it.vela.as_ref()) {
            let context = vela::Context {
                network,
                provenance,
                interval: &|_| latency.map(Latency::from_seconds),
            };
            let cost = vela::cost(report, context);
            return Cost { energy, ..cost };
        }
        provenance.note = provenance.note.map(|note| {
            let memory = if memory.is_none() { "peak memory and " } else { "" };
            let utilisation = if self.profile.accelerator().is_none() {
                "utilisation and "
            } else {
                ""
            };
            format!("{note}; {memory}least traffic are counted; {utilisation}fixed share are not known and stand as 0")
        });
        let bytes = |elements: u64| elements * self.profile.precision().bytes();
        let moved = |network: &Network| {
            folded_structure(network).parameter_count() + network.input_shape().elements() + network.output_elements()
        };
        let counted = bytes(network.map_or(0, Network::peak_activation_elements));
        Cost {
            latency: latency.map(Latency::from_seconds),
            fixed: Latency::ZERO,
            energy,
            energy_parts: None,
            fixed_energy: None,
            peak_memory: Bytes(memory.map_or(counted, |memory| memory as u64)),
            traffic: Bytes(bytes(network.map_or(0, moved))),
            memory: Vec::new(),
            utilisation: network.map_or(0.0, |network| self.utilisation(network, latency.value)),
            per_layer: Vec::new(),
            provenance,
        }
    }

    /// Against the array of the accelerator's tables; 0 without them.
    fn utilisation(&self, network: &Network, seconds: f64) -> f64 {
        let Some(machine) = self.profile.accelerator() else {
            return 0.0;
        };
        let possible = machine.array.macs_per_cycle() * machine.clock_hz.value * seconds;
        (network.macs().0 as f64 / possible).clamp(0.0, 1.0)
    }

    /// The median with its interval, and what that means: the error that the profile states, or the spread of repeats.
    ///
    /// The whole range of n repeats holds the median with probability 1 − 2^(1−n), which is what few repeats claim.
    fn interval(&self, mut values: Vec<f64>) -> (Estimate<f64>, String) {
        values.sort_by(f64::total_cmp);
        let value = median(&values);
        if let Some(error) = &self.target.error {
            let factor = 1.0 + error.relative.value;
            let (low, high, level) = (value / factor, value * factor, error.level.value);
            let meaning = format!("interval: the error of the profile ({})", error.relative.origin.text());
            return (
                Estimate {
                    value,
                    low,
                    high,
                    level,
                },
                meaning,
            );
        }
        let (low, high) = median_interval(&values, Protocol::LEVEL);
        let level = Protocol::LEVEL.min(1.0 - 0.5_f64.powi(values.len() as i32 - 1));
        let meaning = "median of the repeats with its order-statistic interval".to_owned();
        (
            Estimate {
                value,
                low,
                high,
                level,
            },
            meaning,
        )
    }
}
