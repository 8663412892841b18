//! `panarch space check --device` and `panarch device support`: what devices cannot run of a space.

use panarch::lookup;
use panarch::support::{self, Support};
use panarch_report::{Cell, Column, Table};

use super::output::{Printer, write};

pub fn check(name: &str, devices: &[String], printer: Printer) -> anyhow::Result<()> {
    let space = lookup::space(name)?;
    if devices.is_empty() {
        let decisions = space.decisions().len();
        write(&format!(
            "{name} is a valid space: {}, {decisions} decisions\n",
            space.name()
        ));
        return Ok(());
    }
    let mut table = Table::new(
        format!("What devices cannot run of {}", space.name()),
        vec![
            Column::text("device"),
            Column::text("decision"),
            Column::text("choice"),
            Column::text("reason"),
        ],
    );
    let mut nowhere = Vec::new();
    let mut asked = 0;
    for profile in lookup::devices(devices)? {
        if profile.measured().is_some() {
            table.note(format!("{} is measured: its runtime decides", profile.name()));
            continue;
        }
        let described = profile.accelerator().is_some() || profile.ethos_u().is_some();
        if let Some(target) = profile.command().filter(|_| !described) {
            table.note(format!(
                "{} is answered by {}: that decides",
                profile.name(),
                target.tool
            ));
            continue;
        }
        asked += 1;
        match support::support(&space, &profile)? {
            Support::Nothing { reason } => {
                table.note(format!("{} runs no member of the space: {reason}", profile.name()));
                nowhere.push(profile.name().to_owned());
            }
            Support::Without(exclusions) if exclusions.is_empty() => {
                table.note(format!("{} runs every choice", profile.name()));
            }
            Support::Without(exclusions) => {
                for exclusion in exclusions {
                    table.push(vec![
                        Cell::text(profile.name()),
                        Cell::text(exclusion.decision),
                        Cell::text(exclusion.choice),
                        Cell::text(exclusion.reason),
                    ]);
                }
            }
        }
    }
    printer.table(&table);
    // Of several devices, some may be for other spaces.
    if nowhere.len() < asked || nowhere.is_empty() {
        return Ok(());
    }
    let message = format!("no member of {} runs on {}", space.name(), nowhere.join(", "));
    Err(panarch::Error::Infeasible(message).into())
}
