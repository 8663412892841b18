/// Where the cycles of a layer go; they add up to the layer's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct LayerTime {
    /// The matrix unit at work.
    pub compute: f64,
    /// The matrix unit filling and draining.
    pub fill: f64,
    /// Waiting for weights.
    pub weights: f64,
    /// Waiting for activations to come or go.
    pub activations: f64,
    /// Waiting for the vector unit, or lanes scaling and activating.
    pub vector: f64,
    /// Issuing the layer.
    pub issue: f64,
}

impl LayerTime {
    /// Cycles of the layer.
    pub fn total(&self) -> f64 {
        self.compute + self.fill + self.weights + self.activations + self.vector + self.issue
    }
}
