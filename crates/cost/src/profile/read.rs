//! Reading a profile; every problem is recorded, none ends the reading.

mod array;
mod command;
mod ethos_u;
mod figures;
mod hierarchy;

use std::ops::Bound;

use panarch_graph::{ContentHash, Precision};
use panarch_toml::{Diagnostics, Document, Table};

use figures::Figures;

use super::{
    Accelerator, Blocking, Depthwise, DepthwiseMapping, DeviceKind, DeviceProfile, EnergyFigures, EthosU, Figure, LinearTarget,
    MeasuredTarget, Memory, ModelError, Overhead, Pooling, SizeClass, Sourced, Support, VectorUnit, table,
};
use crate::Operator;

/// The version of the format that this code reads.
const FORMAT: u32 = 1;

/// Reads what a kind of device has besides the heading.
type ReadKind = fn(&Table<'_>) -> Option<Described>;

/// What a kind of device has, and the table `[ethos_u]` beside it.
pub(super) struct Described {
    kind: DeviceKind,
    ethos_u: Option<Box<EthosU>>,
}

impl From<DeviceKind> for Described {
    fn from(kind: DeviceKind) -> Self {
        Self { kind, ethos_u: None }
    }
}

/// The kinds of devices, each with its reader.
const KINDS: [(&str, ReadKind); 7] = [
    ("accelerator", |root| {
        let parts = parts(root)?;
        let accelerator = parts.accelerator?;
        Some(Described {
            kind: DeviceKind::Accelerator(accelerator),
            ethos_u: parts.ethos_u,
        })
    }),
    ("measured", |root| Some(DeviceKind::Measured(measured(root)?).into())),
    ("table", |root| Some(DeviceKind::Table(table::table(root)?).into())),
    ("linear", |root| Some(DeviceKind::Linear(linear(root)?).into())),
    ("hierarchy", |root| {
        Some(DeviceKind::Hierarchy(Box::new(hierarchy::hierarchy(root)?)).into())
    }),
    ("command", |root| {
        let (target, ethos_u) = command::target(root)?;
        Some(Described {
            kind: DeviceKind::Command(Box::new(target)),
            ethos_u,
        })
    }),
    ("ethos_u", |root| {
        Some(Described {
            kind: DeviceKind::EthosU,
            ethos_u: Some(Box::new(ethos_u::alone(root)?)),
        })
    }),
];

// Wider than any machine; beyond them, sums of a network would no longer be numbers.
const CLOCK: (Bound<f64>, Bound<f64>) = (Bound::Included(1e3), Bound::Included(1e12));
const NOT_NEGATIVE: (Bound<f64>, Bound<f64>) = (Bound::Included(0.0), Bound::Included(1e15));
const POSITIVE: (Bound<f64>, Bound<f64>) = (Bound::Included(1e-6), Bound::Included(1e15));
const RATE: (Bound<f64>, Bound<f64>) = (Bound::Included(1.0), Bound::Included(1e18));
const REREADS: (Bound<f64>, Bound<f64>) = (Bound::Included(1e-6), Bound::Included(1e6));
const PASSES: (Bound<f64>, Bound<f64>) = (Bound::Included(0.0), Bound::Included(1e6));
const SHORT: (Bound<f64>, Bound<f64>) = (Bound::Included(0.0), Bound::Included(1.0));
const SHARE: (Bound<f64>, Bound<f64>) = (Bound::Included(1e-6), Bound::Included(1.0));
const BELOW_ONE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Excluded(1.0));

pub(super) fn profile(file_name: &str, text: &str) -> Result<DeviceProfile, Diagnostics> {
    let document = Document::parse(file_name, text)?;
    let root = document.root();
    let _ = root.u32_in("format", FORMAT..=FORMAT);
    let name = root.string_spanned("name").and_then(|name| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.value.is_empty() || name.value.len() > 64 || !name.value.chars().all(plain) {
            let message = "a device name is 1 to 64 small letters, digits and hyphens";
            root.problem_at(name.at, message, None);
            return None;
        }
        Some(name.value)
    });
    let description = root.string("description");
    let class = root.one_of("class", &SizeClass::NAMES);
    let precision = root.one_of("precision", &Precision::ALL.map(|p| (p.name(), p)));
    let batch = root.optional_u32_in("batch", 1..=65_536).unwrap_or(1);
    let kind = root.one_of("kind", &KINDS).and_then(|read| read(&root));
    let known_kind = root.has("kind");
    if known_kind {
        root.finish();
    }
    let profile = (|| {
        let Described { kind, ethos_u } = kind?;
        Some(DeviceProfile {
            name: name?,
            description: description?,
            class: class?,
            precision: precision?,
            batch,
            kind,
            ethos_u,
            hash: ContentHash::of("panarch device profile v1", text.as_bytes()),
        })
    })();
    document.finish(profile)
}

