//! The model with one of its terms switched off, by figures of the profile.

use panarch_cost::StartingFigure;

use crate::profile_text::{value, with, with_padding};

/// Larger than any memory, rate or count here; profiles allow no infinity.
const NO_END: &str = "1e15";

/// A term of the model and the figures that switch it off.
pub(super) struct Term {
    pub(super) name: &'static str,
    switch: Switch,
}

enum Switch {
    /// Figures set to other values.
    Set(&'static [(&'static str, &'static str)]),
    /// One column of as many rows as the array has cells, so that no channel is rounded up.
    Padding,
    /// The same, and depthwise convolutions run there like any other.
    Depthwise,
}

pub(super) const TERMS: [Term; 11] = [
    Term {
        name: "channels rounded up to lanes",
        switch: Switch::Padding,
    },
    Term {
        name: "that, and depthwise slower than dense",
        switch: Switch::Depthwise,
    },
    Term {
        name: "loading of weights into the array",
        switch: Switch::Set(&[("array.weight_load_cycles", "0")]),
    },
    Term {
        name: "output stage",
        switch: Switch::Set(&[("array.output_elements_per_cycle", NO_END)]),
    },
    Term {
        name: "vector work",
        switch: Switch::Set(&[("vector.elements_per_cycle", NO_END)]),
    },
    Term {
        name: "streaming of weights (all stay on chip)",
        switch: Switch::Set(&[("memory.weight_cache_bytes", NO_END), ("memory.shared", "false")]),
    },
    Term {
        name: "caching of weights (none stay on chip)",
        switch: Switch::Set(&[("memory.weight_cache_bytes", "0")]),
    },
    Term {
        name: "fetching ahead",
        switch: Switch::Set(&[("memory.fetch_ahead", "false")]),
    },
    Term {
        name: "spilling of activations",
        switch: Switch::Set(&[("memory.activation_bytes", NO_END)]),
    },
    Term {
        name: "filling, first requests and the on-chip port",
        switch: Switch::Set(&[
            ("array.startup_cycles", "0"),
            ("memory.off_chip_latency_s", "0"),
            ("memory.on_chip_bytes_per_s", "1e18"),
        ]),
    },
    Term {
        name: "fixed costs of inference and layer",
        switch: Switch::Set(&[("overhead.inference_s", "0"), ("overhead.layer_s", "0")]),
    },
];

impl Term {
    /// The profile without the term; `None` where it has none of it.
    pub(super) fn off(&self, text: &str) -> Option<String> {
        let without = match self.switch {
            Switch::Set(figures) => {
                let mut text = text.to_owned();
                for (path, value) in figures {
                    text = with(&text, path, value)?;
                }
                text
            }
            Switch::Padding => one_column(text)?,
            Switch::Depthwise => {
                let text = with(&one_column(text)?, "depthwise.mapping", "\"per_channel\"")?;
                with(&text, "depthwise.utilisation", "1")?
            }
        };
        Some(without)
    }

    /// Those of the fitted figures that still mean something.
    pub(super) fn left_to_fit(&self, figures: &[StartingFigure]) -> Vec<StartingFigure> {
        let gone = |path: &str| match self.switch {
            Switch::Set(set) => set.iter().any(|(off, _)| *off == path),
            Switch::Padding => false,
            Switch::Depthwise => path == "depthwise.utilisation",
        };
        figures.iter().filter(|it| !gone(&it.path)).cloned().collect()
    }
}

/// The array with its columns put below each other: as many multiplications a cycle, and nothing to fill up. What a weight
/// costs to load stays the same.
fn one_column(text: &str) -> Option<String> {
    let mut text = text.to_owned();
    if value(&text, "array.depth").is_some() {
        // A cube in the general form.
        for (from, to) in [
            ("\nkind = \"cube\"\n", "\nkind = \"lanes\"\n"),
            ("\ndepth = {", "\nreduction_lanes = {"),
            ("\ncolumns = {", "\noutput_lanes = {"),
            ("\nrows = {", "\npixel_lanes_wide = {"),
        ] {
            text = text.replacen(from, to, 1);
        }
        let general = "pixel_lanes_high = { value = 1, assumption = \"a cube\" }\n\
                       pixel_order = { value = \"flat\", assumption = \"a cube\" }\n\
                       padding = { channels = [1], taps = [1], assumption = \"a cube\" }\n";
        let at = text.find("weight_load_cycles = {")?;
        text.insert_str(at, general);
    }
    let number = |path: &str| value(&text, path)?.parse::<f64>().ok();
    let cells = number("array.reduction_lanes")? * number("array.output_lanes")?;
    let load = number("array.weight_load_cycles")? / cells;
    for (path, to) in [
        ("array.reduction_lanes", cells.to_string()),
        ("array.output_lanes", "1".to_owned()),
        ("array.weight_load_cycles", format!("{load:e}")),
    ] {
        text = with(&text, path, &to)?;
    }
    with_padding(&text, "channels = [1], taps = [1]")
}

#[cfg(test)]
mod tests {
    use panarch_cost::DeviceProfile;
    use panarch_cost::published::PUBLISHED;

    use super::*;
    use panarch_run::lookup::device_text;

    #[test]
    fn every_term_can_be_switched_off_everywhere() {
        for device in PUBLISHED {
            let text = device_text(device.profile).unwrap();
            for term in &TERMS {
                let off = term.off(&text).unwrap();
                let read = DeviceProfile::from_toml(term.name, &off);
                assert!(
                    read.is_ok(),
                    "{} without {}: {:?}",
                    device.profile,
                    term.name,
                    read.err()
                );
            }
        }
    }

    #[test]
    fn no_cell_is_lost_when_columns_are_put_below_each_other() {
        for device in PUBLISHED {
            let text = device_text(device.profile).unwrap();
            let profile = |text: &str| DeviceProfile::from_toml("test", text).unwrap();
            let cells = |text: &str| profile(text).accelerator().unwrap().array.macs_per_cycle();
            assert_eq!(cells(&text), cells(&one_column(&text).unwrap()), "{}", device.profile);
        }
    }
}
