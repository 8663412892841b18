//! Reading a configuration; every problem is recorded, none ends the reading.

use std::ops::RangeInclusive;

use panarch_toml::{Diagnostics, did_you_mean};

use super::{Configuration, InterfaceBandwidth, written_name};
use crate::scalesim::Noted;
use crate::scalesim::ini::{Entry, Ini};
use crate::scalesim::problems::{Problems, excerpt, whole_number};
use crate::systolic::Dataflow;

const ARCHITECTURE: &str = "architecture_presets";
const RUN: &str = "run_presets";
/// Largest side of an array, and longest list of bandwidths: beyond what anyone builds.
const MOST_SIDE: u64 = 1 << 20;
const MOST_INTERFACES: usize = 64;
/// Largest memory in KiB, bandwidth in words, and buffer in requests.
const MOST_SIZE: u64 = 1 << 31;
/// Largest offset in main memory.
const MOST_OFFSET: u64 = 1 << 60;

pub(super) fn configuration(file_name: &str, text: &str) -> Result<Noted<Configuration>, Diagnostics> {
    let mut problems = Problems::new(file_name, text)?;
    let ini = Ini::parse(text, &mut problems);
    let mut reading = Reading {
        ini: &ini,
        problems,
        notes: Vec::new(),
        defaults: Vec::new(),
    };
    let value = reading.configuration();
    reading.other_models();
    let Reading {
        problems,
        mut notes,
        defaults,
        ..
    } = reading;
    if !defaults.is_empty() {
        let defaults = defaults.join(", ");
        notes.push(format!(
            "missing, and SCALE-Sim 3 insists on them; its defaults were taken: {defaults}"
        ));
    }
    problems.finish(value.map(|value| Noted { value, notes }))
}

struct Reading<'a> {
    ini: &'a Ini,
    problems: Problems<'a>,
    notes: Vec<String>,
    /// What was missing, as `key = value`.
    defaults: Vec<String>,
}

