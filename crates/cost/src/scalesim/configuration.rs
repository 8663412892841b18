mod read;

use std::fmt::Write as _;

use panarch_toml::Diagnostics;

use super::Noted;
use crate::CostError;
use crate::systolic::{Dataflow, SystolicArray};

/// A configuration: the array, its memories, and the interface to the main memory.
///
/// Words are one byte. Sizes are in KiB, as the files say (`kB`, multiplied by 1024 there).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// `run_name`: SCALE-Sim's folder of results.
    pub run_name: String,
    /// `ArrayHeight`.
    pub rows: u32,
    /// `ArrayWidth`.
    pub columns: u32,
    /// `Dataflow`.
    pub dataflow: Dataflow,
    /// `IfmapSramSzkB`.
    pub ifmap_sram_kib: u32,
    /// `FilterSramSzkB`.
    pub filter_sram_kib: u32,
    /// `OfmapSramSzkB`.
    pub ofmap_sram_kib: u32,
    /// `IfmapOffset`, `FilterOffset`, `OfmapOffset`: where the operands begin in main memory.
    pub offsets: [u64; 3],
    /// `Bandwidth`: words a cycle of the main memory, for each of its interfaces.
    pub bandwidths: Vec<u32>,
    /// `InterfaceBandwidth`.
    pub interface: InterfaceBandwidth,
    /// `ReadRequestBuffer`, `WriteRequestBuffer`: outstanding requests.
    pub request_buffers: [u32; 2],
}

/// Whether the bandwidth of the main memory is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceBandwidth {
    /// `CALC`: nothing stalls, and the bandwidth that this needs is computed.
    Calculated,
    /// `USER`: [`Configuration::bandwidths`] holds, and the array may stall.
    User,
}

impl InterfaceBandwidth {
    /// Every kind with its name in files.
    pub const NAMES: [(&'static str, Self); 2] = [("CALC", Self::Calculated), ("USER", Self::User)];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calculated => "CALC",
            Self::User => "USER",
        }
    }
}

impl Configuration {
    /// Reads a configuration; `file_name` only appears in messages.
    ///
    /// Keys that are not known are passed over, as SCALE-Sim does. A missing one takes SCALE-Sim's default, with a note;
    /// only the array's height, width and dataflow have to be there.
    ///
    /// # Errors
    /// All problems at once, each with its line: broken lines, values out of range, a dataflow or a kind of interface that
    /// does not exist, sparsity, which is not modelled.
    pub fn read(file_name: &str, text: &str) -> Result<Noted<Self>, Diagnostics> {
        read::configuration(file_name, text)
    }

    /// The array, with folds one after the other.
    ///
    /// # Errors
    /// An array without rows or columns.
    pub const fn array(&self) -> Result<SystolicArray, CostError> {
        SystolicArray::new(self.rows, self.columns, self.dataflow)
    }

    /// The text of the file, with every key that SCALE-Sim 3.0.0 insists on.
    #[must_use]
    pub fn to_cfg(&self) -> String {
        let bandwidths: Vec<String> = self.bandwidths.iter().map(ToString::to_string).collect();
        let mut text = String::new();
        let mut section = |name: &str, values: &[(&str, String)]| {
            let _ = writeln!(text, "{}[{name}]", if name == "general" { "" } else { "\n" });
            for (key, value) in values {
                let _ = writeln!(text, "{key} = {value}");
            }
        };
        section("general", &[("run_name", written_name(&self.run_name))]);
        section(
            "architecture_presets",
            &[
                ("ArrayHeight", self.rows.to_string()),
                ("ArrayWidth", self.columns.to_string()),
                ("IfmapSramSzkB", self.ifmap_sram_kib.to_string()),
                ("FilterSramSzkB", self.filter_sram_kib.to_string()),
                ("OfmapSramSzkB", self.ofmap_sram_kib.to_string()),
                ("IfmapOffset", self.offsets[0].to_string()),
                ("FilterOffset", self.offsets[1].to_string()),
                ("OfmapOffset", self.offsets[2].to_string()),
                ("Bandwidth", bandwidths.join(",")),
                ("Dataflow", self.dataflow.name().to_owned()),
                ("ReadRequestBuffer", self.request_buffers[0].to_string()),
                ("WriteRequestBuffer", self.request_buffers[1].to_string()),
            ],
        );
        let ten = || "10".to_owned();
        section(
            "layout",
            &[
                ("IfmapCustomLayout", "False".to_owned()),
                ("IfmapSRAMBankBandwidth", ten()),
                ("IfmapSRAMBankNum", ten()),
                ("IfmapSRAMBankPort", "2".to_owned()),
                ("FilterCustomLayout", "False".to_owned()),
                ("FilterSRAMBankBandwidth", ten()),
                ("FilterSRAMBankNum", ten()),
                ("FilterSRAMBankPort", "2".to_owned()),
            ],
        );
        section("sparsity", &[("SparsitySupport", "false".to_owned())]);
        section(
            "run_presets",
            &[
                ("InterfaceBandwidth", self.interface.name().to_owned()),
                ("UseRamulatorTrace", "False".to_owned()),
            ],
        );
        text
    }
}

/// SCALE-Sim makes a folder of this name, and reads `%` as the start of a reference.
pub(super) fn written_name(name: &str) -> String {
    let plain = |c: char| {
        if c == '%' || c == '/' || c == '\\' || panarch_toml::is_hidden(c) {
            '_'
        } else {
            c
        }
    };
    let name: String = name.trim().chars().map(plain).collect();
    if name.is_empty() { "panarch".to_owned() } else { name }
}
