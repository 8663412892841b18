use panarch_graph::{Layer, Network, NodeId, fused_layers};

/// The layers of a network, and which of them a machine runs; the others run elsewhere and take nothing of it.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub layers: Vec<Layer>,
    /// One entry a layer.
    pub here: Vec<bool>,
}

impl Part {
    /// The whole network.
    pub fn whole(network: &Network) -> Self {
        let layers = fused_layers(network);
        Self {
            here: vec![true; layers.len()],
            layers,
        }
    }

    /// The layers that run here.
    pub fn own(&self) -> impl Iterator<Item = &Layer> {
        self.layers
            .iter()
            .zip(&self.here)
            .filter(|(_, here)| **here)
            .map(|(layer, _)| layer)
    }
}

/// The values that cross between a machine and others; nothing where it runs all layers.
pub(super) struct Carried {
    /// For each node whose value is made elsewhere, the first layer here that reads it.
    first_read: Vec<Option<usize>>,
    /// Whether each node's value is made here and read only elsewhere.
    only_leaves: Vec<bool>,
}

impl Carried {
    pub fn new(network: &Network, part: &Part) -> Self {
        let all = network.nodes().len();
        let mut carried = Self {
            first_read: vec![None; all],
            only_leaves: vec![false; all],
        };
        if part.here.iter().all(|here| *here) {
            return carried;
        }
        let mut made_here = vec![false; all];
        let mut read_here = vec![false; all];
        for (position, (layer, here)) in part.layers.iter().zip(&part.here).enumerate() {
            if !here {
                continue;
            }
            for input in &network.node(layer.anchor).inputs {
                let index = input.index();
                if let (Some(read), Some(false), Some(first)) = (
                    read_here.get_mut(index),
                    made_here.get(index),
                    carried.first_read.get_mut(index),
                ) {
                    *read = true;
                    first.get_or_insert(position);
                } else if let Some(read) = read_here.get_mut(index) {
                    *read = true;
                }
            }
            if let Some(made) = made_here.get_mut(layer.output.index()) {
                *made = true;
            }
        }
        for ((leaves, made), read) in carried.only_leaves.iter_mut().zip(&made_here).zip(&read_here) {
            *leaves = *made && !read;
        }
        carried
    }

    /// Whether a value is carried here for this layer.
    pub fn comes_with(&self, value: NodeId, layer: usize) -> bool {
        self.first_read.get(value.index()).copied().flatten() == Some(layer)
    }

    /// Whether a value is made here for others alone.
    pub fn only_leaves(&self, value: NodeId) -> bool {
        self.only_leaves.get(value.index()).copied().unwrap_or(false)
    }
}