fn measured(root: &Table<'_>) -> Option<MeasuredTarget> {
    let table = root.table("measured")?;
    let runtime = table.string("runtime");
    let threads = table.u32_in("threads", 1..=1024);
    table.finish();
    Some(MeasuredTarget {
        runtime: runtime?,
        threads: threads?,
    })
}

fn linear(root: &Table<'_>) -> Option<LinearTarget> {
    let figures = Figures::new(root);
    let error = figures.part(root, "error", Figures::error);
    figures.finish(root);
    table::linear(root, error)
}

/// The descriptions of one machine that stand beside each other: its parts, and what the model of its compiler needs.
struct Parts {
    accelerator: Option<Box<Accelerator>>,
    ethos_u: Option<Box<EthosU>>,
}

/// Reads the descriptions that there are; an accelerator is expected where there is no other.
fn parts(root: &Table<'_>) -> Option<Parts> {
    let figures = Figures::new(root);
    let compiled = root.has("ethos_u");
    let accelerator = if !compiled || root.has("clock") || root.has("array") {
        Some(accelerator(&figures, root).map(Box::new))
    } else {
        None
    };
    let ethos_u = compiled.then(|| ethos_u::table(&figures, root).map(Box::new));
    figures.finish(root);
    Some(Parts {
        accelerator: match accelerator {
            Some(accelerator) => Some(accelerator?),
            None => None,
        },
        ethos_u: match ethos_u {
            Some(ethos_u) => Some(ethos_u?),
            None => None,
        },
    })
}

fn accelerator(figures: &Figures, root: &Table<'_>) -> Option<Accelerator> {
    // Every part is read before any is missed, so that all problems are found.
    let clock = figures.part(root, "clock", |f, t| f.number(t, "frequency_hz", CLOCK));
    let array = figures.part(root, "array", Figures::array);
    let blocking = root
        .has("blocking")
        .then(|| figures.part(root, "blocking", Figures::blocking));
    let depthwise = figures.part(root, "depthwise", Figures::depthwise);
    let vector = figures.part(root, "vector", Figures::vector);
    let memory = figures.part(root, "memory", Figures::memory);
    let overhead = figures.part(root, "overhead", Figures::overhead);
    let energy = root
        .has("energy")
        .then(|| figures.part(root, "energy", Figures::energy));
    let error = figures.part(root, "error", Figures::error);
    let support = figures.part(root, "support", Figures::support);
    if let (Some(vector), Some(support)) = (&vector, &support) {
        check_activations(root, vector, support);
    }
    Some(Accelerator {
        clock_hz: clock?,
        array: array?,
        blocking: match blocking {
            Some(blocking) => Some(blocking?),
            None => None,
        },
        depthwise: depthwise?,
        vector: vector?,
        memory: memory?,
        overhead: overhead?,
        energy: match energy {
            Some(energy) => Some(energy?),
            None => None,
        },
        error: error?,
        support: support?,
    })
}

/// Every supported activation must have a cost.
fn check_activations(root: &Table<'_>, vector: &VectorUnit, support: &Support) {
    for operator in &support.operators.value {
        let listed = |(of, _): &(Operator, Figure)| of == operator;
        if Operator::ACTIVATIONS.contains(operator)
            && !vector.fused_activations.value.contains(operator)
            && !vector.activation_passes.iter().any(listed)
        {
            let message = format!(
                "`support.operators` has `{operator}`, but it is neither in `vector.fused_activations` nor in `vector.activation_passes`"
            );
            root.problem("vector", message, None);
        }
    }
}

/// The parts of an accelerator.
impl Figures {
    fn operators(&self, table: &Table<'_>, key: &str, of: &[Operator]) -> Option<Sourced<Vec<Operator>>> {
        let names: Vec<(&str, Operator)> = of.iter().map(|op| (op.name(), *op)).collect();
        self.sourced(table, key, |figure| figure.list_of("value", &names))
    }

    fn blocking(&self, table: &Table<'_>) -> Option<Blocking> {
        let accumulators = self.count(table, "accumulators");
        let rows = self.count(table, "rows");
        let columns = self.count(table, "columns");
        Some(Blocking {
            accumulators: accumulators?,
            rows: rows?,
            columns: columns?,
        })
    }

    fn depthwise(&self, table: &Table<'_>) -> Option<Depthwise> {
        let mapping = self.choice(table, "mapping", &DepthwiseMapping::NAMES);
        let simd = mapping.as_ref().map(|it| it.value) == Some(DepthwiseMapping::SimdLanes);
        // Other mappings leave them unused, so that a mapping can be changed alone.
        let lanes = |key: &str| {
            if simd || table.has(key) {
                self.count(table, key).map(Some)
            } else {
                Some(None)
            }
        };
        let channel_lanes = lanes("channel_lanes");
        let tap_padding = lanes("tap_padding");
        let utilisation = self.number(table, "utilisation", SHARE);
        Some(Depthwise {
            mapping: mapping?,
            channel_lanes: channel_lanes?,
            tap_padding: tap_padding?,
            utilisation: utilisation?,
        })
    }

