use std::iter::Sum;

use serde::Serialize;

/// An amount of one layer, with what it may be added up by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part<T> {
    /// Name of the layer's anchor node.
    pub layer: String,
    /// Its block, such as `stage2.block1`.
    pub block: String,
    /// The operator, as in [`crate::Operator::name`].
    pub operator: String,
    /// How much of it.
    pub amount: T,
}

impl<T> Part<T> {
    /// The stage: the block's name up to its first point, such as `stage2`, `stem` or `head`.
    #[must_use]
    pub fn stage(&self) -> &str {
        stage_of(&self.block)
    }
}

/// A block's stage: its name up to the first point.
#[must_use]
pub fn stage_of(block: &str) -> &str {
    block.split('.').next().unwrap_or(block)
}

/// Amounts by layer, in the order of execution.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Breakdown<T> {
    /// One entry a layer.
    pub layers: Vec<Part<T>>,
}

impl<T: Copy + Sum> Breakdown<T> {
    /// The sum over all layers.
    #[must_use]
    pub fn total(&self) -> T {
        self.layers.iter().map(|part| part.amount).sum()
    }

    /// Sums by operator, in the order of first appearance.
    #[must_use]
    pub fn by_operator(&self) -> Vec<(String, T)> {
        self.by(|part| &part.operator)
    }

    /// Sums by stage, in the order of first appearance. Layers without a block stand under the empty name.
    #[must_use]
    pub fn by_stage(&self) -> Vec<(String, T)> {
        self.by(Part::stage)
    }

    fn by(&self, key: impl Fn(&Part<T>) -> &str) -> Vec<(String, T)> {
        let mut groups: Vec<(&str, Vec<T>)> = Vec::new();
        for part in &self.layers {
            let name = key(part);
            match groups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, amounts)) => amounts.push(part.amount),
                None => groups.push((name, vec![part.amount])),
            }
        }
        let sums = groups.into_iter();
        sums.map(|(name, amounts)| (name.to_owned(), amounts.into_iter().sum()))
            .collect()
    }
}
