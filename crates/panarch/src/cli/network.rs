//! `panarch network`.

use panarch::lookup::{self, NetworkShape};
use panarch_graph::{Network, fused_layers};
use panarch_report::{Cell, Column, Emphasis, Table};
use panarch_space::zoo;

use super::args::{NetworkCommand, ShapeArgs};
use super::output::Printer;

pub fn network(command: NetworkCommand) -> anyhow::Result<()> {
    match command {
        NetworkCommand::List(format) => {
            Printer::new(format).table(&list()?);
            Ok(())
        }
        NetworkCommand::Show { network, shape, format } => {
            let named = lookup::network(&network, shape_of(shape))?;
            Printer::new(format).table(&layers(&named.network, &named.origin));
            Ok(())
        }
    }
}

/// The arguments as the library wants them.
pub fn shape_of(args: ShapeArgs) -> NetworkShape {
    NetworkShape {
        resolution: args.resolution,
        channels: args.channels,
        classes: args.classes,
    }
}

fn list() -> anyhow::Result<Table> {
    let mut table = Table::new(
        "Networks by name",
        vec![
            Column::text("network"),
            Column::text("input"),
            Column::number("MACs"),
            Column::number("parameters"),
            Column::text("hash"),
        ],
    );
    for name in zoo::names() {
        let network = lookup::network(
            name,
            NetworkShape {
                resolution: None,
                channels: 3,
                classes: 1000,
            },
        )?
        .network;
        table.push(vec![
            Cell::text(name),
            Cell::text(network.input_shape().to_string()),
            Cell::count(network.macs().0),
            Cell::count(network.parameter_count()),
            Cell::text(network.content_hash().short()),
        ]);
    }
    table.note("With 1000 classes. Members of spaces are networks too: SPACE:GENOTYPE or SPACE:REFERENCE.");
    Ok(table)
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
    let parameters = network.parameters();
    for layer in fused_layers(network) {
        let own = parameters
            .iter()
            .filter(|spec| spec.role.is_trainable() && layer.nodes.contains(&spec.node));
        let operators: Vec<&str> = layer.nodes.iter().map(|id| network.node(*id).op.name()).collect();
        table.push(vec![
            Cell::text(&layer.block),
            Cell::text(&layer.name),
            Cell::text(operators.join(" + ")),
            Cell::text(network.shape(layer.output).to_string()),
            Cell::count(network.node_macs(layer.anchor).0),
            Cell::count(own.map(panarch_graph::ParameterSpec::elements).sum()),
        ]);
    }
    table.push_row(
        vec![
            Cell::text("all"),
            Cell::text(format!("input {}", network.input_shape())),
            Cell::text(format!("{} nodes", network.nodes().len())),
            Cell::text(network.shape(network.output()).to_string()),
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
