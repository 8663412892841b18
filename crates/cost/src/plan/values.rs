//! The values between layers: when they live, which are passed on inside a chain, and what share of each fits on chip.

use panarch_graph::{Layer, Network, NodeId, Op, Precision};

/// A value that lives between layers.
pub(super) struct Value {
    pub node: NodeId,
    pub bytes: u64,
    /// What the layers planned are given.
    pub is_input: bool,
    /// What they yield.
    pub is_output: bool,
    /// Position of the layer that makes it; the network's input is there from the first on.
    pub first: usize,
    /// Position of the last layer that reads it.
    pub last: usize,
    /// Position of the first layer that reads it.
    pub first_read: Option<usize>,
    /// The share of its rows that goes to main memory and comes back for every reader.
    pub spilled: f64,
    /// Bytes of the rows that are there at once, where it is passed on tile by tile inside a chain of layers and is never
    /// in on-chip memory as a whole.
    pub stripe: Option<u64>,
}

/// How much a chain of fused layers may hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ChainRoom {
    /// Of the weights of all its layers.
    pub weights: f64,
    /// Of the rows of all values that are passed on.
    pub stripes: f64,
}

/// The values of a network, and for every node the one that it yields.
pub(super) struct Values {
    pub all: Vec<Value>,
    of_node: Vec<Option<usize>>,
}

/// Bytes of activations alive while a layer runs, of one image.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alive {
    /// Of values that may be spilled.
    pub whole: u64,
    /// Of rows inside a chain.
    pub stripes: u64,
}

impl Alive {
    /// How many times the memory they would fill, for so many images together: more than 1 where not all fits.
    pub fn crowding(self, memory: f64, together: f64) -> f64 {
        let room = memory - self.stripes as f64;
        let whole = self.whole as f64 * together;
        if whole <= room { 1.0 } else { whole / room.max(1.0) }
    }

    /// The share of every value here that does not fit.
    fn spilled(self, memory: f64, together: f64) -> f64 {
        let room = (memory - self.stripes as f64).max(0.0);
        let whole = self.whole as f64 * together;
        if whole <= room { 0.0 } else { 1.0 - room / whole }
    }
}

impl Values {
    pub fn new(precision: Precision, network: &Network, layers: &[Layer]) -> Self {
        let mut values = Self {
            all: Vec::with_capacity(layers.len() + 1),
            of_node: vec![None; network.nodes().len()],
        };
        for id in network.ids().take(1) {
            values.add(precision, network, id, 0);
        }
        for (position, layer) in layers.iter().enumerate() {
            let node = network.node(layer.anchor);
            // A change of shape makes no new value.
            match node.inputs.first() {
                Some(input) if node.op.only_reshapes() && layer.output == layer.anchor => {
                    values.of_node[layer.output.index()] = values.of_node[input.index()];
                }
                _ => values.add(precision, network, layer.output, position),
            }
        }
        for (position, layer) in layers.iter().enumerate() {
            for input in &network.node(layer.anchor).inputs {
                if let Some(value) = values.of_mut(*input) {
                    value.last = value.last.max(position);
                    value.first_read = value.first_read.or(Some(position));
                }
            }
        }
        let end = layers.len().saturating_sub(1);
        for output in network.outputs() {
            if let Some(value) = values.of_mut(output.node) {
                value.last = end;
                value.is_output = true;
            }
        }
        values
    }

    fn add(&mut self, precision: Precision, network: &Network, node: NodeId, first: usize) {
        self.of_node[node.index()] = Some(self.all.len());
        self.all.push(Value {
            node,
            bytes: network.shape(node).elements() * precision.bytes(),
            is_input: self.all.is_empty(),
            is_output: false,
            first,
            last: first,
            first_read: None,
            spilled: 0.0,
            stripe: None,
        });
    }

    pub fn of(&self, node: NodeId) -> Option<&Value> {
        self.of_node
            .get(node.index())
            .copied()
            .flatten()
            .and_then(|index| self.all.get(index))
    }

    pub fn of_mut(&mut self, node: NodeId) -> Option<&mut Value> {
        let index = self.of_node.get(node.index()).copied().flatten()?;
        self.all.get_mut(index)
    }

    /// Marks the values that are passed on inside chains of convolutions.
    ///
    /// A value is when the next layer alone reads it, both layers are convolutions, and the weights of the whole chain and
    /// the rows of all that it passes on have room. The rows of a value are those under the next kernel and those that its
    /// next step needs. What a real machine computes twice at the borders of tiles is left out.
    pub fn chain(
        &mut self,
        room: ChainRoom,
        precision: Precision,
        network: &Network,
        layers: &[Layer],
        weights: &[f64],
    ) {
        let kernel = |position: usize| match layers.get(position).map(|layer| &network.node(layer.anchor).op) {
            Some(Op::Conv2d(conv)) => Some(conv),
            _ => None,
        };
        let of = |position: usize| weights.get(position).copied().unwrap_or(f64::INFINITY);
        let mut chain = (usize::MAX, 0.0, 0);
        for value in &mut self.all {
            let (made, read) = (value.first, value.last);
            let (Some(_), Some(next)) = (kernel(made), kernel(read)) else {
                continue;
            };
            if read != made + 1 || value.is_input || value.is_output {
                continue;
            }
            let shape = network.shape(value.node);
            let rows = shape.height.min(next.kernel[0].saturating_add(next.stride[0]));
            let stripe = u64::from(rows) * u64::from(shape.width) * u64::from(shape.channels) * precision.bytes();
            let (held, stripes) = if chain.0 == made {
                (chain.1, chain.2)
            } else {
                (of(made), 0)
            };
            let all = (read, held + of(read), stripes + stripe);
            if all.1 <= room.weights && all.2 as f64 <= room.stripes {
                value.stripe = Some(stripe);
                chain = all;
            }
        }
    }

    /// Bytes of some values alive while each layer runs.
    pub fn alive(&self, layers: usize, counts: impl Fn(&Value) -> bool) -> Vec<Alive> {
        let mut change = vec![[0_i128; 2]; layers + 1];
        for value in self.all.iter().filter(|value| value.first < layers && counts(value)) {
            let (kind, bytes) = value.stripe.map_or((0, value.bytes), |stripe| (1, stripe));
            change[value.first][kind] += i128::from(bytes);
            change[value.last + 1][kind] -= i128::from(bytes);
        }
        let mut live = [0_i128; 2];
        let whole = |bytes: i128| u64::try_from(bytes).unwrap_or(0);
        change
            .iter()
            .take(layers)
            .map(|step| {
                live = [live[0] + step[0], live[1] + step[1]];
                Alive {
                    whole: whole(live[0]),
                    stripes: whole(live[1]),
                }
            })
            .collect()
    }

    /// Decides what share of each value goes to main memory: the largest that any layer of its life leaves no room for,
    /// when all values alive there give up the same share of their rows.
    pub fn spill(&mut self, alive: &[Alive], memory: f64, together: f64) {
        for value in self.all.iter_mut().filter(|value| value.stripe.is_none()) {
            value.spilled = (value.first..=value.last)
                .filter_map(|position| alive.get(position))
                .map(|alive| alive.spilled(memory, together))
                .fold(0.0, f64::max);
        }
    }
}
