use crate::{GraphError, Network, Node, NodeId};

/// Longest name of an output, in bytes.
const LONGEST_NAME: usize = 256;

/// A value that a network hands out, under a name.
///
/// A tap, a value in the middle that somebody wants to see, is one more output of the same network:
/// [`Network::tapped`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What files, runtimes and the engine call the value; unique among the outputs of a network.
    pub name: String,
    /// The node whose value it is; no other output is the same node's.
    pub node: NodeId,
}

impl Output {
    /// The name of the only output of a network that says nothing else. Content hashes pass over it.
    pub const DEFAULT: &'static str = "logits";

    /// An output of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, node: NodeId) -> Self {
        Self {
            name: name.into(),
            node,
        }
    }
}

impl Network {
    /// Results as the engine gives them (`[images, height, width, channels]` of each output, one after the other) in the
    /// order of ONNX: `[images, channels, height, width]` of each. Values that do not fill so many images stay away.
    #[must_use]
    pub fn channels_first(&self, results: &[f32], images: usize) -> Vec<f32> {
        let mut turned = Vec::with_capacity(results.len());
        let mut rest = results;
        for output in self.outputs() {
            let shape = self.shape(output.node);
            let (channels, elements) = (shape.channels as usize, shape.elements() as usize);
            let Some((own, others)) = rest.split_at_checked(images * elements) else {
                break;
            };
            for image in own.chunks_exact(elements) {
                for channel in 0..channels {
                    turned.extend(image.iter().skip(channel).step_by(channels));
                }
            }
            rest = others;
        }
        turned
    }
}

/// Checks that there is an output, that names and nodes occur once each, and that names can be written anywhere.
pub(crate) fn check(outputs: &[Output], nodes: &[Node]) -> Result<(), GraphError> {
    let wrong = |output: &Output, reason: &str| GraphError::Output {
        name: output.name.chars().take(LONGEST_NAME).collect(),
        reason: reason.to_owned(),
    };
    if outputs.is_empty() {
        return Err(GraphError::NoOutput);
    }
    let mut names = std::collections::HashSet::new();
    let mut named = vec![false; nodes.len()];
    for output in outputs {
        let Some(named) = named.get_mut(output.node.index()) else {
            return Err(GraphError::UnknownInput {
                node: output.name.clone(),
                input: output.node.index(),
            });
        };
        if output.name.is_empty() || output.name.len() > LONGEST_NAME || output.name.contains(char::is_control) {
            return Err(wrong(
                output,
                "a name has 1 to 256 bytes and no control characters; give it another",
            ));
        }
        if !names.insert(output.name.as_str()) {
            return Err(wrong(output, "two outputs have this name; names must be unique"));
        }
        if std::mem::replace(named, true) {
            return Err(wrong(
                output,
                "another output is the same node's value; name it once and read it twice",
            ));
        }
        if outputs.len() > 1 && output.node == NodeId::default() {
            return Err(wrong(
                output,
                "it is the image itself, which whoever runs the network has",
            ));
        }
    }
    Ok(())
}

/// Which nodes these values depend on, they themselves and the image included.
pub(crate) fn needed(network: &Network, outputs: &[Output]) -> Vec<bool> {
    let mut needed = vec![false; network.nodes().len()];
    for output in outputs {
        if let Some(needed) = needed.get_mut(output.node.index()) {
            *needed = true;
        }
    }
    for id in network.ids().rev() {
        if needed[id.index()] {
            for input in &network.node(id).inputs {
                needed[input.index()] = true;
            }
        }
    }
    if let Some(image) = needed.first_mut() {
        *image = true;
    }
    needed
}
