//! `panarch checkpoint`.

use std::path::Path;

use panarch::Error;
use panarch::checkpoint::{
    self, CheckpointFile, Loaded, LoadedNetwork, Subject, default_output, presets_of, write_supernet,
};
use panarch::exporters::{self, Names};
use panarch_report::{Cell, Column, Emphasis, Table};
use panarch_train::published::ImportedTensors;

use super::args::{CheckpointCommand, NamesArg, SubjectArgs};
use super::output::Printer;
use super::shell;

pub fn checkpoint(command: CheckpointCommand) -> anyhow::Result<()> {
    match command {
        CheckpointCommand::Show { file, format } => Printer::new(format).table(&show(&file)?),
        CheckpointCommand::Import {
            file,
            subject,
            sort_channels,
            output,
            format,
        } => {
            let (mut loaded, report) = checkpoint::load(&file, subject_of(&subject))?;
            let output = output.unwrap_or_else(|| default_output(&file, &loaded));
            if let (Loaded::Supernet(supernet), true) = (&mut loaded, sort_channels) {
                supernet.sort_channels().map_err(Error::from)?;
            }
            let space = subject
                .space
                .filter(|space| !panarch_space::preset_names().contains(&space.as_str()));
            Printer::new(format).table(&import(&file, &loaded, &report, &output, space.as_deref())?);
        }
        CheckpointCommand::Export {
            file,
            subject,
            output,
            names,
            format,
        } => {
            let (loaded, _) = checkpoint::load(&file, subject_of(&subject))?;
            let Loaded::Network(network) = loaded else {
                let message = format!(
                    "{} holds a supernet; say which member to export with --member: a genotype, a reference, `largest` or \
                     `smallest`",
                    file.display()
                );
                return Err(Error::Input(message).into());
            };
            let names = match names {
                NamesArg::Own => Names::Own,
                NamesArg::Published => Names::Published,
            };
            let mut table = facts(format!("{} from {}", output.display(), file.display()));
            network_rows(&mut table, &network, &output, names)?;
            Printer::new(format).table(&table);
        }
    }
    Ok(())
}

/// The arguments as the library wants them.
pub fn subject_of(args: &SubjectArgs) -> Subject<'_> {
    Subject {
        space: args.space.as_deref(),
        member: args.member.as_deref(),
        config: args.config.as_deref(),
        resolution: args.resolution,
    }
}

fn show(path: &Path) -> anyhow::Result<Table> {
    let file = CheckpointFile::read(path)?;
    let tensors = file.tensors()?;
    let mut table = Table::new(
        format!("{}: {}", path.display(), file.kind()),
        vec![
            Column::text("tensor"),
            Column::text("type"),
            Column::text("shape"),
            Column::number("elements"),
        ],
    );
    let mut total = 0;
    for tensor in &tensors {
        let elements: u64 = tensor.shape.iter().map(|axis| *axis as u64).product();
        let axes: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        total += elements;
        table.push(vec![
            Cell::text(&tensor.name),
            Cell::text(&tensor.element_type),
            Cell::text(axes.join("×")),
            Cell::count(elements),
        ]);
    }
    table.note(format!("{} tensors, {total} elements", tensors.len()));
    for (key, value) in file.remarks()? {
        table.note(format!("{key}: {value}"));
    }
    let presets = presets_of(&file)?;
    if !presets.is_empty() {
        table.note(format!("names and shapes are those of {}", presets.join(" and ")));
        let file = path.display().to_string();
        let next = shell::command(["checkpoint", "import", &file, "--space", presets[0]]);
        table.note(format!("next: {next}"));
    }
    Ok(table)
}

fn facts(title: String) -> Table {
    Table::new(title, vec![Column::text("what"), Column::text("value")])
}

fn row(table: &mut Table, what: &str, value: impl ToString) {
    table.push(vec![Cell::text(what), Cell::text(value.to_string())]);
}

/// `space` is the file of a space that is no preset.
fn import(
    file: &Path,
    loaded: &Loaded,
    report: &ImportedTensors,
    output: &Path,
    space: Option<&str>,
) -> anyhow::Result<Table> {
    let mut table = facts(format!("{} imported as {}", file.display(), output.display()));
    if !report.renamed.is_empty() {
        row(&mut table, "tensors taken", report.renamed.len());
        row(&mut table, "kernel matrices", report.matrices);
        row(
            &mut table,
            "not needed",
            format!("{} (counts of batches, unused matrices)", report.unused.len()),
        );
    }
    match loaded {
        Loaded::Supernet(supernet) => {
            let of = supernet.space();
            row(&mut table, "space", format!("{} (version {})", of.name(), of.version()));
            row(&mut table, "space hash", of.hash());
            row(&mut table, "classes", supernet.head().classes);
            let weights: usize = supernet.store().tensors().iter().map(|it| it.data().len()).sum();
            row(&mut table, "shared values", weights);
            write_supernet(output, supernet, file)?;
            table.note(format!("wrote {}", output.display()));
            let file = output.display().to_string();
            let space = space.into_iter().flat_map(|space| ["--space", space]);
            let words = ["checkpoint", "export", &file].into_iter().chain(space);
            let next = shell::command(words.chain(["--member", "largest", "--output", "largest.onnx"]));
            table.note(format!("next: {next}"));
        }
        Loaded::Network(network) => network_rows(&mut table, network, output, Names::Own)?,
    }
    Ok(table)
}

/// Writes a network and says what was written.
fn network_rows(table: &mut Table, loaded: &LoadedNetwork, output: &Path, names: Names) -> anyhow::Result<()> {
    let network = &loaded.network;
    let written = exporters::export(output, &loaded.outgoing(names))?;
    row(table, "network", network.name());
    row(table, "network hash", network.content_hash());
    row(table, "input", network.input_shape());
    match network.outputs() {
        [only] => row(table, "classes", network.shape(only.node).channels),
        several => several.iter().for_each(|output| {
            row(table, &format!("output {}", output.name), network.shape(output.node));
        }),
    }
    row(table, "parameters", network.parameter_count());
    row(table, "MACs", network.macs().0);
    if let Some(check) = written.check {
        for runtime in &check.checks {
            let worst = runtime.largest_difference.unwrap_or(f64::NAN) / runtime.largest_logit.max(f64::MIN_POSITIVE);
            let cells = vec![
                Cell::text(format!("checked in {} {}", runtime.runtime, runtime.version)),
                Cell::text(format!(
                    "{} images, worst difference {worst:.1e} of the largest logit",
                    check.images
                )),
            ];
            table.push_row(cells, if runtime.ok { Emphasis::Good } else { Emphasis::Bad });
        }
    }
    for note in &written.notes {
        table.note(note);
    }
    table.note(format!("wrote {}", output.display()));
    if output.extension().is_some_and(|it| it == "onnx") {
        let file = output.display().to_string();
        let next = shell::command(["cost", "--network", &file, "--device", "all"]);
        table.note(format!("next: {next}"));
    }
    Ok(())
}
