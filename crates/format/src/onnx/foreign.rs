//! Models that other tools wrote, as networks.
//!
//! Reading goes in four steps. The *interpreter* walks over the nodes once: constants are computed, operators that only
//! rearrange axes become views, and the others become nodes of a *draft*, which has a network's operators and a few more
//! (scalings, biases, clips and borders). The draft is then *rewritten* until only a network's operators are left, and *built*.
//! Nothing is approximated; what is left out or written in another way is told in notes.

mod allowance;
mod array;
mod build;
mod draft;
mod folding;
mod input;
mod interpreter;
mod notes;
#[cfg(test)]
mod numbers;
mod operators;
mod rewrite;
mod site;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashSet;

use panarch_graph::{Network, Output, Weights};

use super::data_files::DataFiles;
use super::messages::{GraphProto, NodeProto};
use crate::FormatError;
use allowance::Allowance;
use interpreter::{Interpreter, View};
use notes::Notes;
use view::{Axis, Order};

/// Reads the graph of a file of `bytes` bytes, with the files beside it; `size` is the height and width to take where the
/// file leaves them open.
pub fn read(
    graph: &GraphProto,
    bytes: usize,
    files: &DataFiles,
    size: Option<[u32; 2]>,
) -> Result<(Network, Weights, Vec<String>), FormatError> {
    let constants: HashSet<Option<&str>> = graph.initializer.iter().map(|tensor| tensor.name.as_deref()).collect();
    // Before IR version 4 constants were listed among the inputs.
    let mut inputs = graph
        .input
        .iter()
        .filter(|input| !constants.contains(&input.name.as_deref()));
    let (Some(value), None) = (inputs.next(), inputs.next()) else {
        return Err(FormatError::model(format!(
            "exactly one input is supported, found {}",
            graph
                .input
                .iter()
                .filter(|input| !constants.contains(&input.name.as_deref()))
                .count(),
        )));
    };
    let outputs: Vec<&str> = graph
        .output
        .iter()
        .map(|output| output.name.as_deref().unwrap_or_default())
        .collect();
    let mut notes = Notes::default();
    let input = input::input(value, &graph.node, size, &mut notes)?;
    let name = value.name.as_deref().unwrap_or_default();
    let mut interpreter = Interpreter::new(
        (&graph.initializer, files),
        (name, input.shape, input.axes, input.batch),
        Allowance::of_file(bytes.saturating_add(files.len())),
    )?;
    interpreter.notes = notes;
    for (index, node) in needed(&graph.node, &outputs) {
        interpreter.node(index, node)?;
    }
    let mut results = Vec::with_capacity(outputs.len());
    for output in &outputs {
        let view = interpreter.result(output)?;
        results.push(result(&mut interpreter, view, output)?);
    }
    for result in &mut results {
        if interpreter.restored.remove(result) {
            *result = interpreter.draft.nodes[*result].inputs[0];
            let sentence = "The range of the last QuantizeLinear begins at 0; no ReLU was put in its place.";
            interpreter.notes.say(sentence.to_owned());
        }
    }
    for _ in &interpreter.restored {
        interpreter.notes.count(
            "ReLU nodes put back that the quantisation had taken into the range of its integers (a ReLU6 that was never \
             seen at 6 is a ReLU now)",
        );
    }
    let Interpreter {
        mut draft, mut notes, ..
    } = interpreter;
    let results = rewrite::rewrite(&mut draft, &results, &mut notes)?;
    // The only output has no name of its own: what it is called makes no other network.
    let named: Vec<(String, usize)> = match results[..] {
        [only] => vec![(Output::DEFAULT.to_owned(), only)],
        _ => outputs.iter().map(|output| (*output).to_owned()).zip(results).collect(),
    };
    let (network, weights) = build::build(draft, &named, graph.name.as_deref().unwrap_or_default())?;
    Ok((network, weights, notes.finish()))
}

/// The nodes that the outputs depend on, with their numbers.
fn needed<'a>(nodes: &'a [NodeProto], outputs: &[&'a str]) -> Vec<(usize, &'a NodeProto)> {
    let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
    let mut needed = Vec::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        if node.output.iter().any(|name| wanted.contains(name.as_str())) {
            wanted.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
            needed.push((index, node));
        }
    }
    needed.reverse();
    needed
}

/// The node whose value is an output of the graph.
fn result(interpreter: &mut Interpreter<'_>, view: View, output: &str) -> Result<usize, FormatError> {
    if let Some(softmax) = &view.softmax {
        interpreter
            .notes
            .say(format!("The final `{softmax}` is left out; the network gives logits."));
    }
    let axes = interpreter.axes(&view);
    if axes.axes.first() != Some(&Axis::Batch) {
        return Err(FormatError::tensor(output, "has no batch as its first axis"));
    }
    let flat = view.axes.iter().copied().find(|axis| matches!(axis, Axis::Flat(_)));
    if let Some(flat) = flat.filter(|flat| !axes.same(*flat, Axis::Channels)) {
        if !axes.same(flat, Axis::Flat(Order::ChannelsFirst)) {
            return Err(FormatError::tensor(
                output,
                "is an image that was flattened with its channels last",
            ));
        }
        return interpreter.flatten(&view);
    }
    let mut order = view.axes.iter().filter(|axis| axes.length(**axis) > 1);
    let expected = [Axis::Batch, Axis::Channels, Axis::Rows, Axis::Columns];
    let mut expected = expected.iter().filter(|axis| axes.length(**axis) > 1);
    if order.by_ref().ne(expected.by_ref()) {
        let how = if view.axes.iter().all(|axis| axis.is_whole()) {
            "has its axes in another order in the file".to_owned()
        } else {
            format!("is arranged in other axes in the file, of lengths {:?}", axes.lengths())
        };
        interpreter.notes.say(format!(
            "The output `{output}` {how}; here they are channels, height, width."
        ));
    }
    Ok(view.node)
}
