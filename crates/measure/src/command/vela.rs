//! The files that Arm's compiler Vela writes: cycles by layer, and a summary.

mod cost;

use std::path::Path;

use panarch_cost::profile::command::FilePattern;

use super::{csv, output_file};

pub(super) use cost::{Context, cost};

/// How far sums of printed numbers may be off: the older core prints fractions.
const ROUNDING: f64 = 1e-6;
/// Most rows of a per-layer file; networks have some hundreds.
const MOST_ROWS: usize = 100_000;

/// What one run of Vela says of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// `regor`, the compiler's newer core, or `legacy`.
    pub core: &'static str,
    /// Such as `Ethos_U55_256`; the number is the multipliers.
    pub accelerator: String,
    /// Section of the configuration file that says what memories there are.
    pub system: String,
    /// Section that says what lies where.
    pub memory_mode: String,
    pub clock_hz: f64,
    pub macs: u64,
    pub total: Cycles,
    pub rows: Vec<Row>,
    pub sram_bytes: u64,
    pub dram_bytes: u64,
    /// Bytes to and from DRAM and off-chip flash.
    pub off_chip_traffic: u64,
}

/// One operator of the compiled network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub operator: String,
    /// Names of the tensors that it makes, separated by `;`.
    pub name: String,
    pub macs: u64,
    pub cycles: Cycles,
}

/// Cycles by what they are spent on; `total` is the largest of the others for a row, and the sum of rows for a network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cycles {
    pub total: f64,
    pub npu: f64,
    pub sram: f64,
    pub dram: f64,
    pub on_chip_flash: f64,
    pub off_chip_flash: f64,
}

/// Why a run gives no cost.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// The files are not what Vela writes, or contradict themselves.
    Unreadable(String),
    /// An operator that the compiler leaves to the processor.
    Unsupported { layer: String, operator: String },
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Unreadable(reason)
    }
}

impl Cycles {
    const fn memory(&self) -> f64 {
        self.sram
            .max(self.dram)
            .max(self.on_chip_flash)
            .max(self.off_chip_flash)
    }

    fn add(&mut self, row: &Self) {
        self.total += row.total;
        self.npu += row.npu;
        self.sram += row.sram;
        self.dram += row.dram;
        self.on_chip_flash += row.on_chip_flash;
        self.off_chip_flash += row.off_chip_flash;
    }

