//! `panarch network`.

use std::collections::BTreeMap;

use panarch::checkpoint::{self, Loaded, Subject};
use panarch::exporters::{self, Names, Outgoing};
use panarch::lookup::{self, NetworkShape};
use panarch_graph::{Network, fused_layers};
use panarch_measure::{RuntimeCheck, VerifyReport};
use panarch_report::{Cell, Column, Emphasis, Table};
use panarch_space::zoo;

use super::args::{NetworkCommand, ShapeArgs};
use super::output::Printer;
use super::shell;

pub fn network(command: NetworkCommand) -> anyhow::Result<()> {
    match command {
        NetworkCommand::List(format) => {
            Printer::new(format).table(&list()?);
            Ok(())
        }
        NetworkCommand::Mem(args) => super::mem::network(&args),
        NetworkCommand::Import {
            file,
            resolution,
            output,
            format,
        } => {
            let other = || panarch::Error::Input(format!("{} is not an ONNX file (.onnx)", file.display()));
            if file.extension().is_none_or(|it| !it.eq_ignore_ascii_case("onnx")) {
                return Err(other().into());
            }
            let subject = Subject {
                resolution,
                ..Subject::default()
            };
            let Loaded::Network(loaded) = checkpoint::load(&file, subject)?.0 else {
                return Err(other().into());
            };
            let mut table = layers(&loaded.network, &format!("from {}", file.display()));
            for note in &loaded.notes {
                table.note(note);
            }
            if let Some(output) = output {
                checkpoint::write_kept(&output, &loaded)?;
                table.note(format!("wrote {}", output.display()));
            }
            let file = file.display().to_string();
            let next = shell::command(["cost", "--network", &file, "--device", "all"]);
            table.note(format!("next: {next}"));
            Printer::new(format).table(&table);
            Ok(())
        }
        NetworkCommand::Export {
            network,
            shape,
            output,
            seed,
            format,
        } => {
            let named = lookup::network(&network, shape_of(shape))?;
            let outgoing = Outgoing {
                network: &named.network,
                weights: named.weights.as_ref(),
                properties: &BTreeMap::new(),
                names: Names::Own,
                seed,
            };
            let exported = exporters::export(&output, &outgoing)?;
            let mut table = layers(&named.network, &named.origin);
            for note in named.notes.iter().chain(&exported.notes) {
                table.note(note);
            }
            for line in exported.check.iter().flat_map(checked) {
                table.note(line);
            }
            table.note(format!("wrote {} ({} bytes)", output.display(), exported.bytes.len()));
            Printer::new(format).table(&table);
            Ok(())
        }
        NetworkCommand::Show { network, shape, format } => {
            let named = lookup::network(&network, shape_of(shape))?;
            let mut table = layers(&named.network, &named.origin);
            for note in &named.notes {
                table.note(note);
            }
            if let Ok((space, _)) = zoo::member(&network) {
                for (what, text) in [("source", space.source()), ("note", space.note())] {
                    if !text.is_empty() {
                        table.note(format!("{what}: {text}"));
                    }
                }
            }
            Printer::new(format).table(&table);
            Ok(())
        }
    }
}

/// How a file was compared with the engine, a line for each runtime.
pub fn checked(report: &VerifyReport) -> Vec<String> {
    let line = |check: &RuntimeCheck| {
        let worst = check.largest_difference.unwrap_or(f64::NAN) / check.largest_logit.max(f64::MIN_POSITIVE);
        format!(
            "checked in {} {}: {} images, worst difference {worst:.1e} of the largest logit",
            check.runtime, check.version, report.images
        )
    };
    report.checks.iter().map(line).collect()
}

/// The arguments as the library wants them.
pub fn shape_of(args: ShapeArgs) -> NetworkShape {
    NetworkShape {
        resolution: args.resolution,
        channels: args.channels,
        classes: args.classes,
    }
}

/// The size at which published counts are given.
const COMPARED: u32 = 224;

fn list() -> anyhow::Result<Table> {
    let mut table = Table::new(
        "Networks by name",
        vec![
            Column::text("network"),
            Column::text("input"),
            Column::number("MACs"),
            Column::number("MACs at 224").with_key("macs_at_224"),
            Column::number("parameters"),
            Column::text("hash"),
            Column::text("source"),
        ],
    );
    for name in zoo::names() {
        let (space, _) = zoo::member(name).map_err(panarch::Error::from)?;
        let lowered = |resolution: u32| zoo::network(name, 1000, resolution).map_err(panarch::Error::from);
        let network = lowered(space.default_resolution())?;
        let compared = lowered(COMPARED)?;
        table.push(vec![
            Cell::text(name),
            Cell::text(network.input_shape().to_string()),
            Cell::count(network.macs().0),
            Cell::count(compared.macs().0),
            Cell::count(compared.parameter_count()),
            Cell::text(network.content_hash().short()),
            Cell::text(space.source()),
        ]);
    }
    table.note("With 1000 classes; parameters at 224 pixels. Members of spaces are networks too: SPACE:GENOTYPE or SPACE:REFERENCE.");
    Ok(table)
}

/// The shape of the result; of several, each with its name.
fn outputs_of(network: &Network) -> String {
    let several = network.outputs().len() > 1;
    let outputs = network.outputs().iter().map(|output| {
        let shape = network.shape(output.node);
        if several {
            format!("{} {shape}", output.name)
        } else {
            shape.to_string()
        }
    });
    outputs.collect::<Vec<_>>().join(", ")
}

fn layers(network: &Network, origin: &str) -> Table {
    let mut table = Table::new(
        format!("{} ({origin})", network.name()),
        vec![
            Column::text("block"),
            Column::text("layer"),
            Column::text("operator"),
            Column::text("output"),
            Column::number("MACs"),
            Column::number("parameters"),
        ],
    );
    let mut own = vec![0; network.nodes().len()];
    for spec in network.parameters().iter().filter(|spec| spec.role.is_trainable()) {
        own[spec.node.index()] += spec.elements();
    }
    for layer in fused_layers(network) {
        let operators: Vec<&str> = layer.nodes.iter().map(|id| network.node(*id).op.name()).collect();
        table.push(vec![
            Cell::text(&layer.block),
            Cell::text(&layer.name),
            Cell::text(operators.join(" + ")),
            Cell::text(network.shape(layer.output).to_string()),
            Cell::count(network.node_macs(layer.anchor).0),
            Cell::count(layer.nodes.iter().map(|id| own[id.index()]).sum()),
        ]);
    }
    table.push_row(
        vec![
            Cell::text("all"),
            Cell::text(format!("input {}", network.input_shape())),
            Cell::text(format!("{} nodes", network.nodes().len())),
            Cell::text(outputs_of(network)),
            Cell::count(network.macs().0),
            Cell::count(network.parameter_count()),
        ],
        Emphasis::Strong,
    );
    table.note(format!("content hash {}", network.content_hash()));
    table.note(format!(
        "at most {} activation values alive at once",
        network.peak_activation_elements()
    ));
    table
}
