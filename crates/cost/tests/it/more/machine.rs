//! Random machines as the texts of their profiles, and the same with more of one thing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use panarch_cost::DeviceProfile;

use super::draw::Draw;

/// The figures of a profile by section and key.
#[derive(Clone)]
pub struct Machine {
    pub kind: &'static str,
    pub batch: u32,
    /// Multipliers for one position.
    lanes: u32,
    figures: BTreeMap<(&'static str, &'static str), String>,
}

/// What more of something means.
#[derive(Clone, Copy, PartialEq)]
enum More {
    /// A larger whole number.
    Count,
    /// A larger number.
    Larger,
    /// A smaller number.
    Smaller,
    /// `false` becomes `true`.
    Allowed,
    /// One dataflow becomes the choice of all.
    Best,
}

/// What there can be more of; what a kind of machine lacks is passed over.
const THINGS: [(&str, &str, More); 40] = [
    ("array", "rows", More::Count),
    ("array", "columns", More::Count),
    ("array", "depth", More::Count),
    ("array", "pe_rows", More::Count),
    ("array", "pe_columns", More::Count),
    ("array", "cores", More::Count),
    ("array", "lanes", More::Count),
    ("array", "ways", More::Count),
    ("array", "reduction_lanes", More::Count),
    ("array", "output_lanes", More::Count),
    ("array", "pixel_lanes_high", More::Count),
    ("array", "pixel_lanes_wide", More::Count),
    ("array", "weight_load_cycles", More::Smaller),
    ("array", "startup_cycles", More::Smaller),
    ("array", "output_elements_per_cycle", More::Larger),
    ("array", "utilisation", More::Larger),
    ("array", "fold_overlap", More::Allowed),
    ("array", "partial", More::Allowed),
    ("array", "count", More::Count),
    ("array", "dataflow", More::Best),
    ("array", "accumulator_bytes", More::Larger),
    ("clock", "frequency_hz", More::Larger),
    ("depthwise", "channel_lanes", More::Count),
    ("depthwise", "utilisation", More::Larger),
    ("vector", "elements_per_cycle", More::Larger),
    ("memory", "activation_bytes", More::Larger),
    ("memory", "weight_cache_bytes", More::Larger),
    ("memory", "weight_buffer_bytes", More::Larger),
    ("memory", "on_chip_bytes_per_s", More::Larger),
    ("memory", "off_chip_bytes_per_s", More::Larger),
    ("memory", "weight_stream_bytes_per_s", More::Larger),
    ("memory", "host_link_bytes_per_s", More::Larger),
    ("memory", "off_chip_latency_s", More::Smaller),
    ("memory", "fetch_ahead", More::Allowed),
    ("memory", "chain_fusion", More::Allowed),
    ("overhead", "layer_s", More::Smaller),
    ("overhead", "inference_s", More::Smaller),
    ("energy", "mac_j", More::Smaller),
    ("energy", "off_chip_byte_j", More::Smaller),
    ("energy", "static_w", More::Smaller),
];

const SUPPORT: &str = "[\"conv2d\", \"depthwise_conv2d\", \"grouped_conv2d\", \"linear\", \"batch_norm\", \"add\", \
                       \"mul\", \"concat\", \"max_pool\", \"avg_pool\", \"global_avg_pool\", \"flatten\", \"relu\", \
                       \"relu6\", \"hard_swish\", \"hard_sigmoid\", \"sigmoid\", \"swish\"]";

impl Machine {
    pub fn random(draw: &mut Draw) -> Self {
        let kind = draw.of(&["systolic", "systolic", "grid", "lanes", "cube"]);
        let mut machine = Self {
            kind,
            batch: if draw.chance(0.5) { 1 } else { draw.size(1, 64) },
            lanes: 1,
            figures: BTreeMap::new(),
        };
        machine.lanes = machine.array(draw);
        machine.depthwise(draw);
        machine.vector(draw);
        machine.memory(draw);
        for (key, low, high) in [("inference_s", 1e-7, 1e-4), ("layer_s", 1e-9, 1e-5)] {
            let value = if draw.chance(0.3) { 0.0 } else { draw.decades(low, high) };
            machine.number("overhead", key, value);
        }
        for (key, low, high) in [
            ("mac_j", 1e-14, 1e-11),
            ("on_chip_byte_j", 1e-13, 1e-10),
            ("off_chip_byte_j", 1e-12, 1e-9),
            ("static_w", 1e-3, 10.0),
        ] {
            let value = draw.decades(low, high);
            machine.number("energy", key, value);
        }
        machine.number("error", "relative", 0.5);
        machine.number("error", "level", 0.9);
        machine.set("support", "operators", SUPPORT.to_owned());
        machine.set("support", "largest_kernel", "64".to_owned());
        machine
    }

    fn set(&mut self, section: &'static str, key: &'static str, value: String) {
        self.figures.insert((section, key), value);
    }

    pub fn number(&mut self, section: &'static str, key: &'static str, value: f64) {
        self.set(section, key, format!("{value:e}"));
    }

