use panarch_graph::{Layer, Network, fused_layers};

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
