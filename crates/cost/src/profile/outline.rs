//! Profiles from a few words: what is known of a chip is written down, everything else becomes a named default.

mod accelerator;
mod others;
mod writer;

use panarch_graph::Precision;

use super::read::is_path;
use super::{DeviceProfile, SizeClass};
use crate::CostError;

use writer::Writer;

/// A figure as it was given: its text, with the unit, and what that is in the unit of its key.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenQuantity {
    /// As it is to stand in the profile, such as `800 MHz`.
    pub text: String,
    /// Its value.
    pub value: f64,
}

/// What is known of a device that is being described.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OutlineKind,
    /// The size of networks that it is for.
    pub class: SizeClass,
    /// The number format.
    pub precision: Precision,
    /// Dimensions of the array, in the order of [`OutlineKind::dimensions`]; those at the end may be left out.
    pub array: Vec<u32>,
    /// How many such arrays there are.
    pub count: Option<u32>,
    /// What stays in the cells of a systolic array.
    pub dataflow: Option<String>,
    /// Clock, in hertz.
    pub clock: Option<GivenQuantity>,
    /// All memory on the chip, in bytes.
    pub sram: Option<GivenQuantity>,
    /// Rate of the main memory, in bytes a second.
    pub dram: Option<GivenQuantity>,
    /// The device that runs what this one cannot.
    pub fallback: Option<String>,
}

/// The kinds of devices that can be described in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutlineKind {
    /// Cells that pass operands on to their neighbours.
    Systolic,
    /// An Edge-TPU-class grid of processing elements.
    Grid,
    /// Vector lanes: a processor, or an array without a form of its own.
    Lanes,
    /// A matrix unit that multiplies two small matrices in a cycle.
    Cube,
    /// An array and a memory hierarchy, onto which a mapper maps layers.
    Hierarchy,
    /// A program that answers.
    Command,
    /// A table of block latencies.
    Table,
    /// A real machine that is measured.
    Measured,
}

impl OutlineKind {
    /// Every kind with its name.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("systolic", Self::Systolic),
        ("grid", Self::Grid),
        ("lanes", Self::Lanes),
        ("cube", Self::Cube),
        ("hierarchy", Self::Hierarchy),
        ("command", Self::Command),
        ("table", Self::Table),
        ("measured", Self::Measured),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(name, _)| name)
    }

    /// The dimensions of the array, each with its default.
    #[must_use]
    pub const fn dimensions(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::Systolic | Self::Hierarchy => &[("rows", 32), ("columns", 32)],
            Self::Grid => &[
                ("pe_rows", 4),
                ("pe_columns", 4),
                ("cores", 4),
                ("lanes", 16),
                ("ways", 4),
            ],
            Self::Lanes => &[
                ("reduction_lanes", 8),
                ("output_lanes", 8),
                ("pixel_lanes_high", 1),
                ("pixel_lanes_wide", 1),
            ],
            Self::Cube => &[("rows", 16), ("depth", 16), ("columns", 16)],
            Self::Command | Self::Table | Self::Measured => &[],
        }
    }
}

impl Outline {
    /// The text of a profile: every figure that was given, and a named default with its reason for every other one, each
    /// below a line that says what it is.
    ///
    /// # Errors
    /// What such a device does not have, in words; and when the profile would have problems, such as a name that is none.
    pub fn to_toml(&self) -> Result<String, CostError> {
        let refuse = |reason: String| Err(CostError::Outline { reason });
        let kind = self.kind.name();
        let known = self.kind.dimensions();
        if known.is_empty() {
            let given = [
                (!self.array.is_empty(), "an array"),
                (self.count.is_some(), "a count of arrays"),
                (self.clock.is_some(), "a clock"),
                (self.sram.is_some(), "on-chip memory"),
                (self.dram.is_some(), "main memory"),
                (self.fallback.is_some(), "a fallback"),
            ];
            if let Some((_, what)) = given.iter().find(|(is_given, _)| *is_given) {
                return refuse(format!(
                    "a device of the kind `{kind}` is not described by its parts: leave out {what}"
                ));
            }
        }
        if self.array.len() > known.len() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let (found, most) = (self.array.len(), known.len());
            return refuse(format!(
                "an array of the kind `{kind}` has {most} dimensions, {}; {found} were given",
                names.join(" x ")
            ));
        }
        if self.dataflow.is_some() && self.kind != OutlineKind::Systolic {
            return refuse(format!("only a systolic array has a dataflow, not the kind `{kind}`"));
        }
        if self.count.is_some() && self.kind == OutlineKind::Hierarchy {
            return refuse("a hierarchy names its arrays as dimensions: leave out the count".to_owned());
        }
        let mut writer = Writer::new(self);
        match self.kind {
            OutlineKind::Systolic | OutlineKind::Grid | OutlineKind::Lanes | OutlineKind::Cube => {
                accelerator::write(self, &mut writer);
            }
            OutlineKind::Hierarchy => others::hierarchy(self, &mut writer),
            OutlineKind::Command => others::command(self, &mut writer),
            OutlineKind::Table => others::table(self, &mut writer),
            OutlineKind::Measured => others::measured(&mut writer),
        }
        let text = writer.finish();
        // What is printed is a profile; a name or a figure that is none is said here. A file is not looked at.
        let checked = match &self.fallback {
            Some(fallback) if is_path(fallback) => text.replacen("fallback = ", "# fallback = ", 1),
            _ => text.clone(),
        };
        DeviceProfile::from_toml("the new profile", &checked)?;
        Ok(text)
    }

    /// One sentence on what the device is.
    fn description(&self) -> String {
        let known = self.kind.dimensions();
        if known.is_empty() {
            return match self.kind {
                OutlineKind::Command => "A device that a program answers for.".to_owned(),
                OutlineKind::Table => "A device that answers from a table of block latencies.".to_owned(),
                _ => "A real machine that is measured.".to_owned(),
            };
        }
        let dimensions: Vec<String> = known
            .iter()
            .map(|(name, _)| self.dimension(name).0.to_string())
            .collect();
        let text = |given: &Option<GivenQuantity>, default: &str| {
            given.as_ref().map_or(default.to_owned(), |given| given.text.clone())
        };
        format!(
            "A chip with a {} {} at {}, {} of memory on it and {} to the main memory.",
            dimensions.join("x"),
            match self.kind {
                OutlineKind::Hierarchy => "array below a memory hierarchy".to_owned(),
                OutlineKind::Lanes => "array of lanes".to_owned(),
                kind => format!("{} array", kind.name()),
            },
            text(&self.clock, "1 GHz"),
            text(&self.sram, "1 MiB"),
            text(&self.dram, "12.8 GB/s"),
        )
    }

    /// A dimension of the array, and whether it was given.
    fn dimension(&self, name: &str) -> (u32, bool) {
        let at = self.kind.dimensions().iter().position(|(known, _)| *known == name);
        let given = at.and_then(|at| self.array.get(at).copied());
        let default = at
            .and_then(|at| self.kind.dimensions().get(at))
            .map_or(1, |(_, default)| *default);
        (given.unwrap_or(default), given.is_some())
    }

    fn clock_hz(&self) -> f64 {
        self.clock.as_ref().map_or(1e9, |clock| clock.value)
    }

    fn sram_bytes(&self) -> f64 {
        self.sram.as_ref().map_or(1_048_576.0, |sram| sram.value)
    }
}