    fn count(&mut self, key: &'static str, value: u32) {
        self.set("array", key, value.to_string());
    }

    pub fn word(&mut self, section: &'static str, key: &'static str, value: &str) {
        self.set(section, key, format!("\"{value}\""));
    }

    pub fn flag(&mut self, section: &'static str, key: &'static str, value: bool) {
        self.set(section, key, value.to_string());
    }

    /// Returns how many products a cycle its array has for one position.
    fn array(&mut self, draw: &mut Draw) -> u32 {
        let clock = draw.decades(1e7, 3e9);
        self.number("clock", "frequency_hz", clock);
        let share = if draw.chance(0.5) { 1.0 } else { draw.decades(0.1, 1.0) };
        self.number("array", "utilisation", share);
        let count = if draw.chance(0.7) { 1 } else { draw.size(2, 16) };
        self.count("count", count);
        if self.kind == "systolic" {
            let (rows, columns) = (draw.size(1, 256), draw.size(1, 256));
            self.count("rows", rows);
            self.count("columns", columns);
            let flow = draw.of(&["ws", "os", "is", "ws", "os", "is", "best"]);
            self.word("array", "dataflow", flow);
            let overlap = draw.chance(0.5);
            self.flag("array", "fold_overlap", overlap);
            if draw.chance(0.3) {
                let bytes = draw.decades(1e3, 1e7);
                self.number("array", "accumulator_bytes", bytes.round());
            }
            if draw.chance(0.1) {
                self.flag("array", "partial", false);
            }
            return rows * columns;
        }
        let none = draw.chance(0.3);
        for (key, high) in [("weight_load_cycles", 300.0), ("startup_cycles", 2000.0)] {
            let value = if none { 0.0 } else { draw.decades(1.0, high) };
            self.number("array", key, value.round());
        }
        let rate = draw.decades(1.0, 4096.0);
        self.number("array", "output_elements_per_cycle", rate);
        let stage = draw.of(&["beside", "beside", "after"]);
        self.word("array", "output_stage", stage);
        let keys: &[(&'static str, u32)] = match self.kind {
            "grid" => &[
                ("pe_rows", 8),
                ("pe_columns", 8),
                ("cores", 4),
                ("lanes", 64),
                ("ways", 16),
            ],
            "cube" => &[("rows", 64), ("depth", 64), ("columns", 64)],
            _ => &[
                ("reduction_lanes", 64),
                ("output_lanes", 64),
                ("pixel_lanes_high", 8),
                ("pixel_lanes_wide", 8),
            ],
        };
        let mut lanes = 1;
        for (key, high) in keys {
            let value = draw.size(1, *high);
            self.count(key, value);
            if [
                "cores",
                "lanes",
                "ways",
                "depth",
                "columns",
                "reduction_lanes",
                "output_lanes",
            ]
            .contains(key)
            {
                lanes *= value;
            }
        }
        if self.kind == "lanes" {
            let order = draw.of(&["block", "flat"]);
            self.word("array", "pixel_order", order);
            let (channels, taps) = (draw.size(1, 32), draw.of(&[1, 2, 4]));
            let padding = format!("channels = [{channels}, 1], taps = [1, {taps}]");
            self.set("array", "padding", padding);
        }
        lanes
    }

    fn depthwise(&mut self, draw: &mut Draw) {
        let mapping = draw.of(&["per_channel", "simd_lanes", "channel_packed", "vector_unit"]);
        self.word("depthwise", "mapping", mapping);
        let share = if draw.chance(0.5) { 1.0 } else { draw.decades(0.1, 1.0) };
        self.number("depthwise", "utilisation", share);
        if mapping == "simd_lanes" {
            let channels = draw.size(1, self.lanes);
            self.set("depthwise", "channel_lanes", channels.to_string());
            let padding = draw.of(&[1, 2, 4]);
            self.set("depthwise", "tap_padding", padding.to_string());
        }
    }

    fn vector(&mut self, draw: &mut Draw) {
        let rate = draw.decades(1.0, 4096.0);
        self.number("vector", "elements_per_cycle", rate);
        let padding = draw.of(&[1, 1, 8, 16]);
        self.set("vector", "channel_padding", padding.to_string());
        for key in ["add_passes", "mul_passes", "concat_passes", "tap_passes"] {
            let passes = draw.of(&[0.25, 1.0, 2.0]);
            self.number("vector", key, passes);
        }
        let pooling = draw.of(&["vector_unit", "depthwise"]);
        self.word("vector", "pooling", pooling);
        self.set("vector", "fused_activations", "[\"relu\", \"relu6\"]".to_owned());
        for (key, passes) in [
            ("hard_swish", 2.0),
            ("hard_sigmoid", 1.0),
            ("sigmoid", 2.0),
            ("swish", 3.0),
        ] {
            self.number("vector.activation_passes", key, passes);
        }
    }

    fn memory(&mut self, draw: &mut Draw) {
        let cached = draw.chance(0.5);
        for (key, low, high) in [
            ("activation_bytes", 1e3, 1e8),
            ("weight_buffer_bytes", 1e2, 1e7),
            ("on_chip_bytes_per_s", 1e9, 1e13),
            ("off_chip_bytes_per_s", 1e7, 1e12),
        ] {
            let value = draw.decades(low, high);
            self.number("memory", key, value.round());
        }
        let cache = if cached { draw.decades(1e3, 1e8).round() } else { 0.0 };
        self.number("memory", "weight_cache_bytes", cache);
        let shared = draw.chance(0.5);
        self.flag("memory", "shared", shared);
        for key in ["weight_stream_bytes_per_s", "host_link_bytes_per_s"] {
            if draw.chance(0.3) {
                let value = draw.decades(1e7, 1e11).round();
                self.number("memory", key, value);
            }
        }
        let rereads = draw.of(&[1.0, 1.0, 2.5]);
        self.number("memory", "activation_rereads", rereads);
        let side = draw.of(&[0.0, 4.0, 8.0]);
        self.number("memory", "channel_side_bytes", side);
        let latency = if draw.chance(0.2) {
            0.0
        } else {
            draw.decades(1e-9, 1e-5)
        };
        self.number("memory", "off_chip_latency_s", latency);
        let ahead = draw.chance(0.6);
        self.flag("memory", "fetch_ahead", ahead);
        let fused = draw.chance(0.2);
        self.flag("memory", "chain_fusion", fused);
    }

    /// The same with more of one thing, and what that is; `None` when this machine has nothing of what was drawn.
    pub fn with_more(&self, draw: &mut Draw) -> Option<(&'static str, Self)> {
        let mut more = self.clone();
        let drawn = draw.between(0, THINGS.len() as u32 + 1) as usize;
        let Some((section, key, how)) = THINGS.get(drawn).copied() else {
            more.batch = grown(draw, self.batch, 64).filter(|batch| *batch > self.batch)?;
            return Some(("batch", more));
        };
        let value = self.figures.get(&(section, key))?;
        let whole = self
            .figures
            .get(&("array", "partial"))
            .is_some_and(|value| value == "false");
        if whole && matches!(key, "rows" | "columns") {
            // An array that every layer has to fill is asked for by name, and is slower when it is larger.
            return None;
        }
        let factor = if draw.chance(0.5) {
            draw.decades(1.0001, 1.1)
        } else {
            draw.decades(1.1, 64.0)
        };
        let number = || value.parse::<f64>().ok();
        match how {
            More::Count => {
                let most = match key {
                    "pe_rows" | "pe_columns" | "cores" => 64,
                    "channel_lanes" => self.lanes,
                    _ => 1024,
                };
                let before: u32 = value.parse().ok()?;
                let after = grown(draw, before, most).filter(|after| *after > before)?;
                more.set(section, key, after.to_string());
            }
            More::Larger => {
                let most = if key == "utilisation" { 1.0 } else { f64::INFINITY };
                let larger = if number()? == 0.0 {
                    draw.decades(1e2, 1e8)
                } else {
                    number()? * factor
                };
                more.number(section, key, larger.min(most));
            }
            More::Smaller => {
                let smaller = if draw.chance(0.1) { 0.0 } else { number()? / factor };
                more.number(section, key, smaller);
            }
            More::Best => {
                if value == "\"best\"" {
                    return None;
                }
                more.word(section, key, "best");
            }
            More::Allowed => {
                if value != "false" {
                    return None;
                }
                more.flag(section, key, true);
            }
        }
        Some((key, more))
    }

    /// The value of a number; 0 where the machine has none.
    pub fn value(&self, section: &'static str, key: &'static str) -> f64 {
        self.figures
            .get(&(section, key))
            .and_then(|value| value.parse().ok())
            .unwrap_or(0.0)
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "format = 1\nname = \"random\"\ndescription = \"drawn\"\nclass = \"full\"\nkind = \"accelerator\"\n\
             precision = \"int8\"\nbatch = {}\n",
            self.batch
        );
        let mut current = "";
        for ((section, key), value) in &self.figures {
            if current != *section {
                current = section;
                let _ = writeln!(text, "\n[{section}]");
                if *section == "array" {
                    let _ = writeln!(text, "kind = \"{}\"", self.kind);
                }
            }
            let value = if *key == "padding" {
                value.clone()
            } else {
                format!("value = {value}")
            };
            let _ = writeln!(text, "{key} = {{ {value}, assumption = \"drawn\" }}");
        }
        text
    }

    pub fn profile(&self) -> DeviceProfile {
        let text = self.text();
        DeviceProfile::from_toml("random.toml", &text).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }
}

fn grown(draw: &mut Draw, from: u32, most: u32) -> Option<u32> {
    let more = if draw.chance(0.4) {
        from + draw.between(1, 3)
    } else {
        (f64::from(from) * draw.decades(1.2, 8.0)).ceil() as u32
    };
    (more <= most.max(from)).then_some(more)
}