    fn parts(&self) -> [(&'static str, f64); 6] {
        [
            ("total", self.total),
            ("NPU", self.npu),
            ("SRAM", self.sram),
            ("DRAM", self.dram),
            ("on-chip flash", self.on_chip_flash),
            ("off-chip flash", self.off_chip_flash),
        ]
    }
}

/// Reads the two files in an output folder.
pub(super) fn read(folder: &Path) -> Result<Report, Refusal> {
    let text = |pattern: &str| -> Result<String, Refusal> {
        let pattern = FilePattern::parse(pattern).map_err(|_| "no pattern".to_owned())?;
        let (_, bytes) = output_file::read(folder, &pattern)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    report(&text("*_per-layer.csv")?, &text("*_summary_*.csv")?)
}

/// Reads and checks: each row takes the largest of its parts, and every total is the sum of its rows.
fn report(layers: &str, summary: &str) -> Result<Report, Refusal> {
    let table = csv::rows(summary);
    let [header, values, ..] = table.as_slice() else {
        return Err(Refusal::Unreadable("the summary has no row".to_owned()));
    };
    let summary = Fields {
        header,
        values,
        file: "summary",
    };
    let (core, rows) = layer_rows(layers)?;
    let total = Cycles {
        total: summary.number("cycles_total")?,
        npu: summary.number("cycles_npu")?,
        sram: summary.number("cycles_sram_access")?,
        dram: summary.number("cycles_dram_access")?,
        on_chip_flash: summary.number("cycles_on_chip_flash_access")?,
        off_chip_flash: summary.number("cycles_off_chip_flash_access")?,
    };
    let mut sum = Cycles::default();
    rows.iter().for_each(|row| sum.add(&row.cycles));
    for ((part, stated), (_, added)) in total.parts().into_iter().zip(sum.parts()) {
        if !close(stated, added) {
            let reason = format!("the summary has {stated} cycles ({part}), and the layers add up to {added}");
            return Err(reason.into());
        }
    }
    let clock_hz = summary.number("core_clock")?;
    if clock_hz < 1.0 || total.total <= 0.0 {
        return Err(format!("{} cycles at {clock_hz} Hz are no time", total.total).into());
    }
    let kibibytes = |column: &str| Ok::<_, Refusal>((summary.number(column)? * 1024.0) as u64);
    let off_chip = summary.number("dram_total_bytes")? + summary.number("off_chip_flash_total_bytes")?;
    Ok(Report {
        core,
        accelerator: summary.name("accelerator_configuration")?,
        system: summary.name("system_config")?,
        memory_mode: summary.name("memory_mode")?,
        clock_hz,
        macs: summary.number("nn_macs")? as u64,
        total,
        rows,
        sram_bytes: kibibytes("sram_memory_used")?,
        dram_bytes: kibibytes("dram_memory_used")?,
        off_chip_traffic: off_chip as u64,
    })
}

/// The rows that take cycles. The older core writes its header again for each part that the processor does not do.
fn layer_rows(text: &str) -> Result<(&'static str, Vec<Row>), Refusal> {
    let table = csv::rows(text);
    let header = table.first().ok_or_else(|| "the per-layer file is empty".to_owned())?;
    let core = match header.first().map(String::as_str) {
        Some("Original Operator") => "regor",
        Some("TFLite_operator") => "legacy",
        _ => return Err("the per-layer file has a header that is not Vela's".to_owned().into()),
    };
    if table.len() > MOST_ROWS {
        return Err(format!("the per-layer file has {} rows, more than {MOST_ROWS}", table.len()).into());
    }
    let mut rows = Vec::new();
    for values in table.iter().filter(|values| *values != header) {
        let fields = Fields {
            header,
            values,
            file: "per-layer file",
        };
        let operator = fields.name("NNG Operator")?;
        let name = fields.name("Name")?;
        if fields.name("Target").is_ok_and(|target| target != "NPU") {
            return Err(Refusal::Unsupported { layer: name, operator });
        }
        let cycles = Cycles {
            total: fields.number("Op Cycles")?,
            npu: fields.number("NPU")?,
            sram: fields.number("SRAM AC")?,
            dram: fields.number("DRAM AC")?,
            on_chip_flash: fields.number("OnFlash AC")?,
            off_chip_flash: fields.number("OffFlash AC")?,
        };
        let largest = cycles.npu.max(cycles.memory());
        if !close(cycles.total, largest) {
            let reason = format!(
                "layer `{name}` has {} cycles, and its largest part {largest}",
                cycles.total
            );
            return Err(reason.into());
        }
        // An operator that was fused into another is listed with none.
        if cycles.total > 0.0 {
            rows.push(Row {
                operator,
                name,
                macs: fields.number("MAC Count")? as u64,
                cycles,
            });
        }
    }
    Ok((core, rows))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ROUNDING * a.abs().max(1.0)
}

/// One row with the header above it.
struct Fields<'a> {
    header: &'a [String],
    values: &'a [String],
    file: &'static str,
}

impl Fields<'_> {
    fn text(&self, column: &str) -> Result<&str, String> {
        let position = self.header.iter().position(|name| name == column);
        let field = position.and_then(|position| self.values.get(position));
        field
            .map(String::as_str)
            .ok_or_else(|| format!("the {} has nothing in column `{column}`", self.file))
    }

    /// At most 200 printable characters.
    fn name(&self, column: &str) -> Result<String, String> {
        Ok(self
            .text(column)?
            .chars()
            .filter(|c| !panarch_toml::is_hidden(*c))
            .take(200)
            .collect())
    }

    /// A finite number of 0 or more, small enough to count with.
    fn number(&self, column: &str) -> Result<f64, String> {
        let text = self.text(column)?;
        let number = text
            .trim()
            .parse::<f64>()
            .ok()
            .filter(|number| (0.0..=1e18).contains(number));
        number.ok_or_else(|| format!("the {} has no number of 0 or more in column `{column}`", self.file))
    }
}

#[cfg(test)]
mod tests;
