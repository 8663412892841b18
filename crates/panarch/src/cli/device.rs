//! `panarch device`.

use panarch::{device_source, lookup};
use panarch_cost::profile::Unsaid;
use panarch_cost::{DeviceKind, DeviceProfile, preset_names};
use panarch_report::{Cell, Column, Format, Table};
use serde::Serialize;

use super::args::DeviceCommand;
use super::output::{Printer, write};

pub fn device(command: DeviceCommand) -> anyhow::Result<()> {
    match command {
        DeviceCommand::List(format) => {
            Printer::new(format).table(&list()?);
            Ok(())
        }
        DeviceCommand::Show { device, format } => {
            let profile = lookup::device(&device)?;
            let printer = Printer::new(format);
            let unsaid = lookup::device_unsaid(&device)?;
            match printer.format() {
                Format::Json => printer.json(&Shown {
                    profile: &profile,
                    unsaid: &unsaid,
                })?,
                // The file itself reads best: every figure stands beside its source. What is added is a comment, so that the
                // whole is a profile still.
                Format::Table => write(&format!(
                    "{}{}",
                    lookup::device_text(&device)?,
                    in_comments(&profile, &unsaid)
                )),
                Format::Csv => {
                    let advice = "a profile is no table; take --format json";
                    return Err(panarch::Error::Input(advice.to_owned()).into());
                }
            }
            Ok(())
        }
        DeviceCommand::Table(command) => super::device_table::table(&command),
        DeviceCommand::Support { device, space, format } => {
            super::support::check(&space, &device, Printer::new(format))
        }
        DeviceCommand::Check { device } => check(&device),
        DeviceCommand::New(args) => super::device_new::new(&args),
    }
}

/// A profile as JSON, with what it does not say itself.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    profile: &'a DeviceProfile,
    #[serde(flatten)]
    unsaid: &'a Unsaid,
}

/// What a profile does not say itself, and what is strange about it, as comments of TOML.
fn in_comments(profile: &DeviceProfile, unsaid: &Unsaid) -> String {
    let mut text = String::new();
    let mut list = |heading: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n# {heading}\n"));
            for line in lines {
                text.push_str(&format!("#   {}\n", line.replace(['\n', '\r'], " ")));
            }
        }
    };
    let inherited = unsaid
        .inherited
        .iter()
        .map(|it| format!("{} = {}   ({})", it.key, it.text, it.file));
    list("Of its base:", inherited.collect());
    let defaults = unsaid.defaults.iter().map(|it| format!("{}: {}", it.key, it.default));
    list("Not given, and what is taken instead:", defaults.collect());
    list("Far from the usual:", lookup::doubts(std::slice::from_ref(profile)));
    text
}

/// Reads a profile and opens what it names, so that a device that is said to be right can also answer.
fn check(device: &str) -> anyhow::Result<()> {
    let profile = lookup::device(device)?;
    let opened = match profile.kind() {
        DeviceKind::Measured(target) => format!("its runtime {} is here", target.runtime),
        DeviceKind::Command(target) => format!("its command {} was found and answers", target.tool),
        DeviceKind::Table(target) => format!("its table {} was read", target.file.display()),
        DeviceKind::Linear(target) => format!("its file of terms {} was read", target.file.display()),
        _ => "it names no file and no program".to_owned(),
    };
    let valid = format!("{device} is a valid profile of device {}", profile.name());
    if let Err(error) = device_source::open(&profile) {
        // Both are true, and the first is worth knowing.
        write(&format!("{valid}, but what it names cannot be used\n"));
        return Err(error.into());
    }
    write(&format!("{valid}; {opened}\n"));
    if let Some(fallback) = profile.fallback() {
        write(&format!("what it lacks runs on {}\n", fallback.name()));
    }
    for doubt in lookup::doubts(std::slice::from_ref(&profile)) {
        write(&format!("note: {doubt}\n"));
    }
    if profile.measured().is_some() {
        let host = device_source::open_on_scale(&profile, None)?;
        let readings = host.readings();
        write(&format!(
            "its anchor takes {} now; {} turns spread by {:.1} %\n",
            host.scale()?.value,
            readings.len(),
            readings.spread() * 100.0
        ));
    }
    Ok(())
}

fn list() -> anyhow::Result<Table> {
    let mut table = Table::new(
        "Devices",
        vec![
            Column::text("device"),
            Column::text("class"),
            Column::text("precision"),
            Column::text("answered by"),
            Column::text("what it is").with_key("description"),
        ],
    );
    for name in preset_names() {
        let profile = DeviceProfile::preset(name).map_err(panarch::Error::from)?;
        let answered = match profile.kind() {
            DeviceKind::Measured(target) => format!("measuring with {}", target.runtime),
            DeviceKind::Command(target) if target.accelerator.is_some() || profile.ethos_u().is_some() => {
                format!("the command {}, or --model", target.tool)
            }
            DeviceKind::Command(target) => format!("the command {}", target.tool),
            DeviceKind::Hierarchy(_) => "loop-nest mapper".to_owned(),
            _ => "analytic model".to_owned(),
        };
        table.push(vec![
            Cell::text(profile.name()),
            Cell::text(profile.class().name()),
            Cell::text(profile.precision().name()),
            Cell::text(answered),
            Cell::text(profile.description()),
        ]);
    }
    Ok(table)
}
