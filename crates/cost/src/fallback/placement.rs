//! Which device of a chain runs which layer, and what has to be carried between them.

use panarch_graph::{Layer, Network, NodeId, fused_layers};

use crate::plan::Part;
use crate::profile::Support;
use crate::refusals::Refusals;
use crate::{CostError, Operator};

/// A value that is carried to the device that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transfer {
    /// The device that has it.
    pub from: usize,
    /// The device that reads it.
    pub to: usize,
    /// The layer that reads it first.
    pub layer: usize,
    /// Elements of one image.
    pub elements: u64,
}

/// The layers of a network on the devices of a chain.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    /// The layers, those cut in two whose last operators run elsewhere.
    pub layers: Vec<Layer>,
    /// The device of each layer.
    pub device: Vec<usize>,
    /// What is carried, in the order of the layers that read it.
    pub transfers: Vec<Transfer>,
    /// Operators that the first device does not run, each once.
    pub sent: Vec<Operator>,
}

impl Placement {
    /// Gives every layer to the first device that can run it.
    ///
    /// # Errors
    /// The layers that no device can run.
    pub fn new(chain: &[(&str, &Support)], network: &Network) -> Result<Self, CostError> {
        let mut placement = Self {
            layers: Vec::new(),
            device: Vec::new(),
            transfers: Vec::new(),
            sent: Vec::new(),
        };
        let mut refused = Vec::new();
        for layer in fused_layers(network) {
            placement.place(chain, network, layer, &mut refused);
        }
        let refusals = Refusals::among(
            refused
                .iter()
                .map(|(layer, operator, reason)| (layer, Some((operator.name(), reason.clone())))),
        );
        if let Some(refused) = refusals {
            let names: Vec<&str> = chain.iter().map(|(name, _)| *name).collect();
            return Err(CostError::Unsupported {
                device: names.join("` and its fallback `"),
                refused,
            });
        }
        placement.keep_flattening_in_place(chain, network);
        placement.transfers = placement.carried(network, chain.len());
        Ok(placement)
    }

    /// The layers as one device sees them.
    pub fn part(&self, device: usize) -> Part {
        Part {
            layers: self.layers.clone(),
            here: self.device.iter().map(|on| *on == device).collect(),
        }
    }

    /// Places a layer, in pieces if its later operators are not supported where its first ones are.
    fn place(
        &mut self,
        chain: &[(&str, &Support)],
        network: &Network,
        layer: Layer,
        refused: &mut Vec<(Layer, Operator, String)>,
    ) {
        let mut rest = Some(layer);
        while let Some(layer) = rest.take() {
            let mut first = None;
            let mut placed = None;
            for (at, (_, support)) in chain.iter().enumerate() {
                let refusal = support.refused(network, &layer);
                if let (0, Some(refusal)) = (at, &refusal)
                    && !self.sent.contains(&refusal.operator)
                {
                    self.sent.push(refusal.operator);
                }
                match refusal {
                    None => placed = Some((at, layer.nodes.len())),
                    Some(refusal) if refusal.position > 0 => placed = Some((at, refusal.position)),
                    Some(refusal) => {
                        first.get_or_insert(refusal);
                        continue;
                    }
                }
                break;
            }
            let Some((at, length)) = placed else {
                if let Some(refusal) = first {
                    refused.push((layer, refusal.operator, refusal.reason));
                }
                return;
            };
            let (here, further) = cut(network, layer, length);
            self.layers.push(here);
            self.device.push(at);
            rest = further;
        }
    }

    /// A change of shape moves nothing, so that it is made where its input lies.
    fn keep_flattening_in_place(&mut self, chain: &[(&str, &Support)], network: &Network) {
        for index in 0..self.layers.len() {
            let Some(layer) = self.layers.get(index) else { continue };
            let node = network.node(layer.anchor);
            let input = node.inputs.first().filter(|_| node.op.only_reshapes());
            let maker = input.and_then(|input| self.layers.iter().position(|it| it.nodes.contains(input)));
            let Some(device) = maker.and_then(|maker| self.device.get(maker).copied()) else {
                continue;
            };
            let runs = chain
                .get(device)
                .is_some_and(|(_, support)| support.refused(network, layer).is_none());
            if runs && let Some(on) = self.device.get_mut(index) {
                *on = device;
            }
        }
    }

    /// Every value that is read where it was not made, once for each device that reads it.
    fn carried(&self, network: &Network, devices: usize) -> Vec<Transfer> {
        // The devices that have a value, the one that made it first.
        let mut holders: Vec<Vec<usize>> = vec![Vec::new(); network.nodes().len()];
        let image = self.device.first().copied().into_iter().chain(devices.checked_sub(1));
        if let Some(input) = holders.first_mut() {
            *input = image.collect();
        }
        let mut transfers = Vec::new();
        for (index, (layer, device)) in self.layers.iter().zip(&self.device).enumerate() {
            for input in &network.node(layer.anchor).inputs {
                let Some(held) = holders.get_mut(input.index()) else {
                    continue;
                };
                if held.contains(device) {
                    continue;
                }
                let from = nearest(held, *device);
                held.push(*device);
                transfers.push(Transfer {
                    from,
                    to: *device,
                    layer: index,
                    elements: network.shape(*input).elements(),
                });
            }
            if let Some(made) = holders.get_mut(layer.output.index()) {
                made.push(*device);
            }
        }
        transfers
    }
}

/// The holder that is nearest in the chain.
fn nearest(holders: &[usize], device: usize) -> usize {
    let by_distance = holders.iter().copied().min_by_key(|holder| holder.abs_diff(device));
    by_distance.unwrap_or(device)
}

/// The first `length` nodes of a layer, and the others as a layer of their own.
fn cut(network: &Network, layer: Layer, length: usize) -> (Layer, Option<Layer>) {
    let (here, further) = layer.nodes.split_at(length.min(layer.nodes.len()));
    let (Some(last), Some(anchor)) = (here.last(), further.first()) else {
        return (layer, None);
    };
    let of = |anchor: NodeId, nodes: &[NodeId], output: NodeId| Layer {
        name: network.node(anchor).name.clone(),
        block: network.node(anchor).block.clone(),
        anchor,
        nodes: nodes.to_vec(),
        output,
    };
    let rest = of(*anchor, further, layer.output);
    (of(layer.anchor, here, *last), Some(rest))
}
