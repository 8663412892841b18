use std::iter::Sum;
use std::ops::Add;

use panarch_graph::Latency;
use serde::Serialize;

use super::{Breakdown, Part};
use crate::profile::Accelerator;
use crate::{Cost, LayerCost};

/// Where the time of a layer, a stage or a network goes, seen from the matrix unit.
///
/// useful ≤ padded ≤ time, and time = padded + vector + moving + idle, so that
/// [`useful_share`](Self::useful_share) = [`lane_use`](Self::lane_use) · [`share`](Self::share).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct MatrixTime {
    /// MACs on the matrix unit over its peak rate: what they would take if every lane worked in every cycle.
    #[serde(rename = "useful_s")]
    pub useful: Latency,
    /// The matrix unit multiplies: the useful time, and lanes that are padded or that the machine leaves idle at its best.
    #[serde(rename = "padded_s")]
    pub padded: Latency,
    /// It waits for the vector unit, or its lanes scale and activate.
    #[serde(rename = "vector_s")]
    pub vector: Latency,
    /// It waits for weights or activations.
    #[serde(rename = "moving_s")]
    pub moving: Latency,
    /// It fills or drains, or a layer is being issued, or the device is being called.
    #[serde(rename = "idle_s")]
    pub idle: Latency,
}

impl MatrixTime {
    /// All of the time.
    #[must_use]
    pub fn time(&self) -> Latency {
        self.padded + self.vector + self.moving + self.idle
    }

    /// The device's own matrix efficiency: padded / time, the share of the modelled time in which the matrix unit
    /// multiplies, tile padding included; 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        ratio(self.padded, self.time())
    }

    /// useful / padded: the share of the lanes that do something while the matrix unit multiplies; 0 to 1.
    #[must_use]
    pub fn lane_use(&self) -> f64 {
        ratio(self.useful, self.padded)
    }

    /// useful / time: the share of the peak that is reached; 0 to 1.
    #[must_use]
    pub fn useful_share(&self) -> f64 {
        ratio(self.useful, self.time())
    }
}

impl Add for MatrixTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            useful: self.useful + other.useful,
            padded: self.padded + other.padded,
            vector: self.vector + other.vector,
            moving: self.moving + other.moving,
            idle: self.idle + other.idle,
        }
    }
}

impl Sum for MatrixTime {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// The time of a network on a device, by layer, and what calling the device takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeBreakdown {
    /// By layer.
    pub layers: Breakdown<MatrixTime>,
    /// What no network can avoid; [`Cost::fixed`].
    #[serde(rename = "fixed_s")]
    pub fixed: Latency,
}

impl TimeBreakdown {
    /// The whole network, the call of the device included: `time()` is the cost's latency.
    #[must_use]
    pub fn network(&self) -> MatrixTime {
        let call = MatrixTime {
            idle: self.fixed,
            ..MatrixTime::default()
        };
        self.layers.total() + call
    }
}

/// The device's own matrix efficiency, from a cost that the analytic model or the simulator made for this machine.
///
/// A layer's MACs are useful matrix work only if the cost has the matrix unit multiply in it: a depthwise convolution that
/// the device maps to its vector unit has none, whatever its MACs. Pooling that runs on the array is padded time without
/// any use. On a machine without a matrix unit, the lanes that multiply stand for it.
///
/// A cost without layers, such as a measured one, gives an empty breakdown: nothing is known about its matrix unit.
#[must_use]
pub fn on_device(machine: &Accelerator, cost: &Cost) -> TimeBreakdown {
    let peak = machine.clock_hz.value * machine.array.macs_per_cycle();
    let layers = cost.per_layer.iter().map(|layer| Part {
        layer: layer.name.clone(),
        block: layer.block.clone(),
        operator: layer.operator.clone(),
        // What another device runs, this one waits for.
        amount: match &layer.device {
            Some(device) if *device != cost.provenance.device => MatrixTime {
                idle: layer.latency,
                ..MatrixTime::default()
            },
            _ => of_layer(peak, layer),
        },
    });
    TimeBreakdown {
        layers: Breakdown {
            layers: layers.collect(),
        },
        fixed: cost.fixed,
    }
}

fn of_layer(peak: f64, layer: &LayerCost) -> MatrixTime {
    let parts = &layer.attribution;
    let useful = if parts.compute > Latency::ZERO && peak > 0.0 {
        layer.macs.0 as f64 / peak
    } else {
        0.0
    };
    MatrixTime {
        useful: Latency::from_seconds(useful),
        padded: parts.compute,
        vector: parts.vector,
        moving: parts.weights + parts.activations,
        idle: parts.fill + parts.issue,
    }
}

/// part / whole, 0 for an empty whole.
fn ratio(part: Latency, whole: Latency) -> f64 {
    if whole > Latency::ZERO { part / whole } else { 0.0 }
}
