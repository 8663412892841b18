//! `panarch device new`.

use std::path::PathBuf;

use clap::Args;
use panarch::{Error, lookup};
use panarch_cost::profile::{GivenQuantity, Outline, OutlineKind};
use panarch_cost::{DeviceProfile, SizeClass};
use panarch_format::atomic_write;
use panarch_graph::Precision;
use panarch_toml::{Unit, did_you_mean};

use super::output::{say, write};
use super::shell;

#[derive(Debug, Args)]
pub struct NewArgs {
    /// What it is: `systolic`, `grid`, `lanes`, `cube`, `hierarchy`, `command`, `table` or `measured`
    #[arg(long, default_value = "systolic", value_parser = kind)]
    pub kind: OutlineKind,
    /// Size of the array: systolic and hierarchy ROWSxCOLUMNS, cube ROWSxDEPTHxCOLUMNS, grid
    /// PE_ROWSxPE_COLUMNS[xCORESxLANESxWAYS], lanes REDUCTIONxOUTPUTS[xPIXELS_HIGHxPIXELS_WIDE]
    #[arg(long, value_parser = array)]
    pub array: Option<Dimensions>,
    /// Number of such arrays, among which every layer is divided
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub count: Option<u32>,
    /// What stays in the cells of a systolic array: `ws` (weights), `os` (outputs) or `is` (inputs)
    #[arg(long)]
    pub dataflow: Option<String>,
    /// Clock, such as 800MHz
    #[arg(long, value_parser = |text: &str| quantity(Unit::Hertz, text))]
    pub clock: Option<GivenQuantity>,
    /// All memory on the chip, such as 1MiB
    #[arg(long, value_parser = |text: &str| quantity(Unit::Bytes, text))]
    pub sram: Option<GivenQuantity>,
    /// Rate of the main memory, such as 12.8GB/s
    #[arg(long, value_parser = |text: &str| quantity(Unit::BytesPerSecond, text))]
    pub dram: Option<GivenQuantity>,
    /// Number format
    #[arg(long, default_value = "int8", value_parser = precision)]
    pub precision: Precision,
    /// Size of the networks that it is for: `full` (images of about 224 pixels) or `micro` (about 32)
    #[arg(long, default_value = "full", value_parser = class)]
    pub class: SizeClass,
    /// Device that runs what this one cannot: profile name, or TOML file relative to the new one
    #[arg(long)]
    pub fallback: Option<String>,
    /// Name of the device [default: the name of the file to write, else my-KIND]
    #[arg(long)]
    pub name: Option<String>,
    /// File to write [default: print the profile]
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}

/// The dimensions of an array.
#[derive(Debug, Clone)]
pub struct Dimensions(Vec<u32>);

pub fn new(args: &NewArgs) -> anyhow::Result<()> {
    let outline = Outline {
        name: args.name.clone().unwrap_or_else(|| name_of(args)),
        kind: args.kind,
        class: args.class,
        precision: args.precision,
        array: args.array.clone().map_or_else(Vec::new, |dimensions| dimensions.0),
        count: args.count,
        dataflow: args.dataflow.clone(),
        clock: args.clock.clone(),
        sram: args.sram.clone(),
        dram: args.dram.clone(),
        fallback: args.fallback.clone(),
    };
    let text = outline.to_toml().map_err(Error::from)?;
    if let Ok(profile) = DeviceProfile::from_toml("", &text) {
        for doubt in lookup::doubts(&[profile]) {
            say(&format!("note: {doubt}"));
        }
    }
    let Some(file) = &args.output else {
        write(&text);
        return Ok(());
    };
    if file.exists() {
        let message = format!("{} is there already: name another file, or remove it", file.display());
        return Err(Error::Input(message).into());
    }
    atomic_write(file, text.as_bytes()).map_err(Error::from)?;
    let shown = file.display().to_string();
    let path = if shown.contains('/') {
        shown
    } else {
        format!("./{shown}")
    };
    let next = shell::command(["cost", "mobilenet-v2", "--device", &path]);
    write(&format!("{}: device {}\nnext: {next}\n", file.display(), outline.name));
    Ok(())
}

/// The stem of the file as a device's name, or a name after the kind.
fn name_of(args: &NewArgs) -> String {
    let stem = args.output.as_ref().and_then(|file| file.file_stem());
    let plain: String = stem
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect();
    if plain.is_empty() {
        format!("my-{}", args.kind.name())
    } else {
        plain
    }
}

/// A quantity as a flag has it, written with a space before its unit.
fn quantity(unit: Unit, text: &str) -> Result<GivenQuantity, String> {
    let value = unit.parse_or_plain(text).map_err(|error| error.to_string())?;
    if value <= 0.0 {
        return Err("it must be greater than 0".to_owned());
    }
    let text = text.trim();
    let start = text.find(|c: char| c.is_alphabetic() && !matches!(c, 'e' | 'E') || c == 'µ');
    let text = match start {
        Some(start) => {
            let (number, unit) = text.split_at(start);
            format!("{} {unit}", number.trim())
        }
        None => unit.show(value),
    };
    Ok(GivenQuantity { text, value })
}

fn array(text: &str) -> Result<Dimensions, String> {
    let numbers = text
        .split(['x', 'X', '×', '*'])
        .map(|number| number.trim().parse::<u32>());
    let read: Result<Vec<u32>, _> = numbers.collect();
    match read {
        Ok(numbers) if numbers.iter().all(|number| (1..=65_536).contains(number)) => Ok(Dimensions(numbers)),
        _ => Err("write numbers from 1 to 65536 with an x between them, such as 64x64".to_owned()),
    }
}

fn kind(name: &str) -> Result<OutlineKind, String> {
    named(name, &OutlineKind::NAMES)
}

fn precision(name: &str) -> Result<Precision, String> {
    let aliases = [
        ("fp16", Precision::F16),
        ("fp32", Precision::F32),
        ("i8", Precision::Int8),
    ];
    let all = Precision::ALL.map(|precision| (precision.name(), precision));
    let alias = aliases.iter().find(|(alias, _)| *alias == name);
    alias.map_or_else(|| named(name, &all), |(_, precision)| Ok(*precision))
}

fn class(name: &str) -> Result<SizeClass, String> {
    named(name, &SizeClass::NAMES)
}

fn named<T: Copy>(name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let meant = did_you_mean(name, &names).map_or_else(String::new, |meant| format!(", did you mean {meant}?"));
        format!("it can be {}{meant}", names.join(", "))
    })
}
