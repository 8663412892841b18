use panarch_graph::Latency;

/// What a network took, turn by turn, beside an anchor: a fixed network that is run before and after each of its turns.
///
/// Both lists have one entry a turn, in the order in which they were taken. A ratio says what the network takes in units
/// of the anchor, whatever else the machine did at that time; the anchor's own times say what it did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pairs {
    /// Time of the network over the anchor's around it.
    pub ratios: Vec<f64>,
    /// Time of the anchor before the network's turn.
    pub anchor: Vec<Latency>,
}

impl Pairs {
    /// Adds the turns of another measurement of the same network.
    pub fn extend(&mut self, more: &Self) {
        self.ratios.extend(&more.ratios);
        self.anchor.extend(&more.anchor);
    }
}
