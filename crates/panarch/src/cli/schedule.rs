//! `panarch schedule`.

use panarch::lookup;
use panarch_report::{Cell, Column, Table};
use panarch_train::Schedule;
use panarch_train::schedule::{Open, Phase, Sorting, schedule_names};

use super::args::ScheduleCommand;
use super::output::Printer;

pub fn schedule(command: ScheduleCommand) -> anyhow::Result<()> {
    match command {
        ScheduleCommand::List(format) => list(Printer::new(format)),
        ScheduleCommand::Show { schedule, format } => show(&schedule, Printer::new(format)),
    }
}

fn list(printer: Printer) -> anyhow::Result<()> {
    let columns = vec![
        Column::text("schedule"),
        Column::number("phases"),
        Column::number("epochs"),
        Column::number("student epochs"),
        Column::text("what it is"),
    ];
    let mut table = Table::new("Training schedules", columns);
    for name in schedule_names() {
        let schedule = lookup::schedule(name)?;
        table.push(vec![
            Cell::text(name),
            Cell::text(schedule.phases.len().to_string()),
            Cell::text(schedule.epochs().to_string()),
            Cell::text(schedule.student_epochs().to_string()),
            Cell::text(&schedule.description),
        ]);
    }
    table.note("epochs as published; a run scales them with train.epochs or train.epochs_factor");
    printer.table(&table);
    Ok(())
}

fn show(name: &str, printer: Printer) -> anyhow::Result<()> {
    let schedule = lookup::schedule(name)?;
    let columns = [
        "phase",
        "open",
        "sampling",
        "networks",
        "epochs",
        "warm-up",
        "rate",
        "teacher",
        "sorts channels",
    ];
    let mut table = Table::new(
        format!("{} (version {})", schedule.name, schedule.version),
        columns.into_iter().map(Column::text).collect(),
    );
    for phase in &schedule.phases {
        table.push(row(phase).into_iter().map(Cell::text).collect());
    }
    notes(&schedule, &mut table);
    printer.table(&table);
    Ok(())
}

fn row(phase: &Phase) -> Vec<String> {
    let open = match &phase.open {
        Open::All => "everything".to_owned(),
        Open::Dimensions(dimensions) if dimensions.is_empty() => "nothing".to_owned(),
        open => open.names().join(" "),
    };
    let teacher = phase
        .distillation
        .map_or_else(String::new, |it| format!("{}, weight {}", it.teacher.name(), it.ratio));
    let sorting = match phase.sorting {
        Sorting::None => "",
        sorting => sorting.name(),
    };
    vec![
        phase.name.clone(),
        open,
        phase.sampling.name().to_owned(),
        phase.networks.to_string(),
        phase.pace.epochs.to_string(),
        phase.pace.warmup_epochs.to_string(),
        phase.pace.learning_rate.to_string(),
        teacher,
        sorting.to_owned(),
    ]
}

fn notes(schedule: &Schedule, table: &mut Table) {
    if !schedule.description.is_empty() {
        table.note(&schedule.description);
    }
    if !schedule.source.is_empty() {
        table.note(format!("source: {}", schedule.source));
    }
    table.note(format!("learning rates are for {} images a step", schedule.batch));
    if schedule.kernel_matrices {
        table.note("smaller depthwise kernels are made of larger ones by matrices that are trained");
    }
    for policy in schedule.phases.iter().filter_map(|phase| phase.policy) {
        table.note(format!(
            "the policy learns after {} of the steps, at a rate from {} to {}; baseline momentum {}, validated on {} batches",
            policy.warm_up,
            policy.learning_rate,
            policy.last_learning_rate,
            policy.baseline_momentum,
            policy.validation_batch
        ));
    }
}