    fn vector(&self, table: &Table<'_>) -> Option<VectorUnit> {
        let elements_per_cycle = self.number(table, "elements_per_cycle", POSITIVE);
        let channel_padding = self.count(table, "channel_padding");
        let add_passes = self.number(table, "add_passes", PASSES);
        let mul_passes = self.number(table, "mul_passes", PASSES);
        let concat_passes = self.number(table, "concat_passes", PASSES);
        let group_passes = self.optional_number(table, "group_passes", PASSES);
        let tap_passes = self.number(table, "tap_passes", PASSES);
        let pooling = self.choice(table, "pooling", &Pooling::NAMES);
        let activations = &Operator::ACTIVATIONS;
        let fused_activations = self.operators(table, "fused_activations", activations);
        let mut activation_passes = Vec::new();
        let mut complete = true;
        if let Some(passes) = table.optional_table("activation_passes") {
            for activation in activations {
                match self.optional_number(&passes, activation.name(), PASSES) {
                    Some(Some(figure)) => activation_passes.push((*activation, figure)),
                    Some(None) => {}
                    None => complete = false,
                }
            }
            passes.finish();
        }
        Some(VectorUnit {
            elements_per_cycle: elements_per_cycle?,
            channel_padding: channel_padding?,
            add_passes: add_passes?,
            mul_passes: mul_passes?,
            concat_passes: concat_passes?,
            group_passes: group_passes?,
            tap_passes: tap_passes?,
            pooling: pooling?,
            fused_activations: fused_activations?,
            activation_passes: complete.then_some(activation_passes)?,
        })
    }

    fn memory(&self, table: &Table<'_>) -> Option<Memory> {
        let activation_bytes = self.number(table, "activation_bytes", POSITIVE);
        let weight_cache_bytes = self.number(table, "weight_cache_bytes", NOT_NEGATIVE);
        let shared = self.sourced(table, "shared", |figure| figure.bool("value"));
        let on_chip = self.number(table, "on_chip_bytes_per_s", RATE);
        let activation_rereads = self.number(table, "activation_rereads", REREADS);
        let off_chip = self.number(table, "off_chip_bytes_per_s", RATE);
        let stream = self.optional_number(table, "weight_stream_bytes_per_s", RATE);
        let link = self.optional_number(table, "host_link_bytes_per_s", RATE);
        let channel_side_bytes = self.number(table, "channel_side_bytes", PASSES);
        let weight_buffer_bytes = self.number(table, "weight_buffer_bytes", POSITIVE);
        let off_chip_latency = self.number(table, "off_chip_latency_s", SHORT);
        let fetch_ahead = self.sourced(table, "fetch_ahead", |figure| figure.bool("value"));
        let chain_fusion = self.sourced(table, "chain_fusion", |figure| figure.bool("value"));
        Some(Memory {
            activation_bytes: activation_bytes?,
            weight_cache_bytes: weight_cache_bytes?,
            shared: shared?,
            on_chip_bytes_per_s: on_chip?,
            activation_rereads: activation_rereads?,
            off_chip_bytes_per_s: off_chip?,
            weight_stream_bytes_per_s: stream?,
            host_link_bytes_per_s: link?,
            channel_side_bytes: channel_side_bytes?,
            weight_buffer_bytes: weight_buffer_bytes?,
            off_chip_latency_s: off_chip_latency?,
            fetch_ahead: fetch_ahead?,
            chain_fusion: chain_fusion?,
        })
    }

    fn overhead(&self, table: &Table<'_>) -> Option<Overhead> {
        let inference_s = self.number(table, "inference_s", SHORT);
        let layer_s = self.number(table, "layer_s", SHORT);
        Some(Overhead {
            inference_s: inference_s?,
            layer_s: layer_s?,
        })
    }

    fn energy(&self, table: &Table<'_>) -> Option<EnergyFigures> {
        let mac_j = self.number(table, "mac_j", NOT_NEGATIVE);
        let on_chip_byte_j = self.number(table, "on_chip_byte_j", NOT_NEGATIVE);
        let off_chip_byte_j = self.number(table, "off_chip_byte_j", NOT_NEGATIVE);
        let static_w = self.number(table, "static_w", NOT_NEGATIVE);
        Some(EnergyFigures {
            mac_j: mac_j?,
            on_chip_byte_j: on_chip_byte_j?,
            off_chip_byte_j: off_chip_byte_j?,
            static_w: static_w?,
        })
    }

    fn error(&self, table: &Table<'_>) -> Option<ModelError> {
        let relative = self.number(table, "relative", (Bound::Excluded(0.0), Bound::Included(10.0)));
        let level = self.number(table, "level", BELOW_ONE);
        Some(ModelError {
            relative: relative?,
            level: level?,
        })
    }

    fn support(&self, table: &Table<'_>) -> Option<Support> {
        let operators = self.operators(table, "operators", &Operator::ALL);
        let largest_kernel = self.count(table, "largest_kernel");
        Some(Support {
            operators: operators?,
            largest_kernel: largest_kernel?,
        })
    }
}