impl Reading<'_> {
    fn configuration(&mut self) -> Option<Configuration> {
        // Every value is read before any is missed, so that all problems are found.
        let run_name = self.run_name();
        let rows = self.side("ArrayHeight");
        let columns = self.side("ArrayWidth");
        let dataflow = self.dataflow();
        let sram = [("IfmapSramSzkB", 256), ("FilterSramSzkB", 256), ("OfmapSramSzkB", 128)];
        let sram = sram.map(|(key, default)| self.size(key, 1, default));
        let offsets = [
            ("IfmapOffset", 0),
            ("FilterOffset", 10_000_000),
            ("OfmapOffset", 20_000_000),
        ];
        let offsets = offsets.map(|(key, default)| self.number(key, 0..=MOST_OFFSET, Some(default)));
        let buffers = ["ReadRequestBuffer", "WriteRequestBuffer"].map(|key| self.size(key, 1, 60));
        let interface = self.interface();
        let bandwidths = self.bandwidths(interface == Some(InterfaceBandwidth::User));
        Some(Configuration {
            run_name: run_name?,
            rows: rows?,
            columns: columns?,
            dataflow: dataflow?,
            ifmap_sram_kib: sram[0]?,
            filter_sram_kib: sram[1]?,
            ofmap_sram_kib: sram[2]?,
            offsets: [offsets[0]?, offsets[1]?, offsets[2]?],
            bandwidths: bandwidths?,
            interface: interface?,
            request_buffers: [buffers[0]?, buffers[1]?],
        })
    }

    fn run_name(&mut self) -> Option<String> {
        let Some(entry) = self.ini.get("general", "run_name") else {
            self.defaults.push("run_name = scale_run".to_owned());
            return Some("scale_run".to_owned());
        };
        if entry.value.len() > 255 || written_name(&entry.value) != entry.value {
            let message = "run_name is a folder's name: 1 to 255 bytes without /, \\, % and control characters";
            self.problems.at(entry.place, message);
            return None;
        }
        Some(entry.value.clone())
    }

    fn side(&mut self, key: &str) -> Option<u32> {
        let value = self.number(key, 1..=MOST_SIDE, None)?;
        u32::try_from(value).ok()
    }

    fn size(&mut self, key: &str, least: u64, default: u64) -> Option<u32> {
        let value = self.number(key, least..=MOST_SIZE, Some(default))?;
        u32::try_from(value).ok()
    }

    fn number(&mut self, key: &str, range: RangeInclusive<u64>, default: Option<u64>) -> Option<u64> {
        let Some(entry) = self.ini.get(ARCHITECTURE, key) else {
            match default {
                Some(default) => self.defaults.push(format!("{key} = {default}")),
                None => self.problems.whole(format!("has no `{key}` in [{ARCHITECTURE}]")),
            }
            return default;
        };
        let value = whole_number(&entry.value).filter(|value| range.contains(value));
        if value.is_none() {
            let (least, most) = range.into_inner();
            let given = excerpt(&entry.value);
            let message = format!("`{key}` must be a whole number from {least} to {most}, not `{given}`");
            self.problems.at(entry.place, message);
        }
        value
    }

    fn dataflow(&mut self) -> Option<Dataflow> {
        let Some(entry) = self.ini.get(ARCHITECTURE, "Dataflow") else {
            self.problems
                .whole(format!("has no `Dataflow` in [{ARCHITECTURE}]: os, ws or is"));
            return None;
        };
        self.one_of("Dataflow", entry, &Dataflow::NAMES)
    }

    fn interface(&mut self) -> Option<InterfaceBandwidth> {
        let Some(entry) = self.ini.get(RUN, "InterfaceBandwidth") else {
            self.defaults.push("InterfaceBandwidth = CALC".to_owned());
            return Some(InterfaceBandwidth::Calculated);
        };
        self.one_of("InterfaceBandwidth", entry, &InterfaceBandwidth::NAMES)
    }

    /// SCALE-Sim knows these names in one case only, and goes on with something else where one is wrong.
    fn one_of<T: Copy>(&mut self, key: &str, entry: &Entry, names: &[(&str, T)]) -> Option<T> {
        let found = names.iter().find(|(name, _)| *name == entry.value);
        if found.is_none() {
            let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            let given = excerpt(&entry.value);
            let message = format!("`{key}` is one of {}, not `{given}`", known.join(", "));
            let meant = did_you_mean(&given, known);
            self.problems.at_with(entry.place, message, meant);
        }
        found.map(|(_, value)| *value)
    }

    /// Words a cycle; may be empty where the bandwidth is calculated.
    fn bandwidths(&mut self, needed: bool) -> Option<Vec<u32>> {
        let entry = self.ini.get(ARCHITECTURE, "Bandwidth");
        let Some(entry) = entry.filter(|entry| needed || !entry.value.is_empty()) else {
            if needed {
                let message =
                    format!("has no `Bandwidth` in [{ARCHITECTURE}], which `InterfaceBandwidth = USER` needs");
                self.problems.whole(message);
                return None;
            }
            return Some(Vec::new());
        };
        let parts: Vec<&str> = entry.value.split(',').take(MOST_INTERFACES + 1).collect();
        let word = |part: &&str| whole_number(part).filter(|value| (1..=MOST_SIZE).contains(value));
        let values: Option<Vec<u32>> = parts.iter().map(|part| u32::try_from(word(part)?).ok()).collect();
        let values = values.filter(|values| values.len() <= MOST_INTERFACES);
        if values.is_none() {
            let given = excerpt(&entry.value);
            let message = format!(
                "`Bandwidth` must be 1 to {MOST_INTERFACES} whole numbers from 1 to {MOST_SIZE}, with commas between \
                 them, not `{given}`"
            );
            self.problems.at(entry.place, message);
        }
        values
    }

    /// What SCALE-Sim models and this crate does not: sparsity would change compute cycles, the others only add stalls.
    fn other_models(&mut self) {
        if let Some(entry) = self.ini.get("sparsity", "SparsitySupport")
            && entry.value.eq_ignore_ascii_case("true")
        {
            let message = "sparsity is not modelled: set `SparsitySupport` to false";
            self.problems.at(entry.place, message);
        }
        let is_true = |section, key| {
            let entry = self.ini.get(section, key);
            entry.is_some_and(|entry| ["true", "yes", "on", "1"].contains(&entry.value.to_lowercase().as_str()))
        };
        let stalls = [
            (is_true("layout", "IfmapCustomLayout"), "IfmapCustomLayout"),
            (is_true("layout", "FilterCustomLayout"), "FilterCustomLayout"),
            (is_true(RUN, "UseRamulatorTrace"), "UseRamulatorTrace"),
            (
                self.ini
                    .get(RUN, "InterfaceBandwidth")
                    .is_some_and(|entry| entry.value == "USER"),
                "InterfaceBandwidth = USER",
            ),
        ];
        for (_, what) in stalls.into_iter().filter(|(set, _)| *set) {
            self.notes.push(format!(
                "{what} adds stalls in SCALE-Sim; compute cycles are without them"
            ));
        }
    }
}
